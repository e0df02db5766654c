//! A study in Optuna's journal file, which its programs read and write as well.

mod entry;
mod replay;
mod setting;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use atelier_store::SharedLog;

use crate::record::{Change, StudyRecord};
use crate::{Direction, Error, Result, Storage};
use replay::Replay;

/// A study in a file of Optuna's journal format (`JournalFileBackend`): one JSON object a line for
/// each change, appended and synced under the lock that Optuna uses, so that workers of both kinds
/// can share a study. The state is what replaying the lines gives.
///
/// Beside `study.log` lie `study.log.lock` while somebody writes, and the directory
/// `study.log.workers` with one locked file for each worker of this crate: a worker whose file is
/// free was killed, and its trials wait for others again. Of Optuna's workers no such thing is
/// known; what one of them left running stays so.
///
/// One value is one worker: give each call of
/// [`hyperparam_tuning`](crate::hyperparam_tuning) that runs at the same time its own.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    study: String,
    worker: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    log: SharedLog,
    replay: Replay,
}

/// The studies in the content of a journal, by name, without becoming one of its workers; a last line
/// without its end is left out. `path` is for messages alone.
///
/// # Errors
/// [`Error::Store`] if a line is not UTF-8; [`Error::Journal`] with the line that is not of the format.
pub fn read_studies(bytes: &[u8], path: &Path) -> Result<Vec<(String, StudyRecord)>> {
    let mut replay = Replay::default();
    replay.apply_all(path, &atelier_store::parse_lines(bytes, path)?)?;
    Ok(replay.into_studies())
}

/// Follows a worker's UUID, and tells our workers from Optuna's, which have a number there.
const OURS: &str = "-atelier";

impl Journal {
    /// Opens the journal at `path`, and begins a study of this name in it if there is none. A file
    /// may hold several studies.
    ///
    /// # Errors
    /// [`Error::Store`] if the file cannot be read or written; [`Error::Journal`] with the line
    /// that is not of the format.
    pub fn open(path: &Path, study: &str, direction: Direction) -> Result<Self> {
        let log = SharedLog::open(path)?;
        let worker = format!("{}{OURS}", log.worker());
        let inner = Mutex::new(Inner { log, replay: Replay::default() });
        let journal = Self { path: path.to_path_buf(), study: study.to_string(), worker, inner };
        journal.inner().catch_up(&journal.path)?;
        if journal.inner().replay.study(study).is_none() {
            let mut inner = journal.inner();
            let Inner { log, replay } = &mut *inner;
            let mut locked = log.lock()?;
            replay.apply_all(&journal.path, &locked.read()?)?;
            if replay.study(study).is_none() {
                locked.append(&[entry::create_study(&journal.worker, study, direction)])?;
                replay.apply_all(&journal.path, &locked.read()?)?;
            }
        }
        Ok(journal)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // After a panic the lines that were read were applied or not; the next reading goes on
        // after those that were.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self) -> Error {
        Error::mismatch("the name", format!("{:?}", self.study), "no longer")
    }
}

impl Inner {
    fn catch_up(&mut self, path: &Path) -> Result<()> {
        let lines = self.log.read()?;
        self.replay.apply_all(path, &lines)
    }
}

impl Storage for Journal {
    fn look(&self, view: &mut dyn FnMut(&StudyRecord)) -> Result<()> {
        let mut inner = self.inner();
        inner.catch_up(&self.path)?;
        let (_, study) = inner.replay.study(&self.study).ok_or_else(|| self.missing())?;
        view(study);
        Ok(())
    }

    fn change(&self, decide: &mut dyn FnMut(&StudyRecord) -> Result<Vec<Change>>) -> Result<()> {
        let mut inner = self.inner();
        let Inner { log, replay } = &mut *inner;
        let mut locked = log.lock()?;
        replay.apply_all(&self.path, &locked.read()?)?;
        let (id, study) = replay.study(&self.study).ok_or_else(|| self.missing())?;
        let changes = decide(study)?;
        let mut lines = Vec::new();
        let mut trial_ids = replay.trial_ids(&self.study);
        for change in &changes {
            if matches!(change, Change::Create { .. }) {
                trial_ids.push(replay.next_trial_id() + trial_ids.len() - study.trials.len());
            }
            lines.extend(entry::lines(&self.worker, id, &trial_ids, change));
        }
        if lines.is_empty() {
            return Ok(());
        }
        locked.append(&lines)?;
        replay.apply_all(&self.path, &locked.read()?)
    }

    fn worker(&self) -> &str {
        &self.worker
    }

    fn is_gone(&self, worker: &str) -> Result<bool> {
        let Some(name) = worker.strip_suffix(OURS) else { return Ok(false) };
        Ok(!self.inner().log.is_present(name)?)
    }
}
