use std::collections::BTreeMap;

use crate::{Domain, Settings};

/// Whether small or large values are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Small values, such as losses.
    #[default]
    Minimize,
    /// Large values, such as accuracies.
    Maximize,
}

impl Direction {
    /// A number that is small for good values.
    pub(crate) fn loss(self, value: f64) -> f64 {
        match self {
            Self::Minimize => value,
            Self::Maximize => -value,
        }
    }
}

/// How a trial stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// A worker is at it.
    Running,
    /// It has a value.
    Complete,
    /// It was ended early, for it did not look promising.
    Pruned,
    /// It came to no value: training diverged.
    Failed,
    /// It has settings, and no worker is at it.
    Waiting,
}

impl State {
    /// Whether nothing will change any more.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Pruned | Self::Failed)
    }

    /// The state in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        }
    }
}

/// What is stored of a trial.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrialRecord {
    /// Its number in the study, counted from 0.
    pub number: usize,
    /// How it stands.
    pub state: State,
    /// Its settings.
    pub settings: Settings,
    /// Its value: what the objective returned, or the last report of a pruned trial.
    pub value: Option<f64>,
    /// What was reported on the way: values by step.
    pub reports: BTreeMap<u64, f64>,
    /// How often a worker began it.
    pub attempts: u32,
    /// Its place in the sequence that the study's sampler draws; `None` for trials that others
    /// put there.
    pub slot: Option<u64>,
    /// The worker that is or was at it.
    pub worker: Option<String>,
    /// Whether that worker is another program.
    pub foreign: bool,
    /// Why it failed, where that was said.
    pub failure: Option<String>,
    /// When it was last begun, in UTC as RFC 3339 writes it.
    pub started: Option<String>,
    /// When it was finished, likewise.
    pub finished: Option<String>,
}

impl TrialRecord {
    pub(crate) fn new(number: usize, state: State) -> Self {
        Self {
            number,
            state,
            settings: Settings::default(),
            value: None,
            reports: BTreeMap::new(),
            attempts: 0,
            slot: None,
            worker: None,
            foreign: false,
            failure: None,
            started: None,
            finished: None,
        }
    }

    /// The first value that was reported at `step` or later.
    pub(crate) fn at(&self, step: u64) -> Option<f64> {
        self.reports.range(step..).next().map(|(_, &value)| value)
    }
}

/// What is stored of a study.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct StudyRecord {
    /// Whether small or large values are good.
    pub direction: Direction,
    /// Under what conditions it was begun, as an object of JSON; none before it has begun, and
    /// where another program began it.
    pub conditions: Option<serde_json::Value>,
    /// Its trials, by number.
    pub trials: Vec<TrialRecord>,
}

/// One change of a stored study.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Says under what conditions the study is run.
    Conditions(serde_json::Value),
    /// Adds a trial that waits for a worker. Its number is that of trials before.
    Create {
        /// Its settings.
        settings: Settings,
        /// The domain of each of them.
        domains: Vec<Domain>,
        /// Its place in the sampler's sequence.
        slot: u64,
    },
    /// Gives a waiting trial to the worker that says so.
    Claim {
        /// The trial.
        number: usize,
    },
    /// Stores a value on the way.
    Report {
        /// The trial.
        number: usize,
        /// After which step.
        step: u64,
        /// The value; finite.
        value: f64,
    },
    /// Ends a trial.
    Finish {
        /// The trial.
        number: usize,
        /// How it ended.
        state: State,
        /// Its value, if it has one; finite.
        value: Option<f64>,
        /// Why it failed.
        failure: Option<String>,
    },
    /// Lets a running trial wait for another worker.
    Requeue {
        /// The trial.
        number: usize,
    },
}

impl StudyRecord {
    /// The study after `change`, which `worker` made at `now`. Changes that come too late, such as
    /// to finished trials, change nothing.
    pub(crate) fn apply(&mut self, change: &Change, worker: &str, foreign: bool, now: &str) {
        let unfinished = |trial: &&mut TrialRecord| !trial.state.is_finished();
        match change {
            Change::Conditions(conditions) => self.conditions = Some(conditions.clone()),
            Change::Create { settings, slot, .. } => {
                let mut trial = TrialRecord::new(self.trials.len(), State::Waiting);
                trial.settings = settings.clone();
                trial.slot = Some(*slot);
                self.trials.push(trial);
            }
            Change::Claim { number } => {
                let trial = self.trials.get_mut(*number);
                if let Some(trial) = trial.filter(|trial| trial.state == State::Waiting) {
                    trial.state = State::Running;
                    trial.attempts += 1;
                    trial.worker = Some(worker.to_string());
                    trial.foreign = foreign;
                    trial.started = Some(now.to_string());
                }
            }
            Change::Report { number, step, value } => {
                if let Some(trial) = self.trials.get_mut(*number).filter(unfinished) {
                    trial.reports.insert(*step, *value);
                }
            }
            Change::Finish { number, state, value, failure } => {
                if let Some(trial) = self.trials.get_mut(*number).filter(unfinished) {
                    trial.state = *state;
                    trial.value = value.or(trial.value);
                    trial.failure = failure.clone().or(trial.failure.take());
                    trial.finished = Some(now.to_string());
                }
            }
            Change::Requeue { number } => {
                if let Some(trial) = self.trials.get_mut(*number).filter(unfinished) {
                    trial.state = State::Waiting;
                }
            }
        }
    }
}
