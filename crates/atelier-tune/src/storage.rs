use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::record::{Change, StudyRecord};
use crate::{Direction, Result};

/// Where a study is kept. Everything that the study knows goes through here, so that any number of
/// workers, in this process or others, can work on it.
///
/// Another storage, such as a database, needs these four functions.
pub trait Storage: Sync {
    /// Shows the newest state.
    ///
    /// # Errors
    /// Where the storage cannot be read.
    fn look(&self, view: &mut dyn FnMut(&StudyRecord)) -> Result<()>;

    /// Shows the newest state while no other worker can change it, makes the changes that `decide`
    /// returns, in their order, and comes back when they are durable.
    ///
    /// # Errors
    /// Where the storage cannot be read or written, and what `decide` returns.
    fn change(&self, decide: &mut dyn FnMut(&StudyRecord) -> Result<Vec<Change>>) -> Result<()>;

    /// The name under which this value claims trials.
    fn worker(&self) -> &str;

    /// Whether a worker that claimed a trial has ended without finishing it. Workers of other
    /// programs, of which nothing is known, have not.
    ///
    /// # Errors
    /// Where the storage cannot be read.
    fn is_gone(&self, worker: &str) -> Result<bool>;
}

/// A study in memory: gone with the value, and for the threads of one process.
#[derive(Debug, Default)]
pub struct Memory {
    study: Mutex<StudyRecord>,
}

impl Memory {
    /// A new study without trials.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        Self { study: Mutex::new(StudyRecord { direction, ..StudyRecord::default() }) }
    }

    fn study(&self) -> MutexGuard<'_, StudyRecord> {
        // Changes are made after `decide` has returned: a panic in it leaves the study whole.
        self.study.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Memory {
    fn look(&self, view: &mut dyn FnMut(&StudyRecord)) -> Result<()> {
        view(&self.study());
        Ok(())
    }

    fn change(&self, decide: &mut dyn FnMut(&StudyRecord) -> Result<Vec<Change>>) -> Result<()> {
        let mut study = self.study();
        let now = atelier_store::utc_now();
        for change in decide(&study)? {
            study.apply(&change, self.worker(), false, &now);
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_literal_bound, reason = "the signature of the trait")]
    fn worker(&self) -> &str {
        "this process"
    }

    fn is_gone(&self, _worker: &str) -> Result<bool> {
        Ok(false)
    }
}
