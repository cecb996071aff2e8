//! Cameras, on the developers' camera rig (`../shared/camera-rig`): a simulated device at native speed, and an emulated
//! USB webcam with a real kernel.

use crate::common::{Display, HANG, Ran, Running, Scratch, data, finish, isolate, number, shared, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
    sync::Once,
    thread,
    time::{Duration, Instant},
};

/// A folder that contains only the portrait, for the rig to show.
fn faces(scratch: &Scratch) -> String {
    scratch.file("faces/astronaut.jpg", fs::read(data("astronaut.jpg")).unwrap());
    text(&scratch.path("faces"))
}

/// Lets the rig build what it needs now, because its messages would otherwise appear on the tested program's stderr.
pub fn set_up_rig() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let output = Command::new("bash").arg(shared("camera-rig/setup.sh")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    });
}

/// The rig's script with `options` around the program with `arguments`.
pub fn on_rig(script: &str, options: &[&str], arguments: &[&str]) -> Command {
    set_up_rig();
    let mut command = Command::new("bash");
    command.arg(shared(&format!("camera-rig/{script}"))).args(options).arg("--").args(arguments);
    isolate(&mut command);
    command.process_group(0);
    command
}

/// The daemon with a simulated camera. It is a child of the rig's script.
fn with_shim(scratch: &Scratch, options: &[&str], arguments: &[&str]) -> Command {
    let faces = faces(scratch);
    let options = [&["--faces", &faces], options].concat();
    on_rig("run-with-shim.sh", &options, &[&[env!("CARGO_BIN_EXE_emotiond")], arguments].concat())
}

/// Sends a signal to the daemon that the script has started.
fn signal_daemon(running: &Running, signal: Signal) {
    let script = running.child.id();
    let children = fs::read_to_string(format!("/proc/{script}/task/{script}/children")).unwrap();
    let is_daemon = |pid: &&str| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "emotiond")
    };
    let daemon = children.split_whitespace().find(is_daemon).expect("the daemon runs");
    kill_process(Pid::from_raw(daemon.parse().unwrap()).unwrap(), signal).unwrap();
}

pub fn end(running: Running) -> Ran {
    signal_daemon(&running, Signal::TERM);
    running.finish().exits(0)
}

pub fn is_at(area: &Value, drawn: [u64; 4]) -> bool {
    ["x", "y", "w", "h"].iter().zip(drawn).all(|(key, value)| number(&area[key]).abs_diff(value) <= 14)
}

#[test]
#[ignore = "needs developer data"]
fn each_format_of_a_camera_is_read() {
    let scratch = Scratch::new();
    // The portrait, 512x512, in the middle of each frame.
    for (format, size, area) in [
        ("MJPG:640x480@30", "width = 640\nheight = 480\n", [245, 66, 89, 88]),
        ("MJPG:1280x720@30", "width = 1280\nheight = 720\n", [527, 98, 134, 132]),
        ("YUYV:640x480@30", "", [245, 66, 89, 88]),
    ] {
        let config = scratch.tiny(&format!("[[source]]\nname = \"lobby\"\nuri = \"camera:0\"\n{size}"));
        let command = with_shim(
            &scratch,
            &["--format", format],
            &["run", "--config", &config, "--emit", "every-frame"],
        );
        let mut running = Running::start(command);
        let first = running.wait_for(|event| event["phase"] == "new");
        assert!(is_at(&first["box"], area), "{format}: {first}");
        let later = running.wait_for(|event| event["phase"] == "update" && number(&event["frame"]) >= 5);
        assert_eq!(later["track"], first["track"]);
        assert!(later.get("pts_ms").is_none() && later.get("file").is_none());
        let ran = end(running);
        ran.complains_not();
        assert_eq!(ran.states(), ["lobby up", "lobby ended"]);
        assert_eq!(ran.faces().last().unwrap()["phase"], "end");
    }
}

#[test]
#[ignore = "needs developer data"]
fn a_camera_is_shown_and_recorded() {
    let scratch = Scratch::new();
    let display = Display::start();
    let out = text(&scratch.path("out.mp4"));
    let config =
        scratch.tiny("[[source]]\nname = \"lobby\"\nuri = \"camera:0\"\nwidth = 640\nheight = 480\n");
    let arguments = ["run", "--config", &config, "--overlay", "on", "--annotate", &out];
    let mut command = with_shim(&scratch, &[], &arguments);
    display.use_for(&mut command);
    let mut running = Running::start(command);
    let face = running.wait_for(|event| event["phase"] == "new");
    let labels = face["probabilities"].as_object().unwrap();
    let index = labels.keys().position(|label| *label == face["emotion"]).unwrap();
    let color = emotiond_core::palette::color(crate::common::string(&face["emotion"]), index);
    // The window has the size of the camera's frames and is centred on the screen, except for its decoration.
    let has_box = |screen: &image::RgbImage| {
        let found: Vec<u32> =
            screen.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 == color).map(|(x, ..)| x).collect();
        let left = *found.iter().min()?;
        (found.len() > 200).then_some(left)
    };
    let left = display.wait_for("a box", has_box);
    assert!(left.abs_diff((crate::common::SCREEN.0 - 640) / 2 + 245) <= 20, "{left}");
    // The file is written in fragments of one second, by a program with low priority.
    let recording = |longer_than_s: f64| {
        crate::common::wait_until("a recording of some seconds", || {
            let times = crate::common::frame_times(Path::new(&out));
            (times.len() > 20 && times[times.len() - 1] > longer_than_s).then_some(times)
        })
    };
    let before = recording(1.5);
    // A restarted pipeline would overwrite the recording.
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("lobby", "hall")).unwrap();
    signal_daemon(&running, Signal::HUP);
    running.wait_for_log("rejected");
    recording(before[before.len() - 1] + 1.5);
    display.key("q");
    let ran = running.finish().exits(0);
    ran.complains_once(&["rejected", "--annotate"]);
    let times = crate::common::frame_times(Path::new(&out));
    assert_eq!(times[..before.len()], before, "what was recorded before is still there");
}

#[test]
#[ignore = "needs developer data"]
fn the_size_nearest_to_the_wanted_one_is_taken() {
    let scratch = Scratch::new();
    let config = scratch.tiny("[[source]]\nuri = \"/dev/video0\"\nwidth = 1300\nheight = 700\n");
    let mut running = Running::start(with_shim(&scratch, &[], &["run", "--config", &config]));
    let face = running.wait_for(|event| event["phase"] == "new");
    assert!(is_at(&face["box"], [527, 98, 134, 132]), "{face}");
    let ran = end(running);
    assert_eq!(ran.states(), ["camera:0 up", "camera:0 ended"]);
}

#[test]
#[ignore = "needs developer data"]
fn cameras_are_listed_with_their_formats_and_checked() {
    let scratch = Scratch::new();
    let ran = finish(with_shim(&scratch, &[], &["cameras"])).exits(0);
    ran.complains_not();
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        ["camera:0  Camlab shim", "MJPEG 640x480 30 fps", "MJPEG 1280x720 30 fps", "YUYV 640x480 30 fps"]
    );

    let config = scratch.tiny("");
    for source in [&["--source", "camera:0"][..], &[]] {
        let ran =
            finish(with_shim(&scratch, &[], &[&["check", "--config", &config], source].concat())).exits(0);
        assert!(ran.stdout.contains("ok    source camera:0: 640x480"), "{}", ran.stdout);
    }
}

#[test]
#[ignore = "needs developer data"]
fn a_camera_that_is_unplugged_and_plugged_in_again_comes_back() {
    let scratch = Scratch::new();
    let events = ["--event", "4:gone", "--event", "6:ok"];
    let command =
        with_shim(&scratch, &events, &["run", "--config", &scratch.tiny(""), "--source", "camera:0"]);
    let mut running = Running::start(command);
    let first = running.wait_for(|event| event["phase"] == "new");
    let down = running.wait_for(|event| event["state"] == "down");
    assert!(!crate::common::string(&down["reason"]).is_empty());
    running.wait_for(|event| event["state"] == "up");
    let second = running.wait_for(|event| event["phase"] == "new");
    assert_ne!(first["track"], second["track"]);
    let ran = end(running);
    assert_eq!(ran.states(), ["up", "down", "up", "ended"].map(|state| format!("camera:0 {state}")));
}

/// A bad frame in a camera's stream is skipped and does not affect the following ones.
#[test]
#[ignore = "needs developer data"]
fn a_camera_with_damaged_frames_gives_the_others() {
    let scratch = Scratch::new();
    let portrait = crate::common::astronaut();
    let frame = image::imageops::resize(&portrait, 640, 480, image::imageops::FilterType::Triangle);
    for (number, (_, bad)) in crate::common::damage::damaged(&frame).iter().enumerate() {
        scratch.file(
            &format!("faces/{number}a.jpg"),
            crate::common::encode(&portrait, image::ImageFormat::Jpeg),
        );
        scratch.file(&format!("faces/{number}b.frame"), bad);
    }
    let options = ["--format", "MJPG:640x480@30", "--hold", "100"];
    let config = scratch.tiny("");
    let arguments = ["run", "--config", &config, "--source", "camera:0", "--emit", "every-frame"];
    let mut running = Running::start(with_shim(&scratch, &options, &arguments));
    // Long enough for two cycles through all kinds of damage, even if frames are skipped.
    for _ in 0..100 {
        running.wait_for(|event| event["type"] == "face" && event["phase"] != "end");
    }
    let ran = end(running);
    assert_eq!(ran.states(), ["camera:0 up", "camera:0 ended"]);
    let counts = ran.stderr.lines().find(|line| line.contains(" unreadable, ")).unwrap();
    assert!(!counts.contains(" 0 unreadable"), "{counts}");
    // The 1st, 2nd, 4th, 8th and so on are logged.
    let told = ran.stderr.lines().filter(|line| line.contains("frame skipped")).count();
    assert!((1..=12).contains(&told), "{}", ran.stderr);
}

/// A running pipeline cannot adopt another name or number of threads, so the camera is closed and opened again.
#[test]
#[ignore = "needs developer data"]
fn a_new_configuration_that_needs_a_new_pipeline_gets_one() {
    let scratch = Scratch::new();
    let lobby = "[[source]]\nname = \"lobby\"\nuri = \"camera:0\"\n";
    let config = scratch.tiny(lobby);
    let mut running = Running::start(with_shim(&scratch, &[], &["run", "--config", &config]));
    let first = running.wait_for(|event| event["phase"] == "new");
    fs::write(
        &config,
        crate::common::tiny_config() + "intra_threads = 2\n" + &lobby.replace("lobby", "hall"),
    )
    .unwrap();
    signal_daemon(&running, Signal::HUP);
    running.wait_for(|event| event["source"] == "hall" && event["state"] == "up");
    let second = running.wait_for(|event| event["phase"] == "new");
    assert!(number(&second["track"]) > number(&first["track"]), "an identity is used twice");
    let ran = end(running);
    assert_eq!(ran.states(), ["lobby up", "lobby ended", "hall up", "hall ended"]);
    ran.complains_not();
}

/// Runs a script in a guest with an emulated USB webcam; returns its stdout and stderr.
fn in_guest(faces: &str, events: &[&str], script: &str) -> (String, String) {
    let mut options = vec!["--source", "uvc", faces, "--format", "MJPG:640x480@30", "--host-root"];
    options.extend(["--timeout", "300"]);
    events.iter().for_each(|event| options.extend(["--event", *event]));
    let mut command = on_rig("run-in-guest.sh", &options, &["/bin/sh", script]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let group = Pid::from_child(&child);
    // The emulator is slow; the time-out is only for hangs.
    let watchdog = thread::spawn(move || {
        let deadline = Instant::now() + 4 * HANG;
        while Instant::now() < deadline && rustix::process::test_kill_process_group(group).is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    });
    let output = child.wait_with_output().unwrap();
    watchdog.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// In one boot of the guest: a webcam is used, listed, reported as busy to a second program, and opened through a link
/// and through a device file of another name.
#[test]
#[ignore = "needs developer data"]
fn a_webcam_behind_a_real_kernel() {
    let scratch = Scratch::new();
    let faces = faces(&scratch);
    let config = scratch.tiny("");
    let script = scratch.file(
        "in_guest.sh",
        format!(
            "daemon={daemon}\n\
             $daemon run --config {config} --source camera:0 > /tmp/first 2> /tmp/log &\n\
             first=$!\n\
             i=0; until grep -q '\"new\"' /tmp/first || [ $i -gt 200 ]; do sleep 0.5; i=$((i+1)); done\n\
             $daemon cameras; echo \"cameras=$?\"\n\
             $daemon run --config {config} --source camera:0 > /tmp/second; echo \"busy=$?\"\n\
             kill -TERM $first; wait $first; echo \"first=$?\"\n\
             ln -s /dev/video0 /tmp/frontcam; $daemon check --config {config} --source /tmp/frontcam\n\
             mknod /tmp/back.jpg c 81 $(cut -d: -f2 /sys/class/video4linux/video0/dev)\n\
             $daemon check --config {config} --source /tmp/back.jpg\n\
             cat /tmp/first\n",
            daemon = env!("CARGO_BIN_EXE_emotiond"),
        ),
    );
    let (told, log) = in_guest(&faces, &[], &script);
    for line in [
        "cameras=0",
        "busy=69",
        "first=0",
        "camera:0  ",
        "MJPEG 640x480 30 fps",
        "source /tmp/frontcam: 640x480",
        "source /tmp/back.jpg: 640x480",
    ] {
        assert!(told.contains(line), "{line} is missing in\n{told}\n{log}");
    }
    let complaint =
        log.lines().find(|line| line.starts_with("emotiond: ")).unwrap_or_else(|| panic!("{log}"));
    assert!(complaint.contains("camera:0") && complaint.contains("another program"), "{complaint}");
    let events: Vec<Value> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let face = events.iter().find(|event| event["phase"] == "new").unwrap_or_else(|| panic!("{told}"));
    assert!(is_at(&face["box"], [245, 66, 89, 88]), "{face}");
    let states: Vec<&str> = events.iter().filter_map(|event| event["state"].as_str()).collect();
    assert_eq!(states, ["up", "ended"]);
}

/// In one boot of the guest: a webcam is absent at the start, stalls, and returns under another number, because another
/// process keeps its old device file open.
#[test]
#[ignore = "needs developer data"]
fn a_webcam_that_comes_late_stalls_and_moves() {
    let scratch = Scratch::new();
    let faces = faces(&scratch);
    let config = scratch.tiny("[[source]]\nname = \"lobby\"\nuri = \"camera:0\"\nwait = true\n");
    let script = scratch.file(
        "in_guest.sh",
        format!(
            "wait_until() {{ i=0; until eval \"$1\" || [ $i -gt 400 ]; do sleep 0.5; i=$((i+1)); done; }}\n\
             ups() {{ grep -c '\"state\":\"up\"' /tmp/events; }}\n\
             wait_until '[ ! -e /dev/video0 ]'\n\
             {daemon} run --config {config} > /tmp/events &\n\
             daemon=$!\n\
             wait_until '[ $(ups) -ge 2 ]'\n\
             sleep 600 < /dev/video0 &\n\
             wait_until '[ $(ups) -ge 3 ]'\n\
             [ -e /dev/video0 ] || echo moved\n\
             kill -TERM $daemon; wait $daemon; echo \"daemon=$?\"\n\
             cat /tmp/events\n",
            daemon = env!("CARGO_BIN_EXE_emotiond"),
        ),
    );
    let events = ["2:unplug", "30:plug", "60:stall", "75:resume", "95:unplug", "98:plug"];
    let (told, log) = in_guest(&faces, &events, &script);
    assert!(told.contains("moved") && told.contains("daemon=0"), "{told}\n{log}");
    let events: Vec<Value> = told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let states: Vec<&str> = events.iter().filter_map(|event| event["state"].as_str()).collect();
    assert_eq!(states, ["down", "up", "stalled", "up", "down", "up", "ended"], "{log}");
}
