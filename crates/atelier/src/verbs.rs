//! One file per verb.

pub(crate) mod autoencoder;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod reproduce;
pub(crate) mod runs;
pub(crate) mod train;
