//! The topics. Names of sources become one level each, of letters, digits, `_` and `-`.

use crate::settings::slug;
use std::collections::BTreeMap;

/// The topics of a device.
pub struct Topics {
    /// Prefix and device.
    base: String,
    /// The level of each source, by its name.
    levels: BTreeMap<String, String>,
}

impl Topics {
    /// The topics of `device` below `prefix`.
    pub fn new(prefix: &str, device: &str) -> Self {
        Self { base: format!("{prefix}/{device}"), levels: BTreeMap::new() }
    }

    /// A topic of the device.
    pub fn of_device(&self, rest: &str) -> String {
        format!("{}/{rest}", self.base)
    }

    /// A topic of a source.
    pub fn of(&self, level: &str, rest: &str) -> String {
        format!("{}/{level}/{rest}", self.base)
    }

    /// The level of a source. If another source has the same one, a number makes it different.
    pub fn level(&mut self, source: &str) -> String {
        if let Some(level) = self.levels.get(source) {
            return level.clone();
        }
        let slug = slug(source);
        let slug = if slug.is_empty() { "source".to_owned() } else { slug };
        let mut level = slug.clone();
        let mut number = 2;
        while self.levels.values().any(|taken| *taken == level) {
            level = format!("{slug}_{number}");
            number += 1;
        }
        self.levels.insert(source.to_owned(), level.clone());
        level
    }

    /// The source whose topic `rest` this is.
    pub fn source_of(&self, topic: &str, rest: &str) -> Option<&str> {
        let level =
            topic.strip_prefix(&self.base)?.strip_prefix('/')?.strip_suffix(rest)?.strip_suffix('/')?;
        self.levels.iter().find(|(_, known)| *known == level).map(|(source, _)| source.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_stay_apart() {
        let mut topics = Topics::new("emotiond", "box1");
        let levels = ["front door", "front.door", "front_door", "front_door_2", "Küche", ""]
            .map(|name| topics.level(name));
        assert_eq!(
            levels,
            ["front_door", "front_door_2", "front_door_3", "front_door_2_2", "K_che", "source"]
        );
        assert_eq!(topics.level("front.door"), "front_door_2");
        assert_eq!(topics.source_of("emotiond/box1/front_door_2/set", "set"), Some("front.door"));
        assert_eq!(topics.source_of("emotiond/box2/front_door_2/set", "set"), None);
    }
}
