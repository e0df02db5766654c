#![doc = include_str!("../README.md")]

mod grid;
mod measure;
mod peak;
mod step;

use serde::Serialize;

pub use grid::Grid;
pub use measure::{Settings, all};
pub use step::Step;

/// One row of the table.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Threads that took part.
    pub threads: usize,
    /// Median over the calls.
    pub microseconds: f64,
    /// The fastest of them: what the machine can do while nobody else is at work.
    pub fastest: f64,
    /// First and third quartile.
    pub quartiles: [f64; 2],
    /// Billions of floating-point operations a second; products only.
    pub gflop_per_second: f64,
    /// Of the peak of as many cores: the fastest product of the same run.
    pub share_of_peak: f64,
}
