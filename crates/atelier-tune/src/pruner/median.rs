use super::{Decision, batch};
use crate::record::StudyRecord;
use crate::{Schedule, State};

/// A median of fewer trials says little.
const LEAST: usize = 5;

/// Completed trials never change, so nobody has to wait for others here.
pub(super) fn decide(
    study: &StudyRecord,
    schedule: Schedule,
    number: usize,
    rung: u64,
) -> Decision {
    let Some(trial) = study.trials.get(number) else { return Decision::Keep };
    let own = batch(trial.slot, schedule);
    let mut others: Vec<f64> = study
        .trials
        .iter()
        .filter(|other| other.number != number && other.state == State::Complete)
        .filter(|other| own.is_none() || batch(other.slot, schedule) < own)
        .filter_map(|other| Some(study.direction.loss(other.at(rung)?)))
        .collect();
    if others.len() < LEAST {
        return Decision::Keep;
    }
    others.sort_by(f64::total_cmp);
    let middle = others.len() / 2;
    let median = if others.len() % 2 == 1 {
        others[middle]
    } else {
        f64::midpoint(others[middle - 1], others[middle])
    };
    let reached = trial.reports.range(rung..).next().map_or(rung, |(&step, _)| step);
    let best = trial
        .reports
        .range(..=reached)
        .map(|(_, &value)| study.direction.loss(value))
        .fold(f64::INFINITY, f64::min);
    if best > median { Decision::Prune } else { Decision::Keep }
}
