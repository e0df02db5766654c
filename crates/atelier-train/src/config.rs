use atelier_core::number;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The section `train` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// Snapshots of the weights (not of their average) in each epoch, evenly spaced, the last of them
    /// at its end; the start is recorded too. 0 is off; more than there are steps is one each step.
    pub snapshots_per_epoch: usize,
    /// Besides these, this many snapshots early in the first epoch: after steps 1, 2, 4, 8 and so on.
    pub snapshots_early: usize,
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
            snapshots_per_epoch: 0,
            snapshots_early: 0,
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
#[serde(default, deny_unknown_fields)]
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
#[serde(default, deny_unknown_fields)]
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

/// Everything that decides how an objective is trained.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Epochs, batches, regularisation.
    pub train: TrainConfig,
    /// The update rule.
    pub optimizer: OptimizerConfig,
    /// How the learning rate moves.
    pub schedule: ScheduleConfig,
}

impl Settings {
    /// Checks every value, also as the f32 in which it is used.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first value out of range, with its key.
    #[expect(clippy::cast_possible_truncation, reason = "that is what is checked")]
    pub fn check(&self) -> Result<()> {
        let Self { train, optimizer, schedule } = self;
        let count = |key, value: usize, least: usize, expected| {
            if value < least { Err(Error::setting(key, expected, value)) } else { Ok(()) }
        };
        count("train.epochs", train.epochs, 1, "1 or more")?;
        count("train.batch_size", train.batch_size, 1, "1 or more")?;
        count("train.checkpoint_every", train.checkpoint_every, 1, "1 or more")?;
        count("schedule.every", schedule.every, 1, "1 or more")?;

        if train.snapshots_early > 0 && train.snapshots_per_epoch == 0 {
            let expected = "0 where train.snapshots_per_epoch is 0";
            return Err(Error::setting("train.snapshots_early", expected, train.snapshots_early));
        }

        for (key, value) in [
            ("train.label_smoothing", train.label_smoothing),
            ("train.ema", train.ema),
            ("optimizer.momentum", optimizer.momentum),
            ("optimizer.beta1", optimizer.beta1),
            ("optimizer.beta2", optimizer.beta2),
            ("schedule.warmup", schedule.warmup),
        ] {
            if !(0.0..1.0).contains(&(value as f32)) {
                return Err(Error::setting(key, "a number in [0, 1), also as f32", number(value)));
            }
        }
        for (key, value) in [
            ("train.weight_decay", train.weight_decay),
            ("train.clip", train.clip),
            ("schedule.factor", schedule.factor),
            ("schedule.final_share", schedule.final_share),
        ] {
            if !((value as f32).is_finite() && value >= 0.0) {
                let expected = "from 0 to 3.4e38, the largest number of f32";
                return Err(Error::setting(key, expected, number(value)));
            }
        }
        for (key, value) in [
            ("optimizer.learning_rate", optimizer.learning_rate),
            ("optimizer.epsilon", optimizer.epsilon),
        ] {
            if !((value as f32).is_finite() && value as f32 > 0.0) {
                let expected = "a number above 0 and up to 3.4e38, also as f32";
                return Err(Error::setting(key, expected, number(value)));
            }
        }
        if schedule.kind == ScheduleKind::OneCycle && schedule.warmup <= 0.0 {
            let expected = "above 0 for one-cycle, such as 0.3";
            return Err(Error::setting("schedule.warmup", expected, number(schedule.warmup)));
        }
        if optimizer.nesterov && optimizer.momentum <= 0.0 {
            return Err(Error::setting("optimizer.nesterov", "false where momentum is 0", true));
        }
        Ok(())
    }
}
