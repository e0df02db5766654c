use serde::{Deserialize, Serialize};

/// The section `train` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// How often every training example is seen.
    pub epochs: usize,
    /// Examples per step; the last batch of an epoch may be shorter.
    pub batch_size: usize,
    /// L2 strength on weight matrices (AdamW: decoupled decay); never on biases, batch-norm or
    /// PReLU parameters.
    pub weight_decay: f64,
    /// Share of each target spread evenly over all classes, in [0, 1); the reported loss is without it.
    pub label_smoothing: f64,
    /// Decay per step of the exponential moving average of the weights, in [0, 1); 0 is off. The
    /// averaged weights are the ones that are evaluated and saved.
    pub ema: f64,
    /// Largest global norm of the gradient; 0 is off.
    pub clip: f64,
    /// Epochs without a better validation loss after which training stops and the best weights
    /// are taken; 0 is off.
    pub early_stopping: usize,
    /// Epochs between checkpoints.
    pub checkpoint_every: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch_size: 64,
            weight_decay: 0.0,
            label_smoothing: 0.0,
            ema: 0.0,
            clip: 0.0,
            early_stopping: 0,
            checkpoint_every: 1,
        }
    }
}

/// The update rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent, with momentum where it is above 0.
    #[default]
    Sgd,
    /// Adam; weight decay enters the gradient.
    Adam,
    /// Adam with decoupled weight decay.
    Adamw,
}

/// The section `optimizer` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The update rule.
    pub kind: OptimizerKind,
    /// The learning rate that the schedule scales (its peak).
    pub learning_rate: f64,
    /// SGD: share of the last update that is kept, in [0, 1).
    pub momentum: f64,
    /// SGD: look ahead along the momentum (Nesterov).
    pub nesterov: bool,
    /// Adam: decay of the mean of the gradient, in [0, 1).
    pub beta1: f64,
    /// Adam: decay of the mean of its square, in [0, 1).
    pub beta2: f64,
    /// Adam: added to the root of the mean square.
    pub epsilon: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Sgd,
            learning_rate: 0.1,
            momentum: 0.0,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

/// How the learning rate moves over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// Stays as it is.
    #[default]
    Constant,
    /// Multiplied by `factor` every `every` epochs.
    Step,
    /// Half a cosine from the full rate down to `final_share` of it.
    Cosine,
    /// Up from 1/25 of the rate to the rate over `warmup` of the run, then down to `final_share`,
    /// both along half cosines (Smith and Topin 2018).
    OneCycle,
}

/// The section `schedule` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    /// The shape.
    pub kind: ScheduleKind,
    /// Share of all steps over which the rate rises, in [0, 1): linearly from 0 for `constant`,
    /// `step` and `cosine`, as the first half of `one-cycle`.
    pub warmup: f64,
    /// `step`: epochs between two drops.
    pub every: usize,
    /// `step`: what a drop multiplies the rate by.
    pub factor: f64,
    /// `cosine` and `one-cycle`: the last rate as a share of the full one.
    pub final_share: f64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { kind: ScheduleKind::Constant, warmup: 0.0, every: 10, factor: 0.1, final_share: 0.0 }
    }
}
