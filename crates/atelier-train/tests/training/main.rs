//! The loop as its users see it.

mod diverging;
mod learning;
mod resuming;
mod settings;
mod small;
mod snapshots;
