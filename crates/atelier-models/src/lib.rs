#![doc = include_str!("../README.md")]

mod classifier;
mod config;
mod dense_net;
mod error;
mod layer;
mod state;

pub use classifier::Classifier;
pub use config::{Activation, ModelConfig};
pub use dense_net::{DenseNet, Ends};
pub use error::{Error, Result};
pub use layer::Layer;
pub use state::{NamedTensor, fold_standardization, load_state, state, unfold_standardization};
