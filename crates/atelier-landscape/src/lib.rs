#![doc = include_str!("../README.md")]

mod config;
mod directions;
mod done;
mod barrier;
mod bezier;
mod error;
mod grid;
mod height;
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
mod watch;
mod vtk;

pub use config::{Directions, HeightScale, LandscapeConfig};
pub use directions::{
    Line, filter_normalised_directions, plane_through, random_directions,
};
pub use barrier::{Barrier, PATH_POINTS, PathLosses, PathPoint, line_losses};
pub use bezier::Bezier;
pub use error::{Error, Result};
pub use grid::{Axes, GridWork, Surface, evaluate_grid};
pub use null::{Null, Spread, random_walk};
pub use pca::{Anchor, Pca, RunVariance, principal_components};
pub use hessian::{Hessian, PlaneCurvature};
pub use lanczos::{Eigenpair, Eigenpairs, Lanczos};
pub use matching::{Matching, match_units};
pub use plane::{Plane, Projection};
pub use range::AxisRange;
pub use tables::{SurfaceTable, TrajectoryTable};
pub use trace::Trace;
pub use trajectory::{Snapshot, Trajectory};
pub use watch::Watch;
pub use height::{Height, heights_at, heights_in_plane};
