//! The epochs of a run, as its metrics tell them; also those before an interruption.

use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_store::read_lines;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One epoch of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct EpochRecord {
    /// Counted from 1.
    pub(crate) epoch: u32,
    pub(crate) train_loss: f64,
    pub(crate) train_accuracy: Option<f64>,
    pub(crate) validation_loss: Option<f64>,
    pub(crate) validation_accuracy: Option<f64>,
}

/// All epochs of the run in a directory.
pub(crate) fn epochs(run: &Path) -> Result<Vec<EpochRecord>> {
    lines(run, "epoch")
}

/// One step of `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct StepRecord {
    /// Counted from 1.
    pub(crate) step: u64,
    pub(crate) loss: f32,
}

/// All steps of the run in a directory.
pub(crate) fn steps(run: &Path) -> Result<Vec<StepRecord>> {
    lines(run, "step")
}

/// The mean loss over the batches of each epoch; where the last batch is short it counts as much
/// as any other.
pub(crate) fn batch_means(run: &Path) -> Result<Vec<f64>> {
    #[derive(Deserialize)]
    struct Step {
        epoch: usize,
        loss: f64,
    }
    let steps: Vec<Step> = lines(run, "step")?;
    let epochs = steps.chunk_by(|a, b| a.epoch == b.epoch);
    Ok(epochs.map(|of| of.iter().map(|step| step.loss).sum::<f64>() / of.len() as f64).collect())
}

/// The lines of one kind.
fn lines<T: DeserializeOwned>(run: &Path, wanted: &str) -> Result<Vec<T>> {
    let path = run.join("metrics.jsonl");
    parse(&read_lines(&path)?, wanted, &path)
}

/// Those of one kind among all lines of the file at `path`.
pub(crate) fn parse<T: DeserializeOwned>(
    lines: &[String],
    wanted: &str,
    path: &Path,
) -> Result<Vec<T>> {
    #[derive(Deserialize)]
    struct Line {
        kind: String,
    }
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let at = || format!("{}:{}", path.display(), number + 1);
        let Line { kind } = serde_json::from_str(line).with_context(at)?;
        if kind == wanted {
            found.push(serde_json::from_str(line).with_context(at)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_read_and_steps_passed_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let lines = "{\"kind\":\"step\",\"step\":1,\"loss\":2.0}\n\
                     {\"kind\":\"epoch\",\"epoch\":1,\"train_loss\":1.5,\"seconds\":3}\n";
        std::fs::write(dir.path().join("metrics.jsonl"), lines).expect("a file");
        let epochs = epochs(dir.path()).expect("epochs");
        assert_eq!(epochs.len(), 1);
        assert_eq!((epochs[0].epoch, epochs[0].validation_loss), (1, None));
    }

    #[test]
    fn every_batch_of_an_epoch_counts_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        let step =
            |epoch, loss| format!("{{\"kind\":\"step\",\"epoch\":{epoch},\"loss\":{loss}}}\n");
        let lines =
            [step(1, 3.0), step(1, 1.0), "{\"kind\":\"epoch\"}\n".to_string(), step(2, 0.5)];
        std::fs::write(dir.path().join("metrics.jsonl"), lines.concat()).expect("a file");
        assert_eq!(batch_means(dir.path()).expect("means"), [2.0, 0.5]);
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("metrics.jsonl"), "{\"kind\":\"step\"}\nnonsense\n")
            .expect("a file");
        let message = format!("{:#}", epochs(dir.path()).expect_err("no record"));
        assert!(message.contains("metrics.jsonl:2"), "{message}");
    }
}
