//! Non-maximum suppression.

use super::Detection;

/// Greedy non-maximum suppression: sorts by descending score and removes each box whose IoU with a kept box is above
/// `max_iou`.
pub fn suppress(found: &mut Vec<Detection>, max_iou: f32) {
    found
        .sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.bounds.x.total_cmp(&b.bounds.x)));
    let mut kept = 0;
    for candidate in 0..found.len() {
        let face = found[candidate];
        if found[..kept].iter().all(|better| better.bounds.iou(&face.bounds) <= max_iou) {
            found[kept] = face;
            kept += 1;
        }
    }
    found.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use emotiond_core::geometry::BoundingBox;
    use proptest::prelude::*;

    fn face(x: f32, y: f32, w: f32, h: f32, score: f32) -> Detection {
        Detection { bounds: BoundingBox::new(x, y, w, h), score, landmarks: None, pose: None }
    }

    #[test]
    fn the_best_of_two_stays() {
        let mut found = vec![
            face(0.0, 0.0, 10.0, 10.0, 0.5),
            face(1.0, 0.0, 10.0, 10.0, 0.9),
            face(50.0, 0.0, 10.0, 10.0, 0.1),
        ];
        suppress(&mut found, 0.3);
        assert_eq!(found.iter().map(|f| f.score).collect::<Vec<_>>(), [0.9, 0.1]);
    }

    proptest! {
        #[test]
        fn what_stays_is_sorted_and_apart_and_what_goes_was_covered(
            boxes in prop::collection::vec((0f32..100.0, 0f32..100.0, 1f32..50.0, 1f32..50.0, 0f32..1.0), 0..40),
            max_iou in 0.05f32..0.95,
        ) {
            let all: Vec<Detection> = boxes.iter().map(|&(x, y, w, h, s)| face(x, y, w, h, s)).collect();
            let mut kept = all.clone();
            suppress(&mut kept, max_iou);
            prop_assert!(kept.windows(2).all(|pair| pair[0].score >= pair[1].score));
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(kept[..i].iter().all(|b| a.bounds.iou(&b.bounds) <= max_iou));
            }
            for lost in all.iter().filter(|face| !kept.contains(face)) {
                prop_assert!(kept.iter().any(|k| k.score >= lost.score && k.bounds.iou(&lost.bounds) > max_iou));
            }
        }
    }
}
