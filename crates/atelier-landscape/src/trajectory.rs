use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// When a point of a trajectory was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Finished steps.
    pub step: u64,
    /// Finished epochs, with the part of the one that was under way.
    pub epoch: f64,
    /// Loss of the minibatch of the last step before it; `None` at the start.
    pub minibatch_loss: Option<f64>,
}

/// The points in parameter space that one run went through.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// The name of the run.
    pub run: String,
    /// `(snapshots, parameters)`; each row as [`atelier_core::flatten`] gives it.
    pub points: Array2<f32>,
    /// When each row was recorded.
    pub snapshots: Vec<Snapshot>,
}

impl Trajectory {
    /// A trajectory with at least three points, not all of them the same.
    ///
    /// # Errors
    /// [`Error::Trajectory`] if there are fewer points, if all are equal, if one holds a number that
    /// is not finite, or if `snapshots` are not as many as the points.
    pub fn new(
        run: impl Into<String>,
        points: Array2<f32>,
        snapshots: Vec<Snapshot>,
    ) -> Result<Self> {
        let run = run.into();
        let n = points.nrows();
        if snapshots.len() != n {
            let found = format!("{} times of snapshots", snapshots.len());
            return Err(Error::trajectory(run, format!("{n}, one for each snapshot"), found));
        }
        if n < 3 {
            return Err(Error::trajectory(run, "3 or more snapshots", format!("{n}")));
        }
        if let Some(row) = points.rows().into_iter().position(|r| r.iter().any(|v| !v.is_finite()))
        {
            let found = format!("a value that is not finite in snapshot {row}");
            return Err(Error::trajectory(run, "finite parameters", found));
        }
        if points.rows().into_iter().all(|row| row == points.row(0)) {
            return Err(Error::trajectory(run, "snapshots that differ", "identical ones"));
        }
        Ok(Self { run, points, snapshots })
    }

    /// How many parameters a point has.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.points.ncols()
    }
}
