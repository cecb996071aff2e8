//! Programs as sources: `exec:`.

use crate::common::{Running, Scratch, data, emotiond, string, text, wait_until};
use crate::network::{is_state, stop};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// A shell script in the test's folder, with the portrait in `$picture` and the number of earlier runs in `$run`.
fn script(scratch: &Scratch, lines: &str) -> String {
    let (folder, picture) = (text(&scratch.path("")), text(&data("astronaut.jpg")));
    let head = format!(
        "#!/bin/sh\npicture='{picture}'\ncd '{folder}'\nrun=$(ls run-* 2>/dev/null | wc -l)\n: > run-$run\n"
    );
    let file = scratch.file("program", head + lines);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

/// Shows the portrait for ever.
const FOR_EVER: &str = "while :; do cat \"$picture\"; sleep 0.05; done\n";

fn start(scratch: &Scratch, uri: &str, more: &str) -> Running {
    let config = format!("[[source]]\nname = \"module\"\nuri = {uri:?}\n{more}");
    Running::start(emotiond(&["run", "--config", &scratch.tiny(&config), "--emit", "every-frame"]))
}

#[test]
fn a_program_is_a_live_source_and_ends_with_the_daemon() {
    let scratch = Scratch::new();
    // With a child of its own, which must end too.
    let program = script(&scratch, &format!("echo $$ > pid\n(echo $$; {FOR_EVER})\n"));
    let mut running = start(&scratch, &format!("exec:{program} --password s3cret"), "");
    let face = running.wait_for(|event| event["type"] == "face");
    assert!(face.get("pts_ms").is_none(), "{face}");
    let pid = wait_until("its number", || fs::read_to_string(scratch.path("pid")).ok());
    let ran = stop(running);
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    let left = Command::new("pgrep").args(["-f", &program]).output().unwrap();
    assert!(left.stdout.is_empty(), "{}", String::from_utf8_lossy(&left.stdout));
    assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

#[test]
fn a_program_that_fails_is_started_again() {
    let scratch = Scratch::new();
    let lines = format!(
        "if [ $run = 0 ]; then cat \"$picture\" \"$picture\"; echo hello >&2; echo 'camera in use' >&2; exit 3; fi\n\
         if [ $run = 1 ]; then exit 0; fi\nif [ $run = 2 ]; then kill -9 $$; fi\n{FOR_EVER}"
    );
    let mut running = start(&scratch, &format!("exec:{}", script(&scratch, &lines)), "");
    let down = running.wait_for(is_state("module", "down"));
    assert!(string(&down["reason"]).contains("exit code 3, camera in use"), "{down}");
    running.wait_for(is_state("module", "up"));
    running.wait_for(|event| event["type"] == "face");
    assert_eq!(
        fs::read_dir(scratch.path(""))
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("run-") })
            .count(),
        4
    );
    stop(running);
}

#[test]
fn a_program_may_end_the_source() {
    let scratch = Scratch::new();
    let program = script(&scratch, "cat \"$picture\" \"$picture\" \"$picture\"\n");
    let ran = start(&scratch, &format!("exec:{program}"), "on_end = \"stop\"\n").finish().exits(0);
    assert!(!ran.faces().is_empty() && ran.states().contains(&"module ended".to_owned()), "{}", ran.stdout);
}

#[test]
fn what_is_neither_mjpeg_nor_y4m_is_read_through_ffmpeg() {
    let scratch = Scratch::new();
    let picture = text(&data("astronaut.jpg"));
    let command = format!(
        "exec:ffmpeg -loglevel error -re -loop 1 -i '{picture}' -c:v libx264 -tune zerolatency -pix_fmt yuv420p -f h264 -"
    );
    let mut running = start(&scratch, &command, "");
    running.wait_for(|event| event["type"] == "face");
    stop(running);
}

#[test]
fn commands_that_cannot_work_are_refused_with_the_reason() {
    let scratch = Scratch::new();
    for (uri, code, words) in [
        (
            "exec:/no/such/program -x s3cret",
            69,
            ["exec:/no/such/program failed: it cannot be started", "check the command"],
        ),
        ("exec:sh -c 'echo lens cap on >&2; exit 7'", 69, ["exit code 7, lens cap on", "check the command"]),
        ("exec:true", 69, ["exec:true", "it is empty"]),
        ("exec:", 78, ["write a program after exec:", "rpicam-vid"]),
        ("exec:cat 'a", 78, ["quotation mark", "tiny.toml"]),
    ] {
        let ran = start(&scratch, uri, "").finish().exits(code);
        ran.complains_once(&words);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    }
}
