//! FER+: the votes of ten taggers for each row of FER2013 (Barsoum et al. 2016), joined by row order.

use super::{
    Dataset, DatasetError, open,
    rows::{Rows, start_of},
};
use emotiond_core::labels::FERPLUS_LABELS;
use std::path::{Path, PathBuf};

/// The columns of FER+'s CSV that contain votes: its eight emotions, then `unknown` and `NF` (no face).
pub const VOTE_COLUMNS: [&str; 10] =
    ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"];

const FILE_NAMES: [&str; 2] = ["ferplus_votes.csv", "fer2013new.csv"];

/// The votes for one picture, in the order of [`VOTE_COLUMNS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Votes(pub [u8; 10]);

impl Votes {
    /// The number of votes for an emotion, given by its name in the label schemes.
    pub fn of(&self, emotion: &str) -> u8 {
        FERPLUS_LABELS.iter().position(|label| *label == emotion).map_or(0, |column| self.0[column])
    }

    /// The votes without outliers, that is without emotions that only one tagger chose, as FER+'s authors do. If every
    /// emotion has only one vote, all are kept.
    pub fn without_outliers(self) -> Self {
        if self.0.iter().all(|&votes| votes <= 1) {
            return self;
        }
        Self(self.0.map(|votes| if votes <= 1 { 0 } else { votes }))
    }

    /// The emotion of [`Votes::majority`], if it has more than half of all votes.
    pub fn clear_majority(&self) -> Option<usize> {
        let sum: u32 = self.0.iter().map(|&votes| u32::from(votes)).sum();
        self.majority().filter(|&emotion| 2 * u32::from(self.0[emotion]) > sum)
    }

    /// The emotion (an index into [`FERPLUS_LABELS`]) with the most votes; `None` on a tie, or if `unknown` or `NF` has
    /// the most votes.
    pub fn majority(&self) -> Option<usize> {
        let most = *self.0.iter().max()?;
        let mut leaders = (0..self.0.len()).filter(|&column| self.0[column] == most);
        let leader = leaders.next()?;
        (leaders.next().is_none() && leader < FERPLUS_LABELS.len()).then_some(leader)
    }
}

pub(super) fn join(dataset: &mut Dataset, file: Option<&Path>) -> Result<(), DatasetError> {
    let path = file.map_or_else(|| beside(&dataset.path), Path::to_owned);
    let input = open(&path).map_err(|source| DatasetError::Missing { path: path.clone(), source })?;
    let unreadable = |problem: String| DatasetError::unreadable(&path, problem);
    let mut rows = Rows::new(input);
    let header = rows.header().map_err(unreadable)?;
    let find = |wanted: &str| {
        header
            .iter()
            .position(|name| name.trim_ascii() == wanted.as_bytes())
            .ok_or_else(|| unreadable(format!("has no column `{wanted}`: give FER+'s CSV of votes")))
    };
    let usage = find("Usage")?;
    let columns = VOTE_COLUMNS.map(find).into_iter().collect::<Result<Vec<_>, _>>()?;
    let splits = dataset.splits.clone();
    for (index, sample) in dataset.samples.iter_mut().enumerate() {
        let row = rows.next().map_err(unreadable)?.ok_or_else(|| {
            unreadable(format!("ends before row {}, but the data has more rows", index + 1))
        })?;
        let at = |problem: String| unreadable(format!("{}: {problem}", row.place()));
        let split = &splits[sample.split];
        if row.cells[usage].trim_ascii() != split.as_bytes() {
            return Err(at(format!(
                "has the split {:?}, but {split:?} in the data: the rows must be in the order of the data",
                start_of(&row.cells[usage])
            )));
        }
        sample.votes = Some(parse(row.cells, &columns).map_err(at)?);
    }
    Ok(())
}

fn parse(cells: &csv::ByteRecord, columns: &[usize]) -> Result<Votes, String> {
    let mut votes = Votes::default();
    for (vote, column) in votes.0.iter_mut().zip(columns) {
        let cell = &cells[*column];
        let number = str::from_utf8(cell).ok().and_then(|text| text.trim().parse().ok());
        *vote =
            number.ok_or_else(|| format!("{:?} is not a number of votes from 0 to 255", start_of(cell)))?;
    }
    Ok(votes)
}

/// The file of votes in the folder of the data. If there is none, the first possible name, for the error message.
fn beside(data: &Path) -> PathBuf {
    let paths = FILE_NAMES.map(|name| data.with_file_name(name));
    paths.iter().find(|path| path.exists()).unwrap_or(&paths[0]).clone()
}
