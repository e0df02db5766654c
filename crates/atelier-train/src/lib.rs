#![doc = include_str!("../README.md")]

mod average;
mod checkpoint;
mod config;
mod error;
mod event;
mod optimizer;
mod progress;
mod range_test;
mod schedule;
mod session;
mod snapshots;
mod trainer;

pub use config::{
    OptimizerConfig, OptimizerKind, ScheduleConfig, ScheduleKind, Settings, TrainConfig,
};
pub use error::{Error, Result};
pub use event::{EpochReport, Event, StepReport};
pub use optimizer::Optimizer;
pub use progress::{Best, StepLoss};
pub use range_test::{RangePoint, RangeTest, range_test};
pub use trainer::{Outcome, Source, Stop, Surroundings, Trainer, Validation};
