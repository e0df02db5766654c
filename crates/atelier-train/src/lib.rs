#![doc = include_str!("../README.md")]

mod config;

pub use config::{OptimizerConfig, OptimizerKind, ScheduleConfig, ScheduleKind, TrainConfig};
