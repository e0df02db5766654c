//! One file per verb, and one for a flag that makes another of one.

pub(crate) mod autoencoder;
pub(crate) mod best_dense;
pub(crate) mod bottlenecks;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod init;
pub(crate) mod landscape;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod runs;
pub(crate) mod train;
pub(crate) mod tune;
pub(crate) mod variants;
