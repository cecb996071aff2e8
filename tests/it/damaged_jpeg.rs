//! A damaged JPEG picture is skipped and all others are analysed, for every type of source.

use crate::common::{
    Ran, Scratch,
    damage::{damaged, small_portrait},
    emotiond, encode, ffmpeg, finish, run_sources, text,
};
use emotiond::{
    decode::FrameDecoder,
    frame::{Encoding, Frame},
};
use image::{ImageFormat, RgbImage, imageops};
use proptest::prelude::*;
use std::{
    fs::{self, File},
    sync::LazyLock,
};

/// Good pictures after each damaged one.
const GOOD_ONES: usize = 200;

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| encode(&small_portrait(), ImageFormat::Jpeg));

fn decoded(decoder: FrameDecoder, encoding: Encoding, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut frame = Frame { encoding, bytes: bytes.to_vec(), ..Frame::default() };
    let size = decoder.size(&frame).ok();
    decoder.decode(&mut frame).ok()?;
    assert!(encoding != Encoding::Jpeg || size == Some((frame.picture.width, frame.picture.height)));
    Some(frame.picture.pixels)
}

#[test]
fn a_decoder_takes_good_pictures_after_each_kind_of_damage() {
    for encoding in [Encoding::Jpeg, Encoding::PictureFile] {
        let decoder = FrameDecoder::new(1.0);
        let right = decoded(decoder, encoding, &GOOD);
        assert!(right.is_some());
        for (damage, bad) in damaged(&small_portrait()) {
            assert_eq!(decoded(decoder, encoding, &bad), None, "{damage}");
            for _ in 0..3 {
                assert!(decoded(decoder, encoding, &GOOD) == right, "{encoding:?} after {damage}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_decoder_takes_a_good_picture_after_any_flipped_bits(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4),
        in_header in any::<bool>(),
    ) {
        let mut bad = GOOD.clone();
        let reach = if in_header { 620 } else { bad.len() };
        flips.iter().for_each(|(at, bit)| bad[at.index(reach)] ^= 1 << bit);
        for encoding in [Encoding::Jpeg, Encoding::PictureFile] {
            let decoder = FrameDecoder::new(1.0);
            let right = decoded(decoder, encoding, &GOOD);
            decoded(decoder, encoding, &bad);
            prop_assert!(decoded(decoder, encoding, &GOOD) == right);
        }
    }
}

fn pixels(picture: &RgbImage) -> turbojpeg::Image<&[u8]> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let format = turbojpeg::PixelFormat::RGB;
    turbojpeg::Image { pixels: picture.as_raw(), width, pitch: width * 3, height, format }
}

fn compressed(picture: &RgbImage, subsampling: turbojpeg::Subsamp) -> Vec<u8> {
    turbojpeg::compress(pixels(picture), 80, subsampling).unwrap().to_vec()
}

/// Webcams omit the Huffman tables. The tables of another camera's picture must not replace the standard ones.
#[test]
fn a_picture_leaves_no_tables_behind() {
    let picture = small_portrait();
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_optimize(true).unwrap();
    let with_tables_of_its_own = compressor.compress_to_vec(pixels(&picture)).unwrap();
    let mut without_tables = compressed(&picture, turbojpeg::Subsamp::Sub2x2);
    while let Some(at) = without_tables.windows(2).position(|marker| marker == [0xFF, 0xC4]) {
        let length = usize::from(u16::from_be_bytes([without_tables[at + 2], without_tables[at + 3]]));
        without_tables.drain(at..at + 2 + length);
    }
    let decoder = FrameDecoder::new(1.0);
    let right = decoded(decoder, Encoding::Jpeg, &without_tables);
    assert!(right.is_some());
    assert!(decoded(decoder, Encoding::Jpeg, &with_tables_of_its_own).is_some());
    assert!(decoded(decoder, Encoding::Jpeg, &without_tables) == right);
}

/// Puts `more` before the picture's end marker.
fn before_the_end(jpeg: &[u8], more: &[u8]) -> Vec<u8> {
    let (data, end) = jpeg.split_at(jpeg.len() - 2);
    assert_eq!(end, [0xFF, 0xD9]);
    [data, more, end].concat()
}

/// Spare bytes before a marker, as some Logitech cameras send, bytes after the picture, and a missing end marker.
fn odd_but_whole(jpeg: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("one spare byte", before_the_end(jpeg, &[0x11])),
        ("spare bytes", before_the_end(jpeg, &[0, 0, 0x11, 0, 0x22, 0, 0, 0, 0])),
        ("spare bytes in the header", [&jpeg[..20], &[0x11, 0, 0x22], &jpeg[20..]].concat()),
        ("bytes after the end", [jpeg, &[0; 3000]].concat()),
        ("no end marker", jpeg[..jpeg.len() - 2].to_vec()),
        ("no end marker and zeros", [&jpeg[..jpeg.len() - 2], &[0; 500]].concat()),
    ]
}

/// The lower right part is as gray as what the decoder fills in for missing data.
fn with_gray_corner() -> RgbImage {
    let mut picture = small_portrait();
    imageops::replace(&mut picture, &RgbImage::from_pixel(80, 80, image::Rgb([128; 3])), 80, 80);
    picture
}

#[test]
fn what_does_not_harm_the_picture_is_accepted() {
    for picture in [small_portrait(), with_gray_corner()] {
        let good = encode(&picture, ImageFormat::Jpeg);
        for encoding in [Encoding::Jpeg, Encoding::PictureFile] {
            let decoder = FrameDecoder::new(1.0);
            let right = decoded(decoder, encoding, &good);
            for (oddity, odd) in odd_but_whole(&good) {
                assert!(decoded(decoder, encoding, &odd) == right, "{encoding:?}, {oddity}");
            }
        }
    }
}

/// In the kinds of JPEG that cameras send, and at each size at which they are decoded.
#[test]
fn odd_pictures_are_accepted_and_cut_ones_are_not_at_any_size() {
    use turbojpeg::Subsamp;
    for (width, height) in [(160, 160), (157, 149), (64, 17), (40, 8)] {
        let picture = imageops::crop_imm(&small_portrait(), 0, 0, width, height).to_image();
        for subsampling in [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Gray] {
            let jpeg = compressed(&picture, subsampling);
            for shrink in [1, 2, 4] {
                let decoded = |bytes: &[u8]| {
                    let bytes = bytes.to_vec();
                    let mut frame = Frame { encoding: Encoding::Jpeg, bytes, shrink, ..Frame::default() };
                    FrameDecoder::new(1.0).decode(&mut frame).ok().map(|()| frame.picture.pixels)
                };
                let (right, about) = (decoded(&jpeg), format!("{width}x{height} {subsampling:?} 1/{shrink}"));
                assert!(right.is_some());
                for (oddity, odd) in odd_but_whole(&jpeg) {
                    assert!(decoded(&odd) == right, "{about}, {oddity}");
                }
                for missing in [8, 30, 100] {
                    let cut = &jpeg[..jpeg.len() - 2 - missing];
                    assert_eq!(decoded(cut), None, "{about}, {missing} bytes are missing");
                    assert_eq!(decoded(&[cut, &[0xFF, 0xD9]].concat()), None, "{about}, {missing}, ended");
                }
            }
        }
    }
}

#[test]
fn a_cut_picture_is_refused_however_it_ends() {
    for picture in [small_portrait(), with_gray_corner()] {
        let good = encode(&picture, ImageFormat::Jpeg);
        // At least 100 bytes of the picture's upper, detailed part.
        for missing in [good.len() / 2, good.len() / 3] {
            let cut = &good[..good.len() - missing];
            let ended = [cut, &[0xFF, 0xD9]].concat();
            for bytes in
                [cut.to_vec(), before_the_end(&ended, &[0; 9]), [&ended[..], &[0; 50]].concat(), ended]
            {
                for encoding in [Encoding::Jpeg, Encoding::PictureFile] {
                    assert_eq!(decoded(FrameDecoder::new(1.0), encoding, &bytes), None, "{missing}");
                }
            }
        }
    }
}

#[test]
fn of_a_progressive_picture_no_fault_is_accepted() {
    let picture = small_portrait();
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_progressive(true).unwrap();
    let good = compressor.compress_to_vec(pixels(&picture)).unwrap();
    assert!(decoded(FrameDecoder::new(1.0), Encoding::Jpeg, &good).is_some());
    let cut = [&good[..good.len() - 300], &[0xFF, 0xD9]].concat();
    assert_eq!(decoded(FrameDecoder::new(1.0), Encoding::Jpeg, &cut), None);
}

/// A good picture, then each kind of damage followed by [`GOOD_ONES`].
fn all_pictures() -> Vec<Vec<u8>> {
    let mut all = vec![GOOD.clone()];
    for (_, bad) in damaged(&small_portrait()) {
        all.push(bad);
        all.extend(std::iter::repeat_n(GOOD.clone(), GOOD_ONES));
    }
    all
}

/// A configuration with few detector runs, because only decoding is tested here.
fn quick(scratch: &Scratch) -> String {
    scratch.file("quick.toml", crate::common::tiny_config().replace("[model]", "every = 10\n[model]"))
}

/// Checks that the source skipped only the damaged pictures, and was up all the time.
#[track_caller]
fn lost_the_bad_ones_alone(ran: &Ran, source: &str) {
    let bad = damaged(&small_portrait()).len();
    let good = 1 + bad * GOOD_ONES;
    let told = format!("{good} frames analysed, {bad} unreadable, 0 skipped");
    let is_told = |line: &str| line.contains(&told) && line.contains(&format!("source=\"{source}\""));
    assert!(ran.stderr.lines().any(is_told), "{told}\n{}", ran.stderr);
    let faces = ran.faces().into_iter().filter(|face| face["source"] == source && face["phase"] != "end");
    assert_eq!(faces.count(), good);
    let states: Vec<String> =
        ran.states().into_iter().filter(|state| state.starts_with(&format!("{source} "))).collect();
    assert_eq!(states, [format!("{source} up"), format!("{source} ended")]);
}

#[test]
fn on_stdin() {
    let scratch = Scratch::new();
    let stream = scratch.file("stream.mjpeg", all_pictures().concat());
    let mut command =
        emotiond(&["run", "--config", &quick(&scratch), "--source", "-", "--emit", "every-frame"]);
    command.stdin(File::open(stream).unwrap());
    lost_the_bad_ones_alone(&finish(command).exits(0), "-");
}

/// Writes the pictures to a new folder.
fn album(scratch: &Scratch) -> String {
    for (number, picture) in all_pictures().iter().enumerate() {
        scratch.file(&format!("album/{number:05}.jpg"), picture);
    }
    text(&scratch.path("album"))
}

#[test]
fn in_a_folder() {
    let scratch = Scratch::new();
    let folder = album(&scratch);
    let ran = run_sources(&quick(&scratch), &[&folder], &[]).exits(0);
    lost_the_bad_ones_alone(&ran, &folder);
    assert_eq!(ran.complaints().len(), damaged(&small_portrait()).len(), "{}", ran.stderr);
}

#[test]
fn in_a_video() {
    let scratch = Scratch::new();
    let pictures = text(&scratch.path("album/%05d.jpg"));
    album(&scratch);
    let film = text(&scratch.path("film.avi"));
    ffmpeg(&["-f", "image2", "-framerate", "25", "-i", &pictures, "-c", "copy", &film]);
    let ran = run_sources(&quick(&scratch), &[&film], &["--emit", "every-frame"]).exits(0);
    lost_the_bad_ones_alone(&ran, &film);
}

#[test]
fn beside_a_good_video() {
    let scratch = Scratch::new();
    let film = text(&scratch.path("film.avi"));
    let picture = scratch.file("good.jpg", &*GOOD);
    ffmpeg(&["-loop", "1", "-r", "25", "-i", &picture, "-frames:v", "1500", "-c:v", "mjpeg", &film]);
    let stream = scratch.file("stream.mjpeg", all_pictures().concat());
    let config = quick(&scratch);
    let mut command = emotiond(&["run", "--config", &config, "--source", "-", "--source", &film]);
    command.args(["--emit", "every-frame"]).stdin(File::open(stream).unwrap());
    let ran = finish(command).exits(0);
    lost_the_bad_ones_alone(&ran, "-");
    assert!(ran.stderr.contains("1500 frames analysed, 0 unreadable, 0 skipped"), "{}", ran.stderr);
    fs::remove_file(film).unwrap();
}

/// A progressive picture whose first scan comes `scans` times: each is a pass over the whole picture.
fn many_scans(scans: usize) -> Vec<u8> {
    let portrait = small_portrait();
    let (width, height) = (portrait.width() as usize, portrait.height() as usize);
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_progressive(true).unwrap();
    let format = turbojpeg::PixelFormat::RGB;
    let pixels = &portrait.as_raw()[..];
    let image = turbojpeg::Image { pixels, width, pitch: width * 3, height, format };
    let jpeg = compressor.compress_to_vec(image).unwrap();
    let marker = |from: usize, wanted: u8| {
        from + jpeg[from..]
            .windows(2)
            .position(|pair| pair == [0xFF, wanted])
            .expect("there is such a marker")
    };
    let first = marker(0, 0xDA);
    let end = marker(first + 2, 0xC4).min(marker(first + 2, 0xDA));
    [&jpeg[..first], &jpeg[first..end].repeat(scans), &jpeg[end..]].concat()
}

#[test]
fn a_picture_of_thousands_of_scans_is_refused() {
    let decoder = FrameDecoder::new(1.0);
    for encoding in [Encoding::Jpeg, Encoding::PictureFile] {
        assert!(decoded(decoder, encoding, &many_scans(1)).is_some());
        assert_eq!(decoded(decoder, encoding, &many_scans(2000)), None);
        assert!(decoded(decoder, encoding, &GOOD).is_some());
    }
}
