//! Files whose names do not say what they are, folders with other files, and pictures with several frames or pages.

use crate::common::{
    Scratch, astronaut, encode, ffmpeg, number, run_sources, string, text, with_orientation,
};
use image::{
    ImageFormat, RgbImage,
    imageops::{FilterType, crop_imm, resize, rotate90},
};
use std::{fs, os::unix::fs::symlink};

#[test]
fn the_content_of_a_file_decides_what_it_is() {
    let scratch = Scratch::new();
    let lying = with_orientation(&encode(&rotate90(&astronaut()), ImageFormat::Jpeg), 8);
    let upright = encode(&astronaut(), ImageFormat::Png);
    let video = scratch.path("clip.mp4");
    let picture = scratch.file("portrait.png", &upright);
    ffmpeg(&["-loop", "1", "-i", &picture, "-frames:v", "5", "-pix_fmt", "yuv420p", &text(&video)]);
    fs::rename(&video, scratch.path("clip.jpg")).unwrap();
    for (name, bytes) in [("a.jfif", &lying), ("b.jpe", &lying), ("c", &upright), ("d.mp4", &upright)] {
        let path = scratch.file(name, bytes);
        let faces = run_sources(&scratch.tiny(""), &[&path], &[]).exits(0).faces();
        assert_eq!(faces.len(), 1, "{name}");
        assert!(number(&faces[0]["box"]["x"]).abs_diff(176) < 8, "{name}: {}", faces[0]);
        assert!(faces[0]["file"].is_string(), "{name} is read as a picture");
    }
    let clip = run_sources(&scratch.tiny(""), &[&text(&scratch.path("clip.jpg"))], &[]).exits(0);
    assert!(clip.faces().iter().any(|face| face["phase"] == "end"), "it is tracked, as in a video");
}

#[test]
fn a_picture_that_is_a_face_already_is_read_as_a_whole() {
    let scratch = Scratch::new();
    let face = crop_imm(&astronaut(), 150, 60, 130, 150).to_image();
    let face = encode(&resize(&face, 40, 48, FilterType::Triangle), ImageFormat::Png);
    let blank = encode(&RgbImage::new(48, 48), ImageFormat::Png);
    scratch.file("faces/a.png", &face);
    scratch.file("faces/b.png", &blank);
    let folder = text(&scratch.path("faces"));
    let config = scratch.tiny("");
    let found = run_sources(&config, &[&folder], &[]).exits(0).faces();
    assert_eq!(found.len(), 0, "the detector finds no face in so small a picture");
    let run = run_sources(&config, &[&folder], &["--whole"]).exits(0);
    let faces = run.faces();
    assert_eq!(faces.len(), 2, "{}", run.stdout);
    for (face, width) in faces.iter().zip([40, 48]) {
        let side = |name: &str| number(&face["box"][name]);
        assert_eq!([side("x"), side("y"), side("w"), side("h")], [0, 0, width, 48], "{face}");
        assert!(face["pose"].is_null(), "{face}");
    }
    run_sources(&config, &[&folder], &["--whole", "--detector", "seetaface"]).exits(2);
}

#[test]
fn one_line_counts_what_a_folder_contains_besides_pictures() {
    let scratch = Scratch::new();
    let portrait = encode(&astronaut(), ImageFormat::Jpeg);
    for name in ["a.jpg", "b", "sub/c.jpg", "sub/deeper/d.jpg"] {
        scratch.file(&format!("album/{name}"), &portrait);
    }
    for (name, bytes) in
        [("e.mp4", &b"\0\0\0\x18ftypisom"[..]), ("f.mov", b""), ("g.txt", b"text"), ("h", b"text")]
    {
        scratch.file(&format!("album/{name}"), bytes);
    }
    symlink("nowhere.jpg", scratch.path("album/i.jpg")).unwrap();
    let folder = text(&scratch.path("album"));
    let flat = run_sources(&scratch.tiny(""), &[&folder], &[]).exits(0);
    assert_eq!(flat.faces().len(), 2, "{}", flat.stdout);
    let counts =
        ["2 videos", "1 .txt", "1 files without an ending", "1 broken links", "1 subfolders", "recursive"];
    flat.complains_once(&counts);

    let config = scratch.tiny(&format!("[[source]]\nuri = \"{folder}\"\nrecursive = true\n"));
    let out = scratch.path("out");
    let deep = run_sources(&config, &[], &["--annotate", &text(&out)]).exits(0);
    let faces = deep.faces();
    let files: Vec<&str> =
        faces.iter().map(|face| string(&face["file"]).strip_prefix(&folder).unwrap()).collect();
    assert_eq!(files, ["/a.jpg", "/b", "/sub/c.jpg", "/sub/deeper/d.jpg"]);
    for copy in ["a.jpg", "b.png", "sub/c.jpg", "sub/deeper/d.jpg"] {
        assert!(out.join(copy).is_file(), "{copy} is missing");
    }
}

#[test]
fn animated_pictures_are_clips() {
    let scratch = Scratch::new();
    let picture = scratch.file("portrait.png", encode(&astronaut(), ImageFormat::Png));
    for (name, codec) in [("a.png", &["-f", "apng"][..]), ("b.webp", &["-c:v", "libwebp_anim"])] {
        let path = text(&scratch.path(name));
        // Noise, so that no encoder merges equal frames.
        let input = [
            "-loop",
            "1",
            "-framerate",
            "10",
            "-i",
            &picture,
            "-frames:v",
            "12",
            "-vf",
            "noise=alls=6:allf=t",
        ];
        ffmpeg(&[&input[..], codec, &[&path]].concat());
        let ran = run_sources(&scratch.tiny(""), &[&path], &["--emit", "every-frame"]).exits(0);
        let faces = ran.faces();
        let last = faces.iter().rfind(|face| face["phase"] == "update").unwrap();
        assert_eq!((number(&last["frame"]), number(&last["pts_ms"])), (11, 1100), "{name}");
    }
}

#[test]
fn pages_and_animations_in_a_folder_are_not_left_out_in_silence() {
    let scratch = Scratch::new();
    scratch.file("album/pages.tif", two_pages());
    let gif = text(&scratch.path("album/film.gif"));
    ffmpeg(&["-f", "lavfi", "-i", "testsrc=s=64x48:d=1:r=5", &gif]);
    let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path("album"))], &[]).exits(0);
    let complaints = ran.complaints();
    assert_eq!(complaints.len(), 2, "{}", ran.stderr);
    assert!(complaints[0].contains("film.gif is an animation"), "{}", complaints[0]);
    assert!(complaints[1].contains("pages.tif has 2 pages"), "{}", complaints[1]);
}

/// A TIFF file with two gray pages of 4x4 pixels.
fn two_pages() -> Vec<u8> {
    const ENTRIES: u16 = 8;
    const DIRECTORY: u32 = 2 + 12 * ENTRIES as u32 + 4;
    let mut file = [&b"II*\0"[..], &(8 + 16u32).to_le_bytes(), &[128; 16]].concat();
    for next in [8 + 16 + DIRECTORY, 0] {
        file.extend(ENTRIES.to_le_bytes());
        let entries: [(u16, u16, u32); 8] = [
            (256, 3, 4),
            (257, 3, 4),
            (258, 3, 8),
            (259, 3, 1),
            (262, 3, 1),
            (273, 4, 8),
            (278, 3, 4),
            (279, 4, 16),
        ];
        for (tag, kind, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(1u32.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend(next.to_le_bytes());
    }
    file
}

#[test]
fn a_heic_picture_that_ffmpeg_cannot_read_is_named_with_a_remedy() {
    let scratch = Scratch::new();
    scratch.file("album/a.heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1\0\0\0\x08meta");
    scratch.file("album/b.jpg", encode(&astronaut(), ImageFormat::Jpeg));
    let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path("album"))], &[]).exits(0);
    assert_eq!(ran.faces().len(), 1);
    ran.complains_once(&["a.heic", "HEIC", "convert it to JPEG"]);
}

#[test]
fn devices_and_files_of_absurd_size_are_not_read_as_pictures() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("in")).unwrap();
    scratch.file("in/a.jpg", encode(&astronaut(), ImageFormat::Jpeg));
    symlink("/dev/zero", scratch.path("in/b.jpg")).unwrap();
    // It takes no space on the disk.
    fs::File::create(scratch.path("in/c.jpg")).unwrap().set_len(10 << 30).unwrap();
    let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path("in"))], &[]).exits(0);
    assert_eq!(ran.faces().len(), 1);
    // Alone, they are no pictures at all.
    for name in ["b.jpg", "c.jpg"] {
        let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path("in").join(name))], &[]);
        assert!(ran.status.code().is_some_and(|code| [65, 66].contains(&code)), "{}", ran.stderr);
    }
}
