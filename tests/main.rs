//! Tests of what crosses crates, and of the command line as a user meets it.

mod chromium;
mod cli;
mod fixture;

mod autoencoder;
mod bottlenecks;
mod configuration;
mod data_files;
mod initialisation;
mod interoperability;
mod landscape;
mod odd_places;
mod pages;
mod report;
mod reproduce;
mod resuming;
mod runs;
mod schemas;
mod training;
mod tune;
mod tuning;
mod tuning_page;
mod variants;
mod xtask_help;
