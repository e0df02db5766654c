use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The value of one hyperparameter, such as a configuration can hold it.
///
/// It displays as TOML: `0.1`, `"relu"`, `[50, 50]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// A word.
    Text(String),
    /// Several values, such as the widths of layers.
    List(Vec<Value>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            // The shortest digits that read back as this number, always with a point or an exponent.
            Self::Float(value) => write!(f, "{value:?}"),
            // The escapes of JSON are escapes of TOML too.
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
            Self::List(values) => {
                f.write_str("[")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool;
    i32 => Int;
    i64 => Int;
    u32 => Int;
    f64 => Float;
    &str => Text;
    String => Text;
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(values: [T; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

/// The settings of one trial: parameters and their values, in the order of the space. Parameters
/// whose condition does not hold are absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings(Vec<(String, Value)>);

impl Settings {
    pub(crate) fn push(&mut self, name: &str, value: Value) {
        self.0.push((name.to_string(), value));
    }

    /// Sets a parameter anew, or adds it.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some(entry) => entry.1 = value,
            None => self.push(name, value),
        }
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a numerical parameter.
    ///
    /// # Errors
    /// [`Error::Lookup`] if it is absent or no number.
    pub fn float(&self, name: &str) -> Result<f64> {
        match self.get(name) {
            Some(Value::Float(value)) => Ok(*value),
            Some(Value::Int(value)) => Ok(*value as f64),
            other => Err(lookup(name, "a number", other)),
        }
    }

    /// The value of an integer parameter.
    ///
    /// # Errors
    /// [`Error::Lookup`] if it is absent or no integer.
    pub fn int(&self, name: &str) -> Result<i64> {
        match self.get(name) {
            Some(Value::Int(value)) => Ok(*value),
            other => Err(lookup(name, "an integer", other)),
        }
    }

    /// The value of a parameter that is a word.
    ///
    /// # Errors
    /// [`Error::Lookup`] if it is absent or no text.
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            Some(Value::Text(value)) => Ok(value),
            other => Err(lookup(name, "text", other)),
        }
    }
}

fn lookup(name: &str, expected: &'static str, found: Option<&Value>) -> Error {
    let found = found.map_or("absent".to_string(), ToString::to_string);
    Error::Lookup { name: name.to_string(), expected, found }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Settings {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// `key = value` pairs as TOML writes them, separated by commas.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name} = {value}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_toml_and_read_back_the_same() {
        for value in [
            Value::from(true),
            Value::from(-3),
            Value::from(0.1),
            Value::from(1e-300),
            Value::from(2.0),
            Value::from("a \"word\"\n"),
            Value::from([50, 40]),
            Value::List(vec![]),
        ] {
            let text = format!("v = {value}");
            let table: std::collections::BTreeMap<String, Value> =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(table["v"], value, "{text}");
        }
    }

    #[test]
    fn settings_of_another_kind_are_errors_that_name_them() {
        let settings: Settings = [("n", 3), ("m", 4)].into_iter().collect();
        assert!((settings.float("n").expect("a number") - 3.0).abs() < 1e-12);
        assert_eq!(settings.to_string(), "n = 3, m = 4");
        let message = settings.text("n").expect_err("no text").to_string();
        assert_eq!(message, "setting \"n\" of the trial is 3, expected text");
        let message = settings.int("x").expect_err("absent").to_string();
        assert_eq!(message, "setting \"x\" of the trial is absent, expected an integer");
    }
}
