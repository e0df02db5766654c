//! What a file of results must hold: the keys that the report shows, and of what kind each is.

use std::path::Path;

use serde_json::Value;

use crate::{Error, Result};

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    /// A whole number, 0 or more.
    Count,
    Truth,
    /// `null` is allowed.
    TruthOrNull,
    NumberOrNull,
    List,
    /// A list with something in it.
    Filled,
    Object,
    /// Anything, as long as it is there.
    Any,
}

use Kind::{Any, Count, Filled, List, Number, NumberOrNull, Object, Text, Truth, TruthOrNull};

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Text => value.is_string(),
            Number => value.is_number(),
            Count => value.is_u64(),
            Truth => value.is_boolean(),
            TruthOrNull => value.is_boolean() || value.is_null(),
            NumberOrNull => value.is_number() || value.is_null(),
            List => value.is_array(),
            Filled => value.as_array().is_some_and(|list| !list.is_empty()),
            Object => value.is_object(),
            Any => true,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Text => "text",
            Number => "a number",
            Count => "a whole number",
            Truth => "true or false",
            TruthOrNull => "true, false or null",
            NumberOrNull => "a number or null",
            List => "a list",
            Filled => "a list that is not empty",
            Object => "an object",
            Any => "a value",
        }
    }
}

/// A way to values, and what each of them must be. `[]` stands for every element of a list, a `?` after a name for one
/// that may be absent or `null`.
pub(crate) type Key = (&'static str, Kind);

/// Checks every key of a file.
///
/// # Errors
/// [`Error::Value`] with the first that is missing or of another kind.
pub(crate) fn check(path: &Path, value: &Value, keys: &[Key]) -> Result<()> {
    keys.iter().try_for_each(|&(key, kind)| {
        let steps: Vec<&str> = key.split('.').filter(|step| !step.is_empty()).collect();
        walk(path, value, &steps, "", kind)
    })
}

fn walk(path: &Path, value: &Value, steps: &[&str], way: &str, kind: Kind) -> Result<()> {
    let Some((step, rest)) = steps.split_first() else {
        return expect(path, value, way, kind);
    };
    let (name, in_list) = step.strip_suffix("[]").map_or((*step, false), |name| (name, true));
    let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
    expect(path, value, way, Object)?;
    let way = if way.is_empty() { name.to_owned() } else { format!("{way}.{name}") };
    let found = value.get(name).filter(|inner| !(optional && inner.is_null()));
    let Some(inner) = found else {
        if optional {
            return Ok(());
        }
        let expected = match (in_list, rest) {
            (true, _) => List,
            (false, []) => kind,
            (false, _) => Object,
        };
        return Err(Error::value(path, way, expected.word(), "missing"));
    };
    if !in_list {
        return walk(path, inner, rest, &way, kind);
    }
    expect(path, inner, &way, List)?;
    let mut elements = inner.as_array().into_iter().flatten().enumerate();
    elements.try_for_each(|(at, element)| walk(path, element, rest, &format!("{way}[{at}]"), kind))
}

fn expect(path: &Path, value: &Value, way: &str, kind: Kind) -> Result<()> {
    if kind.fits(value) {
        return Ok(());
    }
    let way = if way.is_empty() { "the content" } else { way };
    Err(Error::value(path, way, kind.word(), brief(value)))
}

/// A value as an error shows it.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => "an object".to_owned(),
        other => {
            let text = other.to_string();
            match text.char_indices().nth(60) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(key: Key, value: &Value) -> String {
        match check(Path::new("a.json"), value, &[key]) {
            Ok(()) => "fits".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn ways_lead_through_objects_and_every_element_of_a_list() {
        let value = json!({ "a": { "b": [{ "c": 1 }, { "c": "x" }] } });
        assert_eq!(found(("a.b[].c", Any), &value), "fits");
        assert_eq!(
            found(("a.b[].c", Number), &value),
            "a.json: `a.b[1].c` is \"x\", expected a number"
        );
        assert_eq!(
            found(("a.b", Object), &value),
            "a.json: `a.b` is a list of 2, expected an object"
        );
        assert_eq!(
            found(("a.b.c", Number), &value),
            "a.json: `a.b` is a list of 2, expected an object"
        );
        assert_eq!(
            found(("a.d.e", Number), &value),
            "a.json: `a.d` is missing, expected an object"
        );
        assert_eq!(found(("a[]", Number), &value), "a.json: `a` is an object, expected a list");
        assert_eq!(found(("a", Any), &json!(3)), "a.json: `the content` is 3, expected an object");
    }

    #[test]
    fn what_may_be_absent_may_be_null_and_nothing_else() {
        for absent in [json!({}), json!({ "a": null })] {
            assert_eq!(found(("a?.b", Number), &absent), "fits");
            assert_eq!(found(("a?[]", Number), &absent), "fits");
        }
        assert_eq!(
            found(("a?", Number), &json!({ "a": [] })),
            "a.json: `a` is a list of 0, expected a number"
        );
        assert_eq!(
            found(("a", Filled), &json!({ "a": [] })),
            "a.json: `a` is a list of 0, expected a list that is not empty"
        );
    }

    #[test]
    fn a_count_is_a_whole_number_and_long_values_are_cut() {
        assert_eq!(found(("a", Count), &json!({ "a": 3 })), "fits");
        assert_eq!(
            found(("a", Count), &json!({ "a": -3 })),
            "a.json: `a` is -3, expected a whole number"
        );
        let long = found(("a", Count), &json!({ "a": "ä".repeat(100) }));
        assert!(long.len() < 200 && long.contains('…'), "{long}");
    }
}
