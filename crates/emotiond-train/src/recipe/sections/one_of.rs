//! Keys that accept one of several kinds of value. Written by hand, because serde's untagged enums lose the line
//! number.

use super::{ClassWeights, Freeze, HeldOut};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Unexpected, Visitor},
};
use std::fmt;

impl Serialize for HeldOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Split(name) => serializer.serialize_str(name),
            Self::Fraction(part) => serializer.serialize_f64(*part),
        }
    }
}

impl<'de> Deserialize<'de> for HeldOut {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = HeldOut;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a split's name or a fraction of the training split")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<HeldOut, E> {
                Ok(HeldOut::Split(name.to_owned()))
            }

            fn visit_f64<E: Error>(self, part: f64) -> Result<HeldOut, E> {
                Ok(HeldOut::Fraction(part))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::List(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ClassWeights;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("\"none\", \"balanced\" or a list of one weight per class")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<ClassWeights, E> {
                match name {
                    "none" => Ok(ClassWeights::None),
                    "balanced" => Ok(ClassWeights::Balanced),
                    other => Err(E::invalid_value(Unexpected::Str(other), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ClassWeights, A::Error> {
                let mut weights = Vec::new();
                while let Some(weight) = list.next_element()? {
                    weights.push(weight);
                }
                Ok(ClassWeights::List(weights))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Serialize for Freeze {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Convolutions(count) => count.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Freeze {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Freeze;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("\"all\" or a number of convolutions")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Freeze, E> {
                match name {
                    "all" => Ok(Freeze::All),
                    other => Err(E::invalid_value(Unexpected::Str(other), &self)),
                }
            }

            fn visit_i64<E: Error>(self, count: i64) -> Result<Freeze, E> {
                usize::try_from(count)
                    .map(Freeze::Convolutions)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(count), &self))
            }

            // Numbers in a report's JSON are unsigned; those in TOML are signed.
            fn visit_u64<E: Error>(self, count: u64) -> Result<Freeze, E> {
                Ok(Freeze::Convolutions(count as usize))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// One path, or a list of them.
pub(super) mod path_or_list {
    use serde::{
        Deserializer, Serialize, Serializer,
        de::{Error, SeqAccess, Visitor},
    };
    use std::fmt;
    use std::path::PathBuf;

    pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        match paths {
            [path] => path.serialize(serializer),
            paths => paths.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vec<PathBuf>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a file or a list of files")
            }

            fn visit_str<E: Error>(self, path: &str) -> Result<Vec<PathBuf>, E> {
                Ok(vec![path.into()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<PathBuf>, A::Error> {
                let mut paths = Vec::new();
                while let Some(path) = list.next_element()? {
                    paths.push(path);
                }
                Ok(paths)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
