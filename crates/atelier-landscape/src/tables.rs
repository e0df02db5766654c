use std::fmt::Write as _;

use crate::{Error, Projection, Result, Snapshot};

/// The heights over a grid, for [`SurfaceTable::csv`] and [`SurfaceTable::vtk`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurfaceTable<'a> {
    /// The coordinates of the columns, `(columns,)`.
    pub x: &'a [f64],
    /// The coordinates of the rows, `(rows,)`.
    pub y: &'a [f64],
    /// The loss in nats or whatever the objective reports, `(rows, columns)`, row by row.
    pub loss: &'a [f64],
    /// The standard error of each loss over the examples, laid out as the losses; `None` where it
    /// is not known.
    pub standard_error: Option<&'a [f64]>,
    /// The share of correct examples in 0 to 1, laid out as the losses; `None` where the objective
    /// counts nothing.
    pub accuracy: Option<&'a [f64]>,
}

/// A run as seen from a plane, one entry for each snapshot, for [`TrajectoryTable::csv`] and
/// [`TrajectoryTable::vtk`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrajectoryTable<'a> {
    /// When each point was recorded.
    pub snapshots: &'a [Snapshot],
    /// Where it lies in the plane and how far from it.
    pub projections: &'a [Projection],
    /// The loss at the point itself.
    pub loss: &'a [f64],
    /// The loss at its projection, which is what lies on the surface.
    pub loss_in_plane: &'a [f64],
}

impl SurfaceTable<'_> {
    /// A table `x,y,loss,standard_error,accuracy`, a line for each point of the grid, row by row.
    ///
    /// Numbers are written with as many digits as bring them back to the bit. A column
    /// that is not known is empty.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are not as many values as points; [`Error::NonFinite`] at a loss
    /// that is not finite.
    pub fn csv(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut text = String::from("x,y,loss,standard_error,accuracy\n");
        let points = self.y.iter().flat_map(|y| self.x.iter().map(move |x| (x, y)));
        for (i, (x, y)) in points.enumerate() {
            let loss = self.loss[i];
            let error = optional(self.standard_error.map(|values| values[i]));
            let accuracy = optional(self.accuracy.map(|values| values[i]));
            let _ = writeln!(text, "{x:?},{y:?},{loss:?},{error},{accuracy}");
        }
        Ok(text.into_bytes())
    }

    pub(crate) fn check(&self) -> Result<()> {
        let points = self.x.len() * self.y.len();
        expect("loss of the surface", points, self.loss.len())?;
        for (key, values) in [
            ("standard_error of the surface", self.standard_error),
            ("accuracy of the surface", self.accuracy),
        ] {
            values.map_or(Ok(()), |values| expect(key, points, values.len()))?;
        }
        finite("point of the grid", self.loss)
    }
}

impl TrajectoryTable<'_> {
    /// A table `step,epoch,x,y,loss,loss_in_plane,distance_off_plane,minibatch_loss`, a line for
    /// each snapshot.
    ///
    /// Numbers are written with as many digits as bring them back to the bit. Where there was no
    /// minibatch yet, the last column is empty.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are not as many values as snapshots; [`Error::NonFinite`] at a
    /// loss that is not finite.
    pub fn csv(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut text =
            String::from("step,epoch,x,y,loss,loss_in_plane,distance_off_plane,minibatch_loss\n");
        for (i, (snapshot, projection)) in self.snapshots.iter().zip(self.projections).enumerate() {
            let Snapshot { step, epoch, minibatch_loss } = snapshot;
            let Projection { x, y, distance } = projection;
            let (loss, in_plane) = (self.loss[i], self.loss_in_plane[i]);
            let minibatch = optional(*minibatch_loss);
            let _ = writeln!(
                text,
                "{step},{epoch:?},{x:?},{y:?},{loss:?},{in_plane:?},{distance:?},{minibatch}"
            );
        }
        Ok(text.into_bytes())
    }

    pub(crate) fn check(&self) -> Result<()> {
        let points = self.snapshots.len();
        expect("projections of the trajectory", points, self.projections.len())?;
        expect("loss of the trajectory", points, self.loss.len())?;
        expect("loss_in_plane of the trajectory", points, self.loss_in_plane.len())?;
        finite("snapshot", self.loss)?;
        finite("projection of snapshot", self.loss_in_plane)
    }
}

fn expect(key: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::setting(key, format!("{expected} values"), format!("{found} values")))
}

fn finite(place: &str, losses: &[f64]) -> Result<()> {
    match losses.iter().position(|loss| !loss.is_finite()) {
        None => Ok(()),
        Some(i) => Err(Error::NonFinite { place: format!("{place} {i}"), value: losses[i] }),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map(|value| format!("{value:?}")).unwrap_or_default()
}
