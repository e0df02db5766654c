//! `summary.json` of a training run.

use anyhow::{Result, anyhow};
use atelier_core::Evaluation;
use atelier_data::Dataset;
use serde::{Deserialize, Serialize};

use super::seen::Look;
use crate::picture::Backgrounds;

/// The results of a training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) schema_version: u32,
    pub(crate) verb: String,
    pub(crate) seed: u64,
    /// Numbers that were trained.
    pub(crate) parameters: usize,
    /// Finished epochs; fewer than configured where training was stopped early.
    pub(crate) epochs: usize,
    pub(crate) steps: u64,
    /// Seconds of training, without loading and final evaluation.
    pub(crate) seconds: f64,
    pub(crate) train: Measured,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<Measured>,
    pub(crate) test: Tested,
    /// The last iterations, oldest first.
    pub(crate) last_20: Vec<Iteration>,
    /// What the network takes; older runs do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<ImageSize>,
    /// Of the training images; older runs do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backgrounds: Option<Backgrounds>,
    /// More of the test examples; older runs do not say.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(crate) look: Option<Look>,
}

/// The size of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImageSize {
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl ImageSize {
    pub(crate) fn of(data: &Dataset) -> Self {
        Self { height: data.height(), width: data.width() }
    }
}

/// A split, measured with the final weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) accuracy: f64,
    /// Nats per example.
    pub(crate) cross_entropy: f64,
}

/// The test split, measured with the final weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tested {
    pub(crate) accuracy: f64,
    pub(crate) cross_entropy: f64,
    pub(crate) correct: usize,
    pub(crate) total: usize,
}

/// One iteration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Iteration {
    /// Counted from 1.
    pub(crate) step: u64,
    /// Counted from 1.
    pub(crate) epoch: usize,
    /// Cross-entropy of its batch before the step, in nats.
    pub(crate) loss: f64,
}

impl TryFrom<Evaluation> for Tested {
    type Error = anyhow::Error;

    fn try_from(found: Evaluation) -> Result<Self> {
        let (Some(accuracy), Some(correct)) = (found.accuracy(), found.correct) else {
            return Err(anyhow!("the evaluation counted no correct answers"));
        };
        Ok(Self { accuracy, cross_entropy: found.loss, correct, total: found.total })
    }
}

impl From<Tested> for Measured {
    fn from(found: Tested) -> Self {
        Self { accuracy: found.accuracy, cross_entropy: found.cross_entropy }
    }
}
