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

#[cfg(test)]
mod tests {
    use super::*;

    fn times(n: usize) -> Vec<Snapshot> {
        vec![Snapshot { step: 0, epoch: 0.0, minibatch_loss: None }; n]
    }

    #[test]
    fn three_points_make_a_trajectory() {
        let points = Array2::from_shape_fn((3, 4), |(i, j)| (i + j) as f32);
        let trajectory = Trajectory::new("run", points, times(3)).unwrap();
        assert_eq!((trajectory.run.as_str(), trajectory.parameters()), ("run", 4));
    }

    #[test]
    fn points_that_are_no_trajectory_are_refused_with_the_run_and_the_place() {
        let points = |n| Array2::from_shape_fn((n, 4), |(i, j)| (i + j) as f32);
        let refused = |points, n| Trajectory::new("run", points, times(n)).unwrap_err().to_string();
        assert_eq!(refused(points(2), 2), "run: found 2, expected 3 or more snapshots");
        let message = refused(points(4), 3);
        assert_eq!(message, "run: found 3 times of snapshots, expected 4, one for each snapshot");
        let same = Array2::from_elem((5, 4), 0.5);
        assert_eq!(refused(same, 5), "run: found identical ones, expected snapshots that differ");
        assert!(refused(Array2::zeros((3, 0)), 3).contains("identical"));
        let mut spoilt = points(3);
        spoilt[[1, 2]] = f32::NEG_INFINITY;
        assert!(refused(spoilt, 3).contains("not finite in snapshot 1"));
    }
}
