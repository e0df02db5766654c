//! One requirement of `runs check`: a key of the summary, an operator, a value.

use std::cmp::Ordering;
use std::fmt;

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use super::leaves;
use crate::config::keys::did_you_mean;
use crate::terminal::brief;

/// What must hold of a summary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Requirement {
    /// A dotted path; entries of lists by their position.
    pub(super) key: String,
    pub(super) operator: Operator,
    /// A number, a text, a boolean or null.
    pub(super) value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    AtLeast,
    AtMost,
    Equal,
    Unequal,
    Above,
    Below,
}

impl Operator {
    /// Those of two characters first, so that `>=` is not taken for `>`.
    const ALL: [Self; 6] =
        [Self::AtLeast, Self::AtMost, Self::Equal, Self::Unequal, Self::Above, Self::Below];

    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Above => ">",
            Self::Below => "<",
        }
    }

    const fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::AtLeast => order.is_ge(),
            Self::AtMost => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Above => order.is_gt(),
            Self::Below => order.is_lt(),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.key, self.operator.sign(), told(&self.value))
    }
}

impl Requirement {
    /// Reads `KEY OP VALUE`.
    pub(super) fn read(text: &str) -> Result<Self> {
        let operator_at = |at| Operator::ALL.into_iter().find(|o| text[at..].starts_with(o.sign()));
        let found = text.char_indices().find_map(|(at, _)| Some((at, operator_at(at)?)));
        let wrong = |what: &str| {
            anyhow!(
                "--require {}: {what}, expected KEY OP VALUE such as test.accuracy>=0.87",
                brief(text)
            )
        };
        let Some((at, operator)) = found else {
            return Err(wrong("there is none of >= <= == != > <"));
        };
        let (key, value) = (text[..at].trim(), text[at + operator.sign().len()..].trim());
        if key.is_empty() {
            return Err(wrong(&format!("no key before {}", operator.sign())));
        }
        if value.is_empty() {
            return Err(wrong(&format!("no value after {}", operator.sign())));
        }
        // What is no JSON is a text without quotes.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        if value.is_array() || value.is_object() {
            return Err(wrong("the value is a list or an object"));
        }
        Ok(Self { key: key.to_string(), operator, value })
    }

    /// What the summary holds under the key.
    pub(super) fn find<'s>(&self, summary: &'s Value) -> Result<&'s Value> {
        let Some(found) = at(summary, &self.key) else {
            // The parts of lists too, which are not listed one by one elsewhere.
            let mut known: Vec<String> = leaves(summary).into_iter().map(|(key, _)| key).collect();
            known.extend(entries(summary));
            let near = did_you_mean(&self.key, known.iter().map(String::as_str));
            bail!("the summary has no key `{}`{near}", brief(&self.key));
        };
        match found {
            Value::Object(fields) => {
                let names: Vec<String> =
                    fields.keys().map(|name| format!("`{}.{name}`", self.key)).collect();
                bail!("`{}` is no single value, it has {}", self.key, brief_list(&names))
            }
            Value::Array(list) => bail!(
                "`{0}` is a list of {1}, name one of its entries: `{0}.0` is the first",
                self.key,
                list.len()
            ),
            single => Ok(single),
        }
    }

    /// Whether the value that was found is as required.
    pub(super) fn holds(&self, found: &Value) -> Result<bool> {
        let order = match (found, &self.value) {
            (Value::Number(found), Value::Number(wanted)) => {
                match (found.as_i128(), wanted.as_i128()) {
                    (Some(found), Some(wanted)) => Some(found.cmp(&wanted)),
                    _ => found.as_f64().zip(wanted.as_f64()).and_then(|(a, b)| a.partial_cmp(&b)),
                }
            }
            (found, wanted) if matches!(self.operator, Operator::Equal | Operator::Unequal) => {
                let comparable = found.is_null() || wanted.is_null() || kind(found) == kind(wanted);
                // Which of the two orders it is does not matter to either operator.
                let order = if found == wanted { Ordering::Equal } else { Ordering::Less };
                comparable.then_some(order)
            }
            _ => None,
        };
        match order {
            Some(order) => Ok(self.operator.accepts(order)),
            None => bail!(
                "`{self}` cannot be decided: `{}` is {}, {}; {} is {}",
                self.key,
                told(found),
                kind(found),
                told(&self.value),
                kind(&self.value)
            ),
        }
    }
}

/// A value as it is written in a requirement.
pub(super) fn told(value: &Value) -> String {
    match value {
        Value::String(text) => brief(text),
        other => other.to_string(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The value at a dotted path. Names of fields may contain dots themselves, such as
/// `optimizer.learning_rate` in `best.params`.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    match value {
        Value::Object(fields) => fields.iter().find_map(|(name, inner)| {
            let rest = path.strip_prefix(name.as_str())?;
            match rest.strip_prefix('.') {
                Some(rest) if !rest.is_empty() => at(inner, rest),
                _ => rest.is_empty().then_some(inner),
            }
        }),
        Value::Array(list) => {
            let (position, rest) = path.split_once('.').unwrap_or((path, ""));
            at(list.get(position.parse::<usize>().ok()?)?, rest)
        }
        _ => None,
    }
}

/// The paths of the single values in the first entry of each list.
fn entries(summary: &Value) -> Vec<String> {
    let Value::Object(fields) = summary else { return Vec::new() };
    let first = fields.iter().filter_map(|(name, value)| {
        let first = value.as_array()?.first()?;
        let inner = leaves(first).into_iter();
        Some(inner.map(move |(key, _)| format!("{name}.0.{key}")))
    });
    first.flatten().collect()
}

fn brief_list(names: &[String]) -> String {
    const MOST: usize = 8;
    let more = if names.len() > MOST { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(MOST)].join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn summary() -> Value {
        json!({
            "test": { "accuracy": 0.875, "correct": 875 },
            "best": { "name": "batch norm", "params": { "optimizer.learning_rate": 0.1 } },
            "last_20": [{ "step": 1, "loss": 2.5 }, { "step": 2, "loss": 1.5 }],
            "finished": true,
            "contrast": null,
            "seed": 9_223_372_036_854_775_807_u64,
        })
    }

    fn holds(text: &str) -> bool {
        let requirement = Requirement::read(text).expect("a requirement");
        let summary = summary();
        let found = requirement.find(&summary).expect("a value");
        requirement.holds(found).expect("comparable")
    }

    fn refused(text: &str) -> String {
        let decided = Requirement::read(text).and_then(|requirement| {
            let summary = summary();
            requirement.holds(requirement.find(&summary)?)
        });
        decided.expect_err("refused").to_string()
    }

    #[test]
    fn every_operator_is_read_with_and_without_spaces() {
        for (text, expected) in [
            ("test.accuracy>=0.875", true),
            ("test.accuracy >= 0.876", false),
            ("test.accuracy<=0.875", true),
            ("test.accuracy > 0.875", false),
            ("test.accuracy<0.9", true),
            ("test.accuracy == 0.875", true),
            ("test.correct==875.0", true),
            ("test.correct != 875", false),
            ("test.accuracy >= -1e-3", true),
            // One less is the same number in floating point.
            ("seed == 9223372036854775806", false),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
    }

    #[test]
    fn texts_booleans_entries_of_lists_and_names_with_dots_are_found() {
        for text in [
            "best.name==batch norm",
            "best.name == \"batch norm\"",
            "best.name != layer norm",
            "finished == true",
            "contrast == null",
            "finished != null",
            "last_20.1.loss < 2",
            "best.params.optimizer.learning_rate == 0.1",
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_decided_is_refused_with_what_was_found() {
        for (text, part) in [
            ("test.acuracy>=0.5", "; did you mean `test.accuracy`?"),
            ("accuracy>=0.5", "; did you mean `test.accuracy`?"),
            ("last_20.0.los>=0.5", "; did you mean `last_20.0.loss`?"),
            ("last_20.2.loss>=0.5", "no key `last_20.2.loss`"),
            ("test>=0.5", "it has `test.accuracy`, `test.correct`"),
            ("last_20==2", "`last_20` is a list of 2"),
            ("test.accuracy>=high", "is 0.875, a number; high is a text"),
            ("best.name>a", "is batch norm, a text; a is a text"),
            ("finished==1", "is true, true or false; 1 is a number"),
            ("test.accuracy", "there is none of >= <= == != > <"),
            ("test.accuracy=0.5", "there is none of"),
            (">=0.5", "no key before >="),
            ("test.accuracy>=", "no value after >="),
            ("test.accuracy==[1]", "a list or an object"),
            ("test.=1", "there is none of"),
            ("test.==1", "no key `test.`"),
        ] {
            let message = refused(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
