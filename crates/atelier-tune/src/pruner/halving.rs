use super::{Decision, batch};
use crate::record::StudyRecord;
use crate::{Schedule, State};

/// The first of `first`, `first * reduction`, … that is above `done`; `None` beyond all numbers.
pub(super) fn rung(first: u64, reduction: u64, done: u64) -> Option<u64> {
    let mut rung = first;
    while rung <= done {
        rung = rung.checked_mul(reduction)?;
    }
    Some(rung)
}

/// Keeps the best of each `reduction` that came to `rung`, at least one; equals keep each other.
/// In batches: those of earlier batches, and the own one once all of it has come there or ended.
pub(super) fn decide(
    study: &StudyRecord,
    schedule: Schedule,
    number: usize,
    rung: u64,
    reduction: u64,
    is_peer: &dyn Fn(Option<u64>) -> bool,
) -> Decision {
    let Some(trial) = study.trials.get(number) else { return Decision::Keep };
    let Some(value) = trial.at(rung) else { return Decision::Keep };
    let (own, loss) = (batch(trial.slot, schedule), study.direction.loss(value));
    let (mut reached, mut better) = (0_u64, 0_u64);
    for other in study.trials.iter().filter(|other| is_peer(other.slot)) {
        let theirs = batch(other.slot, schedule);
        if own.is_some() && theirs > own {
            continue;
        }
        if let Some(value) = other.at(rung) {
            reached += 1;
            better += u64::from(study.direction.loss(value) < loss);
        } else if own.is_some() && theirs == own && !other.state.is_finished() {
            // What another program runs may never report.
            let elsewhere = other.state == State::Running && other.foreign;
            if !elsewhere {
                return Decision::Wait;
            }
        }
    }
    if better < reached.div_ceil(reduction) { Decision::Keep } else { Decision::Prune }
}
