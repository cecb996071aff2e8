//! Man pages and completions.

use crate::common::{Scratch, emotiond, finish};
use std::{collections::BTreeSet, fs};

#[test]
fn each_visible_command_has_a_man_page_and_completions() {
    let scratch = Scratch::new();
    let dir = scratch.path("new/manual");
    finish(emotiond(&["manual", dir.to_str().unwrap()])).exits(0);
    let help = finish(emotiond(&["--help"])).exits(0).stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: BTreeSet<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.contains("run") && !commands.contains("window"), "{help}");

    let files: BTreeSet<String> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let pages = commands.iter().map(|command| format!("emotiond-{command}.1"));
    let others = ["emotiond.1", "emotiond.bash", "_emotiond", "emotiond.fish"].map(String::from);
    assert_eq!(files, pages.chain(others).collect());
    let page = fs::read_to_string(dir.join("emotiond-send.1")).unwrap();
    assert!(page.contains("Folder for events that wait for the broker"), "{page}");
    for file in ["emotiond.bash", "_emotiond", "emotiond.fish"] {
        let completions = fs::read_to_string(dir.join(file)).unwrap();
        assert!(commands.iter().all(|command| completions.contains(command)), "{completions}");
        assert!(completions.contains("spool-dir"), "{completions}");
        for hidden in ["manual", "log-json"] {
            assert!(!completions.contains(hidden), "{file} tells of {hidden}");
        }
    }
}
