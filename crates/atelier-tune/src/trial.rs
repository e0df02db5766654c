use std::fmt;

use crate::driver::Driver;
use crate::{Result, Settings};

/// What a trial is told when it reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Return: the trial is over. What the objective returns is not looked at.
    Prune,
    /// Keep a checkpoint and return: the study stops. The trial waits in the storage, and the next
    /// run takes it up under the same number. What the objective returns is not looked at.
    Stop,
}

/// Why an objective has no value.
///
/// Errors that `?` turns into this end the study, for they would meet every other trial as well: a
/// full disk, missing data. What belongs to the settings is [`TrialError::failed`].
pub struct TrialError(pub(crate) Cause);

pub(crate) enum Cause {
    Failed(String),
    Fatal(Box<dyn std::error::Error + Send + Sync>),
}

impl TrialError {
    /// The settings led to no value, such as diverged training: the trial is marked failed, and the
    /// search goes on.
    #[must_use]
    pub fn failed(why: impl fmt::Display) -> Self {
        Self(Cause::Failed(why.to_string()))
    }
}

impl fmt::Debug for TrialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Failed(why) => write!(f, "failed: {why}"),
            Cause::Fatal(error) => write!(f, "{error}"),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for TrialError {
    fn from(error: E) -> Self {
        Self(Cause::Fatal(Box::new(error)))
    }
}

/// A trial that runs: what the objective sees.
pub struct Trial<'a> {
    pub(crate) driver: &'a Driver<'a>,
    pub(crate) number: usize,
    pub(crate) settings: Settings,
    pub(crate) attempt: u32,
    pub(crate) slot: Option<u64>,
    /// The last step whose rungs were decided.
    pub(crate) decided: u64,
    /// The last value that was reported.
    pub(crate) last: Option<f64>,
    /// The last step of all, which is stored together with the end.
    pub(crate) finale: Option<(u64, f64)>,
    pub(crate) verdict: Verdict,
    /// A value on the way was no finite number.
    pub(crate) failure: Option<String>,
    /// Whether it counts among those that run at the same time.
    pub(crate) holds_place: bool,
}

impl Trial<'_> {
    /// Its number in the study, counted from 0; the same when it is taken up again.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How often it was begun, this time included: from 2 on there may be a checkpoint.
    ///
    /// Whoever continues from one reports the steps that it holds again: the last of them may not
    /// have been stored when the worker was killed, and those that were cost nothing.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Reports a value after `step`, counted from 1, and asks whether to go on. The call may take
    /// as long as other trials need to come to the same rung; other trials run meanwhile.
    ///
    /// A value that is not finite, or larger than half of the largest number, ends the trial as failed.
    ///
    /// # Errors
    /// What the storage answers.
    pub fn report(&mut self, step: u64, value: f64) -> Result<Verdict> {
        if !self.is_finite(step, value) {
            return Ok(Verdict::Prune);
        }
        if self.verdict == Verdict::Continue {
            self.driver.record(self.number, step, value)?;
            self.verdict = self.driver.verdict(self, step)?;
        }
        Ok(self.verdict)
    }

    /// Reports the value after the last step of all, after which there is nothing left to end
    /// early. It is stored with the trial's end.
    pub fn report_last(&mut self, step: u64, value: f64) {
        if self.is_finite(step, value) {
            self.finale = Some((step, value));
            self.driver.tell_report(self.number, step, value);
        }
    }

    fn is_finite(&mut self, step: u64, value: f64) -> bool {
        if is_usable(value) {
            self.last = Some(value);
            return true;
        }
        self.failure.get_or_insert_with(|| format!("the value after step {step} is {value}"));
        false
    }
}

/// Whether a value can be worked with: it is a number, and so are its differences from others.
pub(crate) fn is_usable(value: f64) -> bool {
    value.abs() <= f64::MAX / 2.0
}

impl fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("number", &self.number)
            .field("settings", &self.settings)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
