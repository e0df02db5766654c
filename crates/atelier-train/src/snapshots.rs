//! When the trainer records the parameters, and how.

use atelier_core::flatten;
use atelier_store::{RunDir, SnapshotLog};

use crate::progress::Progress;
use crate::{Result, TrainConfig, Trainer};

impl TrainConfig {
    /// How many snapshots a run over all epochs records; 0 if they are off.
    #[must_use]
    pub fn snapshots(&self, batches_per_epoch: usize) -> u64 {
        if self.snapshots_per_epoch == 0 {
            return 0;
        }
        let in_each = self.snapshots_per_epoch.min(batches_per_epoch) as u64;
        // Those of the powers of two that are not among the evenly spaced anyway.
        let early = (0..usize::BITS).map(|power| 1_usize << power).take(self.snapshots_early);
        let early = early.take_while(|&index| index <= batches_per_epoch);
        let only_early = early.filter(|&index| !self.is_even(index, batches_per_epoch)).count();
        (self.epochs as u64).saturating_mul(in_each).saturating_add(1 + only_early as u64)
    }

    /// Whether one is due after the batch `index` (counted from 1) of `epoch` (counted from 0).
    fn is_snapshot(&self, epoch: usize, index: usize, batches_per_epoch: usize) -> bool {
        if self.snapshots_per_epoch == 0 {
            return false;
        }
        let early = epoch == 0
            && index.is_power_of_two()
            && (index.ilog2() as usize) < self.snapshots_early;
        early || self.is_even(index, batches_per_epoch)
    }

    /// Whether the batch `index` (counted from 1) is where one of the equal parts of an epoch ends.
    fn is_even(&self, index: usize, batches_per_epoch: usize) -> bool {
        let parts = self.snapshots_per_epoch.min(batches_per_epoch) as u128;
        let ended = |index: usize| index as u128 * parts / batches_per_epoch as u128;
        index > 0 && ended(index) > ended(index - 1)
    }
}

/// Whether the moment at which `trainer` stands is to be recorded. To be asked after each step, and at
/// the start.
pub(crate) fn is_due(trainer: &Trainer, batches_per_epoch: usize) -> bool {
    let Progress { epoch, index, step, snapshots, .. } = trainer.progress;
    // A run that was stopped before its first step has recorded its start already.
    let start = step == 0 && snapshots == 0 && trainer.settings.train.snapshots_per_epoch > 0;
    start || trainer.settings.train.is_snapshot(epoch, index, batches_per_epoch)
}

/// The snapshots of a session.
#[derive(Debug)]
pub(crate) struct Recorder {
    log: SnapshotLog,
}

impl Recorder {
    /// Takes up the snapshots of a run where `trainer` stands; `None` if it records none.
    pub(crate) fn open(trainer: &Trainer, run_dir: Option<&RunDir>) -> Result<Option<Self>> {
        let Some(run_dir) = run_dir.filter(|_| trainer.settings.train.snapshots_per_epoch > 0)
        else {
            return Ok(None);
        };
        let parameters = trainer.objective.parameters().iter().map(atelier_core::Parameter::len);
        let mut log = run_dir.snapshots(parameters.sum())?;
        log.truncate(trainer.progress.snapshots)?;
        Ok(Some(Self { log }))
    }

    /// Records the parameters; all losses must have been read.
    pub(crate) fn record(&mut self, trainer: &mut Trainer, batches_per_epoch: usize) -> Result<()> {
        let point = flatten(trainer.objective.parameters())?;
        let progress = &mut trainer.progress;
        let epoch = progress.epoch as f64 + progress.index as f64 / batches_per_epoch as f64;
        let loss = progress.last.back().map(|step| step.loss);
        self.log.append(progress.step, epoch, loss, &point)?;
        progress.snapshots = self.log.len();
        Ok(())
    }

    /// Makes what was recorded durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        Ok(self.log.sync()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(epochs: usize, per_epoch: usize, early: usize) -> TrainConfig {
        TrainConfig {
            epochs,
            snapshots_per_epoch: per_epoch,
            snapshots_early: early,
            ..TrainConfig::default()
        }
    }

    /// The steps of all snapshots of a run, the start included.
    fn steps(config: &TrainConfig, batches: usize) -> Vec<usize> {
        let steps = (0..config.epochs).flat_map(|epoch| (1..=batches).map(move |i| (epoch, i)));
        let due = steps.filter(|&(epoch, index)| config.is_snapshot(epoch, index, batches));
        std::iter::once(0).chain(due.map(|(epoch, index)| epoch * batches + index)).collect()
    }

    #[test]
    fn snapshots_are_evenly_spaced_and_end_every_epoch() {
        assert_eq!(steps(&config(2, 4, 0), 8), [0, 2, 4, 6, 8, 10, 12, 14, 16]);
        assert_eq!(steps(&config(1, 4, 0), 10), [0, 3, 5, 8, 10]);
        assert_eq!(steps(&config(2, 1, 0), 3), [0, 3, 6]);
        assert_eq!(steps(&config(2, 9, 0), 3), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn early_ones_double_their_distance_within_the_first_epoch() {
        assert_eq!(steps(&config(2, 1, 4), 20), [0, 1, 2, 4, 8, 20, 40]);
        assert_eq!(steps(&config(2, 1, 20), 6), [0, 1, 2, 4, 6, 12]);
        assert_eq!(steps(&config(1, 2, 2), 4), [0, 1, 2, 4]);
    }

    #[test]
    fn their_number_is_known_beforehand() {
        for batches in [1, 2, 3, 7, 16, 33] {
            for per_epoch in [1, 2, 3, 4, 16, 40] {
                for early in [0, 1, 3, 6, 63, 64, usize::MAX] {
                    let config = config(3, per_epoch, early);
                    let n = steps(&config, batches).len() as u64;
                    assert_eq!(config.snapshots(batches), n, "{per_epoch} of {batches}, {early}");
                }
            }
        }
        assert_eq!(config(3, 0, 0).snapshots(100), 0);
    }
}
