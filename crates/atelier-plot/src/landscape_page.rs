mod check;
mod json;
#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::page_document::{self, CANVAS, ELEMENTS, NUMBERS, Parts, THEME};

pub(crate) const PARTS: Parts = Parts {
    template: include_str!("../assets/landscape/page.html"),
    scripts: &[
        NUMBERS,
        include_str!("../assets/landscape/data.js"),
        include_str!("../assets/landscape/palette.js"),
        include_str!("../assets/landscape/state.js"),
        include_str!("../assets/landscape/plane.js"),
        CANVAS,
        include_str!("../assets/landscape/signs.js"),
        include_str!("../assets/landscape/surface_view.js"),
        include_str!("../assets/landscape/surface_things.js"),
        include_str!("../assets/landscape/surface_frame.js"),
        include_str!("../assets/landscape/contour_view.js"),
        include_str!("../assets/landscape/step_view.js"),
        include_str!("../assets/landscape/scree_view.js"),
        include_str!("../assets/landscape/walk_view.js"),
        ELEMENTS,
        include_str!("../assets/landscape/words.js"),
        THEME,
        include_str!("../assets/landscape/main.js"),
    ],
};

/// An interactive page of a loss landscape: one HTML document that needs no network and no other file.
///
/// It shows a plane of parameters as a surface that can be turned and as a map, the runs that descended it, their
/// losses by step, their distances off the plane, the shares of variance, and what random walks look like. Views are linked: what is pointed at
/// in one is marked in all. A row of switches, a slider and the keyboard do the rest.
///
/// Numbers are drawn with six significant digits. A loss that is NaN or infinite is left out of the picture: a hole
/// in the surface, a gap in a curve.
///
/// ```
/// use atelier_plot::{LandscapePage, PageAxis, PagePoint, PageRun};
///
/// let side = [-1.0, 0.0, 1.0];
/// let bowl = |x: f64, y: f64| 0.3 + x * x + 2.0 * y * y;
/// let point = |step: u64, x: f64| PagePoint {
///     step,
///     epoch: step as f64 / 10.0,
///     x,
///     y: 0.0,
///     loss: bowl(x, 0.0) - 0.01,
///     loss_in_plane: bowl(x, 0.0),
///     minibatch_loss: None,
///     distance_off_plane: 0.2,
/// };
/// let page = LandscapePage {
///     title: "A bowl".into(),
///     axes: [PageAxis::new("first direction"), PageAxis::new("second direction")],
///     x: side.to_vec(),
///     y: side.to_vec(),
///     loss: side.iter().flat_map(|&y| side.map(|x| bowl(x, y))).collect(),
///     standard_error: vec![0.01; 9],
///     runs: vec![PageRun {
///         name: "A".into(),
///         seed: "seed 0".into(),
///         points: vec![point(0, -0.9), point(10, -0.1)],
///     }],
///     ..LandscapePage::default()
/// };
/// assert!(page.render()?.starts_with("<!DOCTYPE html>"));
/// # Ok::<(), atelier_plot::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LandscapePage {
    /// The heading, and the document's title.
    pub title: String,
    /// The line under the heading; empty for none.
    pub subtitle: String,
    /// How to read the page, and what it does not show; empty for none.
    pub caption: String,
    /// A table of names and values: how the page's data came about.
    pub facts: Vec<(String, String)>,
    /// The two directions of the plane, x then y.
    pub axes: [PageAxis; 2],
    /// Coordinates of the grid along x: strictly increasing, at least two.
    pub x: Vec<f64>,
    /// Coordinates of the grid along y: strictly increasing, at least two.
    pub y: Vec<f64>,
    /// Losses on the grid: `y.len()` rows of `x.len()` values.
    pub loss: Vec<f64>,
    /// Standard errors of the losses, in the same order.
    pub standard_error: Vec<f64>,
    /// Shares of examples classified correctly, 0 to 1, in the same order.
    pub accuracy: Option<Vec<f64>>,
    /// The runs, in the order of their colours.
    pub runs: Vec<PageRun>,
    /// Random walks to compare with, in the plane of their own principal directions; empty for none. That is another
    /// plane than the runs', so they have a figure of their own, without a surface.
    pub null: Vec<Vec<NullPoint>>,
    /// Shares of the total variance that the principal components carry, 0 to 1, first to last; empty for none.
    pub scree: Vec<f64>,
    /// Whether heights are logarithmic when the page opens; its switch changes them. `None` leaves it to the page,
    /// which looks at how many times the lowest loss the highest is. Where a loss is 0 or less, heights are linear.
    pub logarithmic: Option<bool>,
}

/// One direction of the plane.
#[derive(Clone, Debug, Default)]
pub struct PageAxis {
    /// What the direction is.
    pub title: String,
    /// Its share of the total variance, 0 to 1.
    pub variance_share: Option<f64>,
}

impl PageAxis {
    /// A direction whose share of variance is not known.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), variance_share: None }
    }

    /// Sets the share of the total variance, 0 to 1.
    #[must_use]
    pub fn variance_share(mut self, share: f64) -> Self {
        self.variance_share = Some(share);
        self
    }
}

/// A run and the snapshots that it left.
#[derive(Clone, Debug)]
pub struct PageRun {
    /// A short name, shown wherever the run is.
    pub name: String,
    /// Its seed, as text.
    pub seed: String,
    /// The snapshots by step, at least one.
    pub points: Vec<PagePoint>,
}

/// A snapshot of a run.
#[derive(Clone, Copy, Debug)]
pub struct PagePoint {
    /// The optimiser's steps before it; more than those of the snapshot before.
    pub step: u64,
    /// The same in epochs.
    pub epoch: f64,
    /// Where its projection lies along the first direction.
    pub x: f64,
    /// Where its projection lies along the second direction.
    pub y: f64,
    /// The loss of the snapshot itself.
    pub loss: f64,
    /// The loss of its projection: the height of the surface there.
    pub loss_in_plane: f64,
    /// The loss of the batch that the step took, where it is known.
    pub minibatch_loss: Option<f64>,
    /// How far the snapshot lies off the plane, in the parameters' own units.
    pub distance_off_plane: f64,
}

/// A point of a projected random walk.
#[derive(Clone, Copy, Debug)]
pub struct NullPoint {
    /// Where it lies along the first principal direction of the walks.
    pub x: f64,
    /// Where it lies along the second.
    pub y: f64,
}

impl LandscapePage {
    /// Writes the page. The same data give the same text.
    ///
    /// # Errors
    /// Where the numbers of values do not match, the grid is smaller than 2 x 2, has no finite loss, or does not
    /// increase, a share is not between 0 and 1, or a run has no point, a point that is nowhere, or steps that do
    /// not increase.
    pub fn render(&self) -> Result<String, Error> {
        check::page(self)?;
        Ok(page_document::write(&PARTS, &self.title, &json::of(self)))
    }
}
