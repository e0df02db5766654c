use candle_core::Tensor;

/// What a batch asks the objective to match.
#[derive(Debug, Clone)]
pub enum Targets {
    /// Nothing: the objective needs the inputs only (reconstruction).
    None,
    /// One class per example: `(batch,)` u32.
    Classes(Tensor),
    /// A distribution over the classes per example: `(batch, classes)` f32, rows sum to 1 (mixup).
    Distribution(Tensor),
}

/// Some examples, on the device of the objective that they are for.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `(batch, features)` or whatever shape the objective takes; the first dimension counts examples.
    pub inputs: Tensor,
    /// What the objective compares its outputs with.
    pub targets: Targets,
}

impl Batch {
    /// How many examples the batch holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inputs.dims().first().copied().unwrap_or(0)
    }

    /// Whether the batch holds no example.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
