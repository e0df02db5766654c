use crate::color::Color;
use crate::theme;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A solid line.
    Line,
    /// A dashed line.
    Dashed,
    /// A disc at every point.
    Points,
    /// A small disc at every point: for thousands of them.
    Dots,
    /// A solid line with a disc at every point.
    LineWithPoints,
}

impl Style {
    pub(crate) fn has_line(self) -> bool {
        !matches!(self, Self::Points | Self::Dots)
    }

    pub(crate) fn has_points(self) -> bool {
        matches!(self, Self::Points | Self::Dots | Self::LineWithPoints)
    }

    pub(crate) fn radius(self) -> f64 {
        if self == Self::Dots { theme::DOT_RADIUS } else { theme::MARKER_RADIUS }
    }
}

/// Points of one kind under one name.
///
/// A point with a NaN or an infinity is left out and breaks the line. Points are joined in the
/// order given, which need not be that of their x values.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) xs: Vec<f64>,
    pub(crate) ys: Vec<f64>,
    pub(crate) style: Style,
    pub(crate) color: Option<Color>,
}

impl Series {
    /// Points `(xs[i], ys[i])` in a style. `name` stands in the legend; an empty one does not.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        style: Style,
        xs: impl Into<Vec<f64>>,
        ys: impl Into<Vec<f64>>,
    ) -> Self {
        Self { name: name.into(), xs: xs.into(), ys: ys.into(), style, color: None }
    }

    /// A solid line.
    #[must_use]
    pub fn line(name: impl Into<String>, xs: impl Into<Vec<f64>>, ys: impl Into<Vec<f64>>) -> Self {
        Self::new(name, Style::Line, xs, ys)
    }

    /// Draws the series in `color`; without, it gets the palette's colour for its position.
    #[must_use]
    pub fn color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.xs.iter().copied().zip(self.ys.iter().copied())
    }
}
