//! Draws pictures for browsers.

use crate::{
    analysed::{Analysed, PipelineInfo},
    draw::{Artist, PanelRow, RateMeter, Rect, Scaler, fit, live_status, recorded_status},
    frame::Picture,
};
use std::time::Instant;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// The longest side of a picture.
const LONGEST_SIDE: i32 = 960;
/// Quality of the JPEG pictures: labels stay legible.
const QUALITY: i32 = 80;
/// The picture of a source that has not delivered one yet.
const PLACEHOLDER: (u32, u32) = (640, 480);
/// Opacity of the dark cover over the last picture of a source that is down, of 256.
const STALE: u32 = 160;

/// Draws; reuses its memory.
pub(super) struct Painter {
    stage: PipelineInfo,
    artist: Artist,
    scaler: Scaler,
    /// The last picture of each source, and its rate.
    panes: Vec<(Analysed, RateMeter)>,
    compressor: Option<Compressor>,
}

impl Painter {
    pub fn new(stage: PipelineInfo) -> Self {
        Self {
            panes: stage.sources.iter().map(|_| Default::default()).collect(),
            stage,
            artist: Artist::default(),
            scaler: Scaler::default(),
            compressor: compressor(),
        }
    }

    /// The name of a source.
    pub fn source(&self, number: usize) -> &str {
        &self.stage.sources[number]
    }

    /// The annotated picture as JPEG, or the last one with the reason why there is no new one; none if it cannot be
    /// encoded.
    pub fn paint(&mut self, shown: &Analysed) -> Option<Vec<u8>> {
        let Self { stage, artist, scaler, panes, compressor } = self;
        let (drawn, meter) = &mut panes[shown.source];
        let compressor = compressor.as_mut()?;
        if shown.picture.pixels.is_empty() {
            let mut stale = Picture::default();
            stale.copy_from(&drawn.picture);
            if stale.pixels.is_empty() {
                stale.resize(PLACEHOLDER.0, PLACEHOLDER.1);
                stale.pixels.fill(0);
            }
            stale.cover(Rect::of(&stale), [0; 3], STALE);
            let texts = std::iter::once(&stage.sources[shown.source]).chain(&shown.news);
            let rows: Vec<_> =
                texts.map(|text| PanelRow { text: text.clone(), ..PanelRow::default() }).collect();
            artist.draw_panel(&mut stale, &rows);
            return encode(compressor, &stale);
        }
        let Picture { width, height, .. } = shown.picture;
        let side = LONGEST_SIDE.min(width.max(height) as i32);
        let place = fit(width, height, Rect::new(0, 0, side, side));
        scaler.scale_shown(shown, place.w as u32, place.h as u32, drawn);
        artist.draw_on(drawn, stage);
        let line = match shown.pts_ms {
            Some(_) => recorded_status(stage, shown),
            None => live_status(stage, shown, meter.measure(shown.analysed, Instant::now())),
        };
        artist.draw_status(&mut drawn.picture, &line);
        encode(compressor, &drawn.picture)
    }
}

fn compressor() -> Option<Compressor> {
    let mut compressor = Compressor::new().ok()?;
    compressor.set_quality(QUALITY).ok()?;
    compressor.set_subsamp(Subsamp::Sub2x2).ok()?;
    Some(compressor)
}

fn encode(compressor: &mut Compressor, picture: &Picture) -> Option<Vec<u8>> {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let image =
        Image { pixels: &picture.pixels[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painter() -> Painter {
        let sources = vec!["door".to_owned()];
        Painter::new(PipelineInfo { sources, areas: vec![Default::default()], ..PipelineInfo::default() })
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        let header = turbojpeg::read_header(jpeg).unwrap();
        (header.width as u32, header.height as u32)
    }

    #[test]
    fn pictures_are_small_and_the_last_one_stays_while_the_source_is_down() {
        let mut painter = painter();
        let news = Analysed { news: Some("unplugged".to_owned()), ..Analysed::default() };
        assert_eq!(size(&painter.paint(&news).unwrap()), PLACEHOLDER);
        let mut shown = Analysed::default();
        shown.picture.resize(1920, 1080);
        assert_eq!(size(&painter.paint(&shown).unwrap()), (960, 540));
        shown.picture.resize(320, 240);
        assert_eq!(size(&painter.paint(&shown).unwrap()), (320, 240));
        assert_eq!(size(&painter.paint(&news).unwrap()), (320, 240));
    }
}
