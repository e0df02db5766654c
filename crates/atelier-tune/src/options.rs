use std::fmt;

use crate::sampler::LARGEST_GRID;
use crate::{Direction, Domain, Error, Event, Pruner, Result, Sampler, Space, Storage};

/// When settings are chosen and trials pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// So many trials at once, when all before them have ended; a rung decides when every trial of
    /// the batch has come to it or ended. The same seed then gives the same study, whatever the
    /// number of workers, interrupted or not. More workers than a batch has trials are of no use.
    Batches(usize),
    /// Whenever a worker is free, by whatever results are there (asynchronous halving: Li et al.,
    /// *A system for massively parallel hyperparameter tuning*, `MLSys` 2020). No worker waits, and
    /// no study repeats itself.
    Async,
}

/// How a study is run.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How many trials the study has in total, those of earlier runs included.
    pub trials: usize,
    /// How settings are chosen.
    pub sampler: Sampler,
    /// How trials are ended early.
    pub pruner: Pruner,
    /// When both happen.
    pub schedule: Schedule,
    /// Whether small or large values are good.
    pub direction: Direction,
    /// The seed of everything random.
    pub seed: u64,
    /// How many trials run at the same time in this process.
    pub workers: usize,
    /// Where the study is kept; in memory where there is none.
    pub storage: Option<&'a dyn Storage>,
    /// Is told what happens, from any of the workers' threads.
    pub observer: &'a (dyn Fn(Event<'_>) + Sync),
    /// Asked often: whether to stop. Trials that run are told so at their next report, and wait in
    /// the storage for the next run.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            trials: 40,
            sampler: Sampler::Tpe,
            pruner: Pruner::None,
            schedule: Schedule::Batches(8),
            direction: Direction::Minimize,
            seed: 0,
            workers: 1,
            storage: None,
            observer: &|_| {},
            stop: &|| false,
        }
    }
}

/// Every trial is held in memory and looked at whenever another is chosen.
const MOST_TRIALS: usize = 100_000;

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("trials", &self.trials)
            .field("sampler", &self.sampler)
            .field("pruner", &self.pruner)
            .field("schedule", &self.schedule)
            .field("direction", &self.direction)
            .field("seed", &self.seed)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

impl Options<'_> {
    /// Refuses what cannot be run.
    pub(crate) fn check(&self, space: &Space) -> Result<()> {
        let one_or_more = "1 or more";
        if !(1..=MOST_TRIALS).contains(&self.trials) {
            let expected = format!("from 1 to {MOST_TRIALS}");
            return Err(Error::setting("tune.trials", expected, self.trials));
        }
        if self.workers == 0 {
            return Err(Error::setting("workers", one_or_more, 0));
        }
        if self.schedule == Schedule::Batches(0) {
            return Err(Error::setting("tune.batch", one_or_more, 0));
        }
        self.pruner.check()?;
        if let Sampler::Grid { points } = self.sampler {
            if points == 0 {
                return Err(Error::setting("tune.grid_points", one_or_more, 0));
            }
            let size = grid_size(space, points as u64);
            if size > LARGEST_GRID {
                let expected = format!(
                    "a grid of at most {LARGEST_GRID} points; give fewer values, or another sampler"
                );
                return Err(Error::setting(
                    "tune.space",
                    expected,
                    format!("{size} points or more"),
                ));
            }
        }
        Ok(())
    }

    /// What decides the course of a study beside its results, for the one who resumes it.
    pub(crate) fn conditions(&self, space: &Space) -> serde_json::Value {
        let space: Vec<String> = space.parameters().iter().map(|p| format!("{p:?}")).collect();
        serde_json::json!({
            "seed": self.seed,
            "sampler": format!("{:?}", self.sampler),
            "pruner": format!("{:?}", self.pruner),
            "schedule": format!("{:?}", self.schedule),
            "space": space,
        })
    }
}

/// The number of points of a grid where every parameter exists everywhere: an upper bound.
fn grid_size(space: &Space, points: u64) -> u64 {
    if let Some(size) = space.size() {
        return size;
    }
    let sizes = space.parameters().iter().map(|parameter| match &parameter.domain {
        Domain::Float { step: None, .. } => points,
        domain => domain.size().unwrap_or(points),
    });
    sizes.fold(1, u64::saturating_mul)
}
