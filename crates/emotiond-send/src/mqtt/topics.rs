//! The topics. Names of sources become one level each.

use crate::slugs::Slugs;

/// The topics of a device.
pub struct Topics {
    /// Prefix and device.
    base: String,
    levels: Slugs,
}

impl Topics {
    /// The topics of `device` below `prefix`.
    pub fn new(prefix: &str, device: &str) -> Self {
        Self { base: format!("{prefix}/{device}"), levels: Slugs::default() }
    }

    /// A topic of the device.
    pub fn of_device(&self, rest: &str) -> String {
        format!("{}/{rest}", self.base)
    }

    /// A topic of a source.
    pub fn of(&self, level: &str, rest: &str) -> String {
        format!("{}/{level}/{rest}", self.base)
    }

    /// The level of a source.
    pub fn level(&mut self, source: &str) -> String {
        self.levels.of(source)
    }

    /// The source whose topic `rest` this is.
    pub fn source_of(&self, topic: &str, rest: &str) -> Option<&str> {
        let level =
            topic.strip_prefix(&self.base)?.strip_prefix('/')?.strip_suffix(rest)?.strip_suffix('/')?;
        self.levels.source(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_leads_to_its_source() {
        let mut topics = Topics::new("emotiond", "box1");
        assert_eq!(topics.level("front.door"), "front_door");
        assert_eq!(topics.source_of("emotiond/box1/front_door/set", "set"), Some("front.door"));
        assert_eq!(topics.source_of("emotiond/box2/front_door/set", "set"), None);
    }
}
