use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crate::record::{Change, StudyRecord, TrialRecord};
use crate::sampler::Choice;
use crate::trial::Cause;
use crate::{
    Direction, Error, Event, Memory, Options, Result, Settings, Space, State, Storage, Trial,
    TrialError, Verdict,
};

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
/// [`TrialError::failed`] or something that is no finite number is marked failed.
///
/// # Errors
/// [`Error::Setting`] if an option cannot be; [`Error::Mismatch`] if the stored study was begun
/// with another seed, space, sampler, pruner, schedule or direction; [`Error::Objective`] with an
/// error of the objective that is no failure of its settings; what the storage answers. Trials that
/// ran wait in the storage then.
///
/// # Panics
/// Where the objective does, once the other trials have stopped.
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

/// What the threads of one process share.
#[derive(Default)]
struct Shared {
    /// Trials that compute at this moment.
    running: usize,
    /// Trials that this process has begun, those that wait for others included.
    live: usize,
    stopping: bool,
    exhausted: bool,
    failure: Option<Error>,
    panic: Option<Box<dyn Any + Send>>,
}

/// Runs a study with the workers of this process. All that decides its course is read from the
/// storage, so that other processes can take part.
pub(crate) struct Driver<'a> {
    space: &'a Space,
    options: &'a Options<'a>,
    storage: &'a dyn Storage,
    choice: Choice<'a>,
    shared: Mutex<Shared>,
    wake: Condvar,
}

/// A trial that this process has claimed.
struct Claimed {
    number: usize,
    settings: Settings,
    record: TrialRecord,
}

/// How long anybody waits before looking at the storage again; other processes give no sign.
const LOOK: Duration = Duration::from_millis(50);
/// How often workers are looked for that ended without finishing their trials.
const SEARCH: Duration = Duration::from_secs(1);

impl Driver<'_> {
    fn shared(&self) -> MutexGuard<'_, Shared> {
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

    /// Compares the stored study with this one, and takes back what this worker left running.
    fn begin(&self) -> Result<()> {
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

    fn run<'s, 'e>(
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
                        scope.spawn(move || self.work(*claimed, objective));
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

    /// Lets the trials of workers that have ended wait for others.
    fn requeue_abandoned(&self) -> Result<()> {
        let mut workers = BTreeSet::new();
        self.storage.look(&mut |study| {
            let running = study.trials.iter().filter(|trial| trial.state == State::Running);
            let others = running.filter(|trial| !trial.foreign).filter_map(|t| t.worker.clone());
            workers = others.filter(|worker| worker != self.storage.worker()).collect();
        })?;
        for worker in workers {
            if !self.storage.is_gone(&worker)? {
                continue;
            }
            let mut left = Vec::new();
            self.storage.change(&mut |study| {
                let theirs = |trial: &&TrialRecord| {
                    trial.state == State::Running && trial.worker.as_deref() == Some(&worker)
                };
                left = study.trials.iter().filter(theirs).map(|trial| trial.number).collect();
                Ok(left.iter().map(|&number| Change::Requeue { number }).collect())
            })?;
            for number in left {
                (self.options.observer)(Event::Requeued { number });
            }
        }
        Ok(())
    }

    /// Takes a waiting trial, after adding those that are due.
    fn claim(&self) -> Result<Next> {
        let exhausted = self.shared().exhausted;
        let mut next = Next::Nothing;
        // Without the lock first: most looks find nothing.
        let mut worth_it = false;
        self.storage.look(&mut |study| {
            let queue = self.queue(study);
            let more = !exhausted && self.slots_due(study, &queue).next().is_some();
            worth_it = more || queue.first.is_some();
            let others = study.trials.iter().any(|t| t.state == State::Running && !t.foreign);
            let full = exhausted || queue.counted >= self.options.trials;
            next = if full && !worth_it && !others { Next::Over } else { Next::Nothing };
        })?;
        if !worth_it {
            return Ok(next);
        }
        let mut none_left = false;
        self.storage.change(&mut |study| {
            next = Next::Nothing;
            let queue = self.queue(study);
            let due: Vec<u64> = self.slots_due(study, &queue).collect();
            let chosen = self.choose(study, &due);
            none_left = chosen.len() < due.len();
            let created = chosen.first().map(|settings| (study.trials.len(), settings.clone()));
            let mut changes: Vec<Change> = due
                .iter()
                .zip(chosen)
                .map(|(&slot, settings)| {
                    let domains = self.domains(&settings);
                    Change::Create { settings, domains, slot }
                })
                .collect();
            if let Some((number, settings)) = queue.first.or(created) {
                changes.push(Change::Claim { number });
                let record = study.trials.get(number).cloned();
                let mut record = record.unwrap_or_else(|| TrialRecord::new(number, State::Waiting));
                record.slot = record
                    .slot
                    .or_else(|| due.first().copied().filter(|_| number >= study.trials.len()));
                next = Next::Trial(Box::new(Claimed { number, settings, record }));
            }
            Ok(changes)
        })?;
        if none_left {
            self.shared().exhausted = true;
        }
        Ok(next)
    }

    fn domains(&self, settings: &Settings) -> Vec<crate::Domain> {
        let parameters = self.space.parameters().iter();
        parameters
            .filter(|parameter| settings.get(&parameter.name).is_some())
            .map(|parameter| parameter.domain.clone())
            .collect()
    }

    /// The first trial that waits for a worker, and how many trials count. What others have queued
    /// with settings that this space does not know is theirs to run.
    fn queue(&self, study: &StudyRecord) -> Queue {
        let (mut first, mut counted) = (None, 0);
        for trial in &study.trials {
            if trial.state == State::Waiting {
                let Some(settings) = self.space.adopt(&trial.settings) else { continue };
                first = first.or(Some((trial.number, settings)));
            }
            counted += 1;
        }
        Queue { first, counted }
    }

    /// The slots that trials should be chosen for now.
    fn slots_due(&self, study: &StudyRecord, queue: &Queue) -> std::ops::Range<u64> {
        let own = || study.trials.iter().filter_map(|trial| Some((trial.slot?, trial)));
        let next = own().map(|(slot, _)| slot + 1).max().unwrap_or(0);
        let left = self.options.trials.saturating_sub(queue.counted) as u64;
        let due = match self.options.schedule {
            crate::Schedule::Async => u64::from(queue.first.is_none()),
            crate::Schedule::Batches(size) => {
                let size = size as u64;
                // What runs at another program may never end.
                let is_settled = |trial: &TrialRecord| {
                    trial.state.is_finished() || (trial.state == State::Running && trial.foreign)
                };
                // A batch may have been left in part, by a crash or by a lower number of trials.
                let begun = !next.is_multiple_of(size);
                let free = begun || own().all(|(_, trial)| is_settled(trial));
                if free { size - next % size } else { 0 }
            }
        };
        next..next + due.min(left)
    }

    /// Settings for these slots, in order; fewer if there are no more.
    fn choose(&self, study: &StudyRecord, slots: &[u64]) -> Vec<Settings> {
        let Some(&first) = slots.first() else { return Vec::new() };
        let start = match self.options.schedule {
            crate::Schedule::Batches(size) => first - first % size as u64,
            crate::Schedule::Async => first,
        };
        crate::history::choose(self.space, &self.choice, study, start, slots)
    }

    /// Runs one trial in a thread of its own.
    fn work(
        &self,
        claimed: Claimed,
        objective: &(dyn Fn(&mut Trial<'_>) -> std::result::Result<f64, TrialError> + Sync),
    ) {
        let Claimed { number, settings, record } = claimed;
        let attempt = record.attempts + 1;
        (self.options.observer)(Event::Started { number, settings: &settings, attempt });
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
            // It may have been interrupted at a rung.
            if let Some((&step, _)) = last {
                trial.verdict = self.verdict(&mut trial, step)?;
            }
            if trial.verdict == Verdict::Continue { objective(&mut trial) } else { Ok(0.0) }
        }));
        if let Err(error) = self.settle(&trial, result) {
            self.fail(error);
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
                let mut shared = self.shared();
                shared.panic.get_or_insert(panic);
                shared.stopping = true;
                drop(shared);
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
            Ok(Ok(value)) if value.is_finite() => (State::Complete, Some(value), None),
            Ok(Ok(value)) => (State::Failed, None, Some(format!("the objective is {value}"))),
        };
        let finale = trial.finale.map(|(step, value)| Change::Report { number, step, value });
        let finish = Change::Finish { number, state, value, failure: failure.clone() };
        let changes: Vec<Change> = finale.into_iter().chain([finish]).collect();
        self.storage.change(&mut |_| Ok(changes.clone()))?;
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
        self.storage.look(&mut |study| {
            let stored = study.trials.get(number).and_then(|trial| trial.reports.get(&step));
            known = stored.is_some_and(|stored| stored.to_bits() == value.to_bits());
        })?;
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
        use crate::pruner::Decision;
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

    fn end(self) -> Result<Study> {
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

enum Next {
    Trial(Box<Claimed>),
    /// Nothing at this moment.
    Nothing,
    /// Nothing any more.
    Over,
}

struct Queue {
    first: Option<(usize, Settings)>,
    counted: usize,
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
