//! Cameras as the field has them, on the developers' camera rig: other pixel formats, padded rows, frames with spare
//! bytes, frames that cannot be read.

use crate::{
    cameras::{end, is_at, on_rig},
    common::{Running, Scratch, astronaut, data, encode, ffmpeg, finish, isolate, shared, string, text},
};
use image::{ImageFormat, RgbImage, imageops};
use serde_json::Value;
use std::process::Command;

/// The portrait, 480x480, in the middle of a frame of 640x480, and where its face is.
fn frame() -> RgbImage {
    let mut frame = RgbImage::new(640, 480);
    let portrait = imageops::resize(&astronaut(), 480, 480, imageops::FilterType::Triangle);
    imageops::replace(&mut frame, &portrait, 80, 0);
    frame
}

const FACE: [u64; 4] = [245, 66, 89, 88];

/// A format of the simulated camera with its frames, each shown for some milliseconds. The first set of a folder is
/// the format that the camera's last user has left.
fn set(scratch: &Scratch, name: &str, fourcc: &str, frames: &[(&[u8], u32)]) {
    let (mut index, mut at) = (String::new(), 0);
    for (bytes, hold_ms) in frames {
        index += &format!("{at} {} {hold_ms}\n", bytes.len());
        at += bytes.len();
    }
    let bytes: Vec<u8> = frames.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
    scratch.file(&format!("{name}/meta"), format!("{fourcc} 640 480 30\n"));
    scratch.file(&format!("{name}/frames.idx"), index);
    scratch.file(&format!("{name}/frames.bin"), bytes);
}

/// The frame in a pixel format of ffmpeg.
fn raw(pixels: &str) -> Vec<u8> {
    let scratch = Scratch::new();
    let (picture, out) = (scratch.file("frame.png", encode(&frame(), ImageFormat::Png)), scratch.path("raw"));
    let limited = "scale=out_color_matrix=bt601:out_range=tv";
    let (as_is, out) = (pixels == "gray", text(&out));
    let mut arguments = vec!["-i", &picture];
    if !as_is {
        arguments.extend(["-vf", limited]);
    }
    arguments.extend(["-pix_fmt", pixels, "-f", "rawvideo", &out]);
    ffmpeg(&arguments);
    std::fs::read(out).unwrap()
}

/// The daemon with a camera that plays the sets in the scratch folder `sets`.
fn with_sets(scratch: &Scratch, arguments: &[&str]) -> Command {
    let sets = text(&scratch.path("sets"));
    on_rig("run-with-shim.sh", &["--sets", &sets], &[&[env!("CARGO_BIN_EXE_emotiond")], arguments].concat())
}

fn first_face(scratch: &Scratch, more: &str) -> Value {
    let config = scratch.tiny(&format!("[[source]]\nname = \"lobby\"\nuri = \"camera:0\"\n{more}"));
    let mut running = Running::start(with_sets(scratch, &["run", "--config", &config]));
    let face = running.wait_for(|event| event["phase"] == "new");
    let ran = end(running);
    ran.complains_not();
    assert_eq!(ran.states(), ["lobby up", "lobby ended"]);
    face
}

#[test]
#[ignore = "needs developer data"]
fn a_camera_with_a_single_raw_format_is_read() {
    let formats =
        [("YUYV", "yuyv422"), ("UYVY", "uyvy422"), ("NV12", "nv12"), ("YU12", "yuv420p"), ("GREY", "gray")];
    for (fourcc, pixels) in formats {
        let scratch = Scratch::new();
        set(&scratch, "sets/0", fourcc, &[(&raw(pixels), 1000)]);
        let face = first_face(&scratch, "");
        assert!(is_at(&face["box"], FACE), "{fourcc}: {face}");
    }
}

#[test]
#[ignore = "needs developer data"]
fn the_format_that_the_last_user_left_does_not_matter() {
    let scratch = Scratch::new();
    set(&scratch, "sets/0", "BA81", &[(&raw("gray"), 1000)]);
    set(&scratch, "sets/1", "MJPG", &[(&encode(&frame(), ImageFormat::Jpeg), 1000)]);
    assert!(is_at(&first_face(&scratch, "")["box"], FACE));
    let ran = finish(with_sets(&scratch, &["cameras"])).exits(0);
    assert_eq!(ran.stdout, "camera:0  Camlab shim\n    MJPEG 640x480 30 fps\n");
}

#[test]
#[ignore = "needs developer data"]
fn what_a_camera_offers_is_said_if_nothing_of_it_can_be_read() {
    let scratch = Scratch::new();
    set(&scratch, "sets/0", "BA81", &[(&raw("gray"), 1000)]);
    set(&scratch, "sets/1", "H264", &[(&[0; 100], 1000)]);
    let config = scratch.tiny("");
    let ran = finish(with_sets(&scratch, &["run", "--config", &config, "--source", "camera:0"])).exits(69);
    let complaint = ran.complaints().into_iter().find(|line| line.starts_with("emotiond: ")).unwrap();
    assert!(complaint.contains("it offers BA81, H264 only") && complaint.contains("MJPG"), "{complaint}");
    let ran = finish(with_sets(&scratch, &["cameras"])).exits(0);
    assert!(ran.stdout.contains("cannot be used: it offers BA81, H264 only"), "{}", ran.stdout);
}

#[test]
#[ignore = "needs developer data"]
fn padded_rows_give_a_straight_picture() {
    let scratch = Scratch::new();
    let (config, portrait) = (scratch.tiny(""), text(&data("astronaut.jpg")));
    let arguments = [env!("CARGO_BIN_EXE_emotiond"), "run", "--config", &config, "--source", "camera:0"];
    // The script itself writes to stdout too; the daemon gets another way there.
    let script = "exec bash \"$0\" \"$1\" -- bash -c 'exec \"$@\" >&3' - \"${@:2}\" 3>&1 >&2";
    let mut command = Command::new("bash");
    command.args(["-c", script]).arg(shared("field-cases/padded-rows.sh")).arg(portrait).args(arguments);
    isolate(&mut command);
    let mut running = Running::start(command);
    let face = running.wait_for(|event| event["phase"] == "new");
    assert!(is_at(&face["box"], FACE), "{face}");
    end(running);
}

/// As some Logitech models send.
#[test]
#[ignore = "needs developer data"]
fn spare_bytes_in_each_frame_lose_no_frame() {
    let scratch = Scratch::new();
    let mut jpeg = encode(&frame(), ImageFormat::Jpeg);
    jpeg.splice(jpeg.len() - 2..jpeg.len() - 2, [0, 0, 0x11, 0, 0x22]);
    set(&scratch, "sets/0", "MJPG", &[(&jpeg, 1000)]);
    assert!(is_at(&first_face(&scratch, "")["box"], FACE));
}

#[test]
#[ignore = "needs developer data"]
fn a_camera_whose_frames_cannot_be_read_is_not_up() {
    let scratch = Scratch::new();
    let jpeg = encode(&frame(), ImageFormat::Jpeg);
    set(&scratch, "sets/0", "MJPG", &[(&jpeg[..jpeg.len() / 2], 4000), (&jpeg, 4000)]);
    let config = scratch.tiny("[limits]\nstalled_after_s = 1.0\n");
    let arguments = ["run", "--config", &config, "--source", "camera:0"];
    let mut running = Running::start(with_sets(&scratch, &arguments));
    let stalled = running.wait_for(|event| event["state"] == "stalled");
    let reason = string(&stalled["reason"]);
    assert!(reason.starts_with("no frame could be read for 1."), "{reason}");
    assert!(reason.contains("not an intact JPEG picture"), "{reason}");
    running.wait_for(|event| event["state"] == "up");
    // The next series of frames that cannot be read.
    running.wait_for(|event| event["state"] == "stalled");
    let states = end(running).states();
    assert_eq!(states[..4], ["up", "stalled", "up", "stalled"].map(|state| format!("camera:0 {state}")));
}

#[test]
#[ignore = "needs developer data"]
fn a_camera_that_hangs_upside_down_is_turned() {
    for (degrees, mirror) in [(180, false), (90, true)] {
        let scratch = Scratch::new();
        let mut hung = frame();
        if degrees == 180 {
            imageops::rotate180_in_place(&mut hung);
        }
        set(&scratch, "sets/0", "MJPG", &[(&encode(&hung, ImageFormat::Jpeg), 1000)]);
        if degrees == 90 {
            // 640x480 from a camera that stands upright shows 480x640.
            let upright = imageops::resize(&astronaut(), 480, 480, imageops::FilterType::Triangle);
            let mut shown = RgbImage::new(480, 640);
            imageops::replace(&mut shown, &upright, 0, 80);
            let hung = imageops::rotate270(&imageops::flip_horizontal(&shown));
            set(&scratch, "sets/0", "MJPG", &[(&encode(&hung, ImageFormat::Jpeg), 1000)]);
        }
        let face = first_face(&scratch, &format!("rotate = {degrees}\nmirror = {mirror}\n"));
        let expected = if degrees == 180 { FACE } else { [165, 146, 89, 88] };
        assert!(is_at(&face["box"], expected), "{degrees} {mirror}: {face}");
        let config = scratch.tiny(&format!("[[source]]\nuri = \"camera:0\"\nrotate = {degrees}\n"));
        let ran = finish(with_sets(&scratch, &["check", "--config", &config])).exits(0);
        let size = if degrees == 180 { "640x480" } else { "480x640" };
        assert!(ran.stdout.contains(&format!("source camera:0: {size}")), "{}", ran.stdout);
    }
}
