//! Counts the rows of a data set and finds repeated, contradictory and constant pictures.

use super::dataset::{Dataset, repeats};
use emotiond_core::labels::EMOTIONS;
use serde::Serialize;
use std::collections::HashMap;

/// The survey of a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Survey {
    /// The splits, in the order of the data.
    pub splits: Vec<SplitSurvey>,
    /// Pairs of splits, `a` before `b`, that share pictures.
    pub overlaps: Vec<Overlap>,
    /// Number of pictures that occur with different emotions, over all splits.
    pub contradictions: usize,
}

/// The survey of a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitSurvey {
    /// Its name.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// Number of rows of each emotion that occurs in the data.
    pub emotions: Vec<(&'static str, usize)>,
    /// Number of rows that repeat an earlier row of the split.
    pub duplicates: usize,
    /// Number of pictures of a single colour.
    pub constant: usize,
    /// The origins of the constant pictures.
    pub constant_rows: Vec<String>,
}

/// Pictures that two splits share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overlap {
    /// The earlier split.
    pub a: String,
    /// The later split.
    pub b: String,
    /// Number of rows of `b` whose picture is also in `a`.
    pub rows_of_b: usize,
}

/// Surveys `dataset`.
pub fn survey(dataset: &Dataset) -> Survey {
    let rows: Vec<Vec<usize>> = (0..dataset.splits.len()).map(|split| dataset.rows(split)).collect();
    let present: Vec<usize> = (0..EMOTIONS.len())
        .filter(|emotion| dataset.samples.iter().any(|sample| sample.emotion == *emotion))
        .collect();
    let splits = dataset.splits.iter().zip(&rows);
    let splits = splits.map(|(name, rows)| survey_split(dataset, name, rows, &present)).collect();
    let mut overlaps = Vec::new();
    for b in 0..rows.len() {
        for a in 0..b {
            let rows_of_b =
                repeats(dataset, &rows[b], &rows[a]).into_iter().filter(|repeated| *repeated).count();
            if rows_of_b > 0 {
                overlaps.push(Overlap {
                    a: dataset.splits[a].clone(),
                    b: dataset.splits[b].clone(),
                    rows_of_b,
                });
            }
        }
    }
    Survey { splits, overlaps, contradictions: contradictions(dataset) }
}

fn survey_split(dataset: &Dataset, name: &str, rows: &[usize], present: &[usize]) -> SplitSurvey {
    let samples = || rows.iter().map(|&row| &dataset.samples[row]);
    let of_emotion = |emotion| samples().filter(|sample| sample.emotion == emotion).count();
    let mut seen = std::collections::HashSet::new();
    let constant_rows: Vec<String> =
        samples().filter(|sample| sample.constant).map(|sample| sample.origin.clone()).collect();
    SplitSurvey {
        name: name.to_owned(),
        rows: rows.len(),
        emotions: present.iter().map(|&emotion| (EMOTIONS[emotion], of_emotion(emotion))).collect(),
        duplicates: samples().filter(|sample| !seen.insert(sample.hash)).count(),
        constant: constant_rows.len(),
        constant_rows,
    }
}

/// Number of pictures that occur with more than one emotion.
fn contradictions(dataset: &Dataset) -> usize {
    let mut emotions: HashMap<u128, (usize, bool)> = HashMap::new();
    for sample in &dataset.samples {
        let entry = emotions.entry(sample.hash).or_insert((sample.emotion, false));
        entry.1 |= entry.0 != sample.emotion;
    }
    emotions.values().filter(|(_, contradicts)| *contradicts).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn repeats_are_counted_within_and_across_splits() {
        let mut dataset = Dataset::clone(&fixtures::dataset(50));
        let repeat = |dataset: &mut Dataset, to: usize, from: usize| {
            dataset.samples[to].hash = dataset.samples[from].hash;
        };
        // Within Training twice, within PublicTest once, across twice.
        repeat(&mut dataset, 7, 0);
        repeat(&mut dataset, 1, 0);
        repeat(&mut dataset, 45, 44);
        repeat(&mut dataset, 48, 0);
        repeat(&mut dataset, 49, 3);
        dataset.samples[49].constant = true;
        let survey = survey(&dataset);
        assert_eq!(
            survey.splits.iter().map(|s| (s.rows, s.duplicates)).collect::<Vec<_>>(),
            [(40, 2), (10, 1)]
        );
        let overlap = Overlap { a: "Training".to_owned(), b: "PublicTest".to_owned(), rows_of_b: 2 };
        assert_eq!(survey.overlaps, [overlap]);
        assert_eq!(survey.splits[1].constant_rows, ["row 50"]);
        // Rows 0, 1 and 48; rows 44 and 45. Rows 3 and 49 are fear and angry, too; 0 and 7 alone agree.
        assert_eq!(survey.contradictions, 3);
    }
}
