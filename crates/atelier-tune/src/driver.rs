use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crate::claim::{Claimed, Next};
use crate::pruner::Decision;
use crate::record::{Change, StudyRecord, TrialRecord};
use crate::sampler::Choice;
use crate::trial::{Cause, is_usable};
use crate::{
    Ended, Error, Event, Options, Result, Space, State, Storage, Study, Trial, TrialError, Verdict,
};

/// What the threads of one process share.
#[derive(Default)]
pub(crate) struct Shared {
    /// Trials that compute at this moment.
    running: usize,
    /// Trials that this process has begun, those that wait for others included.
    live: usize,
    pub stopping: bool,
    pub exhausted: bool,
    failure: Option<Error>,
    panic: Option<Box<dyn Any + Send>>,
}

/// Runs a study with the workers of this process. All that decides its course is read from the
/// storage, so that other processes can take part.
pub(crate) struct Driver<'a> {
    pub space: &'a Space,
    pub options: &'a Options<'a>,
    pub storage: &'a dyn Storage,
    pub choice: Choice<'a>,
    pub shared: Mutex<Shared>,
    pub wake: Condvar,
}

/// How long anybody waits before looking at the storage again; other processes give no sign.
const LOOK: Duration = Duration::from_millis(50);
/// How often workers are looked for that ended without finishing their trials.
const SEARCH: Duration = Duration::from_secs(1);

impl Driver<'_> {
    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        // Nothing is computed while it is held: a panic leaves it whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, shared: MutexGuard<'s, Shared>) -> MutexGuard<'s, Shared> {
        self.wake.wait_timeout(shared, LOOK).unwrap_or_else(PoisonError::into_inner).0
    }

    fn is_stopping(&self) -> bool {
        let mut shared = self.shared();
        if !shared.stopping && (self.options.stop)() {
            shared.stopping = true;
            self.wake.notify_all();
        }
        shared.stopping
    }

    fn fail(&self, error: Error) {
        let mut shared = self.shared();
        shared.failure.get_or_insert(error);
        shared.stopping = true;
        self.wake.notify_all();
    }

    /// Keeps a panic of the objective or the observer until the other trials have stopped.
    fn panicked(&self, panic: Box<dyn Any + Send>) {
        let mut shared = self.shared();
        shared.panic.get_or_insert(panic);
        shared.stopping = true;
        self.wake.notify_all();
    }

    /// Compares the stored study with this one, and takes back what this worker left running.
    pub(crate) fn begin(&self) -> Result<()> {
        let conditions = self.options.conditions(self.space);
        self.storage.change(&mut |study| {
            if study.direction != self.options.direction {
                let (expected, found) = (self.options.direction, study.direction);
                let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
                return Err(Error::mismatch("direction", expected, found));
            }
            let mut changes = Vec::new();
            match &study.conditions {
                Some(stored) => compare(stored, &conditions)?,
                None => changes.push(Change::Conditions(conditions.clone())),
            }
            let own = |trial: &&TrialRecord| {
                trial.state == State::Running
                    && trial.worker.as_deref() == Some(self.storage.worker())
            };
            let left = study.trials.iter().filter(own);
            changes.extend(left.map(|trial| Change::Requeue { number: trial.number }));
            Ok(changes)
        })
    }

    pub(crate) fn run<'s, 'e>(
        &'s self,
        scope: &'s Scope<'s, 'e>,
        objective: &'e (dyn Fn(&mut Trial<'_>) -> std::result::Result<f64, TrialError> + Sync),
    ) where
        'e: 's,
    {
        // Trials that wait for others would wait for ever if this thread went away.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.dispatch(scope, objective))) {
            self.panicked(panic);
        }
    }

    /// Gives trials to free places until there are none left or the study stops.
    fn dispatch<'s, 'e>(
        &'s self,
        scope: &'s Scope<'s, 'e>,
        objective: &'e (dyn Fn(&mut Trial<'_>) -> std::result::Result<f64, TrialError> + Sync),
    ) where
        'e: 's,
    {
        let mut searched = None;
        loop {
            let stopping = self.is_stopping();
            if !stopping && searched.is_none_or(|at: Instant| at.elapsed() >= SEARCH) {
                searched = Some(Instant::now());
                if let Err(error) = self.requeue_abandoned() {
                    self.fail(error);
                    continue;
                }
            }
            let free = {
                let shared = self.shared();
                if stopping && shared.live == 0 {
                    return;
                }
                shared.running < self.options.workers
            };
            if free && !stopping {
                match self.claim() {
                    Ok(Next::Trial(claimed)) => {
                        let mut shared = self.shared();
                        shared.running += 1;
                        shared.live += 1;
                        drop(shared);
                        let work = move || self.work(*claimed, objective);
                        if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, work) {
                            let mut shared = self.shared();
                            shared.running -= 1;
                            shared.live -= 1;
                            drop(shared);
                            self.fail(Error::Thread(error));
                        }
                        continue;
                    }
                    Ok(Next::Over) if self.shared().live == 0 => return,
                    Ok(_) => {}
                    Err(error) => {
                        self.fail(error);
                        continue;
                    }
                }
            }
            drop(self.wait(self.shared()));
        }
    }

    /// Runs one trial in a thread of its own.
    fn work(
        &self,
        claimed: Claimed,
        objective: &(dyn Fn(&mut Trial<'_>) -> std::result::Result<f64, TrialError> + Sync),
    ) {
        let Claimed { number, settings, record } = claimed;
        let attempt = record.attempts + 1;
        let last = record.reports.iter().next_back();
        let mut trial = Trial {
            driver: self,
            number,
            settings,
            attempt,
            slot: record.slot,
            decided: 0,
            last: last.map(|(_, &value)| value),
            finale: None,
            verdict: Verdict::Continue,
            failure: None,
            holds_place: true,
        };
        let result = catch_unwind(AssertUnwindSafe(|| {
            let settings = &trial.settings;
            (self.options.observer)(Event::Started { number, settings, attempt });
            // It may have been interrupted at a rung.
            if let Some((&step, _)) = last {
                trial.verdict = self.verdict(&mut trial, step)?;
            }
            if trial.verdict == Verdict::Continue { objective(&mut trial) } else { Ok(0.0) }
        }));
        match catch_unwind(AssertUnwindSafe(|| self.settle(&trial, result))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fail(error),
            Err(panic) => self.panicked(panic),
        }
        let mut shared = self.shared();
        shared.running -= usize::from(trial.holds_place);
        shared.live -= 1;
        self.wake.notify_all();
    }

    /// Stores how a trial ended.
    fn settle(
        &self,
        trial: &Trial<'_>,
        result: std::thread::Result<std::result::Result<f64, TrialError>>,
    ) -> Result<()> {
        let number = trial.number;
        let (state, value, failure) = match result {
            Err(panic) => {
                self.panicked(panic);
                return self.requeue(number);
            }
            Ok(Err(TrialError(Cause::Fatal(cause)))) => {
                let message = cause.to_string();
                self.fail(Error::Objective { number, message, cause });
                return self.requeue(number);
            }
            Ok(Err(TrialError(Cause::Failed(why)))) => (State::Failed, None, Some(why)),
            Ok(Ok(_)) if trial.failure.is_some() => (State::Failed, None, trial.failure.clone()),
            Ok(Ok(_)) if trial.verdict == Verdict::Stop => return self.requeue(number),
            Ok(Ok(_)) if trial.verdict == Verdict::Prune => (State::Pruned, trial.last, None),
            Ok(Ok(value)) if is_usable(value) => (State::Complete, Some(value), None),
            Ok(Ok(value)) => (State::Failed, None, Some(format!("the objective is {value}"))),
        };
        let finale = trial.finale.map(|(step, value)| Change::Report { number, step, value });
        let finish = Change::Finish { number, state, value, failure: failure.clone() };
        self.storage.change(&mut |study| {
            // An earlier attempt may have died between the two lines.
            let unknown =
                trial.finale.is_some_and(|(step, value)| !knows(study, number, step, value));
            let finale = finale.clone().filter(|_| unknown);
            Ok(finale.into_iter().chain([finish.clone()]).collect())
        })?;
        let failure = failure.as_deref();
        (self.options.observer)(Event::Finished { number, state, value, failure });
        Ok(())
    }

    fn requeue(&self, number: usize) -> Result<()> {
        self.storage.change(&mut |_| Ok(vec![Change::Requeue { number }]))?;
        (self.options.observer)(Event::Requeued { number });
        Ok(())
    }

    pub(crate) fn tell_report(&self, number: usize, step: u64, value: f64) {
        (self.options.observer)(Event::Reported { number, step, value });
    }

    /// Stores a value on the way, unless it is there already from an earlier attempt.
    pub(crate) fn record(&self, number: usize, step: u64, value: f64) -> Result<()> {
        let mut known = false;
        self.storage.look(&mut |study| known = knows(study, number, step, value))?;
        if !known {
            self.storage.change(&mut |_| Ok(vec![Change::Report { number, step, value }]))?;
            self.wake.notify_all();
        }
        self.tell_report(number, step, value);
        Ok(())
    }

    /// What becomes of a trial that has come to `step`. While it waits for others its place is
    /// free for them.
    pub(crate) fn verdict(&self, trial: &mut Trial<'_>, step: u64) -> Result<Verdict> {
        let Options { pruner, schedule, .. } = *self.options;
        if self.is_stopping() {
            return Ok(Verdict::Stop);
        }
        while let Some(rung) = pruner.rung(trial.slot, schedule, trial.decided, step) {
            let mut decision = Decision::Wait;
            self.storage.look(&mut |study| {
                decision = pruner.decide(study, schedule, trial.number, rung);
            })?;
            match decision {
                Decision::Keep => trial.decided = rung,
                Decision::Prune => return Ok(Verdict::Prune),
                Decision::Wait => {
                    let mut shared = self.shared();
                    if std::mem::take(&mut trial.holds_place) {
                        shared.running -= 1;
                        self.wake.notify_all();
                    }
                    drop(self.wait(shared));
                    if self.is_stopping() {
                        return Ok(Verdict::Stop);
                    }
                }
            }
        }
        while !trial.holds_place {
            if self.is_stopping() {
                return Ok(Verdict::Stop);
            }
            let mut shared = self.shared();
            if shared.running < self.options.workers {
                shared.running += 1;
                trial.holds_place = true;
            } else {
                drop(self.wait(shared));
            }
        }
        Ok(Verdict::Continue)
    }

    pub(crate) fn end(self) -> Result<Study> {
        let shared = self.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(panic) = shared.panic {
            resume_unwind(panic);
        }
        if let Some(error) = shared.failure {
            return Err(error);
        }
        let mut study = Study {
            direction: self.options.direction,
            trials: Vec::new(),
            ended: match (shared.stopping, shared.exhausted) {
                (true, _) => Ended::Stopped,
                (false, true) => Ended::Exhausted,
                (false, false) => Ended::Complete,
            },
        };
        self.storage.look(&mut |stored| study.trials.clone_from(&stored.trials))?;
        for trial in &mut study.trials {
            if let Some(settings) = self.space.adopt(&trial.settings) {
                trial.settings = settings;
            }
        }
        Ok(study)
    }
}

/// Whether a study has this value on a trial's way already.
fn knows(study: &StudyRecord, number: usize, step: u64, value: f64) -> bool {
    let stored = study.trials.get(number).and_then(|trial| trial.reports.get(&step));
    stored.is_some_and(|stored| stored.to_bits() == value.to_bits())
}

/// The first difference between stored and present conditions.
fn compare(stored: &serde_json::Value, present: &serde_json::Value) -> Result<()> {
    for (what, expected) in present.as_object().into_iter().flatten() {
        let found = &stored[what];
        if found != expected {
            return Err(Error::mismatch(format!("the {what}"), expected, found));
        }
    }
    Ok(())
}
