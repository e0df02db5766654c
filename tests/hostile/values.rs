//! No value of a configuration makes a verb panic, or take memory, before it has said whether it takes it.

use std::panic::catch_unwind;
use std::path::Path;

use atelier::failure::render;
use atelier::outside;
use toml::{Table, Value};

use crate::allocator::most_held;
use crate::readers::PATH;

/// What is put in the place of every value; a long text beside them.
const VALUES: [&str; 9] =
    ["0", "-1", "1", "1099511627776", "9223372036854775807", "1e308", "-1e308", "nan", "inf"];

/// A search of nothing is refused whatever else it says.
const SPACE: &str = "tune.space.\"model.units\" = { choices = [4] }\n";

/// What a verb must have beside the value that is tried.
fn around(verb: &str) -> &'static str {
    if verb == "tune" { SPACE } else { "" }
}

/// The dotted paths of all keys of a verb, by its defaults.
fn keys(verb: &str) -> Vec<String> {
    fn walk(table: &Table, prefix: &str, keys: &mut Vec<String>) {
        for (key, value) in table {
            match value {
                Value::Table(_) if key == "space" => {}
                Value::Table(inner) => walk(inner, &format!("{prefix}{key}."), keys),
                _ => keys.push(format!("{prefix}{key}")),
            }
        }
    }
    let printed = outside::config(verb, around(verb).as_bytes(), Path::new(PATH));
    let mut keys = Vec::new();
    walk(&printed.expect("the defaults").parse().expect("TOML"), "", &mut keys);
    keys
}

/// What is wrong with how these lines are taken, and whether they were refused.
fn tried(verb: &str, lines: &str) -> (Option<String>, bool) {
    let text = lines.as_bytes();
    let (read, most) =
        most_held(|| catch_unwind(|| outside::config(verb, text, Path::new(PATH)).map(drop)));
    let wrong = |what: String| Some(format!("{verb}: {lines:.200}: {what}"));
    let Ok(read) = read else { return (wrong("a panic".to_string()), true) };
    // As for every text.
    let allowed = (512 << 10) + 160 * text.len();
    if most > allowed {
        return (wrong(format!("{most} bytes, expected at most {allowed}")), read.is_err());
    }
    let Err(error) = read else { return (None, false) };
    let said = render(&error);
    let tells = said.contains(PATH) && said.len() <= 1000;
    (if tells { None } else { wrong(format!("{said:.300} ({} bytes)", said.len())) }, true)
}

fn expect_all_taken_or_refused(cases: impl Iterator<Item = (&'static str, String)>) {
    let (mut wrong, mut refused, mut taken) = (Vec::new(), 0, 0);
    for (verb, lines) in cases {
        let (fault, is_refused) = tried(verb, &lines);
        wrong.extend(fault);
        *(if is_refused { &mut refused } else { &mut taken }) += 1;
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 100 && taken > 10, "{refused} refused, {taken} taken");
}

fn values() -> Vec<String> {
    let long = format!("{:?}", "x".repeat(100_000));
    VALUES.iter().map(ToString::to_string).chain([long]).collect()
}

#[test]
fn any_value_in_any_key_of_any_verb_is_taken_or_refused_at_once() {
    let verbs = ["train", "autoencoder", "init", "landscape", "tune", "variants"];
    let cases = verbs.into_iter().flat_map(|verb| {
        let keys = keys(verb);
        assert!(keys.len() > 25, "{verb} has {} keys", keys.len());
        keys.into_iter().flat_map(move |key| {
            values().into_iter().flat_map(move |value| {
                let lists = [format!("[{value}]"), format!("[1, {value}]")];
                let written = [vec![value], lists.to_vec()].concat();
                let key = key.clone();
                written
                    .into_iter()
                    .map(move |value| (verb, format!("{key} = {value}\n{}", around(verb))))
            })
        })
    });
    expect_all_taken_or_refused(cases);
}

#[test]
fn any_value_of_any_parameter_of_a_search_is_taken_or_refused_at_once() {
    let both = ["model.layers", "model.units"].map(String::from);
    let cases = keys("train").into_iter().chain(both).flat_map(|key| {
        values().into_iter().flat_map(move |value| {
            let domains = [
                format!("choices = [{value}]"),
                format!("choices = [[{value}]]"),
                format!("int = [1, {value}]"),
                format!("int = [1, 4], step = {value}"),
                format!("float = [0.1, {value}]"),
                format!("float = [-1e308, {value}], step = {value}"),
            ];
            let key = key.clone();
            domains.map(|domain| ("tune", format!("tune.space.{key:?} = {{ {domain} }}\n")))
        })
    });
    expect_all_taken_or_refused(cases);
}

#[test]
fn any_value_that_a_variant_sets_is_taken_or_refused_at_once() {
    let cases = keys("train").into_iter().flat_map(|key| {
        values().into_iter().map(move |value| {
            let set = format!("{key}={}", value.trim_matches('"'));
            ("variants", format!("variants.list = [{{ name = \"a\", set = [{set:?}] }}]\n"))
        })
    });
    expect_all_taken_or_refused(cases);
}
