#![doc = include_str!("../README.md")]

mod directions;
mod error;
mod hessian;
mod kept;
mod lanczos;
mod matching;
mod null;
mod pca;
mod plane;
mod range;
mod tables;
mod trace;
mod trajectory;
mod vector;
mod vtk;
mod watch;

pub use directions::{Line, filter_normalised_directions, plane_through, random_directions};
pub use error::{Error, Result};
pub use hessian::{Hessian, PlaneCurvature};
pub use lanczos::{Eigenpair, Eigenpairs, Lanczos};
pub use matching::{Matching, match_units};
pub use null::{Null, Spread, random_walk};
pub use pca::{Anchor, Pca, RunVariance, principal_components};
pub use plane::{Plane, Projection};
pub use range::AxisRange;
pub use tables::{SurfaceTable, TrajectoryTable};
pub use trace::Trace;
pub use trajectory::{Snapshot, Trajectory};
pub use watch::Watch;
