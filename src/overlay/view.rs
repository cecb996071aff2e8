//! Composes the window's picture: the latest frames of the sources as tiles, and the display options set by keys.

use crate::{
    analysed::{Analysed, PipelineInfo},
    draw::{Artist, PanelRow, RateMeter, Rect, Scaler, fit, grid, live_status, mirror, mirrored},
    frame::Picture,
};
use emotiond_core::palette::color;
use std::{mem, time::Instant};

/// The keys and their help texts.
const KEYS: [(&str, &str); 6] = [
    ("q, Esc", "quit"),
    ("space", "freeze and resume"),
    ("m", "mirror"),
    ("b", "pixelate faces"),
    ("Tab", "next source or all sources"),
    ("h", "this help"),
];

/// How much an outdated picture is darkened, of 256.
const STALE: u32 = 150;

/// The state of the window.
#[derive(Default)]
pub struct View {
    stage: PipelineInfo,
    panes: Vec<Pane>,
    /// The source that is shown alone; `None` shows all.
    chosen: Option<usize>,
    is_frozen: bool,
    is_mirrored: bool,
    is_pixelated: bool,
    has_help: bool,
    artist: Artist,
    scaler: Scaler,
    canvas: Picture,
}

/// One source.
#[derive(Default)]
struct Pane {
    latest: Analysed,
    news: Option<String>,
    meter: RateMeter,
    status: String,
    /// The latest frame as drawn in its tile.
    drawn: Analysed,
    is_drawn: bool,
}

impl View {
    /// Replaces the sources.
    pub fn set_stage(&mut self, stage: PipelineInfo) {
        self.panes = stage.sources.iter().map(|_| Pane::default()).collect();
        self.chosen = None;
        self.stage = stage;
    }

    /// The number of sources.
    pub fn sources(&self) -> usize {
        self.panes.len()
    }

    /// Takes a frame; returns the previous frame's picture, so that its memory can be reused.
    pub fn take(&mut self, mut shown: Analysed, now: Instant) -> Picture {
        let Some(pane) = self.panes.get_mut(shown.source) else { return shown.picture };
        pane.is_drawn = false;
        pane.news = shown.news.take();
        if shown.picture.pixels.is_empty() {
            return shown.picture;
        }
        let rate = pane.meter.measure(shown.analysed, now);
        pane.status = live_status(&self.stage, &shown, rate);
        mem::replace(&mut pane.latest, shown).picture
    }

    /// Freezes or resumes the view.
    pub fn freeze(&mut self) {
        self.is_frozen = !self.is_frozen;
        self.draw_anew();
    }

    /// Whether the view is frozen and takes no frames.
    pub fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    /// Toggles mirroring.
    pub fn mirror(&mut self) {
        self.is_mirrored = !self.is_mirrored;
        self.draw_anew();
    }

    /// Toggles pixelation of faces.
    pub fn pixelate(&mut self) {
        self.is_pixelated = !self.is_pixelated;
        self.draw_anew();
    }

    /// Toggles the help.
    pub fn help(&mut self) {
        self.has_help = !self.has_help;
    }

    /// Shows the next source alone; after the last one, all sources.
    pub fn next_source(&mut self) {
        let next = self.chosen.map_or(0, |chosen| chosen + 1);
        self.chosen = (self.panes.len() > 1 && next < self.panes.len()).then_some(next);
        self.draw_anew();
    }

    fn draw_anew(&mut self) {
        self.panes.iter_mut().for_each(|pane| pane.is_drawn = false);
    }

    /// Composes the picture for a window of `width` x `height` pixels.
    pub fn compose(&mut self, width: u32, height: u32) -> &Picture {
        if (self.canvas.width, self.canvas.height) != (width, height) {
            self.canvas.resize(width, height);
            self.draw_anew();
        }
        self.canvas.pixels.fill(0);
        let whole = Rect::of(&self.canvas);
        let shown: Vec<usize> =
            self.chosen.map_or_else(|| (0..self.panes.len()).collect(), |chosen| vec![chosen]);
        for (index, tile) in shown.iter().zip(grid(shown.len(), whole)) {
            self.draw_pane(*index, tile);
        }
        if self.has_help {
            self.artist.draw_panel(&mut self.canvas, &help(&self.stage.labels));
        }
        &self.canvas
    }

    fn draw_pane(&mut self, index: usize, tile: Rect) {
        let Some(pane) = self.panes.get_mut(index) else { return };
        let Pane { latest, drawn, .. } = pane;
        let place = if latest.picture.pixels.is_empty() {
            tile
        } else {
            fit(latest.picture.width, latest.picture.height, tile)
        };
        if !pane.is_drawn {
            pane.is_drawn = true;
            if latest.picture.pixels.is_empty() {
                drawn.picture.resize(place.w as u32, place.h as u32);
                drawn.picture.pixels.fill(0);
            } else {
                self.scaler.scale_shown(latest, place.w as u32, place.h as u32, drawn);
            }
            if self.is_pixelated || self.stage.hides_faces {
                let mut picture = mem::take(&mut drawn.picture);
                self.artist.hide_faces(&mut picture, drawn, &self.stage.areas[index]);
                drawn.picture = picture;
            }
            if self.is_mirrored {
                mirror(&mut drawn.picture);
                let width = drawn.picture.width;
                drawn.faces.iter_mut().for_each(|face| face.bounds = mirrored(&face.bounds, width));
            }
            let mut picture = mem::take(&mut drawn.picture);
            self.artist.draw_areas(&mut picture, &self.stage.areas[index], self.is_mirrored);
            self.artist.draw_faces(&mut picture, drawn, &self.stage.labels);
            drawn.picture = picture;
            let name = &self.stage.sources[index];
            if let Some(news) = &pane.news {
                drawn.picture.cover(Rect::of(&drawn.picture), [0; 3], STALE);
                self.artist.draw_panel(&mut drawn.picture, &[row(name), row(news)]);
            } else if pane.status.is_empty() {
                self.artist.draw_panel(&mut drawn.picture, &[row(&format!("waiting for {name}"))]);
            }
            let frozen = if self.is_frozen { "frozen   " } else { "" };
            self.artist.draw_status(&mut drawn.picture, &format!("{frozen}{}", pane.status));
        }
        self.canvas.paste(&drawn.picture, place.x as u32, place.y as u32);
    }
}

fn row(text: &str) -> PanelRow {
    PanelRow { text: text.to_owned(), ..PanelRow::default() }
}

fn help(labels: &[String]) -> Vec<PanelRow> {
    let keys = KEYS.map(|(key, does)| PanelRow { key: key.to_owned(), ..row(does) });
    let emotions = labels
        .iter()
        .enumerate()
        .map(|(index, name)| PanelRow { patch: Some(color(name, index)), ..row(name) });
    keys.into_iter().chain(emotions).collect()
}
