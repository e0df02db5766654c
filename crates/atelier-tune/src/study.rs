use std::sync::{Condvar, Mutex};

use crate::driver::Driver;
use crate::record::TrialRecord;
use crate::sampler::Choice;
use crate::{Direction, Memory, Options, Result, Space, State, Trial, TrialError};

/// How a study ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has as many trials as it should.
    Complete,
    /// Every setting of the space was tried, and that is fewer.
    Exhausted,
    /// It was told to stop; trials may wait in the storage.
    Stopped,
}

/// A study and its trials.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Study {
    /// Whether small or large values are good.
    pub direction: Direction,
    /// Its trials, by number.
    pub trials: Vec<TrialRecord>,
    /// How it ended.
    pub ended: Ended,
}

impl Study {
    /// Completed trials, the best first; of equals the one with the lower number.
    #[must_use]
    pub fn ranking(&self) -> Vec<&TrialRecord> {
        let mut ranking: Vec<(f64, &TrialRecord)> = self
            .trials
            .iter()
            .filter(|trial| trial.state == State::Complete)
            .filter_map(|trial| Some((self.direction.loss(trial.value?), trial)))
            .collect();
        ranking.sort_by(|a, b| a.0.total_cmp(&b.0));
        ranking.into_iter().map(|(_, trial)| trial).collect()
    }

    /// The best completed trial.
    #[must_use]
    pub fn best(&self) -> Option<&TrialRecord> {
        self.ranking().first().copied()
    }

    /// How many trials are in `state`.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }
}

/// Searches `space` for the settings at which `objective` is best.
///
/// The objective gets a [`Trial`]: settings, and a way to report values on its way to the one that
/// it returns. It is called from several threads at once if `options.workers` says so.
///
/// A study that the storage holds already is continued: trials that were interrupted first, under
/// their numbers, until it has `options.trials` in total. A trial whose objective returns
/// [`TrialError::failed`] or something that is no finite number, or larger than half of the largest, is marked failed.
///
/// # Errors
/// [`Error::Setting`](crate::Error::Setting) if an option cannot be; [`Error::Mismatch`](crate::Error::Mismatch) if the stored study was begun
/// with another seed, space, sampler, pruner, schedule or direction; [`Error::Objective`](crate::Error::Objective) with an
/// error of the objective that is no failure of its settings; what the storage answers. Trials that
/// ran wait in the storage then.
///
/// # Panics
/// Where the objective or the observer does, once the other trials have stopped.
pub fn hyperparam_tuning(
    space: &Space,
    objective: impl Fn(&mut Trial<'_>) -> std::result::Result<f64, TrialError> + Sync,
    options: &Options<'_>,
) -> Result<Study> {
    options.check(space)?;
    let memory = Memory::new(options.direction);
    let driver = Driver {
        space,
        options,
        storage: options.storage.unwrap_or(&memory),
        choice: Choice::new(options.sampler, space, options.seed),
        shared: Mutex::default(),
        wake: Condvar::new(),
    };
    driver.begin()?;
    std::thread::scope(|scope| driver.run(scope, &objective));
    driver.end()
}
