//! The colour of each emotion, the same in all drawings and distinguishable with colour blindness.

use crate::labels;

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// The colours of [`labels::EMOTIONS`], from Okabe and Ito (2008), except that the reddish purple of fear is darker and neutral is light gray,
/// because the originals look alike with green blindness.
const COLORS: [Rgb; labels::EMOTIONS.len()] = [
    [0xD5, 0x5E, 0x00],
    [0x00, 0x9E, 0x73],
    [0x99, 0x33, 0x77],
    [0xF0, 0xE4, 0x42],
    [0x00, 0x72, 0xB2],
    [0x56, 0xB4, 0xE9],
    [0xC4, 0xC8, 0xCC],
    [0xE6, 0x9F, 0x00],
];

/// Colours for unknown labels: Paul Tol's muted scheme.
const OTHERS: [Rgb; 9] = [
    [0xCC, 0x66, 0x77],
    [0x33, 0x22, 0x88],
    [0xDD, 0xCC, 0x77],
    [0x11, 0x77, 0x33],
    [0x88, 0xCC, 0xEE],
    [0x88, 0x22, 0x55],
    [0x44, 0xAA, 0x99],
    [0x99, 0x99, 0x33],
    [0xAA, 0x44, 0x99],
];

/// The colour of a label: fixed for the usual emotions, otherwise chosen by its `index` among the labels.
pub fn color(label: &str, index: usize) -> Rgb {
    labels::emotion(label).map_or(OTHERS[index % OTHERS.len()], |emotion| COLORS[emotion])
}

/// Black or white, whichever has the higher contrast with `background` (WCAG 2.2).
pub fn ink_on(background: Rgb) -> Rgb {
    let luminance = luminance(background);
    // Where (1 + 0.05) / (l + 0.05) and (l + 0.05) / 0.05 are equal.
    if luminance > 0.179 { [0, 0, 0] } else { [255, 255, 255] }
}

/// Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2).
fn luminance(color: Rgb) -> f32 {
    let [r, g, b] = color.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Converts a channel of sRGB to linear light.
fn linear(channel: u8) -> f32 {
    let value = f32::from(channel) / 255.0;
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Normal vision, and vision without the receptors for red, green or blue (Machado et al. 2009), on linear RGB.
    const SIGHTS: [[[f32; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_9],
        ],
    ];

    /// Dot product of a row and a colour.
    fn dot(row: [f32; 3], color: [f32; 3]) -> f32 {
        row.iter().zip(color).map(|(a, b)| a * b).sum()
    }

    /// The colour as seen with `sight`, in Oklab (Ottosson 2020), where distances match perceived differences.
    fn seen(color: Rgb, sight: [[f32; 3]; 3]) -> [f32; 3] {
        let light = sight.map(|row| dot(row, color.map(linear)).clamp(0.0, 1.0));
        let cones = [
            [0.412_221_5, 0.536_332_55, 0.051_445_994],
            [0.211_903_5, 0.680_699_5, 0.107_396_96],
            [0.088_302_46, 0.281_718_85, 0.629_978_7],
        ]
        .map(|row| dot(row, light).cbrt());
        [
            [0.210_454_26, 0.793_617_8, -0.004_072_047],
            [1.977_998_5, -2.428_592_2, 0.450_593_7],
            [0.025_904_037, 0.782_771_77, -0.808_675_77],
        ]
        .map(|row| dot(row, cones))
    }

    #[test]
    fn emotions_are_told_apart_by_everybody() {
        for sight in SIGHTS {
            for (index, &one) in COLORS.iter().enumerate() {
                for &other in &COLORS[..index] {
                    let pairs = seen(one, sight).into_iter().zip(seen(other, sight));
                    let distance = pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
                    // Four times the just noticeable difference (0.02).
                    assert!(distance > 0.08, "{one:02X?} and {other:02X?}: {distance}");
                }
            }
        }
    }

    #[test]
    fn names_decide_and_then_places() {
        assert_eq!(color("Happy", 0), color("happiness", 5));
        assert_eq!(color("bored", 1), color("tired", 1));
        assert_ne!(color("bored", 1), color("bored", 2));
    }

    #[test]
    fn ink_reads_on_its_background() {
        for index in 0..9 {
            let background = color("", index);
            let (back, ink) = (luminance(background) + 0.05, luminance(ink_on(background)) + 0.05);
            assert!(back.max(ink) / back.min(ink) >= 4.5, "{background:02X?}");
        }
        let inks = ["happy", "fear"].map(|label| ink_on(color(label, 0)));
        assert_eq!(inks, [[0, 0, 0], [255, 255, 255]]);
    }
}
