#![doc = include_str!("../README.md")]

mod error;
mod plane;
mod trajectory;

pub use error::{Error, Result};
pub use plane::{Plane, Projection};
pub use trajectory::{Snapshot, Trajectory};
