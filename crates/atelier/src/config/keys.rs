//! Key paths such as `train.epochs` over nested TOML tables.

use toml::{Table, Value};

/// The value at a dotted path.
pub(super) fn get<'t>(table: &'t Table, path: &str) -> Option<&'t Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_table()?.get(part))
}

/// Puts a value at a dotted path whose sections all exist.
pub(super) fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_string(), value);
        }
        Some((section, rest)) => {
            if let Some(Value::Table(inner)) = table.get_mut(section) {
                put(inner, rest, value);
            }
        }
    }
}

/// A section whose keys are paths of other keys: it is one value, given and replaced as a whole.
pub(super) const SPACE: &str = "tune.space";

/// The dotted paths of all values that are not tables, of empty tables and of [`SPACE`], in their order.
pub(super) fn leaves(table: &Table) -> Vec<String> {
    fn walk(table: &Table, prefix: &str, paths: &mut Vec<String>) {
        for (key, value) in table {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Table(inner) if !inner.is_empty() && path != SPACE => {
                    walk(inner, &path, paths);
                }
                _ => paths.push(path),
            }
        }
    }
    let mut paths = Vec::new();
    walk(table, "", &mut paths);
    paths
}

/// No key is half as long; to compare what a hostile file calls a key would take its length times theirs.
const MOST_COMPARED: usize = 100;

/// `; did you mean ...?` for the candidate nearest to `word`, or nothing where none is near.
///
/// A dotted path is also compared by its last part, so that `epochs` finds `train.epochs`.
pub(crate) fn did_you_mean<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> String {
    use strsim::normalized_damerau_levenshtein as likeness;
    if word.len() > MOST_COMPARED {
        return String::new();
    }
    let last = |path: &str| path.rsplit('.').next().map(str::to_string).unwrap_or_default();
    let score = |candidate: &str| {
        let whole = likeness(word, candidate);
        let tail = likeness(&last(word), &last(candidate));
        // The last part says most; the whole path decides between equal last parts.
        whole.max(0.3 * whole + 0.7 * tail)
    };
    candidates
        .map(|candidate| (score(candidate), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(score, _)| *score > 0.7)
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_listed_in_order_and_can_be_read_and_replaced() {
        let mut table: Table =
            toml::from_str("seed = 1\n[a]\nx = 2\n[a.b]\ny = [3]\n").expect("toml");
        assert_eq!(leaves(&table), ["seed", "a.x", "a.b.y"]);
        put(&mut table, "a.b.y", Value::Integer(7));
        assert_eq!(get(&table, "a.b.y"), Some(&Value::Integer(7)));
        assert_eq!(get(&table, "a.c.y"), None);
    }

    #[test]
    fn a_near_key_is_suggested_and_a_far_one_is_not() {
        let known = ["train.epochs", "train.batch_size", "optimizer.learning_rate"];
        for (word, meant) in [
            ("train.epoch", "train.epochs"),
            ("epochs", "train.epochs"),
            ("optimizer.learningrate", "optimizer.learning_rate"),
            ("train.learning_rate", "optimizer.learning_rate"),
        ] {
            assert_eq!(
                did_you_mean(word, known.into_iter()),
                format!("; did you mean `{meant}`?"),
                "{word}"
            );
        }
        assert_eq!(did_you_mean("zzz.qqq", known.into_iter()), "");
        let long = format!("{}.epochs", "x".repeat(MOST_COMPARED));
        assert_eq!(did_you_mean(&long, known.into_iter()), "");
    }
}
