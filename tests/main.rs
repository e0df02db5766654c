//! Tests of what crosses crates, and of the command line as a user meets it.

mod chromium;
mod cli;
mod fixture;

mod autoencoder;
mod best_dense;
mod bottlenecks;
mod configuration;
mod data_files;
mod interoperability;
mod landscape;
mod odd_places;
mod pages;
mod resuming;
mod runs;
mod schemas;
mod training;
mod tune;
mod tuning;
mod tuning_page;
mod variants;
mod xtask_help;
