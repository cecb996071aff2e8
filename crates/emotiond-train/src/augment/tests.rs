use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn picture(side: usize) -> Vec<u8> {
    (0..side * side).map(|i| (i * 31 % 251) as u8).collect()
}

fn gray(pixels: &[u8], side: usize) -> Original<'_> {
    Original { pixels, side, color: Color::Gray }
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
        turn: 0.5,
        cover: 0.5,
        gamma: 0.5,
        side_light: 0.5,
        dim: 0.5,
        pale: 0.5,
        blur: 0.5,
        motion_blur: 0.5,
        low_resolution: 0.5,
        noise: 0.5,
        jpeg: 0.5,
    }
}

fn geometry_alone() -> AugmentSection {
    AugmentSection {
        flip: 0.5,
        shift_px: 4.0,
        rotation_deg: 15.0,
        zoom: Some([0.9, 1.2]),
        turn: 0.5,
        ..AugmentSection::default()
    }
}

fn disturbed(name: &str, pixels: &[u8]) -> Vec<u8> {
    let found = disturbances().into_iter().find(|(own, _)| *own == name);
    let mut out = vec![0; 48 * 48];
    found.unwrap().1.apply(&gray(pixels, 48), 48, &mut out);
    out
}

fn mean(pixels: &[u8]) -> f64 {
    pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / pixels.len() as f64
}

/// The mean difference of neighbours in a row, which blur and low resolution reduce.
fn detail(pixels: &[u8]) -> f64 {
    let distances = pixels.chunks(48).flat_map(|row| row.windows(2)).map(|pair| pair[0].abs_diff(pair[1]));
    distances.map(f64::from).sum::<f64>() / pixels.len() as f64
}

#[test]
fn light_changes_brightness_and_contrast() {
    let pixels: Vec<u8> = (0..48 * 48).map(|i| (60 + i / 48 * 3) as u8).collect();
    assert!((mean(&disturbed("20 % of the light", &pixels)) - 0.2 * mean(&pixels)).abs() < 1.0);
    assert!((mean(&disturbed("10 % of the light", &pixels)) - 0.1 * mean(&pixels)).abs() < 1.0);
    let pale = disturbed("20 % of the contrast", &pixels);
    let spread = |pixels: &[u8]| f64::from(pixels[47 * 48] - pixels[0]);
    assert!((spread(&pale) - 0.2 * spread(&pixels)).abs() < 1.5, "{pale:?}");
    let ramp = disturbed("light from one side", &pixels);
    assert!(ramp[0] > pixels[0] - 5 && f64::from(ramp[47]) < 0.2 * f64::from(pixels[47]) + 1.0);
}

#[test]
fn a_camera_takes_detail_away_and_adds_noise() {
    let pixels = picture(48);
    assert_eq!(disturbed("none", &pixels), pixels);
    let whole = detail(&pixels);
    let (half, third) =
        (detail(&disturbed("24 pixels wide", &pixels)), detail(&disturbed("16 pixels wide", &pixels)));
    assert!(third < half && half < 0.7 * whole, "{whole} {half} {third}");
    assert!(detail(&disturbed("motion blur", &pixels)) < 0.7 * whole);
    let flat: Vec<u8> = (0..48 * 48).map(|i| if i < 1152 { 60 } else { 200 }).collect();
    let noisy = disturbed("sensor noise", &flat);
    let deviation =
        noisy.iter().zip(&flat).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum::<f64>() / 2304.0;
    assert!((deviation.sqrt() - 14.0).abs() < 1.0, "{deviation}");
    let compressed = disturbed("JPEG, quality 15", &pixels);
    assert!(compressed != pixels && (mean(&compressed) - mean(&pixels)).abs() < 3.0);
}

#[test]
fn covers_lie_where_mouth_and_eyes_are() {
    let pixels = vec![120; 48 * 48];
    let changed = |name: &str, x: usize, y: usize| disturbed(name, &pixels)[y * 48 + x] != 120;
    assert!(changed("mask", 24, 36) && changed("mask", 16, 32) && !changed("mask", 24, 16));
    assert!(changed("sunglasses", 15, 19) && changed("sunglasses", 33, 19) && !changed("sunglasses", 24, 36));
    for seed in 0..200 {
        let cover = AugmentSection { cover: 1.0, ..AugmentSection::default() };
        let mut out = vec![0; 48 * 48];
        Augmentation::draw(&cover, &mut ChaCha8Rng::seed_from_u64(seed)).apply(
            &gray(&pixels, 48),
            48,
            &mut out,
        );
        let share = out.iter().filter(|pixel| **pixel != 120).count() as f64 / out.len() as f64;
        assert!((0.02..0.6).contains(&share), "{seed}: {share}");
    }
}

#[test]
fn a_turned_head_is_narrower_and_its_near_side_larger() {
    let disc: Vec<u8> = (0..48 * 48)
        .map(|i| {
            let (x, y) = ((i % 48) as f64 - 23.5, (i / 48) as f64 - 23.5);
            if x.hypot(y) < 16.0 { 200 } else { 0 }
        })
        .collect();
    let turned = disturbed("turned by 25 degrees", &disc);
    let width = |pixels: &[u8]| pixels[24 * 48..25 * 48].iter().filter(|pixel| **pixel > 100).count();
    let height = |column: usize| (0..48).filter(|row| turned[row * 48 + column] > 100).count();
    assert!(width(&turned) < width(&disc), "{} {}", width(&turned), width(&disc));
    assert_ne!(height(14), height(33));
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
    warp(&gray(&pixels, 48), &Affine::new(48, 48, true, (0.0, 0.0), 0.0, 1.0), None, 48, &mut out);
    for (mirrored, row) in out.chunks(48).zip(pixels.chunks(48)) {
        assert!(mirrored.iter().eq(row.iter().rev()));
    }
}

#[test]
fn a_whole_shift_moves_pixels_and_repeats_the_border() {
    let pixels = picture(48);
    let mut out = vec![0; 48 * 48];
    warp(&gray(&pixels, 48), &Affine::new(48, 48, false, (3.0, -2.0), 0.0, 1.0), None, 48, &mut out);
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
    warp(&gray(&pixels, 48), &Affine::new(48, 48, false, (0.0, 0.0), 90.0, 1.0), None, 48, &mut out);
    for y in 0..48 {
        for x in 0..48 {
            // Counter-clockwise: the right edge moves to the top.
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
    // The mean of 120 rises by 25.5, the difference of 20 halves.
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
    let source = Original { pixels: &pixels, side: 32, color: Color::Rgb };
    let mut out = vec![0; 48 * 48 * 3];
    let section = geometry_alone();
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
        let section = geometry_alone();
        let mut out = vec![0; side * side];
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        Augmentation::draw(&section, random).apply(&gray(&pixels, 32), side, &mut out);
        prop_assert!(out.iter().all(|pixel| (low..=high).contains(pixel)));
    }
}
