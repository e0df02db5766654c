use crate::axis::Axis;
use crate::color::{Color, Rgb};
use crate::error::Error;
use crate::surface_grid::check_height;

/// One point of a descent over a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrajectoryPoint {
    /// Where its projection lies in the plane.
    pub x: f64,
    /// Where its projection lies in the plane.
    pub y: f64,
    /// The loss at that projection, where the path is drawn; not finite where it is unknown, and
    /// the path then follows the grid.
    pub loss_in_plane: f64,
    /// The loss at the point itself, to which a stem leads; not finite where there is to be none.
    pub loss: f64,
}

/// A descent: a path over a surface, from its first point to its last.
#[derive(Clone, Debug)]
pub struct Trajectory {
    pub(crate) name: String,
    pub(crate) points: Vec<TrajectoryPoint>,
    pub(crate) color: Option<Color>,
}

impl Trajectory {
    /// The order in which trajectories without a colour of their own get one: those that stand out
    /// from the surface's.
    const CYCLE: [Color; 5] =
        [Color::Vermillion, Color::SkyBlue, Color::Purple, Color::Black, Color::Orange];

    /// A path through points. `name` stands in the legend; an empty one does not.
    #[must_use]
    pub fn new(name: impl Into<String>, points: impl Into<Vec<TrajectoryPoint>>) -> Self {
        Self { name: name.into(), points: points.into(), color: None }
    }

    /// Draws the path in `color`.
    #[must_use]
    pub fn color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    pub(crate) fn rgb(&self, index: usize) -> Rgb {
        self.color.unwrap_or(Self::CYCLE[index % Self::CYCLE.len()]).rgb()
    }

    pub(crate) fn check(&self, axis: &Axis) -> Result<(), Error> {
        if self.points.is_empty() {
            return Err(Error::NoPoint { trajectory: self.name.clone() });
        }
        for (i, point) in self.points.iter().enumerate() {
            let place = |what: &str| format!("{what} of point {i} of trajectory {:?}", self.name);
            for (what, value) in [("x", point.x), ("y", point.y)] {
                if !value.is_finite() {
                    let expected = "a finite value";
                    return Err(Error::SurfaceValue { place: place(what), value, expected });
                }
            }
            for (what, value) in [("loss_in_plane", point.loss_in_plane), ("loss", point.loss)] {
                if value.is_finite() {
                    check_height(axis, value, || place(what))?;
                }
            }
        }
        Ok(())
    }
}
