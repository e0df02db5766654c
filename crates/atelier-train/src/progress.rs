use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many steps [`Progress`] remembers: the assignment asks for the last 20 iterations.
pub(crate) const REMEMBERED: usize = 20;

/// The loss of one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepLoss {
    /// Step since the beginning, counted from 1.
    pub step: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// Reported loss of the step's batch, before the step.
    pub loss: f32,
}

/// The best validation so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The epoch after which it was seen, counted from 1.
    pub epoch: usize,
    /// Its validation loss.
    pub loss: f64,
}

/// Where a run stands; together with weights and optimiser state it is all that a checkpoint needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// Finished epochs.
    pub(crate) epoch: usize,
    /// Finished batches of the current epoch.
    pub(crate) index: usize,
    /// Finished steps.
    pub(crate) step: u64,
    /// Seconds of training behind it.
    pub(crate) seconds: f64,
    /// Over the finished batches of the current epoch: sum of loss times examples.
    pub(crate) loss_sum: f64,
    /// Over the same: examples classified correctly; `None` once a step did not say.
    pub(crate) correct: Option<f64>,
    /// Over the same: examples.
    pub(crate) seen: usize,
    pub(crate) last: VecDeque<StepLoss>,
    pub(crate) best: Option<Best>,
    /// Length of the metrics log that belongs to this state.
    pub(crate) metrics_len: u64,
    /// Snapshots that were recorded so far.
    pub(crate) snapshots: u64,
    /// Whether training has come to its end.
    pub(crate) finished: bool,
}

impl Progress {
    /// Where a run begins.
    pub(crate) fn new() -> Self {
        let mut start = Self::default();
        start.begin_epoch();
        start
    }

    pub(crate) fn begin_epoch(&mut self) {
        self.index = 0;
        (self.loss_sum, self.correct, self.seen) = (0.0, Some(0.0), 0);
    }

    pub(crate) fn remember(&mut self, step: StepLoss) {
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(step);
    }
}
