//! `summary.json` of an autoencoder.

use atelier_autoencoder::latent::UnitActivity;
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
    /// The last of them; of noisy inputs where `denoising` is there.
    pub(crate) train_mse: f64,
    /// On the validation examples, with the final weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation_mse: Option<f64>,
    /// On the test examples, with the final weights.
    pub(crate) test_mse: f64,
    /// Where the autoencoder was trained with noise: what it makes of test examples with noise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) denoising: Option<Denoising>,
    /// Principal components that the autoencoder is compared with: as many as the code has units,
    /// but no more than an image has pixels, and training images vary in directions.
    pub(crate) pca_components: usize,
    /// Of so many principal components of the training examples, on the test examples.
    pub(crate) pca_test_mse: f64,
    /// Units of the code that are 0 for every test example.
    pub(crate) dead_latent_units: usize,
    /// Mean share of the code's units that are above 0 for a test example.
    pub(crate) active_share: f64,
    /// Each unit of the code over the test examples, in their order.
    pub(crate) units: Vec<UnitActivity>,
    /// Each class of the test examples.
    pub(crate) classes: Vec<ClassError>,
    /// Test accuracy of a linear classifier.
    pub(crate) linear_classifier: LinearAccuracy,
}

/// Test examples with the noise that the training examples had, drawn from the run's seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Denoising {
    /// Deviation of the noise.
    pub(crate) noise: f64,
    /// Of the reconstructions of noisy images, against the images without noise.
    pub(crate) test_mse: f64,
    /// Of the noisy images themselves, against those without noise.
    pub(crate) noisy_mse: f64,
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
    /// From the principal components that the autoencoder is compared with.
    pub(crate) pca: f64,
    /// How many training examples it saw: the first ones, where the codes are too large for all.
    pub(crate) examples: usize,
}
