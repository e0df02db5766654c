//! Tests of what crosses crates, and of the command line as a user meets it.

mod chromium;
mod cli;
mod fixture;

mod autoencoder;
mod belonging;
mod best_dense;
mod bottlenecks;
mod ci_example;
mod compare;
mod completions;
mod configuration;
mod data_files;
mod hostile_files;
mod initialisation;
mod interoperability;
mod landscape;
mod odd_places;
mod own_data;
mod pages;
mod predict;
mod report;
mod reproduce;
mod resuming;
mod runs;
mod schemas;
mod torture;
mod training;
mod tune;
mod tuning;
mod tuning_page;
mod variants;
mod verify;
mod weights;
mod xtask_help;
