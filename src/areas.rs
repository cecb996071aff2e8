//! Areas of a source's picture: masks, in which faces are ignored, and named zones. Coordinates are parts of the
//! picture's width and height.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A polygon with at least three corners, each as x and y, 0 to 1.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Vec<[f32; 2]>")]
pub struct Polygon(Vec<[f32; 2]>);

/// A named zone.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Name in the events.
    pub name: String,
    /// Its outline.
    pub polygon: Polygon,
}

/// The areas of a source.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Areas {
    /// Faces whose centre is in one of these are ignored, and changes of the picture in them.
    pub mask: Vec<Polygon>,
    /// Faces whose centre is in one of these are reported with its name.
    pub zones: Vec<Zone>,
}

impl Polygon {
    /// The corners, as x and y.
    pub fn corners(&self) -> &[[f32; 2]] {
        &self.0
    }

    /// Whether the point is inside: a ray to the right of it crosses the outline an odd number of times.
    pub fn contains(&self, [x, y]: [f32; 2]) -> bool {
        let previous = self.0.iter().cycle().skip(self.0.len() - 1);
        let crosses = |[x1, y1]: [f32; 2], [x2, y2]: [f32; 2]| {
            (y1 > y) != (y2 > y) && x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)
        };
        self.0.iter().zip(previous).filter(|(from, to)| crosses(**from, **to)).count() % 2 == 1
    }
}

impl TryFrom<Vec<[f32; 2]>> for Polygon {
    type Error = String;

    fn try_from(corners: Vec<[f32; 2]>) -> Result<Self, String> {
        if corners.len() < 3 {
            return Err(format!("a polygon has {} corners, but needs at least three", corners.len()));
        }
        if let Some(wrong) = corners.iter().flatten().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(format!(
                "a polygon's corner has the coordinate {wrong}; write parts of the picture's width and height, 0 to 1"
            ));
        }
        Ok(Self(corners))
    }
}

impl Areas {
    /// Whether faces at this point are ignored.
    pub fn ignores(&self, point: [f32; 2]) -> bool {
        self.mask.iter().any(|polygon| polygon.contains(point))
    }
}

/// Reads zones, whose names must differ.
///
/// # Errors
/// When a zone has no name, or two have the same.
pub fn zones<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Zone>, D::Error> {
    let zones = Vec::<Zone>::deserialize(deserializer)?;
    for (index, zone) in zones.iter().enumerate() {
        if zone.name.is_empty() {
            return Err(D::Error::custom("a zone has no name"));
        }
        if zones[..index].iter().any(|other| other.name == zone.name) {
            return Err(D::Error::custom(format!("two zones are called `{}`", zone.name)));
        }
    }
    Ok(zones)
}

/// The zones that contain a point, written as a list of names.
#[derive(Clone, Copy)]
pub struct ZonesAt<'a> {
    /// All zones of the source.
    pub zones: &'a [Zone],
    /// The point.
    pub point: [f32; 2],
}

impl Serialize for ZonesAt<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let containing = self.zones.iter().filter(|zone| zone.polygon.contains(self.point));
        serializer.collect_seq(containing.map(|zone| &zone.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polygon(corners: &[[f32; 2]]) -> Polygon {
        corners.to_vec().try_into().unwrap()
    }

    #[test]
    fn a_point_is_inside_whatever_the_shape() {
        // The letter L.
        let shape = polygon(&[[0.1, 0.1], [0.3, 0.1], [0.3, 0.7], [0.9, 0.7], [0.9, 0.9], [0.1, 0.9]]);
        for (point, expected) in [
            ([0.2, 0.2], true),
            ([0.8, 0.8], true),
            ([0.6, 0.4], false),
            ([0.05, 0.5], false),
            ([0.95, 0.8], false),
            ([0.2, 0.95], false),
        ] {
            assert_eq!(shape.contains(point), expected, "{point:?}");
        }
    }

    #[test]
    fn two_polygons_with_a_common_edge_share_no_point() {
        let left = polygon(&[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]);
        let right = polygon(&[[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]);
        for x in 1..100 {
            let point = [x as f32 / 100.0, 0.5];
            assert!(left.contains(point) != right.contains(point), "{point:?}");
        }
    }

    #[test]
    fn what_is_no_polygon_is_refused() {
        assert!(Polygon::try_from(vec![[0.0, 0.0], [1.0, 1.0]]).unwrap_err().contains("three"));
        assert!(Polygon::try_from(vec![[0.0, 0.0], [1.0, 1.0], [0.0, 1.5]]).unwrap_err().contains("1.5"));
    }
}
