use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many training examples are set aside for validation.
///
/// In a configuration a whole number is a count, a number with a decimal point a share, and the
/// word `none` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ValidationSize {
    /// That many; 0 is none.
    Count(usize),
    /// That share of the training examples, in (0, 1).
    Fraction(f64),
}

impl<'de> Deserialize<'de> for ValidationSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By hand, because an untagged enum does not say what it expects.
        struct Size;
        impl Visitor<'_> for Size {
            type Value = ValidationSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count (0 or more), a share (0.0 to 1.0), or none")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<ValidationSize, E> {
                usize::try_from(count)
                    .map(ValidationSize::Count)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(count), &self))
            }

            fn visit_i64<E: Error>(self, count: i64) -> Result<ValidationSize, E> {
                u64::try_from(count)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(count), &self))
                    .and_then(|count| self.visit_u64(count))
            }

            fn visit_f64<E: Error>(self, share: f64) -> Result<ValidationSize, E> {
                Ok(ValidationSize::Fraction(share))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ValidationSize, E> {
                match text {
                    "none" => Ok(ValidationSize::Count(0)),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Size)
    }
}

/// What the examples of a split are drawn with.
///
/// In a configuration a whole number is a seed, and the word `run` is that of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SplitSeed {
    /// The seed of the run: another run has other examples.
    #[default]
    Run,
    /// A seed of its own: runs with different seeds have the same examples.
    Fixed(u64),
}

impl SplitSeed {
    /// The seed itself.
    #[must_use]
    pub fn of_run(self, seed: u64) -> u64 {
        match self {
            Self::Run => seed,
            Self::Fixed(seed) => seed,
        }
    }
}

impl Serialize for SplitSeed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Run => serializer.serialize_str("run"),
            Self::Fixed(seed) => serializer.serialize_u64(*seed),
        }
    }
}

impl<'de> Deserialize<'de> for SplitSeed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seed;
        impl Visitor<'_> for Seed {
            type Value = SplitSeed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a seed (0 or more), or run")
            }

            fn visit_u64<E: Error>(self, seed: u64) -> Result<SplitSeed, E> {
                Ok(SplitSeed::Fixed(seed))
            }

            fn visit_i64<E: Error>(self, seed: i64) -> Result<SplitSeed, E> {
                u64::try_from(seed)
                    .map(SplitSeed::Fixed)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(seed), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SplitSeed, E> {
                match text {
                    "run" => Ok(SplitSeed::Run),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Seed)
    }
}

/// Changes made to training batches, each drawn anew from the seed's streams for every batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentConfig {
    /// Largest shift in pixels, up, down, left and right; 0 is off.
    pub shift: usize,
    /// Mirror half of the images left to right.
    pub flip: bool,
    /// Share of the images of which a rectangle is overwritten with noise (random erasing, Zhong et
    /// al. 2020), in [0, 1]; 0 is off.
    #[serde(default)]
    pub erase: f64,
    /// Parameter of the Beta distribution that mixes pairs of examples and their targets
    /// (mixup, Zhang et al. 2018); 0 is off.
    pub mixup: f64,
}

/// The section `data` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Training examples set aside for validation: a count, or a share if it has a decimal point.
    pub validation: ValidationSize,
    /// Training examples that are used, taken evenly from all classes after the split; 0 is all.
    pub examples: usize,
    /// What both are drawn with.
    #[serde(default)]
    pub seed: SplitSeed,
    /// Subtract each pixel's mean over the training examples and divide by its standard
    /// deviation; folded into the first layer when the model is saved.
    pub standardize: bool,
    /// Changes made to training batches.
    pub augment: AugmentConfig,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            validation: ValidationSize::Count(10_000),
            examples: 0,
            seed: SplitSeed::Run,
            standardize: false,
            augment: AugmentConfig::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_of_a_split_is_a_number_or_that_of_the_run() {
        for (text, seed) in [("\"run\"", SplitSeed::Run), ("7", SplitSeed::Fixed(7))] {
            assert_eq!(serde_json::from_str::<SplitSeed>(text).expect(text), seed);
            assert_eq!(serde_json::to_string(&seed).expect(text), text);
        }
        assert_eq!((SplitSeed::Run.of_run(3), SplitSeed::Fixed(7).of_run(3)), (3, 7));
        for text in ["-1", "\"mine\"", "0.5"] {
            let message = serde_json::from_str::<SplitSeed>(text).expect_err(text).to_string();
            assert!(message.contains("expected a seed (0 or more), or run"), "{message}");
        }
    }

    #[test]
    fn a_validation_size_is_a_count_a_share_or_none() {
        for (text, size) in [
            ("400", ValidationSize::Count(400)),
            ("0", ValidationSize::Count(0)),
            ("0.25", ValidationSize::Fraction(0.25)),
            ("\"none\"", ValidationSize::Count(0)),
        ] {
            assert_eq!(serde_json::from_str::<ValidationSize>(text).expect(text), size);
        }
        for text in ["-1", "\"many\"", "true", "[1]"] {
            let message = serde_json::from_str::<ValidationSize>(text).expect_err(text).to_string();
            assert!(message.contains("expected a count (0 or more), a share"), "{message}");
        }
    }
}
