#![doc = include_str!("../README.md")]

mod batch;
mod device;
mod error;
mod objective;
mod parameter;
pub mod seed;

pub use batch::{Batch, Targets};
pub use device::device;
pub use error::{Error, Result};
pub use objective::{Evaluation, Loss, Mode, Objective, StepAddress, evaluate};
pub use parameter::{Parameter, flatten};
