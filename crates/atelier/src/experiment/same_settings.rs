//! Whether a checkpoint belongs to the settings that a run is to go on with.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use atelier_store::Checkpoint;
use serde_json::Value;

use super::prepared::{Prepared, Trainable};
use crate::terminal::brief;

/// Refuses a checkpoint that was made under other settings than the manifest's, by the names of those
/// that differ.
pub(super) fn same_settings<C: Trainable>(
    checkpoint: &Checkpoint,
    prepared: &Prepared<C, C::Model>,
) -> Result<()> {
    let recorded = checkpoint.metadata.get("settings");
    let Some(before) = recorded.and_then(|text| serde_json::from_str(text).ok()) else {
        // The trainer knows what to say of it.
        return Ok(());
    };
    let now = serde_json::to_value((&prepared.settings, prepared.seed))?;
    let differing = differences(&before, &now, "");
    if differing.is_empty() {
        return Ok(());
    }
    bail!("manifest.json is not that of the checkpoint: {}", differing.join("; "))
}

/// `key is A in the checkpoint and B now`, for each value that differs.
fn differences(before: &Value, now: &Value, path: &str) -> Vec<String> {
    let inner = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match (before, now) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let of = |key: &String| {
                let (a, b) =
                    (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                differences(a, b, &inner(key))
            };
            keys.into_iter().flat_map(of).collect()
        }
        (Value::Array(a), Value::Array(b)) if path.is_empty() && a.len() == b.len() => {
            // The sections, then the seed.
            let pairs = a.iter().zip(b).zip(["", "seed"]);
            pairs.flat_map(|((a, b), name)| differences(a, b, name)).collect()
        }
        _ if before == now => Vec::new(),
        _ => {
            let (before, now) = (brief(&before.to_string()), brief(&now.to_string()));
            vec![format!("{path} is {now}, and was {before} when the checkpoint was made")]
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_that_differ_are_told_by_their_keys() {
        let before = json!([{ "train": { "epochs": 5, "ema": 0.0 }, "schedule": {} }, 3]);
        let now = json!([{ "train": { "epochs": 9, "ema": 0.0 }, "schedule": { "every": 2 } }, 4]);
        assert!(differences(&before, &before, "").is_empty());
        assert_eq!(
            differences(&before, &now, ""),
            [
                "schedule.every is 2, and was null when the checkpoint was made",
                "train.epochs is 9, and was 5 when the checkpoint was made",
                "seed is 4, and was 3 when the checkpoint was made",
            ]
        );
    }
}
