use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

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

    /// Refuses a state that no run of so many epochs comes to: a checkpoint may be anybody's.
    pub(crate) fn check(&self, epochs: usize, early_stopping: usize) -> Result<()> {
        let wrong = |what: &str, expected: String, found: String| {
            Err(Error::mismatch(format!("{what} of the progress"), expected, found))
        };
        if self.epoch > epochs {
            return wrong("the epoch", format!("at most {epochs}"), self.epoch.to_string());
        }
        let ended = self.epoch == epochs || early_stopping > 0;
        if self.finished && !(ended && self.index == 0) {
            let after = format!("{} epochs and {} batches", self.epoch, self.index);
            return wrong("the end", format!("after {epochs} epochs"), format!("after {after}"));
        }
        let correct = self.correct.unwrap_or(0.0);
        if !(self.loss_sum.is_finite() && (0.0..=self.seen as f64).contains(&correct)) {
            let found = format!("a loss of {} and {correct} of {}", self.loss_sum, self.seen);
            return wrong("the sums", "a finite loss and no more correct than seen".into(), found);
        }
        if !(self.seconds.is_finite() && self.seconds >= 0.0) {
            return wrong("the time", "seconds".into(), self.seconds.to_string());
        }
        let known = |loss: &StepLoss| loss.loss.is_finite() && loss.step <= self.step;
        if self.last.len() > REMEMBERED || !self.last.iter().all(known) {
            let expected = format!("{REMEMBERED} at most, finite, and of steps that were done");
            return wrong("the last losses", expected, format!("{:?}", self.last.back()));
        }
        if let Some(best) = self.best.filter(|b| b.epoch > self.epoch || !b.loss.is_finite()) {
            let expected = format!("a finite loss after at most {} epochs", self.epoch);
            return wrong("the best validation", expected, format!("{best:?}"));
        }
        Ok(())
    }

    /// Refuses a step that is not the one after so many epochs of so many batches.
    pub(crate) fn check_step(&self, batches: usize) -> Result<()> {
        let (epoch, index, batches) = (self.epoch as u64, self.index as u64, batches as u64);
        let step = epoch.checked_mul(batches).and_then(|steps| steps.checked_add(index));
        if step == Some(self.step) && index <= batches {
            return Ok(());
        }
        let expected = format!("that after {epoch} epochs of {batches} batches and {index} more");
        Err(Error::mismatch("the step of the progress", expected, self.step))
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
