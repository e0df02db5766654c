use serde::Serialize;

/// What happens during training, for whoever wants to show it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A step was taken and its loss is known.
    Step(&'a StepReport),
    /// An epoch is complete.
    Epoch(&'a EpochReport),
    /// A checkpoint was written.
    Checkpoint {
        /// After this step.
        step: u64,
    },
}

/// One step, as it stands in `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StepReport {
    /// Step since the beginning, counted from 1.
    pub step: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// Batch within the epoch, counted from 1.
    pub batch: usize,
    /// Examples in the batch.
    pub examples: usize,
    /// Reported loss of the batch before the step.
    pub loss: f32,
    /// The learning rate of the step.
    pub learning_rate: f64,
}

/// One epoch, as it stands in `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EpochReport {
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// Steps since the beginning.
    pub step: u64,
    /// Mean reported loss per example over the epoch, each batch before its step.
    pub train_loss: f64,
    /// Share of training examples classified correctly on the way, in training mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// Loss on the validation examples after the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation examples after the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// Seconds of training since the beginning.
    pub seconds: f64,
}
