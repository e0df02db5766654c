use std::collections::HashSet;

use crate::sampler::{Choice, End, History, Outcome};
use crate::{Settings, Space, State, record::StudyRecord, record::TrialRecord};

/// Settings for `slots`, which belong together, from what ended before `start`: trials of later
/// slots count as not ended, whether they are or not, so that a batch that was left in part goes on
/// as it would have. Fewer than asked for if the space has no more.
pub(crate) fn choose(
    space: &Space,
    choice: &Choice<'_>,
    study: &StudyRecord,
    start: u64,
    slots: &[u64],
) -> Vec<Settings> {
    let known: Vec<(&TrialRecord, Settings)> = study
        .trials
        .iter()
        .filter_map(|trial| Some((trial, space.adopt(&trial.settings)?)))
        .collect();
    let mut history = History {
        direction: study.direction,
        results: Vec::new(),
        pending: Vec::new(),
        taken: HashSet::new(),
    };
    for (trial, settings) in &known {
        history.taken.insert(settings.to_string());
        match end(trial) {
            Some(end) if trial.slot.is_none_or(|slot| slot < start) => {
                history.results.push(Outcome { settings, end });
            }
            _ => history.pending.push(settings.clone()),
        }
    }
    let mut chosen = Vec::new();
    for &slot in slots {
        let Some(settings) = choice.next(slot, &history) else { break };
        history.taken.insert(settings.to_string());
        history.pending.push(settings.clone());
        chosen.push(settings);
    }
    chosen
}

fn end(trial: &TrialRecord) -> Option<End> {
    let last = || trial.reports.iter().next_back();
    match trial.state {
        State::Complete => Some(trial.value.map_or(End::Failed, End::Complete)),
        State::Pruned => {
            Some(last().map_or(End::Failed, |(&step, &value)| End::Pruned(step, value)))
        }
        State::Failed => Some(End::Failed),
        State::Running | State::Waiting => None,
    }
}
