#![doc = include_str!("../README.md")]

mod autoencoder;
mod config;
mod error;
pub mod latent;
mod objective;
pub mod pca;
mod tied;
mod view;

pub use autoencoder::Autoencoder;
pub use config::AutoencoderConfig;
pub use error::{Error, Result};
