//! Tests `emotiond-train search`: the real program on a small generated data set.

use crate::training::{Bench, refused};
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    process::{Output, Stdio},
};

/// Appends a search to the recipe.
fn search_over(bench: &Bench, search: &str) {
    let path = bench.path("recipe.toml");
    let recipe = fs::read_to_string(&path).unwrap();
    fs::write(&path, recipe + search).unwrap();
}

fn search(bench: &Bench, arguments: &[&str]) -> Output {
    bench.command("search", "out", &[&["--set", "fit.epochs=2"], arguments].concat()).output().unwrap()
}

/// The table's rows, as cells.
fn rows(output: &Output) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().skip(1).map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn a_grid_tries_every_combination_and_writes_the_best() {
    let bench = Bench::new();
    search_over(
        &bench,
        "[search]\nmethod = \"grid\"\nprune = false\n[search.space]\n\"network.dropout\" = [0.0, 0.5]\n\
         \"optimizer.learning_rate\" = [1e-9, 0.05]\n",
    );
    let output = search(&bench, &[]);
    let rows = rows(&output);
    let tried: BTreeSet<(&str, &str)> = rows.iter().map(|row| (&*row[3], &*row[4])).collect();
    assert_eq!(tried.len(), 4, "{rows:?}");
    assert!(rows.iter().all(|row| row[5] == "complete"), "{rows:?}");
    let accuracy: Vec<f64> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
    assert!(accuracy.is_sorted_by(|a, b| a >= b), "{rows:?}");
    let best = fs::read_to_string(bench.path("out/best.toml")).unwrap();
    assert!(!best.contains("[search") && best.contains(&format!("dropout = {}", rows[0][3])), "{best}");
    assert!(bench.path("out/search.png").exists() && bench.path("out/best_so_far.png").exists());
    assert_eq!(fs::read_dir(bench.path("out/hparams")).unwrap().count(), 5, "the search and its four trials");
    let checkpoints = |number: usize| -> Vec<String> {
        let files = fs::read_dir(bench.path("out").join(format!("trial-{number:03}"))).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".ckpt")).collect()
    };
    for number in 0..4 {
        let kept: &[&str] = if rows[0][0] == (number + 1).to_string() { &["best.ckpt"] } else { &[] };
        assert_eq!(checkpoints(number), kept, "trial {number} of {rows:?}");
    }
    // `fit` accepts the best recipe.
    let mut fit = bench.fit("again", &[]);
    let arguments: Vec<_> = fit.get_args().map(ToOwned::to_owned).collect();
    fit = std::process::Command::new(fit.get_program());
    fit.arg("fit").arg(bench.path("out/best.toml")).args(&arguments[2..]);
    assert!(fit.output().unwrap().status.success());
}

#[test]
fn trials_side_by_side_are_told_apart_and_all_are_kept() {
    let bench = Bench::new();
    search_over(
        &bench,
        "[search]\nmethod = \"grid\"\nprune = false\nat_once = 2\n[search.space]\n\
         \"optimizer.learning_rate\" = [1e-9, 0.01, 0.05]\n",
    );
    let output = search(&bench, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for trial in 1..=3 {
        // The third trial runs alone, so its lines have no prefix.
        let prefix = if trial < 3 { format!("trial {trial}: ") } else { String::new() };
        assert!(said.contains(&format!("\n{prefix}epoch 2/2: ")), "{said}");
    }
    let mut tried: Vec<String> =
        rows(&output).into_iter().map(|row| row[0].clone() + " " + &row[3]).collect();
    tried.sort();
    assert_eq!(tried, ["1 0.000000001", "2 0.01", "3 0.05"]);
    for trial in ["trial-000", "trial-001", "trial-002"] {
        assert!(bench.path("out").join(trial).join("report.json").exists(), "{trial}");
    }
}

#[test]
fn trials_that_read_the_same_rows_read_them_once() {
    let bench = Bench::new();
    search_over(&bench, "[search]\nmethod = \"grid\"\n[search.space]\n\"network.dropout\" = [0.0, 0.5]\n");
    let mut search = bench.command("search", "out", &["--set", "fit.epochs=2"]);
    let mut child = search.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("epoch 1/")));
    fs::remove_file(bench.path("data.csv")).unwrap();
    let said: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{said:?}");
}

const DRAWN: &str = "[search]\ntrials = 3\n[search.space]\n\
     \"optimizer.learning_rate\" = { from = 1e-3, to = 1e-1, log = true }\n\
     \"network.dropout\" = { from = 0.0, to = 0.5 }\n\"fit.batch\" = { from = 8, to = 32, step = 8 }\n";

#[test]
fn a_killed_search_goes_on_as_if_nothing_had_happened() {
    let (whole, killed) = (Bench::new(), Bench::new());
    search_over(&whole, DRAWN);
    search_over(&killed, DRAWN);
    let expected = rows(&search(&whole, &[]));
    assert_eq!(expected.len(), 3);
    let mut child =
        killed.command("search", "out", &["--set", "fit.epochs=2"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut trials = 0;
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        trials += usize::from(line.unwrap().starts_with("epoch 1/"));
        // In the middle of the second trial.
        if trials == 2 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    refused(&search(&killed, &[]), 2, "--resume");
    assert_eq!(rows(&search(&killed, &["--resume"])), expected);
}

#[test]
fn a_trial_that_diverges_is_recorded_and_the_search_goes_on() {
    let bench = Bench::new();
    search_over(
        &bench,
        "[search]\nmethod = \"grid\"\n[search.space]\n\"optimizer.learning_rate\" = [100.0, 0.05]\n",
    );
    let wild = ["--set", "fit.clip_norm=1000000", "--set", "fit.epochs=12"];
    let rows = rows(&search(&bench, &wild));
    assert_eq!(rows.len(), 2);
    assert_eq!((&*rows[0][3], &*rows[0][4]), ("0.05", "complete"));
    assert_eq!((&*rows[1][3], &*rows[1][4]), ("100.0", "diverged"));
}

#[test]
fn keys_of_one_optimizer_are_left_out_with_another() {
    let bench = Bench::new();
    search_over(
        &bench,
        "[search]\nmethod = \"grid\"\nprune = false\n[search.space]\n\"optimizer.epsilon\" = [1e-8, 0.1]\n\
         \"optimizer.name\" = [\"sgd\", \"adam\"]\n",
    );
    let output = search(&bench, &[]);
    let rows = rows(&output);
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row.last().unwrap() == "complete"), "{rows:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("trial 1: without optimizer.epsilon"), "{said}");
    // The two trials with SGD are one recipe: the second is not trained.
    assert!(said.contains("trial 3: the same recipe as trial 1"), "{said}");
}

#[test]
fn a_search_that_cannot_be_is_refused_before_it_begins() {
    for (search_section, word) in [
        ("", "[search]"),
        ("[search]\n[search.space]\n", "is empty"),
        ("[search]\n[search.space]\n\"network.droput\" = [0.1]\n", "droput"),
        ("[search]\n[search.space]\n\"network.dropout\" = [0.1, 1.5]\n", "network.dropout"),
        ("[search]\n[search.space]\n\"network.dropout\" = { from = 0.5, to = 0.1 }\n", "network.dropout"),
        ("[search]\n[search.space]\n\"network.dropout\" = 0.1\n", "a list of values or a range"),
        ("[search]\n[search.space]\n\"optimizer.epsilon\" = [0.1]\n", "optimizer.epsilon"),
        ("[search]\nmethod = \"luck\"\n[search.space]\n\"network.dropout\" = [0.1]\n", "luck"),
    ] {
        let bench = Bench::new();
        search_over(&bench, search_section);
        refused(&search(&bench, &[]), 78, word);
        assert!(!bench.path("out").exists());
    }
}
