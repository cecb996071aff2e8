//! A display with a window manager for one test, with screenshots and key presses. `scripts/setup --tests` installs the
//! required programs.

use super::HANG;
use image::RgbImage;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The screen's size in pixels.
pub const SCREEN: (u32, u32) = (1400, 900);

/// Xvfb and openbox; dropping it ends them.
pub struct Display {
    server: Child,
    manager: Child,
    name: String,
}

impl Display {
    pub fn start() -> Self {
        let screen = format!("{}x{}x24", SCREEN.0, SCREEN.1);
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", &screen]);
        let mut server =
            server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Xvfb is installed");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        let name = format!(":{}", number.trim());
        let mut display = Self { server, manager: start_manager(&name), name };
        // Succeeds once the window manager is running.
        let deadline = Instant::now() + HANG;
        while !display.xdotool(&["get_num_desktops"]).status.success() {
            assert!(Instant::now() < deadline, "there is no window manager");
            // On a busy machine, it may time out before the server accepts it.
            if display.manager.try_wait().unwrap().is_some() {
                display.manager = start_manager(&display.name);
            }
            thread::sleep(Duration::from_millis(20));
        }
        display
    }

    /// Makes a program use this display.
    pub fn use_for(&self, command: &mut Command) {
        command.env("DISPLAY", &self.name);
    }

    /// Takes a screenshot.
    pub fn screenshot(&self) -> RgbImage {
        let size = format!("{}x{}", SCREEN.0, SCREEN.1);
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-f", "x11grab", "-draw_mouse", "0", "-video_size", &size]);
        command.args(["-i", &self.name, "-frames:v", "1", "-f", "image2pipe", "-c:v", "ppm", "-"]);
        let output = command.stdin(Stdio::null()).output().expect("ffmpeg is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        image::load_from_memory(&output.stdout).unwrap().into_rgb8()
    }

    /// Takes screenshots until one satisfies the condition.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&RgbImage) -> Option<T>) -> T {
        let deadline = Instant::now() + HANG;
        loop {
            let screen = self.screenshot();
            if let Some(seen) = look(&screen) {
                return seen;
            }
            if Instant::now() > deadline {
                let file = std::env::temp_dir().join("emotiond-screen.png");
                screen.save(&file).unwrap();
                panic!("not seen: {what}; the screenshot is {}", file.display());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Takes screenshots until two in a row show the same: one alone may show a partly drawn frame.
    #[track_caller]
    pub fn wait_until_steady<T: PartialEq + Clone>(
        &self,
        what: &str,
        look: impl Fn(&RgbImage) -> Option<T>,
    ) -> T {
        let mut before = None;
        self.wait_for(what, |screen| {
            let seen = look(screen);
            let is_steady = seen == before;
            before.clone_from(&seen);
            seen.filter(|_| is_steady)
        })
    }

    /// Presses a key in the window.
    pub fn key(&self, key: &str) {
        self.with_window(&["windowactivate", "--sync"]);
        assert!(self.xdotool(&["key", key]).status.success());
    }

    /// Presses a key in the window repeatedly until `program` has ended, because a window manager that has just started
    /// may miss the first key press.
    pub fn key_until_the_end(&self, key: &str, program: &mut Child) {
        let deadline = Instant::now() + HANG;
        while program.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "{key} does not end it");
            self.xdotool(&["search", "--name", "^emotiond$", "windowactivate", "key", key]);
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Resizes the window.
    pub fn resize_window(&self, width: u32, height: u32) {
        self.with_window(&["windowsize", &width.to_string(), &height.to_string()]);
    }

    fn with_window(&self, action: &[&str]) {
        let output = self.xdotool(&[&["search", "--sync", "--name", "^emotiond$"], action].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn xdotool(&self, arguments: &[&str]) -> Output {
        let output = Command::new("xdotool").args(arguments).env("DISPLAY", &self.name).output();
        output.expect("xdotool is installed")
    }

    /// Stops the server from responding.
    pub fn hang(&self) {
        kill_process(Pid::from_child(&self.server), Signal::STOP).unwrap();
    }
}

fn start_manager(display: &str) -> Child {
    let mut manager = Command::new("openbox");
    manager.args(["--sm-disable"]).env("DISPLAY", display).stdout(Stdio::null()).stderr(Stdio::null());
    manager.spawn().expect("openbox is installed")
}

impl Drop for Display {
    fn drop(&mut self) {
        for child in [&mut self.manager, &mut self.server] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
