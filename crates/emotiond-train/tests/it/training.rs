//! A small data set, and running the real trainer on it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

const RECIPE: &str = r#"
[augment]
flip = 0.5
shift_px = 2.0

[network]
arch = "mini_xception"
dropout = 0.2

[optimizer]
name = "sgd"
learning_rate = 0.05
momentum = 0.9
nesterov = true
weight_decay = 1e-4

[schedule]
name = "plateau"
patience = 1
gamma = 0.5

[fit]
epochs = 4
batch = 16
ema_decay = 0.9
clip_norm = 5.0
"#;

/// A folder with a data set and a recipe.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A data set of pictures that are bright on the left (happy) or on the right (sad), and a recipe.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut csv = "emotion,pixels,Usage\n".to_owned();
        for row in 0..96usize {
            let left = row % 2 == 0;
            let pixel = |i: usize| {
                let bright = (i % 48 < 24) == left;
                (if bright { 150 } else { 40 }) + (i * 31 + row * 17) % 50
            };
            let pixels: Vec<String> = (0..48 * 48).map(|i| pixel(i).to_string()).collect();
            let (label, usage) = (if left { 3 } else { 4 }, if row < 64 { "Training" } else { "PublicTest" });
            csv += &format!("{label},{},{usage}\n", pixels.join(" "));
        }
        fs::write(folder.path().join("data.csv"), csv).unwrap();
        fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with the given `command`, recipe and data.
    pub fn command(&self, command: &str, out: &str, arguments: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emotiond-train"));
        program.arg(command).arg(self.path("recipe.toml")).arg("--data").arg(self.path("data.csv"));
        program.arg("--out").arg(self.path(out)).args(arguments).stdin(Stdio::null());
        program
    }

    pub fn fit(&self, out: &str, arguments: &[&str]) -> Command {
        self.command("fit", out, arguments)
    }

    pub fn run(&self, out: &str, arguments: &[&str]) -> Output {
        self.fit(out, arguments).output().unwrap()
    }
}

/// Files that are no networks in `folder`, and what is said of each: a device without an end, a pipe without a writer, and one
/// that takes space only in memory.
pub fn absurd_files(folder: &Path, ending: &str) -> [(PathBuf, &'static str); 3] {
    let [zero, fifo, sparse] =
        ["zero", "fifo", "sparse"].map(|name| folder.join(name).with_extension(ending));
    symlink("/dev/zero", &zero).unwrap();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::File::create(&sparse).unwrap().set_len(10 << 30).unwrap();
    [(zero, "no regular file"), (fifo, "no regular file"), (sparse, "at most 1024 MB")]
}

/// Asserts the exit code, and that the program prints one error line, the last of stderr, which contains `word`.
pub fn refused(output: &Output, code: i32, word: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    let complaints: Vec<&str> = text.lines().filter(|line| line.starts_with("emotiond-train:")).collect();
    assert!(complaints.len() == 1 && complaints[0].contains(word), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}
