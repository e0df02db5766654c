use serde::{Deserialize, Serialize};

/// How many training examples are set aside for validation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ValidationSize {
    /// That many; 0 is none.
    Count(usize),
    /// That share of the training examples, in (0, 1).
    Fraction(f64),
}

/// Changes made to training batches, each drawn anew from the seed's streams for every batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentConfig {
    /// Largest shift in pixels, up, down, left and right; 0 is off.
    pub shift: usize,
    /// Mirror half of the images left to right.
    pub flip: bool,
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
            standardize: false,
            augment: AugmentConfig::default(),
        }
    }
}
