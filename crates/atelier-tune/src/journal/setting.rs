//! The settings of trials, from the numbers and distributions that a journal has for them.

use serde_json::Value as Json;

use super::replay::{Applied, Wrong, is_foreign, parse};
use crate::{Domain, Settings, Value};

/// Sets a parameter from Optuna's number for its value and the JSON text of its distribution. Optuna lets a user queue
/// what lies outside of it; workers of this crate never write that.
pub(super) fn set(
    settings: &mut Settings,
    name: &str,
    internal: &Json,
    distribution: &Json,
    worker: &str,
) -> Applied {
    let internal = internal.as_f64().ok_or("the value of a parameter, a number")?;
    let distribution = distribution.as_str().and_then(parse);
    let distribution = distribution.ok_or("a distribution, text with an object of JSON")?;
    #[expect(clippy::cast_possible_truncation, reason = "checked: a small whole number")]
    let whole = (internal.fract() == 0.0 && internal.abs() < 1e15).then_some(internal as i64);
    let (value, domain) = match distribution["name"].as_str().unwrap_or_default() {
        "FloatDistribution" => (Value::Float(internal), floats(&distribution["attributes"])),
        "IntDistribution" => {
            let whole = whole.ok_or("a whole number for an integer")?;
            (Value::Int(whole), ints(&distribution["attributes"]))
        }
        "CategoricalDistribution" => {
            let position = whole.and_then(|at| usize::try_from(at).ok());
            let choices = &distribution["attributes"]["choices"];
            let choice = position.and_then(|position| choices.get(position));
            let choice = choice.map(to_value).ok_or("the position of a choice")?;
            (choice.clone(), Some(Domain::Choices(vec![choice])))
        }
        _ => return Err("FloatDistribution, IntDistribution or CategoricalDistribution".into()),
    };
    // What is no domain, with a step of 0 say, holds no value.
    let holds = |domain: Domain| domain.check(name).is_ok() && domain.canonical(&value).is_some();
    if !is_foreign(worker) && !domain.is_some_and(holds) {
        let name: String = name.chars().take(LONGEST_NAME).collect();
        let expected = format!("a value of {name:?} within its distribution");
        return Err(Wrong { expected, found: format!("{internal:e}") });
    }
    settings.set(name, value);
    Ok(())
}

/// So many characters of a name are repeated in a message.
const LONGEST_NAME: usize = 80;

/// The range alone: multiples of a step are rounded, and those of a fine one would not be found again.
fn floats(attributes: &Json) -> Option<Domain> {
    let (low, high) = (attributes["low"].as_f64()?, attributes["high"].as_f64()?);
    let log = attributes["log"].as_bool()?;
    Some(Domain::Float { low, high, log, step: None })
}

fn ints(attributes: &Json) -> Option<Domain> {
    let (low, high) = (attributes["low"].as_i64()?, attributes["high"].as_i64()?);
    let (log, step) = (attributes["log"].as_bool()?, attributes["step"].as_i64()?);
    Some(Domain::Int { low, high, log, step })
}

fn to_value(json: &Json) -> Value {
    match json {
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(values) => Value::List(values.iter().map(to_value).collect()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::Int(int),
            (None, float) => Value::Float(float.unwrap_or_default()),
        },
        // No value of ours: it stays foreign.
        other => Value::Text(other.to_string()),
    }
}
