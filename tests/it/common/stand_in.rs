//! A stand-in for the sender of the outputs: a shell script that keeps what the daemon tells it.

use super::{Scratch, text, wait_until};
use serde_json::Value;
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    process::Command,
};

/// The stand-in's folder; its file `in-N` holds what the N-th process was told.
pub struct Sender {
    folder: Scratch,
    ask: File,
}

/// What a process was told.
#[derive(Debug, Default)]
pub struct Told {
    /// The first line.
    pub opening: Value,
    /// The events, each with the counts before it: source, audience, face, marker.
    pub events: Vec<([u64; 4], Value)>,
    /// The statuses.
    pub statuses: Vec<Value>,
}

impl Told {
    /// The events of a type.
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().map(|(_, event)| event).filter(move |event| event["type"] == kind)
    }
}

impl Sender {
    /// A stand-in that keeps all that it is told and passes on what [`Self::ask`] says.
    pub fn new() -> Self {
        Self::with("cat > \"$file\"")
    }

    /// The same with other commands; `$number` is the number of the process, and `$file` its file.
    pub fn with(commands: &str) -> Self {
        let folder = Scratch::new();
        let made = Command::new("mkfifo").arg(folder.path("ask")).status().unwrap();
        assert!(made.success());
        // Both ends, so that neither side waits for the other.
        let ask = OpenOptions::new().read(true).write(true).open(folder.path("ask")).unwrap();
        let path = text(&folder.path(""));
        let script = format!(
            "#!/bin/bash\n[ \"$1 $2\" = \"send --child\" ] || exit 99\ncd {path:?}\nnumber=$(ls | grep -c '^in-')\n\
             file=in-$number\n: > \"$file\"\ncat ask 2> /dev/null &\n{commands}\nstatus=$?\nkill $!\nexit $status\n"
        );
        let script = folder.file("sender", script);
        // In another process, because the system does not execute a file that some process has open for writing.
        assert!(Command::new("chmod").args(["+x", &script]).status().unwrap().success());
        Self { folder, ask }
    }

    /// Makes the daemon use it.
    pub fn use_for(&self, command: &mut Command) {
        command.env("EMOTIOND_SENDER", self.folder.path("sender"));
    }

    /// Writes a line to the daemon.
    pub fn ask(&mut self, line: &str) {
        writeln!(self.ask, "{line}").unwrap();
    }

    /// How many processes there were.
    pub fn count(&self) -> usize {
        (0..).take_while(|number| self.folder.path(&format!("in-{number}")).exists()).count()
    }

    /// What the process of this number has been told so far, in whole lines.
    pub fn told(&self, number: usize) -> Told {
        let text = fs::read_to_string(self.folder.path(&format!("in-{number}"))).unwrap_or_default();
        let mut told = Told::default();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let (counts, json) = line.split_at(line.find('{').unwrap());
            let value: Value = serde_json::from_str(json).unwrap();
            if !counts.is_empty() {
                let counts: Vec<u64> =
                    counts.split_whitespace().map(|count| count.parse().unwrap()).collect();
                told.events.push((counts.try_into().unwrap(), value));
            } else if told.opening.is_null() {
                told.opening = value;
            } else {
                told.statuses.push(value);
            }
        }
        told
    }

    /// Waits until the process of this number has been told what fits.
    #[track_caller]
    pub fn wait_for(&self, number: usize, what: &str, fits: impl Fn(&Told) -> bool) -> Told {
        wait_until(what, || Some(self.told(number)).filter(&fits))
    }

    /// Waits until the latest status of a source fits.
    #[track_caller]
    pub fn wait_for_status(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let latest = |told: &Told| told.statuses.last().map(|status| status["sources"][0].clone());
        wait_until(what, || latest(&self.told(self.count().saturating_sub(1))).filter(&fits))
    }
}
