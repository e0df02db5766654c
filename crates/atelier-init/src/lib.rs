#![doc = include_str!("../README.md")]

mod activation;
mod config;
mod error;
mod estimate;
mod gain;
mod goodness;
mod histogram;
mod identity;
mod network;
mod pass;
mod prediction;
mod propagation;
mod quadrature;
mod stack;
mod unit;
mod violation;

pub use config::InitConfig;
pub use error::{Error, Result};
pub use gain::{Gain, gain, gains};
pub use histogram::Histogram;
pub use identity::{Identity, Method, identities};
pub use network::{Network, Scheme, schemes};
pub use prediction::Prediction;
pub use propagation::{Layer, Propagation, Spread, propagation, random_inputs};
pub use unit::Weights;
pub use violation::{Violation, violations};
