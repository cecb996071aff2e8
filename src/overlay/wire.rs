//! The protocol of the pipe to the window's process: each message is a line of JSON; a frame's line is followed by its
//! pixels.

use crate::{
    analysed::{Analysed, PipelineInfo},
    frame::Picture,
};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};

/// The first line of a message.
#[derive(Serialize, Deserialize)]
enum Line<F> {
    PipelineInfo(PipelineInfo),
    /// Width, height, and the frame without its pixels.
    Frame(u32, u32, F),
}

/// A message.
pub(super) enum Message {
    /// What all following frames have in common.
    PipelineInfo(PipelineInfo),
    /// An analysed frame.
    Frame(Box<Analysed>),
}

pub(super) fn write_stage(out: &mut impl Write, stage: PipelineInfo) -> io::Result<()> {
    write_line(out, &Line::<()>::PipelineInfo(stage))
}

pub(super) fn write_frame(out: &mut impl Write, shown: &Analysed) -> io::Result<()> {
    let Picture { width, height, ref pixels } = shown.picture;
    write_line(out, &Line::Frame(width, height, shown))?;
    out.write_all(pixels)
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    out.write_all(&bytes)
}

/// Reads a message; `None` at the end. Pixels are read into `memory`, which becomes the frame's picture.
pub(super) fn read(input: &mut impl BufRead, memory: &mut Picture) -> io::Result<Option<Message>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_str(&line)? {
        Line::PipelineInfo(stage) => Message::PipelineInfo(stage),
        Line::Frame(width, height, shown) => {
            let mut shown: Box<Analysed> = shown;
            memory.resize(width, height);
            input.read_exact(&mut memory.pixels)?;
            shown.picture = std::mem::take(memory);
            Message::Frame(shown)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysed::AnalysedFace;
    use emotiond_core::geometry::BoundingBox;

    #[test]
    fn what_is_written_is_read() {
        let stage = PipelineInfo { sources: vec!["lobby".to_owned()], ..PipelineInfo::default() };
        let mut shown =
            Analysed { source: 3, news: Some("away\nfor long".to_owned()), ..Analysed::default() };
        shown.faces.push(AnalysedFace { track: 7, bounds: BoundingBox::new(1.5, -2.0, 3.0, 4.0) });
        shown.probabilities.extend([0.25, 0.75]);
        shown.picture.resize(2, 1);
        shown.picture.pixels.copy_from_slice(b"\n{}\n\n\0");
        let mut pipe = Vec::new();
        write_stage(&mut pipe, stage.clone()).unwrap();
        write_frame(&mut pipe, &shown).unwrap();
        let (mut input, mut memory) = (&pipe[..], Picture::default());
        let Some(Message::PipelineInfo(read_stage)) = read(&mut input, &mut memory).unwrap() else {
            panic!()
        };
        assert_eq!(read_stage, stage);
        let Some(Message::Frame(read_shown)) = read(&mut input, &mut memory).unwrap() else { panic!() };
        assert_eq!((read_shown.source, &read_shown.news), (3, &shown.news));
        assert_eq!((&read_shown.faces, &read_shown.probabilities), (&shown.faces, &shown.probabilities));
        assert_eq!((read_shown.picture.width, &read_shown.picture.pixels), (2, &shown.picture.pixels));
        assert!(read(&mut input, &mut memory).unwrap().is_none());
    }
}
