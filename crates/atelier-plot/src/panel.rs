use crate::axis::{Axis, Extent, Scale};
use crate::error::Error;
use crate::series::Series;

/// Values of a larger magnitude cannot be drawn: their differences would overflow.
const GREATEST: f64 = 1e300;

/// One pair of axes with its series.
#[derive(Clone, Debug)]
pub struct Panel {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    pub(crate) references: Vec<Reference>,
}

/// A labelled line across a panel.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub direction: Direction,
    pub at: f64,
    pub label: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Horizontal,
    Vertical,
}

impl Panel {
    /// An empty panel.
    #[must_use]
    pub fn new(x: Axis, y: Axis) -> Self {
        Self { title: String::new(), x, y, series: Vec::new(), references: Vec::new() }
    }

    /// Sets the title above this panel.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a series; later ones are drawn over earlier ones.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds a horizontal reference line at `y`, which the axis then includes.
    #[must_use]
    pub fn horizontal(self, y: f64, label: impl Into<String>) -> Self {
        self.reference(Direction::Horizontal, y, label.into())
    }

    /// Adds a vertical reference line at `x`, which the axis then includes.
    #[must_use]
    pub fn vertical(self, x: f64, label: impl Into<String>) -> Self {
        self.reference(Direction::Vertical, x, label.into())
    }

    fn reference(mut self, direction: Direction, at: f64, label: String) -> Self {
        self.references.push(Reference { direction, at, label });
        self
    }

    /// What the two axes must show, once everything in the panel can be shown. `number` counts
    /// panels from 1.
    pub(crate) fn extents(&self, number: usize) -> Result<(Extent, Extent), Error> {
        if self.series.is_empty() {
            return Err(Error::NoSeries { panel: number });
        }
        let (mut x_extent, mut y_extent) = (Extent::NONE, Extent::NONE);
        for series in &self.series {
            let name = || series.name.clone();
            let (xs, ys) = (series.xs.len(), series.ys.len());
            if xs != ys {
                return Err(Error::Lengths { panel: number, series: name(), xs, ys });
            }
            let mut finite = 0;
            for (i, (x, y)) in series.points().enumerate() {
                if !x.is_finite() || !y.is_finite() {
                    continue;
                }
                finite += 1;
                let place = |axis: &str| format!("{axis}[{i}] of series {:?}", series.name);
                check(number, self.x.scale, x, || place("x"))?;
                check(number, self.y.scale, y, || place("y"))?;
                x_extent.include(x);
                y_extent.include(y);
            }
            if finite == 0 {
                return Err(Error::Empty { panel: number, series: name(), points: xs });
            }
        }
        for reference in &self.references {
            let (scale, extent) = match reference.direction {
                Direction::Horizontal => (self.y.scale, &mut y_extent),
                Direction::Vertical => (self.x.scale, &mut x_extent),
            };
            check(number, scale, reference.at, || format!("reference line {:?}", reference.label))?;
            extent.include(reference.at);
        }
        Ok((x_extent, y_extent))
    }
}

fn check(panel: usize, scale: Scale, value: f64, place: impl Fn() -> String) -> Result<(), Error> {
    match refusal(scale, value) {
        Some(expected) => Err(Error::Value { panel, place: place(), value, expected }),
        None => Ok(()),
    }
}

/// What is expected in place of a value that an axis cannot show; `None` where it can.
pub(crate) fn refusal(scale: Scale, value: f64) -> Option<&'static str> {
    if !value.is_finite() {
        Some("a finite value")
    } else if value.abs() > GREATEST {
        Some("a magnitude of at most 1e300")
    } else if scale == Scale::Logarithmic && value <= 0.0 {
        Some("a value above 0, because the axis is logarithmic")
    } else {
        None
    }
}
