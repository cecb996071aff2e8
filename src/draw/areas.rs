//! Draws masks and zones.

use super::{Artist, DARK, GROUND, Rect, Sizes, WHITE};
use crate::{
    areas::{Areas, Polygon},
    frame::Picture,
};
use emotiond_core::palette::Rgb;

/// Colour of a zone's outline and name.
const ZONE: Rgb = [120, 220, 255];

/// Darkens masks and outlines zones; with `is_mirrored`, for a picture that was mirrored.
pub(super) fn draw(artist: &mut Artist, picture: &mut Picture, areas: &Areas, is_mirrored: bool) {
    let Sizes { text, line } = Sizes::of(picture.width, picture.height);
    for polygon in &areas.mask {
        cover(picture, &corners(polygon, picture, is_mirrored), DARK, GROUND);
    }
    for zone in &areas.zones {
        let corners = corners(&zone.polygon, picture, is_mirrored);
        outline(picture, &corners, line, ZONE);
        let Some([x, y]) = corners.iter().copied().min_by(|a, b| (a[1] + a[0]).total_cmp(&(b[1] + b[0])))
        else {
            continue;
        };
        let (width, height) = (artist.text.width(&zone.name, text) + text as i32, text as i32 * 4 / 3);
        let plate = Rect::new(x as i32, y as i32, width, height).moved_into(&Rect::of(picture));
        picture.cover(plate, DARK, GROUND);
        let place = Rect { x: plate.x + text as i32 / 2, ..plate };
        artist.text.draw(picture, &zone.name, place, text, WHITE);
    }
}

/// Covers the masks: faces in them are not looked for.
pub(super) fn hide_masks(picture: &mut Picture, areas: &Areas) {
    for polygon in &areas.mask {
        cover(picture, &corners(polygon, picture, false), DARK, 256);
    }
}

/// The corners in pixels.
fn corners(polygon: &Polygon, picture: &Picture, is_mirrored: bool) -> Vec<[f32; 2]> {
    let (width, height) = (picture.width as f32, picture.height as f32);
    let pixel = |&[x, y]: &[f32; 2]| [if is_mirrored { 1.0 - x } else { x } * width, y * height];
    polygon.corners().iter().map(pixel).collect()
}

/// Blends `ink` over the inside of a polygon with the opacity `alpha`, 0 to 256, row by row.
fn cover(picture: &mut Picture, corners: &[[f32; 2]], ink: Rgb, alpha: u32) {
    let mut crossings = Vec::new();
    for row in 0..picture.height as i32 {
        let y = row as f32 + 0.5;
        crossings.clear();
        let crossed = edges(corners).filter(|([_, y1], [_, y2])| (*y1 > y) != (*y2 > y));
        crossings.extend(crossed.map(|([x1, y1], [x2, y2])| x1 + (y - y1) / (y2 - y1) * (x2 - x1)));
        crossings.sort_by(f32::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let (from, to) = (pair[0].round() as i32, pair[1].round() as i32);
            picture.cover(Rect::new(from, row, to - from, 1), ink, alpha);
        }
    }
}

/// Draws the outline of a polygon, `line` pixels thick.
fn outline(picture: &mut Picture, corners: &[[f32; 2]], line: i32, ink: Rgb) {
    for ([x1, y1], [x2, y2]) in edges(corners) {
        let steps = (x2 - x1).abs().max((y2 - y1).abs()).ceil().max(1.0);
        for step in 0..=steps as u32 {
            let part = step as f32 / steps;
            let (x, y) = ((x1 + part * (x2 - x1)) as i32, (y1 + part * (y2 - y1)) as i32);
            picture.fill(Rect::new(x - line / 2, y - line / 2, line, line), ink);
        }
    }
}

fn edges(corners: &[[f32; 2]]) -> impl Iterator<Item = ([f32; 2], [f32; 2])> {
    corners.iter().copied().zip(corners.iter().copied().cycle().skip(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::areas::Zone;

    #[test]
    fn a_mask_is_dark_and_a_zone_has_an_outline() {
        let mut picture = Picture::default();
        picture.resize(200, 100);
        picture.pixels.fill(255);
        let polygon = |corners: &[[f32; 2]]| Polygon::try_from(corners.to_vec()).unwrap();
        let areas = Areas {
            mask: vec![polygon(&[[0.0, 0.0], [0.25, 0.0], [0.25, 1.0], [0.0, 1.0]])],
            zones: vec![Zone {
                name: "front".to_owned(),
                polygon: polygon(&[[0.5, 0.2], [0.9, 0.2], [0.9, 0.9], [0.5, 0.9]]),
            }],
        };
        draw(&mut Artist::default(), &mut picture, &areas, false);
        let pixel = |picture: &Picture, x: u32, y: u32| picture.view().row(y)[x as usize * 3..][..3].to_vec();
        assert!(pixel(&picture, 48, 50)[0] < 128 && pixel(&picture, 52, 50) == [255; 3]);
        assert!(pixel(&picture, 180, 50) == ZONE && pixel(&picture, 140, 80) == [255; 3]);
        picture.pixels.fill(255);
        draw(&mut Artist::default(), &mut picture, &areas, true);
        assert!(pixel(&picture, 152, 50)[0] < 128 && pixel(&picture, 20, 50) == ZONE);
    }
}
