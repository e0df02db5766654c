//! Changes as lines of the journal.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json, json};

use crate::record::Change;
use crate::{Direction, Domain, State, Value};

/// Optuna's operations, by number.
pub(super) mod op {
    pub const CREATE_STUDY: u64 = 0;
    pub const DELETE_STUDY: u64 = 1;
    pub const STUDY_USER_ATTRIBUTE: u64 = 2;
    pub const STUDY_SYSTEM_ATTRIBUTE: u64 = 3;
    pub const CREATE_TRIAL: u64 = 4;
    pub const PARAMETER: u64 = 5;
    pub const STATE: u64 = 6;
    pub const INTERMEDIATE: u64 = 7;
    pub const USER_ATTRIBUTE: u64 = 8;
    pub const SYSTEM_ATTRIBUTE: u64 = 9;
    pub const DISCARD_TRIALS: u64 = 10;
}

/// System attribute of a study: the conditions under which it was begun.
pub(super) const CONDITIONS: &str = "atelier";
/// System attribute of a trial: its place in the sampler's sequence.
pub(super) const SLOT: &str = "atelier:slot";
/// User attribute of a trial, which Optuna's dashboard shows: why it failed.
pub(super) const FAILURE: &str = "failure";

pub(super) fn create_study(worker: &str, name: &str, direction: Direction) -> String {
    let direction = match direction {
        Direction::Minimize => 1,
        Direction::Maximize => 2,
    };
    line(worker, op::CREATE_STUDY, &json!({"study_name": name, "directions": [direction]}))
}

/// The lines of a change to the study with this id, whose trials have these ids in the file.
pub(super) fn lines(worker: &str, study: u64, trial_ids: &[usize], change: &Change) -> Vec<String> {
    let id = |number: &usize| trial_ids.get(*number).copied();
    let one = |op, fields: Json| vec![line(worker, op, &fields)];
    match change {
        Change::Conditions(conditions) => one(
            op::STUDY_SYSTEM_ATTRIBUTE,
            json!({"study_id": study, "system_attr": {CONDITIONS: conditions}}),
        ),
        Change::Create { settings, domains, slot } => {
            let (mut params, mut distributions) = (Map::new(), Map::new());
            for ((name, value), domain) in settings.iter().zip(domains) {
                params.insert(name.to_string(), internal(domain, value).into());
                distributions.insert(name.to_string(), distribution(domain).to_string().into());
            }
            one(
                op::CREATE_TRIAL,
                json!({
                    "study_id": study, "datetime_start": null, "state": number(State::Waiting),
                    "value": null, "values": null, "distributions": distributions,
                    "params": params, "user_attrs": {}, "system_attrs": {SLOT: slot},
                    "intermediate_values": {},
                }),
            )
        }
        Change::Claim { number: trial } => one(
            op::STATE,
            json!({
                "trial_id": id(trial), "state": number(State::Running), "values": null,
                "datetime_start": now(),
            }),
        ),
        Change::Report { number: trial, step, value } => one(
            op::INTERMEDIATE,
            json!({"trial_id": id(trial), "step": step, "intermediate_value": value}),
        ),
        Change::Requeue { number: trial } => one(
            op::STATE,
            json!({"trial_id": id(trial), "state": number(State::Waiting), "values": null}),
        ),
        Change::Finish { number: trial, state, value, failure } => {
            let mut lines = Vec::new();
            if let Some(failure) = failure {
                let attribute = json!({"trial_id": id(trial), "user_attr": {FAILURE: failure}});
                lines.push(line(worker, op::USER_ATTRIBUTE, &attribute));
            }
            let fields = json!({
                "trial_id": id(trial), "state": number(*state), "values": value.map(|v| [v]),
                "datetime_complete": now(),
            });
            lines.push(line(worker, op::STATE, &fields));
            lines
        }
    }
}

fn line(worker: &str, op: u64, fields: &Json) -> String {
    let mut entry = json!({"op_code": op, "worker_id": worker});
    if let (Some(entry), Some(fields)) = (entry.as_object_mut(), fields.as_object()) {
        entry.extend(fields.clone());
    }
    entry.to_string()
}

fn number(state: State) -> u64 {
    match state {
        State::Running => 0,
        State::Complete => 1,
        State::Pruned => 2,
        State::Failed => 3,
        State::Waiting => 4,
    }
}

/// A domain as Optuna writes its distributions. Lists are no choices there, and become text.
fn distribution(domain: &Domain) -> Json {
    match domain {
        Domain::Float { low, high, log, step } => json!({
            "name": "FloatDistribution",
            "attributes": {"step": step, "low": low, "high": high, "log": log},
        }),
        Domain::Int { low, high, log, step } => json!({
            "name": "IntDistribution",
            "attributes": {"log": log, "step": step, "low": low, "high": high},
        }),
        Domain::Choices(choices) => {
            let choices: Vec<Json> = choices
                .iter()
                .map(|choice| match choice {
                    Value::Bool(value) => json!(value),
                    Value::Int(value) => json!(value),
                    Value::Float(value) => json!(value),
                    Value::Text(value) => json!(value),
                    Value::List(_) => json!(choice.to_string()),
                })
                .collect();
            json!({"name": "CategoricalDistribution", "attributes": {"choices": choices}})
        }
    }
}

/// Optuna's number for a value: itself, or the position of a choice.
fn internal(domain: &Domain, value: &Value) -> f64 {
    match (domain.position(value), value) {
        (Some(position), _) => position as f64,
        (None, Value::Float(value)) => *value,
        (None, Value::Int(value)) => *value as f64,
        _ => 0.0,
    }
}

/// The present moment as Python's `datetime.isoformat` writes it, with microseconds.
fn now() -> String {
    let now = SystemTime::now();
    let micros = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_micros());
    let seconds = atelier_store::format_utc(now);
    format!("{}.{micros:06}+00:00", seconds.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_that_optuna_writes() {
        // From a journal of Optuna 5.0.0, with this worker's name.
        assert_eq!(
            create_study("w", "s", Direction::Maximize),
            r#"{"op_code":0,"worker_id":"w","study_name":"s","directions":[2]}"#
        );
        assert_eq!(
            lines("w", 0, &[7], &Change::Report { number: 0, step: 3, value: 0.5 }),
            [r#"{"op_code":7,"worker_id":"w","trial_id":7,"step":3,"intermediate_value":0.5}"#]
        );
        assert_eq!(
            distribution(&Domain::Float { low: 1e-5, high: 1.0, log: true, step: None })
                .to_string(),
            r#"{"name":"FloatDistribution","attributes":{"step":null,"low":0.00001,"high":1.0,"log":true}}"#
        );
        assert_eq!(
            distribution(&Domain::Int { low: 1, high: 5, log: false, step: 2 }).to_string(),
            r#"{"name":"IntDistribution","attributes":{"log":false,"step":2,"low":1,"high":5}}"#
        );
    }

    #[test]
    fn moments_have_microseconds_and_an_offset() {
        let now = now();
        assert_eq!(now.len(), "2026-03-09T14:05:00.000000+00:00".len());
        assert!(now.ends_with("+00:00"));
    }
}
