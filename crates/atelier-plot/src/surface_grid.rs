use crate::axis::{Axis, Extent, Range, Scale};
use crate::error::Error;

/// Larger magnitudes cannot be drawn: their differences would overflow.
const GREATEST: f64 = 1e300;

/// Heights over a rectangular grid.
///
/// # Shapes
/// `heights` has one value for every pair of coordinates, row by row: that over `(xs[i], ys[j])`
/// is `heights[j * xs.len() + i]`. Coordinates increase; their distances may differ. A height that
/// is NaN or infinite is a hole in the surface, and so are the cells around it.
#[derive(Clone, Debug)]
pub struct SurfaceGrid {
    pub(crate) xs: Vec<f64>,
    pub(crate) ys: Vec<f64>,
    pub(crate) heights: Vec<f64>,
}

impl SurfaceGrid {
    /// Heights over a grid; whether they fit it is looked at when they are drawn.
    #[must_use]
    pub fn new(
        xs: impl Into<Vec<f64>>,
        ys: impl Into<Vec<f64>>,
        heights: impl Into<Vec<f64>>,
    ) -> Self {
        Self { xs: xs.into(), ys: ys.into(), heights: heights.into() }
    }

    /// That the grid has cells, a height for each of their corners, and one that can be drawn.
    pub(crate) fn check(&self, axis: &Axis) -> Result<(), Error> {
        coordinates("x", &self.xs)?;
        coordinates("y", &self.ys)?;
        let (xs, ys, found) = (self.xs.len(), self.ys.len(), self.heights.len());
        if xs.checked_mul(ys) != Some(found) {
            return Err(Error::SurfaceHeights { xs, ys, found });
        }
        for (i, height) in self.heights.iter().enumerate().filter(|(_, h)| h.is_finite()) {
            check_height(axis, *height, || format!("heights[{i}]"))?;
        }
        if self.heights.iter().any(|height| height.is_finite()) {
            Ok(())
        } else {
            Err(Error::NoFiniteHeight { points: found })
        }
    }

    /// The range that `axis` needs for the finite heights and for `others`. A ceiling is its upper
    /// end where any of them are above.
    pub(crate) fn range(
        &self,
        axis: &Axis,
        ceiling: Option<f64>,
        others: impl Iterator<Item = f64>,
    ) -> Result<Range, Error> {
        let mut extent = Extent::NONE;
        // A surface with round heights is no count of anything.
        extent.whole = false;
        let least = self.heights.iter().copied().filter(|h| h.is_finite()).fold(GREATEST, f64::min);
        if let Some(value) = ceiling
            && !(value.is_finite() && value > least)
        {
            let (place, expected) = ("ceiling".to_owned(), "a value above the lowest height");
            return Err(Error::SurfaceValue { place, value, expected });
        }
        let top = ceiling.unwrap_or(GREATEST);
        for height in self.heights.iter().copied().chain(others).filter(|h| h.is_finite()) {
            extent.include(height.min(top));
        }
        let mut range = Range::of(axis, extent, 0.02);
        if extent.max >= top {
            range.high = match axis.scale {
                Scale::Linear => top,
                Scale::Logarithmic => top.log10(),
            };
        }
        Ok(range)
    }
}

/// That `axis` can show a finite `height`.
pub(crate) fn check_height(
    axis: &Axis,
    value: f64,
    place: impl Fn() -> String,
) -> Result<(), Error> {
    let expected = if value.abs() > GREATEST {
        "a magnitude of at most 1e300"
    } else if axis.scale == Scale::Logarithmic && value <= 0.0 {
        "a value above 0, because the axis is logarithmic"
    } else {
        return Ok(());
    };
    Err(Error::SurfaceValue { place: place(), value, expected })
}

fn coordinates(axis: &'static str, values: &[f64]) -> Result<(), Error> {
    if values.len() < 2 {
        return Err(Error::SurfaceSide { axis, found: values.len() });
    }
    let mut before = -GREATEST;
    for (i, &value) in values.iter().enumerate() {
        // Also false where either is NaN.
        if !(value > before && value < GREATEST) {
            let place = format!("{axis}[{i}]");
            let expected = "finite values, each above the one before";
            return Err(Error::SurfaceValue { place, value, expected });
        }
        before = value;
    }
    Ok(())
}
