//! `emotiond-train data`.

use super::{print, table::Table};
use crate::{
    dataset::Dataset,
    plots,
    survey::{SplitSurvey, Survey, survey},
};
use clap::Args;
use emotiond_core::{classify::description::InputSpec, exit::Failure};
use std::path::PathBuf;

/// Arguments of `data`.
#[derive(Args, Debug)]
pub struct DataArgs {
    /// fer2013.csv or icml_face_data.csv, gzipped or not, or a folder train/EMOTION/*.png|jpg.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Prints JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Writes a sheet that shows the effect of each [augment] key of a recipe on pictures of this data.
    #[arg(long, value_name = "SHEET.png")]
    augmented: Option<PathBuf>,
    /// Writes a sheet with the number of pictures of each emotion and ten of them.
    #[arg(long, value_name = "SHEET.png")]
    samples: Option<PathBuf>,
}

/// Prints counts by split and class, duplicates and constant pictures.
///
/// # Errors
/// If the data cannot be read; the failure carries the exit code.
pub fn run(args: &DataArgs) -> Result<(), Failure> {
    let dataset = Dataset::load(&args.path, &InputSpec::fer2013())?;
    if let Some(sheet) = &args.augmented {
        plots::save_augmented(sheet, &dataset)?;
    }
    if let Some(sheet) = &args.samples {
        plots::save_samples(sheet, &dataset)?;
    }
    let survey = survey(&dataset);
    if args.json {
        let json = serde_json::to_string_pretty(&survey).expect("a survey can be written as JSON");
        return print(&format!("{json}\n"));
    }
    print(&render(&survey))
}

fn render(survey: &Survey) -> String {
    let mut text = counts(survey).to_string();
    text.push('\n');
    for split in &survey.splits {
        text.push_str(&format!(
            "{}: {} rows repeat an earlier row of the split\n",
            split.name, split.duplicates
        ));
    }
    for overlap in &survey.overlaps {
        text.push_str(&format!(
            "{}: {} rows repeat a picture of {}\n",
            overlap.b, overlap.rows_of_b, overlap.a
        ));
    }
    text.push_str(&format!("All: {} pictures occur with more than one emotion\n", survey.contradictions));
    for split in &survey.splits {
        text.push_str(&constant(split));
    }
    text
}

fn counts(survey: &Survey) -> Table {
    let emotions = survey.splits.first().map_or(&[][..], |split| &split.emotions);
    let mut table = Table::new(["split", "rows"].into_iter().chain(emotions.iter().map(|(name, _)| *name)));
    for split in &survey.splits {
        let figures = [split.rows].into_iter().chain(split.emotions.iter().map(|(_, count)| *count));
        table.row([split.name.clone()].into_iter().chain(figures.map(|figure| figure.to_string())));
    }
    table
}

fn constant(split: &SplitSurvey) -> String {
    const SHOWN: usize = 12;
    let mut rows = split.constant_rows.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if split.constant > SHOWN {
        rows.push_str(", ...");
    }
    match split.constant {
        0 => format!("{}: no constant picture\n", split.name),
        count => format!("{}: {count} constant pictures ({rows})\n", split.name),
    }
}
