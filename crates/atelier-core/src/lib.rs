#![doc = include_str!("../README.md")]

mod activation;
mod batch;
mod composition;
pub mod curvature;
mod device;
mod error;
mod gradient;
pub mod init;
mod kernels;
mod objective;
pub mod ops;
mod parameter;
pub mod plane;
pub mod seed;
mod signal;
#[cfg(test)]
mod signal_tests;
pub mod threads;
pub mod update;
mod var_map;

pub use activation::{Activation, LEAKY_SLOPE};
pub use batch::{Batch, Targets};
pub use device::device;
pub use error::{Error, Result, number};
pub use gradient::backward;
pub use kernels::set_avx2_only;
pub use objective::{
    Evaluation, HiddenUnits, Loss, Mode, Objective, PlaneEvaluator, PlaneOfParameters, StepAddress,
    evaluate, evaluate_batch,
};
pub use parameter::{MOST_WEIGHTS, Parameter, assign, flatten};
pub use signal::Signal;
pub use var_map::VarMapObjective;
