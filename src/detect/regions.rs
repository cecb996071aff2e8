//! Regions: where a picture is searched if it is known where its faces were a moment ago.

use super::{DetectSettings, Detection, input::STRIDE, tiles::Tile};
use std::ops::Range;

/// Sides of a region in sides of its face: the face may move by one in any direction, and a detector needs some
/// surroundings.
const SIDES: f32 = 3.0;
/// A face is searched at the size that it has in a full search, but no larger than this, in pixels.
const ENOUGH_PX: f32 = 32.0;
/// A face lies in its region as in the whole picture, relative to the cells for small faces: the boxes of a network depend on
/// that a little.
const CELL_PX: f32 = 8.0;
/// What each run of a network costs beyond its pixels, in pixels.
const RUN_PX: u32 = 4096;
/// Regions are searched if they cost at most this part of a full search.
const WORTH: f32 = 0.5;

/// Replaces `regions` by those around `known` faces of a picture. Returns false if a full search costs little more.
pub(super) fn plan(
    regions: &mut Vec<Tile>,
    known: &[Detection],
    size: (u32, u32),
    settings: &DetectSettings,
) -> bool {
    let most = WORTH * settings.full_cost_px(size);
    let scale = settings.finest_scale(size);
    regions.clear();
    for face in known {
        let mut region = around(face, size, scale);
        let cheaper = |region: &Tile, other: &Tile| {
            let union = union(region, other);
            (cost_px(&union) <= cost_px(region) + cost_px(other)).then_some(union)
        };
        let mut index = 0;
        while index < regions.len() {
            if let Some(union) = cheaper(&region, &regions[index]) {
                region = union;
                regions.swap_remove(index);
                index = 0;
            } else {
                index += 1;
            }
        }
        regions.push(region);
    }
    regions.iter().map(cost_px).sum::<u32>() as f32 <= most
}

/// Whether the regions of so many faces, the smallest of this size, may cost less than a full search, even if half of each
/// is shared with another.
pub fn may_pay(count: u32, smallest_px: f32, size: (u32, u32), settings: &DetectSettings) -> bool {
    let side = SIDES * (smallest_px * settings.finest_scale(size)).min(ENOUGH_PX);
    0.5 * count as f32 * side * side <= WORTH * settings.full_cost_px(size)
}

/// The region around a face, as large as a network's input that needs no padding.
fn around(face: &Detection, (width, height): (u32, u32), finest: f32) -> Tile {
    let side = face.bounds.w.max(face.bounds.h).max(1.0);
    let scale = finest.min(ENOUGH_PX / side);
    let stride = STRIDE as f32 / scale;
    let length = (SIDES * side / stride).ceil() * stride;
    let cell = CELL_PX / scale;
    let span = |center: f32, whole: u32| -> Range<u32> {
        let length = (length as u32).min(whole);
        let start = ((center - length as f32 / 2.0) / cell).round() * cell;
        let start = start.clamp(0.0, (whole - length) as f32) as u32;
        start..start + length
    };
    let (x, y) = face.bounds.center();
    Tile { columns: span(x, width), rows: span(y, height), scale }
}

fn union(a: &Tile, b: &Tile) -> Tile {
    let span = |a: &Range<u32>, b: &Range<u32>| a.start.min(b.start)..a.end.max(b.end);
    Tile { columns: span(&a.columns, &b.columns), rows: span(&a.rows, &b.rows), scale: a.scale.max(b.scale) }
}

/// What the search of a tile costs, in pixels of the detector's input.
pub(super) fn cost_px(tile: &Tile) -> u32 {
    let side =
        |span: &Range<u32>| ((span.len() as f32 * tile.scale).ceil() as u32).next_multiple_of(STRIDE as u32);
    side(&tile.columns) * side(&tile.rows) + RUN_PX
}

#[cfg(test)]
mod tests {
    use super::*;
    use emotiond_core::geometry::BoundingBox;

    const SETTINGS: DetectSettings = DetectSettings {
        min_score: 0.3,
        min_face_px: 24.0,
        max_side_px: 960,
        nms_iou: 0.3,
        tiled_below_px: None,
    };

    fn planned(faces: &[(f32, f32, f32)]) -> Option<Vec<Tile>> {
        let known: Vec<Detection> = faces
            .iter()
            .map(|&(x, y, side)| Detection {
                bounds: BoundingBox::new(x, y, side, side),
                score: 0.9,
                landmarks: None,
                pose: None,
            })
            .collect();
        let mut regions = Vec::new();
        plan(&mut regions, &known, (1280, 720), &SETTINGS).then_some(regions)
    }

    #[test]
    fn each_face_has_room_to_move_and_neighbours_share_a_region() {
        let apart = planned(&[(100.0, 100.0, 40.0), (1000.0, 500.0, 40.0)]).unwrap();
        assert_eq!(apart.len(), 2);
        assert_eq!((apart[0].columns.clone(), apart[0].rows.clone()), (53..181, 53..181));
        assert_eq!(apart[0].side_px(), 96);
        let near = planned(&[(100.0, 100.0, 40.0), (150.0, 100.0, 40.0), (1000.0, 500.0, 40.0)]).unwrap();
        assert_eq!(near.len(), 2);
        // A region ends with the picture.
        let corner = planned(&[(1270.0, 0.0, 40.0)]).unwrap();
        assert_eq!((corner[0].columns.clone(), corner[0].rows.clone()), (1152..1280, 0..128));
    }

    #[test]
    fn a_large_face_is_searched_in_fewer_pixels_and_a_crowd_as_a_whole() {
        let large = planned(&[(300.0, 200.0, 128.0)]).unwrap();
        assert_eq!((large[0].side_px(), large[0].scale), (96, 0.25));
        let crowd: Vec<_> = (0..200).map(|n| ((n % 20 * 64) as f32, (n / 20 * 70) as f32, 40.0)).collect();
        assert_eq!(planned(&crowd), None);
    }
}
