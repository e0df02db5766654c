use crate::{Settings, State};

/// What happens in a study, told while it runs by this process's workers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A worker begins a trial, or takes it up again.
    Started {
        /// The trial's number.
        number: usize,
        /// Its settings.
        settings: &'a Settings,
        /// How often it was begun, this time included.
        attempt: u32,
    },
    /// A trial has a value on the way.
    Reported {
        /// The trial's number.
        number: usize,
        /// After which step.
        step: u64,
        /// The value.
        value: f64,
    },
    /// A trial has ended.
    Finished {
        /// The trial's number.
        number: usize,
        /// How it ended.
        state: State,
        /// Its value, if it has one.
        value: Option<f64>,
        /// Why it failed.
        failure: Option<&'a str>,
    },
    /// A trial goes back to the queue: the study was told to stop, or the trial's worker is gone.
    Requeued {
        /// The trial's number.
        number: usize,
    },
}
