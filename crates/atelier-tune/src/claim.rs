//! Which trial a free worker takes, and when new ones are chosen.

use std::collections::BTreeSet;

use crate::driver::Driver;
use crate::record::{Change, StudyRecord, TrialRecord};
use crate::{Domain, Event, Result, Schedule, Settings, State};

/// A trial that this process has claimed.
pub(crate) struct Claimed {
    pub number: usize,
    pub settings: Settings,
    pub record: TrialRecord,
}

/// What there is for a free worker.
pub(crate) enum Next {
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

impl Driver<'_> {
    /// Lets the trials of workers that have ended wait for others.
    pub(crate) fn requeue_abandoned(&self) -> Result<()> {
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
    pub(crate) fn claim(&self) -> Result<Next> {
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
            // What a stop or a failure let wait since the last look is for another time.
            if self.shared().stopping {
                return Ok(Vec::new());
            }
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

    fn domains(&self, settings: &Settings) -> Vec<Domain> {
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
            Schedule::Async => u64::from(queue.first.is_none()),
            Schedule::Batches(size) => {
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
            Schedule::Batches(size) => first - first % size as u64,
            Schedule::Async => first,
        };
        crate::history::choose(self.space, &self.choice, study, start, slots)
    }
}
