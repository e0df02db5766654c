//! How trials are ended early: one file for each way.

mod halving;
mod hyperband;
mod median;

use crate::record::StudyRecord;
use crate::{Error, Result, Schedule};

/// Which trials are ended early. Steps are what the objective reports by, such as epochs, counted
/// from 1: step 3 is over when three epochs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pruner {
    /// None.
    None,
    /// Those whose best value so far is worse than the median of what completed trials had at that
    /// step (Golovin et al., *Google Vizier*, KDD 2017), once there are five of these. In batches
    /// only trials of earlier batches count.
    Median {
        /// The first step after which a trial may be ended; every later step is a rung as well.
        first: u64,
    },
    /// All but the best of each `reduction` at rungs `first`, `first * reduction`, … (Jamieson and
    /// Talwalkar, *Non-stochastic best arm identification*, AISTATS 2016). A trial is compared with
    /// its own batch and with all trials before that came to the rung.
    SuccessiveHalving {
        /// The first rung.
        first: u64,
        /// One of so many goes on, and the next rung is so many times higher.
        reduction: u64,
    },
    /// Successive halving whose first rung is another for each batch (each trial where there are no
    /// batches), in turn: `first`, `first * reduction`, … below `last`, and then without any rung
    /// (Li et al., *Hyperband*, JMLR 2018). Trials are compared with those of the same turn.
    Hyperband {
        /// The lowest first rung.
        first: u64,
        /// The last step of a trial.
        last: u64,
        /// As for successive halving.
        reduction: u64,
    },
}

/// What becomes of a trial at a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Keep,
    Prune,
    /// Others have not come so far yet.
    Wait,
}

impl Pruner {
    pub(crate) fn check(self) -> Result<()> {
        let (first, reduction) = match self {
            Self::None => return Ok(()),
            Self::Median { first } => (first, 2),
            Self::SuccessiveHalving { first, reduction } => (first, reduction),
            Self::Hyperband { first, last, reduction } => {
                if last <= first {
                    let expected = format!("above tune.first_rung, which is {first}");
                    return Err(Error::setting("tune.last_rung", expected, last));
                }
                (first, reduction)
            }
        };
        if first == 0 {
            return Err(Error::setting("tune.first_rung", "1 or more", first));
        }
        if reduction < 2 {
            return Err(Error::setting("tune.reduction", "2 or more", reduction));
        }
        Ok(())
    }

    /// The first rung after step `done` that is at or before `step`, for the trial at `slot`.
    pub(crate) fn rung(
        self,
        slot: Option<u64>,
        schedule: Schedule,
        done: u64,
        step: u64,
    ) -> Option<u64> {
        let rung = match self {
            Self::None => return None,
            Self::Median { first } => first.max(done + 1),
            Self::SuccessiveHalving { first, reduction } => halving::rung(first, reduction, done)?,
            Self::Hyperband { first, last, reduction } => {
                let turn = hyperband::turn(slot?, schedule, first, last, reduction);
                halving::rung(turn?, reduction, done).filter(|&rung| rung < last)?
            }
        };
        (rung <= step).then_some(rung)
    }

    /// What becomes of trial `number`, which has come to `rung`.
    pub(crate) fn decide(
        self,
        study: &StudyRecord,
        schedule: Schedule,
        number: usize,
        rung: u64,
    ) -> Decision {
        match self {
            Self::None => Decision::Keep,
            Self::Median { .. } => median::decide(study, schedule, number, rung),
            Self::SuccessiveHalving { reduction, .. } => {
                halving::decide(study, schedule, number, rung, reduction, &|_| true)
            }
            Self::Hyperband { first, last, reduction } => {
                let turn = |slot: Option<u64>| {
                    slot.and_then(|slot| hyperband::turn(slot, schedule, first, last, reduction))
                };
                let own = study.trials.get(number).and_then(|trial| turn(trial.slot));
                halving::decide(study, schedule, number, rung, reduction, &|slot| turn(slot) == own)
            }
        }
    }
}

/// The batch of a slot; `None` where there are no batches, or the trial belongs to none.
fn batch(slot: Option<u64>, schedule: Schedule) -> Option<u64> {
    match schedule {
        Schedule::Batches(size) => Some(slot? / size.max(1) as u64),
        Schedule::Async => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State::{Complete, Failed, Pruned, Running, Waiting};
    use crate::record::TrialRecord;
    use crate::{Direction, State};

    /// A study whose trials are (state, values after steps 1, 2, …), one slot each.
    fn study(direction: Direction, trials: &[(State, &[f64])]) -> StudyRecord {
        let mut study = StudyRecord { direction, ..StudyRecord::default() };
        for (number, (state, values)) in trials.iter().enumerate() {
            let mut trial = TrialRecord::new(number, *state);
            trial.slot = Some(number as u64);
            trial.reports = (1..).zip(values.iter().copied()).collect();
            study.trials.push(trial);
        }
        study
    }

    #[test]
    fn rungs_are_a_factor_apart_and_never_passed_over() {
        let halving = Pruner::SuccessiveHalving { first: 2, reduction: 3 };
        let rung = |pruner: Pruner, slot, done, step| {
            pruner.rung(Some(slot), Schedule::Batches(4), done, step)
        };
        assert_eq!(rung(halving, 0, 0, 1), None);
        assert_eq!(rung(halving, 0, 1, 2), Some(2));
        assert_eq!(rung(halving, 0, 2, 5), None);
        assert_eq!(rung(halving, 0, 0, 20), Some(2));
        assert_eq!(rung(halving, 0, 2, 20), Some(6));
        assert_eq!(rung(halving, 0, u64::MAX - 1, u64::MAX), None);
        assert_eq!(rung(Pruner::Median { first: 3 }, 0, 0, 3), Some(3));
        assert_eq!(rung(Pruner::Median { first: 3 }, 0, 3, 4), Some(4));
        assert_eq!(rung(Pruner::None, 0, 0, 9), None);
        // Batches begin at 1, 3, never, 1, … of 9 steps, which are no rung themselves.
        let hyperband = Pruner::Hyperband { first: 1, last: 9, reduction: 3 };
        let firsts: Vec<_> = (0..4).map(|batch| rung(hyperband, 4 * batch + 1, 0, 9)).collect();
        assert_eq!(firsts, [Some(1), Some(3), None, Some(1)]);
        assert_eq!(rung(hyperband, 0, 3, 9), None);
    }

    #[test]
    fn halving_keeps_the_best_third_of_a_batch_that_is_complete() {
        let decide = |study: &StudyRecord, number| {
            let pruner = Pruner::SuccessiveHalving { first: 1, reduction: 3 };
            pruner.decide(study, Schedule::Batches(4), number, 1)
        };
        let waiting = [(Running, &[0.5][..]), (Running, &[0.4]), (Waiting, &[]), (Failed, &[])];
        assert_eq!(decide(&study(Direction::Maximize, &waiting), 0), Decision::Wait);
        // Of three that came there, one of each three begun goes on.
        let there = [(Running, &[0.5][..]), (Running, &[0.4]), (Waiting, &[0.3]), (Failed, &[])];
        let (up, down) = (study(Direction::Maximize, &there), study(Direction::Minimize, &there));
        let all = |study: &StudyRecord| [0, 1, 2].map(|number| decide(study, number));
        assert_eq!(all(&up), [Decision::Keep, Decision::Prune, Decision::Prune]);
        assert_eq!(all(&down), [Decision::Prune, Decision::Prune, Decision::Keep]);
        // Earlier batches count, later ones do not.
        let two = [
            (Complete, &[0.9][..]),
            (Pruned, &[0.1]),
            (Pruned, &[0.1]),
            (Failed, &[]),
            (Running, &[0.8]),
            (Running, &[0.7]),
            (Running, &[0.6]),
            (Running, &[0.5]),
            (Running, &[0.95]),
        ];
        let two = study(Direction::Maximize, &two);
        let decisions: Vec<Decision> = (4..8).map(|number| decide(&two, number)).collect();
        assert_eq!(decisions, [Decision::Keep, Decision::Keep, Decision::Prune, Decision::Prune]);
    }

    #[test]
    fn no_batch_waits_for_a_trial_of_another_program() {
        let mut study =
            study(Direction::Minimize, &[(State::Running, &[0.5]), (State::Running, &[])]);
        let pruner = Pruner::SuccessiveHalving { first: 1, reduction: 2 };
        assert_eq!(pruner.decide(&study, Schedule::Batches(2), 0, 1), Decision::Wait);
        assert_eq!(pruner.decide(&study, Schedule::Async, 0, 1), Decision::Keep);
        study.trials[1].foreign = true;
        assert_eq!(pruner.decide(&study, Schedule::Batches(2), 0, 1), Decision::Keep);
    }

    #[test]
    fn the_median_is_that_of_completed_trials_of_earlier_batches() {
        let pruner = Pruner::Median { first: 1 };
        let mut trials: Vec<(State, &[f64])> = vec![
            (State::Complete, &[0.1, 0.9]),
            (State::Complete, &[0.2, 0.9]),
            (State::Complete, &[0.3, 0.9]),
            (State::Complete, &[0.4, 0.9]),
            (State::Pruned, &[0.9]),
            (State::Complete, &[0.5, 0.9]),
        ];
        let decide = |trials: &[(State, &[f64])], rung| {
            pruner.decide(&study(Direction::Maximize, trials), Schedule::Batches(6), 6, rung)
        };
        trials.push((State::Running, &[0.3, 0.25]));
        assert_eq!(decide(&trials, 1), Decision::Keep);
        assert_eq!(decide(&trials, 2), Decision::Prune);
        trials[6].1 = &[0.29];
        assert_eq!(decide(&trials, 1), Decision::Prune);
        // Its best value so far counts, not its last.
        trials[6].1 = &[0.95, 0.1];
        assert_eq!(decide(&trials, 2), Decision::Keep);
        trials[0].0 = State::Failed;
        trials[6].1 = &[0.0];
        assert_eq!(decide(&trials, 1), Decision::Keep, "four are too few");
    }
}
