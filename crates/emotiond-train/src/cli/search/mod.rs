//! `emotiond-train search`.

mod plot;
mod trial;

use super::{open_device, print};
use crate::{
    cli::table::{Table, percent},
    fit::{BEST as BEST_CHECKPOINT, LAST as LAST_CHECKPOINT},
    hparams, plots,
    recipe::{Recipe, SearchSection},
    search::{End, Record, Search},
    threads,
};
use clap::Args;
use emotiond_core::{
    exit::{Exit, Failure},
    stderr::say,
};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use trial::Trials;

/// The file that records the trials.
const JOURNAL: &str = "trials.jsonl";
/// The recipe with which the search was started.
const STARTED_WITH: &str = "search.toml";
/// The best trial's recipe.
const BEST: &str = "best.toml";

/// Folder of the trials for TensorBoard's HParams dashboard.
const HPARAMS: &str = "hparams";

/// Arguments of `search`.
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// The training recipe; its section `[search]` defines which keys are varied.
    #[arg(value_name = "RECIPE.toml")]
    recipe: PathBuf,
    /// fer2013.csv or icml_face_data.csv, gzipped or not, or a folder train/EMOTION/*.png|jpg.
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Folder for the trials, the best recipe and the plot.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Resumes the search in the folder.
    #[arg(long)]
    resume: bool,
    /// Overrides a key of the recipe, for example `search.trials=10`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Device to train on: cpu, cuda, vulkan or wgpu.
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
}

/// Runs the trials, each with different values of the keys, and writes the best recipe.
///
/// # Errors
/// If the recipe, the data, the device or the output folder cannot be used; the failure carries the exit code.
pub fn run(args: &SearchArgs) -> Result<(), Failure> {
    let recipe = Recipe::load(&args.recipe, &args.overrides)?;
    let section = recipe.search.clone().ok_or_else(|| {
        Failure::new(
            Exit::Config,
            anyhow::anyhow!(
                "{} has no section [search]: list the keys to vary under [search.space], for example \
                 `\"optimizer.learning_rate\" = {{ from = 1e-4, to = 1e-2, log = true }}`",
                args.recipe.display()
            ),
        )
    })?;
    check_space(args, &section)?;
    if section.at_once == 1 {
        threads::join_pool();
    }
    let device = open_device(&args.device)?;
    begin_folder(args, &recipe)?;
    let search = Search::new(&section, &args.out.join(JOURNAL));
    let trials = Trials::new(args, &search, &device);
    loop {
        let round = search.begin()?;
        if round.is_empty() {
            break;
        }
        // Recorded in the order of their numbers, not of their ends, so that a resumed search repeats the same round.
        for (running, end) in trials.run_all(round)? {
            running.finish(&search, end)?;
        }
        let records = search.records()?;
        save_hparams(args, &search, &records)?;
        delete_checkpoints(args, &records);
    }
    conclude(args, &search, &section)
}

/// Rewrites the files for TensorBoard's HParams dashboard.
fn save_hparams(args: &SearchArgs, search: &Search, records: &[Record]) -> Result<(), Failure> {
    let folder = args.out.join(HPARAMS);
    let _ = fs::remove_dir_all(&folder);
    let keys: Vec<&str> = search.keys().collect();
    hparams::save(&folder, &keys, records).map_err(|error| Failure::new(Exit::Output, error))
}

/// Deletes the checkpoints of the trials that ended, except the best trial's best epoch: nothing reads them again, and a
/// search over a large network would fill the disk.
fn delete_checkpoints(args: &SearchArgs, records: &[Record]) {
    let best = best(records).map(|record| record.number);
    for number in records.iter().map(|record| record.number) {
        let folder = trial_folder(args, number);
        let _ = fs::remove_file(folder.join(LAST_CHECKPOINT));
        if Some(number) != best {
            let _ = fs::remove_file(folder.join(BEST_CHECKPOINT));
        }
    }
}

/// The complete trial with the highest accuracy, the first of equal ones.
fn best(records: &[Record]) -> Option<&Record> {
    // Reversed, because `max_by` returns the last of equal values.
    let complete = records.iter().rev().filter(|record| record.end == End::Complete.name());
    complete.max_by(|a, b| a.accuracy.total_cmp(&b.accuracy))
}

fn trial_folder(args: &SearchArgs, number: u64) -> PathBuf {
    args.out.join(format!("trial-{number:03}"))
}

/// Checks before the first trial that every key exists in the recipe, that its values are allowed, and that it has an
/// effect with at least one of the optimizers and schedules.
fn check_space(args: &SearchArgs, section: &SearchSection) -> Result<(), Failure> {
    let names = names(section);
    for (key, choice) in &section.space {
        let mut has_effect = false;
        for value in choice.grid(section.points) {
            for names in &names {
                let set = [&args.overrides[..], names, &[format!("{key}={value}")]].concat();
                let (_, left_out) = Recipe::load_trial(&args.recipe, &set)?;
                has_effect |= !left_out.contains(&key.as_str());
            }
        }
        if !has_effect {
            // The error of the recipe itself says to what the key belongs.
            let value = choice.grid(section.points).remove(0);
            Recipe::load(&args.recipe, &[&args.overrides[..], &[format!("{key}={value}")]].concat())?;
        }
    }
    Ok(())
}

/// The combinations of an optimizer and a schedule that a trial can have, as overrides.
fn names(section: &SearchSection) -> Vec<Vec<String>> {
    let mut combinations: Vec<Vec<String>> = vec![Vec::new()];
    for key in ["optimizer.name", "schedule.name"] {
        let Some(choice) = section.space.get(key) else { continue };
        let mut longer = Vec::new();
        for value in choice.grid(section.points) {
            let with = |names: &Vec<String>| [&names[..], &[format!("{key}={value}")]].concat();
            longer.extend(combinations.iter().map(with));
        }
        combinations = longer;
    }
    combinations
}

/// Prepares the folder of a new search, or checks that a resumed search has the same recipe.
fn begin_folder(args: &SearchArgs, recipe: &Recipe) -> Result<(), Failure> {
    let started_with = args.out.join(STARTED_WITH);
    let text = recipe.to_toml();
    let before = match fs::read(&started_with) {
        Err(error) if error.kind() == ErrorKind::NotFound => return write(&args.out, STARTED_WITH, &text),
        before => before.map_err(|error| {
            Failure::new(Exit::NoInput, anyhow::anyhow!("cannot read {}: {error}", started_with.display()))
        })?,
    };
    match args.resume {
        false => Err(Failure::new(
            Exit::Usage,
            anyhow::anyhow!(
                "{} already contains a search: continue it with --resume, or choose another --out",
                args.out.display()
            ),
        )),
        true if before != text.as_bytes() => Err(Failure::new(
            Exit::Config,
            anyhow::anyhow!(
                "the search in {} was started with another recipe: resume with that recipe, or choose another --out",
                args.out.display()
            ),
        )),
        true => Ok(()),
    }
}

/// The best recipe, the plot, and a table of all trials.
fn conclude(args: &SearchArgs, search: &Search, section: &SearchSection) -> Result<(), Failure> {
    let records = search.records()?;
    let keys: Vec<&str> = search.keys().collect();
    let Some(best) = best(&records) else {
        return Err(Failure::new(
            Exit::Config,
            anyhow::anyhow!("no trial was completed: try lower learning rates under [search.space]"),
        ));
    };
    let folder = trial_folder(args, best.number);
    let recipe = fs::read_to_string(folder.join("recipe.toml"))
        .map_err(|error| Failure::new(Exit::NoInput, anyhow::anyhow!("{}: {error}", folder.display())))?;
    write(&args.out, BEST, &recipe)?;
    plot::save(&args.out.join("search.png"), section, &records)?;
    let accuracies: Vec<f64> = records.iter().map(|record| record.accuracy).collect();
    plots::save_trials(&args.out.join("best_so_far.png"), &plot::title(section, &records), &accuracies)?;
    say(format_args!(
        "emotiond-train: wrote {}, search.png and best_so_far.png",
        args.out.join(BEST).display()
    ));
    print(&table(&keys, &records).to_string())
}

/// All trials in descending order of accuracy.
fn table(keys: &[&str], records: &[Record]) -> Table {
    let mut sorted: Vec<&Record> = records.iter().collect();
    sorted.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));
    let names = ["trial", "accuracy"].into_iter().chain(keys.iter().copied()).chain(["end"]);
    let mut table = Table::new(names);
    for record in sorted {
        let first = [(record.number + 1).to_string(), percent(record.accuracy)];
        table.row(first.into_iter().chain(record.values.iter().cloned()).chain([record.end.clone()]));
    }
    table
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    fs::create_dir_all(folder).and_then(|()| fs::write(folder.join(name), text)).map_err(|error| {
        Failure::new(Exit::Output, anyhow::anyhow!("cannot write {}: {error}", folder.join(name).display()))
    })
}
