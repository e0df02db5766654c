//! What the lines of a journal say when they are replayed in order.

use std::path::Path;

use serde_json::Value as Json;

use super::entry::{CONDITIONS, FAILURE, SLOT, op};
use super::setting::set;
use crate::record::{Change, StudyRecord, TrialRecord};
use crate::trial::is_usable;
use crate::{Direction, Error, Result, State};

/// What a line should have been, and what it is.
pub(super) struct Wrong {
    pub expected: String,
    pub found: String,
}

impl From<&'static str> for Wrong {
    fn from(expected: &'static str) -> Self {
        Self { expected: expected.to_string(), found: "another value or none".to_string() }
    }
}

pub(super) type Applied<T = ()> = std::result::Result<T, Wrong>;

/// Every study of a file. Ids are implicit: studies and trials are counted in the order in which
/// the lines that create them are accepted.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// By id; those that were deleted have no name.
    studies: Vec<(Option<String>, StudyRecord)>,
    /// For each trial of the file its study and its number there.
    trials: Vec<(usize, usize)>,
    lines: u64,
}

impl Replay {
    /// The study of this name and its id.
    pub fn study(&self, name: &str) -> Option<(u64, &StudyRecord)> {
        let named =
            |(_, study): &(u64, &(Option<String>, StudyRecord))| study.0.as_deref() == Some(name);
        (0..).zip(&self.studies).find(named).map(|(id, (_, study))| (id, study))
    }

    /// All studies that have a name, in the order in which they were begun.
    pub fn into_studies(self) -> Vec<(String, StudyRecord)> {
        self.studies.into_iter().filter_map(|(name, study)| Some((name?, study))).collect()
    }

    /// The ids of the trials of the study of this name, by number.
    pub fn trial_ids(&self, name: &str) -> Vec<usize> {
        let study = self.studies.iter().position(|study| study.0.as_deref() == Some(name));
        let trials = self.trials.iter().enumerate();
        trials.filter(|(_, (of, _))| Some(*of) == study).map(|(id, _)| id).collect()
    }

    pub fn next_trial_id(&self) -> usize {
        self.trials.len()
    }

    /// Applies whole lines of the file at `path`, which its errors name.
    pub fn apply_all(&mut self, path: &Path, lines: &[String]) -> Result<()> {
        for line in lines {
            self.lines += 1;
            let number = self.lines;
            let none = || Error::journal(path, number, "an object of JSON", "something else");
            let entry = parse(line).ok_or_else(none)?;
            self.apply(&entry)
                .map_err(|wrong| Error::journal(path, number, wrong.expected, wrong.found))?;
        }
        Ok(())
    }

    /// Applies one entry. Like Optuna, passes over what comes too late or belongs to a study that
    /// is not there. The error is what the format asks for, or what a worker of this crate would have written.
    fn apply(&mut self, entry: &Json) -> Applied {
        let op = entry["op_code"].as_u64().ok_or("op_code, a number")?;
        let worker = entry["worker_id"].as_str().ok_or("worker_id, text")?;
        match op {
            op::CREATE_STUDY => self.create_study(entry),
            op::DELETE_STUDY
            | op::STUDY_USER_ATTRIBUTE
            | op::STUDY_SYSTEM_ATTRIBUTE
            | op::CREATE_TRIAL => {
                let id = index(&entry["study_id"]).ok_or("study_id, a number")?;
                let Some((name, study)) = self.studies.get_mut(id) else { return Ok(()) };
                if name.is_none() {
                    return Ok(());
                }
                match op {
                    op::DELETE_STUDY => *name = None,
                    op::STUDY_SYSTEM_ATTRIBUTE => {
                        if let Some(conditions) = entry["system_attr"].get(CONDITIONS) {
                            study.conditions = Some(conditions.clone());
                        }
                    }
                    op::CREATE_TRIAL => {
                        let number = study.trials.len();
                        study.trials.push(create_trial(entry, number, worker)?);
                        self.trials.push((id, number));
                    }
                    _ => {}
                }
                Ok(())
            }
            op::PARAMETER
            | op::STATE
            | op::INTERMEDIATE
            | op::USER_ATTRIBUTE
            | op::SYSTEM_ATTRIBUTE => {
                let id = index(&entry["trial_id"]).ok_or("trial_id, a number")?;
                let Some(&(study, number)) = self.trials.get(id) else { return Ok(()) };
                let Some((_, study)) = self.studies.get_mut(study) else { return Ok(()) };
                if study.trials.get(number).is_some_and(|trial| trial.state.is_finished()) {
                    return Ok(());
                }
                change_trial(study, number, op, entry, worker)
            }
            op::DISCARD_TRIALS => Ok(()),
            _ => Err("op_code, from 0 to 10".into()),
        }
    }

    fn create_study(&mut self, entry: &Json) -> Applied {
        let name = entry["study_name"].as_str().ok_or("study_name, text")?;
        let direction = match entry["directions"][0].as_u64() {
            Some(2) => Direction::Maximize,
            Some(0 | 1) => Direction::Minimize,
            _ => return Err("directions, a list of 1 or 2".into()),
        };
        if self.study(name).is_none() {
            let study = StudyRecord { direction, ..StudyRecord::default() };
            self.studies.push((Some(name.to_string()), study));
        }
        Ok(())
    }
}

/// Whether a worker's name has not the form that this crate gives.
pub(super) fn is_foreign(worker: &str) -> bool {
    !worker.ends_with(super::OURS)
}

fn create_trial(entry: &Json, number: usize, worker: &str) -> Applied<TrialRecord> {
    let state = match &entry["state"] {
        Json::Null => State::Running,
        state => to_state(state)?,
    };
    let mut trial = TrialRecord::new(number, state);
    trial.slot = entry["system_attrs"][SLOT].as_u64();
    trial.failure = entry["user_attrs"][FAILURE].as_str().map(str::to_string);
    trial.started = entry["datetime_start"].as_str().map(str::to_string);
    trial.finished = entry["datetime_complete"].as_str().map(str::to_string);
    trial.value = entry["value"].as_f64().or_else(|| entry["values"][0].as_f64());
    if state == State::Running {
        trial.attempts = 1;
        trial.worker = Some(worker.to_string());
        trial.foreign = is_foreign(worker);
    }
    for (name, value) in entry["params"].as_object().into_iter().flatten() {
        set(&mut trial.settings, name, value, &entry["distributions"][name], worker)?;
    }
    for (step, value) in entry["intermediate_values"].as_object().into_iter().flatten() {
        if let (Ok(step), Some(value)) = (step.parse(), value.as_f64()) {
            trial.reports.insert(step, value);
        }
    }
    Ok(trial)
}

fn change_trial(
    study: &mut StudyRecord,
    number: usize,
    op: u64,
    entry: &Json,
    worker: &str,
) -> Applied {
    let Some(trial) = study.trials.get_mut(number) else { return Ok(()) };
    match op {
        op::PARAMETER => {
            let name = entry["param_name"].as_str().ok_or("param_name, text")?;
            let value = &entry["param_value_internal"];
            set(&mut trial.settings, name, value, &entry["distribution"], worker)
        }
        op::USER_ATTRIBUTE => {
            if let Some(failure) = entry["user_attr"][FAILURE].as_str() {
                trial.failure = Some(failure.to_string());
            }
            Ok(())
        }
        op::SYSTEM_ATTRIBUTE => {
            trial.slot = entry["system_attr"][SLOT].as_u64().or(trial.slot);
            Ok(())
        }
        op::INTERMEDIATE => {
            let step = entry["step"].as_u64().ok_or("step, a number")?;
            // Others may write what is no number.
            if let Some(value) = number_by(worker, &entry["intermediate_value"])? {
                let change = Change::Report { number, step, value };
                study.apply(&change, worker, is_foreign(worker), "");
            }
            Ok(())
        }
        _ => {
            let state = to_state(&entry["state"])?;
            let moment = |key: &str| entry[key].as_str().unwrap_or_default().to_string();
            let (change, now) = match state {
                State::Running => (Change::Claim { number }, moment("datetime_start")),
                State::Waiting => (Change::Requeue { number }, String::new()),
                state => {
                    let value = number_by(worker, &entry["values"][0])?;
                    let change = Change::Finish { number, state, value, failure: None };
                    (change, moment("datetime_complete"))
                }
            };
            study.apply(&change, worker, is_foreign(worker), &now);
            Ok(())
        }
    }
}

/// The value that a worker wrote, if it is a number. Workers of this crate write no other than such as they take.
fn number_by(worker: &str, value: &Json) -> Applied<Option<f64>> {
    let number = value.as_f64();
    match number.filter(|&number| !is_foreign(worker) && !is_usable(number)) {
        Some(number) => Err(Wrong {
            expected: "a value whose difference from another is finite".to_string(),
            found: format!("{number:e}"),
        }),
        None => Ok(number),
    }
}

fn to_state(json: &Json) -> std::result::Result<State, &'static str> {
    Ok(match json.as_u64() {
        Some(0) => State::Running,
        Some(1) => State::Complete,
        Some(2) => State::Pruned,
        Some(3) => State::Failed,
        Some(4) => State::Waiting,
        _ => return Err("state, from 0 to 4"),
    })
}

fn index(json: &Json) -> Option<usize> {
    json.as_u64().and_then(|id| usize::try_from(id).ok())
}

/// An object from a line. Python writes `NaN` and `Infinity`, which JSON does not know; they become
/// null.
pub(super) fn parse(line: &str) -> Option<Json> {
    serde_json::from_str(line)
        .or_else(|_| serde_json::from_str(&without_non_numbers(line)))
        .ok()
        .filter(Json::is_object)
}

fn without_non_numbers(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut in_text = false;
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        let word = ["NaN", "-Infinity", "Infinity"].iter().find(|word| rest.starts_with(**word));
        let taken = match word {
            Some(word) if !in_text => {
                clean.push_str("null");
                word.len()
            }
            _ if in_text && next == '\\' => rest.chars().take(2).map(char::len_utf8).sum(),
            _ => {
                in_text ^= next == '"';
                next.len_utf8()
            }
        };
        if word.is_none() || in_text {
            clean.push_str(&rest[..taken]);
        }
        rest = &rest[taken..];
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_for_no_number_is_read_as_none() {
        let line = r#"{"a":NaN,"b":-Infinity,"c":"NaN \" Infinity","d":[Infinity,1.5]}"#;
        let read = parse(line).expect("an object");
        let expected = serde_json::json!({"a":null,"b":null,"c":"NaN \" Infinity","d":[null,1.5]});
        assert_eq!(read, expected);
        assert_eq!(parse("[NaN]"), None);
        assert_eq!(parse("{\"a\":"), None);
    }

    #[test]
    fn lines_that_are_not_of_the_format_are_named() {
        let message = |line: &str| {
            let good = r#"{"op_code":0,"worker_id":"w","study_name":"s","directions":[1]}"#;
            let lines = [good.to_string(), line.to_string()];
            let error = Replay::default().apply_all(Path::new("s.log"), &lines);
            error.expect_err("refused").to_string()
        };
        assert_eq!(message("{"), "s.log line 2: found something else, expected an object of JSON");
        assert!(message("{}").contains("expected op_code, a number"));
        assert!(message(r#"{"op_code":11,"worker_id":"w"}"#).contains("from 0 to 10"));
        let state = r#"{"op_code":4,"worker_id":"w","study_id":0,"state":9}"#;
        assert!(message(state).contains("state, from 0 to 4"));
    }

    #[test]
    fn a_worker_of_ours_writes_no_setting_and_no_value_that_cannot_be() {
        let float = r#"{\"name\":\"FloatDistribution\",\"attributes\":{\"step\":null,\"low\":0.001,\"high\":1.0,\"log\":true}}"#;
        let int = r#"{\"name\":\"IntDistribution\",\"attributes\":{\"log\":false,\"step\":2,\"low\":1,\"high\":5}}"#;
        let study = r#"{"op_code":0,"worker_id":"w","study_name":"s","directions":[2]}"#;
        let trial = |worker: &str, distribution: &str, value: &str| {
            let parts = [
                r#"{"op_code":4,"worker_id":"#,
                worker,
                r#","study_id":0,"state":0,"distributions":{"x":""#,
                distribution,
                r#""},"params":{"x":"#,
                value,
                "}}",
            ];
            parts.concat()
        };
        let (ours, strange) = (r#""w-atelier""#, r#""8d2c-140""#);
        let replay = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            Replay::default().apply_all(Path::new("s.log"), &lines).map_err(|e| e.to_string())
        };
        for value in ["0.0", "-1.0", "1e308", "1.5"] {
            let refused = replay(&[study, &trial(ours, float, value)]).expect_err(value);
            assert!(refused.starts_with("s.log line 2: found "), "{refused}");
            assert!(refused.ends_with("expected a value of \"x\" within its distribution"));
            // Optuna lets a user queue it.
            replay(&[study, &trial(strange, float, value)]).expect(value);
        }
        let without_step = int.replace("\\\"step\\\":2", "\\\"step\\\":0");
        for (distribution, value) in [(int, "2"), (int, "7"), (without_step.as_str(), "3")] {
            replay(&[study, &trial(ours, distribution, value)]).expect_err(distribution);
        }
        let whole = trial(ours, int, "3");
        for value in ["1e308", "-1e308"] {
            let of = |worker: &str| {
                let end = r#"{"op_code":6,"trial_id":0,"state":1,"values":[V],"worker_id":W}"#;
                let report =
                    r#"{"op_code":7,"trial_id":0,"step":1,"intermediate_value":V,"worker_id":W}"#;
                [end, report].map(|line| line.replace('V', value).replace('W', worker))
            };
            for line in of(ours) {
                let refused = replay(&[study, &whole, &line]).expect_err(&line);
                assert!(refused.starts_with("s.log line 3: found ") && refused.contains("e308"));
            }
            for line in of(strange) {
                replay(&[study, &whole, &line]).expect(&line);
            }
        }
    }

    #[test]
    fn what_comes_too_late_changes_nothing() {
        let mut replay = Replay::default();
        let lines = [
            r#"{"op_code":0,"worker_id":"w","study_name":"s","directions":[1]}"#,
            r#"{"op_code":0,"worker_id":"w","study_name":"s","directions":[2]}"#,
            r#"{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":null,"state":4}"#,
            r#"{"op_code":6,"worker_id":"a-1","trial_id":0,"state":0,"values":null,"datetime_start":"x"}"#,
            r#"{"op_code":6,"worker_id":"b-2","trial_id":0,"state":0,"values":null,"datetime_start":"y"}"#,
            r#"{"op_code":6,"worker_id":"a-1","trial_id":0,"state":1,"values":[0.5],"datetime_complete":"z"}"#,
            r#"{"op_code":7,"worker_id":"a-1","trial_id":0,"step":1,"intermediate_value":0.7}"#,
            r#"{"op_code":6,"worker_id":"b-2","trial_id":0,"state":3,"values":null,"datetime_complete":"z"}"#,
            r#"{"op_code":10,"worker_id":"b-2","anything":1}"#,
            r#"{"op_code":7,"worker_id":"a-1","trial_id":8,"step":1,"intermediate_value":0.7}"#,
        ];
        let lines = lines.map(str::to_string);
        replay.apply_all(Path::new("s.log"), &lines).expect("a journal");
        let (id, study) = replay.study("s").expect("the study");
        assert_eq!((id, study.direction), (0, Direction::Minimize));
        let trial = &study.trials[0];
        assert_eq!((trial.state, trial.value, trial.attempts), (State::Complete, Some(0.5), 1));
        assert_eq!((trial.worker.as_deref(), trial.foreign), (Some("a-1"), true));
        assert!(trial.reports.is_empty());
    }
}
