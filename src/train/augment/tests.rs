use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn picture(side: usize) -> Vec<u8> {
    (0..side * side).map(|i| (i * 31 % 251) as u8).collect()
}

fn gray(pixels: &[u8], side: usize) -> Source<'_> {
    Source { pixels, side, color: Color::Gray }
}

fn all_on() -> AugmentSection {
    AugmentSection {
        flip: 0.5,
        shift_px: 4.0,
        rotation_deg: 15.0,
        zoom: Some([0.9, 1.2]),
        brightness: 0.2,
        contrast: 0.3,
        erase: 0.5,
        mixup_alpha: 0.2,
    }
}

#[test]
fn nothing_asked_for_changes_nothing() {
    let pixels = picture(48);
    let mut out = vec![0; 48 * 48];
    for seed in 0..20 {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        Augmentation::draw(&AugmentSection::default(), random).apply(&gray(&pixels, 48), 48, &mut out);
        assert_eq!(out, pixels);
    }
}

#[test]
fn the_same_seed_draws_the_same() {
    let draw = |seed| Augmentation::draw(&all_on(), &mut ChaCha8Rng::seed_from_u64(seed));
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
}

#[test]
fn a_flip_mirrors_each_row() {
    let pixels = picture(48);
    let mut out = vec![0; 48 * 48];
    warp(&gray(&pixels, 48), &Affine::new(48, 48, true, (0.0, 0.0), 0.0, 1.0), 48, &mut out);
    for (mirrored, row) in out.chunks(48).zip(pixels.chunks(48)) {
        assert!(mirrored.iter().eq(row.iter().rev()));
    }
}

#[test]
fn a_whole_shift_moves_pixels_and_repeats_the_border() {
    let pixels = picture(48);
    let mut out = vec![0; 48 * 48];
    warp(&gray(&pixels, 48), &Affine::new(48, 48, false, (3.0, -2.0), 0.0, 1.0), 48, &mut out);
    for y in 0..48_i32 {
        for x in 0..48_i32 {
            let (from_x, from_y) = ((x - 3).clamp(0, 47), (y + 2).clamp(0, 47));
            assert_eq!(out[(y * 48 + x) as usize], pixels[(from_y * 48 + from_x) as usize]);
        }
    }
}

#[test]
fn a_quarter_turn_is_exact() {
    let pixels = picture(48);
    let mut out = vec![0; 48 * 48];
    warp(&gray(&pixels, 48), &Affine::new(48, 48, false, (0.0, 0.0), 90.0, 1.0), 48, &mut out);
    for y in 0..48 {
        for x in 0..48 {
            // Counter-clockwise: what was at the right is at the top.
            assert_eq!(out[y * 48 + x], pixels[x * 48 + (47 - y)]);
        }
    }
}

#[test]
fn brightness_and_contrast_move_mean_and_spread() {
    let pixels: Vec<u8> = (0..48 * 48).map(|i| if i % 2 == 0 { 100 } else { 140 }).collect();
    let mut out = vec![0; 48 * 48];
    let none = Augmentation::draw(&AugmentSection::default(), &mut ChaCha8Rng::seed_from_u64(0));
    Augmentation { brightness: 0.1, contrast: 0.5, ..none }.apply(&gray(&pixels, 48), 48, &mut out);
    // The mean of 120 rises by 25.5, the distance of 20 halves.
    assert_eq!(&out[..2], &[136, 156]);
}

#[test]
fn erasing_stays_inside_its_share() {
    let pixels = vec![0; 48 * 48];
    let section = AugmentSection { erase: 1.0, ..AugmentSection::default() };
    for seed in 0..200 {
        let mut out = vec![0; 48 * 48];
        Augmentation::draw(&section, &mut ChaCha8Rng::seed_from_u64(seed)).apply(
            &gray(&pixels, 48),
            48,
            &mut out,
        );
        let share = out.iter().filter(|pixel| **pixel > 0).count() as f64 / out.len() as f64;
        assert!((0.01..0.30).contains(&share), "{share}");
    }
}

#[test]
fn colours_keep_apart() {
    let pixels = [[10, 120, 250]; 32 * 32].concat();
    let source = Source { pixels: &pixels, side: 32, color: Color::Rgb };
    let mut out = vec![0; 48 * 48 * 3];
    let section = AugmentSection { brightness: 0.0, contrast: 0.0, erase: 0.0, ..all_on() };
    Augmentation::draw(&section, &mut ChaCha8Rng::seed_from_u64(3)).apply(&source, 48, &mut out);
    assert!(out.chunks(3).all(|pixel| pixel == [10, 120, 250]));
}

proptest! {
    #[test]
    fn the_centre_stays_the_centre(
        source_side in 8_usize..200, side in 8_usize..200, flip: bool, angle in -180.0..180.0_f64, zoom in 0.25..4.0_f64,
    ) {
        let map = Affine::new(source_side, side, flip, (0.0, 0.0), angle, zoom);
        let (x, y) = map.source_point(side as f64 / 2.0 - 0.5, side as f64 / 2.0 - 0.5);
        prop_assert!((x - (source_side as f64 / 2.0 - 0.5)).abs() < 1e-6);
        prop_assert!((y - (source_side as f64 / 2.0 - 0.5)).abs() < 1e-6);
    }

    #[test]
    fn lengths_scale_by_the_zoom_alone(
        flip: bool, dx in -9.0..9.0_f64, dy in -9.0..9.0_f64, angle in -180.0..180.0_f64, zoom in 0.25..4.0_f64,
        ax in 0.0..48.0_f64, ay in 0.0..48.0_f64, bx in 0.0..48.0_f64, by in 0.0..48.0_f64,
    ) {
        let map = Affine::new(48, 48, flip, (dx, dy), angle, zoom);
        let (a, b) = (map.source_point(ax, ay), map.source_point(bx, by));
        let source_length = (a.0 - b.0).hypot(a.1 - b.1);
        prop_assert!((source_length * zoom - (ax - bx).hypot(ay - by)).abs() < 1e-6);
    }

    #[test]
    fn a_warp_never_leaves_the_range_of_its_source(
        seed: u64, low in 0_u8..100, high in 100_u8..=255, side in 8_usize..64,
    ) {
        let pixels: Vec<u8> = (0..32 * 32).map(|i| if i * 7 % 5 < 2 { low } else { high }).collect();
        let section = AugmentSection { brightness: 0.0, contrast: 0.0, erase: 0.0, ..all_on() };
        let mut out = vec![0; side * side];
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        Augmentation::draw(&section, random).apply(&gray(&pixels, 32), side, &mut out);
        prop_assert!(out.iter().all(|pixel| (low..=high).contains(pixel)));
    }
}
