#![doc = include_str!("../README.md")]

mod error;
mod hessian;
mod kept;
mod lanczos;
mod plane;
mod trace;
mod trajectory;
mod vector;
mod watch;

pub use error::{Error, Result};
pub use hessian::{Hessian, PlaneCurvature};
pub use lanczos::{Eigenpair, Eigenpairs, Lanczos};
pub use plane::{Plane, Projection};
pub use trace::Trace;
pub use trajectory::{Snapshot, Trajectory};
pub use watch::Watch;
