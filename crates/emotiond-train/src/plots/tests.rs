use super::*;
use crate::{
    evaluate::Evaluation,
    examples::Examples,
    fixtures,
    history::{EpochRecord, RunReport, SplitReport},
    metrics::measure,
    recipe::LabelScheme,
};

fn evaluation() -> Evaluation {
    let rows: Vec<usize> = (0..60).collect();
    let spec = fixtures::recipe(&[]).input_spec();
    let examples = Examples::new(fixtures::dataset(60), &rows, LabelScheme::Seven, None, spec);
    let mut probabilities = vec![0.05; 60 * 7];
    for (index, row) in probabilities.chunks_mut(7).enumerate() {
        row[index * index % 7] = 0.7;
    }
    let classes: Vec<usize> = examples.items.iter().map(|item| item.class).collect();
    let all = measure(examples.labels, &probabilities, &classes);
    let report = SplitReport {
        split: "PublicTest".to_owned(),
        all,
        without_repeats: None,
        repeats: 0,
        clear_majority: None,
    };
    Evaluation { report, examples, probabilities, notes: Vec::new() }
}

fn run(epochs: usize) -> RunReport {
    let record = |epoch: usize| {
        let progress = 1.0 - (-(epoch as f64) / 12.0).exp();
        EpochRecord {
            epoch,
            learning_rate: 1e-3 * (1.0 - epoch as f64 / 60.0),
            train_loss: 1.8 - progress,
            train_accuracy: 0.25 + 0.45 * progress,
            validation_loss: 1.8 - 0.85 * progress,
            validation_accuracy: 0.25 + 0.4 * progress,
            images_per_s: 700.0,
            seconds: 41.0,
            ..EpochRecord::default()
        }
    };
    RunReport {
        name: "mini_xception".to_owned(),
        recipe: fixtures::recipe(&[]),
        parameters: 58_423,
        training_rows: 28_709,
        validation_rows: 3_589,
        notes: Vec::new(),
        epochs: (1..=epochs).map(record).collect(),
        best_epoch: Some(epochs).filter(|epoch| *epoch > 0),
        temperature: None,
        evaluation: None,
        test: None,
    }
}

/// The colours of a plot, to make sure that it is not empty.
fn colors(path: &Path) -> std::collections::HashSet<[u8; 3]> {
    image::open(path).unwrap().into_rgb8().pixels().map(|pixel| pixel.0).collect()
}

#[test]
fn every_picture_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    save_evaluation(folder.path(), &evaluation()).unwrap();
    save_curves(&folder.path().join("curves.png"), &run(40)).unwrap();
    save_samples(&folder.path().join("samples.png"), &fixtures::dataset(70)).unwrap();
    let runs = [("a".to_owned(), run(40)), ("b".to_owned(), run(25))];
    save_runs(&folder.path().join("runs.png"), &runs).unwrap();
    for name in ["confusion.png", "gallery.png", "mistakes.png", "curves.png", "runs.png", "samples.png"] {
        let path = folder.path().join(name);
        if let Some(keep) = std::env::var_os("EMOTIOND_KEEP_PLOTS") {
            fs::copy(&path, Path::new(&keep).join(name)).unwrap();
        }
        let colors = colors(&path);
        assert!(colors.contains(&[255; 3]) && colors.len() > 30, "{name} has {} colours", colors.len());
    }
    let validation = [0, 114, 178];
    assert!(colors(&folder.path().join("curves.png")).contains(&validation));
}

#[test]
fn a_run_without_an_epoch_and_one_of_a_single_epoch_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    for epochs in [0, 1] {
        save_curves(&folder.path().join("curves.png"), &run(epochs)).unwrap();
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/there.png");
    let error = save_curves(&path, &run(3)).unwrap_err().to_string();
    assert!(error.contains("there.png"), "{error}");
}
