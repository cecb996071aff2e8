//! Names of sources as parts of topics and addresses: letters, digits, `_` and `-`, different for each source.

use crate::settings::slug;
use std::collections::BTreeMap;

/// The slug of each source that was named so far.
#[derive(Default)]
pub struct Slugs(BTreeMap<String, String>);

impl Slugs {
    /// The slug of a source. If another source has the same one, a number makes it different.
    pub fn of(&mut self, source: &str) -> String {
        if let Some(known) = self.0.get(source) {
            return known.clone();
        }
        let plain = slug(source);
        let plain = if plain.is_empty() { "source".to_owned() } else { plain };
        let mut free = plain.clone();
        let mut number = 2;
        while self.0.values().any(|taken| *taken == free) {
            free = format!("{plain}_{number}");
            number += 1;
        }
        self.0.insert(source.to_owned(), free.clone());
        free
    }

    /// The source with this slug.
    pub fn source(&self, slug: &str) -> Option<&str> {
        self.0.iter().find(|(_, known)| *known == slug).map(|(source, _)| source.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_stay_apart() {
        let mut slugs = Slugs::default();
        let told = ["front door", "front.door", "front_door", "front_door_2", "Küche", ""]
            .map(|name| slugs.of(name));
        assert_eq!(told, ["front_door", "front_door_2", "front_door_3", "front_door_2_2", "K_che", "source"]);
        assert_eq!(slugs.of("front.door"), "front_door_2");
        assert_eq!(slugs.source("front_door_2"), Some("front.door"));
    }
}
