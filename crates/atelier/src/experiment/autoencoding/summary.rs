//! `summary.json` of an autoencoder.

use serde::{Deserialize, Serialize};

/// The results of a run of the autoencoder. Errors are mean squared errors of pixels in [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) schema_version: u32,
    pub(crate) verb: String,
    pub(crate) seed: u64,
    /// Numbers that were trained.
    pub(crate) parameters: usize,
    /// Units of the code.
    pub(crate) latent: usize,
    /// Finished epochs.
    pub(crate) epochs: usize,
    pub(crate) steps: u64,
    /// Seconds of training, without loading and final evaluation.
    pub(crate) seconds: f64,
    /// The mean over the batches of each epoch, each batch before its step.
    pub(crate) epoch_losses: Vec<f64>,
    /// The last of them.
    pub(crate) train_mse: f64,
    /// On the validation examples, with the final weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation_mse: Option<f64>,
    /// On the test examples, with the final weights.
    pub(crate) test_mse: f64,
    /// Of principal components of the training examples, as many as the code has units.
    pub(crate) pca_test_mse: f64,
    /// Units of the code that are 0 for every test example.
    pub(crate) dead_latent_units: usize,
    /// Mean share of the code's units that are above 0 for a test example.
    pub(crate) active_share: f64,
    /// Each class of the test examples.
    pub(crate) classes: Vec<ClassError>,
    /// Test accuracy of a linear classifier.
    pub(crate) linear_classifier: LinearAccuracy,
}

/// The errors of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClassError {
    pub(crate) class: String,
    pub(crate) mse: f64,
    pub(crate) pca_mse: f64,
}

/// What a linear classifier, trained on the training examples, gets right of the test examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinearAccuracy {
    /// From the codes.
    pub(crate) codes: f64,
    /// From as many principal components.
    pub(crate) pca: f64,
}
