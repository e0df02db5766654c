//! Where the parts of a panel stand: title, legend, axes, and the area for its data.

use crate::axis::{Extent, Range};
use crate::font::{self, Weight};
use crate::panel::Panel;
use crate::scene::Rect;
use crate::series::Series;
use crate::text::{self, Lines};
use crate::theme;
use crate::ticks::{Tick, ticks};

/// A panel with every position that depends on its text decided.
pub(crate) struct PanelLayout<'a> {
    pub panel: &'a Panel,
    pub title: Lines,
    pub legend: Vec<LegendEntry<'a>>,
    pub x_label: Lines,
    pub y_label: Lines,
    pub x_range: Range,
    pub y_range: Range,
    pub x_ticks: Vec<Tick>,
    pub y_ticks: Vec<Tick>,
    /// The whole panel with its texts.
    pub bounds: Rect,
    /// The area for data.
    pub plot: Rect,
}

/// A named series, with the place of its swatch: left end, middle of its height.
pub(crate) struct LegendEntry<'a> {
    pub series: &'a Series,
    /// Position among the panel's series.
    pub index: usize,
    pub name: String,
    pub at: (f64, f64),
}

const LEGEND_LINE: f64 = theme::LABEL * 1.4;
const LEGEND_GAP: f64 = 36.0;
/// From a swatch to its name.
pub(crate) const SWATCH_GAP: f64 = 12.0;
/// Least gap between the labels of neighbouring ticks.
const TICK_GAP: f64 = 24.0;
/// Height that a tick of a vertical axis should have for itself.
const TICK_HEIGHT: f64 = 75.0;

/// From the bounds of a panel to its area for data, on each side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insets {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Insets {
    pub(crate) const NONE: Self = Self { left: 0.0, top: 0.0, right: 0.0, bottom: 0.0 };

    /// What lines up the axes of panels that were laid out each for itself: the same top and
    /// bottom side by side, the same left and right ends where they are stacked.
    pub(crate) fn in_common(layouts: &[PanelLayout<'_>], stacked: bool) -> Self {
        let mut most = Self::NONE;
        for PanelLayout { bounds, plot, .. } in layouts {
            if stacked {
                most.left = most.left.max(plot.left - bounds.left);
                most.right = most.right.max(bounds.right - plot.right);
            } else {
                most.top = most.top.max(plot.top - bounds.top);
                most.bottom = most.bottom.max(bounds.bottom - plot.bottom);
            }
        }
        most
    }
}

impl<'a> PanelLayout<'a> {
    /// Lays out `panel` inside `bounds` with `least` around its area for data; `None` where too
    /// little room is left for that.
    pub(crate) fn new(
        panel: &'a Panel,
        (x_extent, y_extent): (Extent, Extent),
        bounds: Rect,
        least: Insets,
    ) -> Option<Self> {
        let title = text::fit(&panel.title, Weight::Bold, theme::PANEL_TITLE, bounds.width(), 2);
        let (legend, legend_bottom) = legend(panel, bounds, bounds.top + title.height());
        let mut below = theme::TICK_LENGTH + theme::TICK * theme::LINE_SPACING;
        if !panel.x.label.is_empty() {
            below += theme::LABEL * theme::LINE_SPACING;
        }
        let mut plot = Rect {
            left: bounds.left,
            top: (legend_bottom + theme::GAP).max(bounds.top + least.top),
            right: bounds.right - least.right,
            bottom: bounds.bottom - below.max(least.bottom),
        };
        if plot.height() < theme::MIN_PLOT {
            return None;
        }

        let y_range = Range::of(&panel.y, y_extent, 0.05);
        let y_ticks = ticks(&y_range, at_most(plot.height() / TICK_HEIGHT));
        let y_label = text::fit(&panel.y.label, Weight::Regular, theme::LABEL, plot.height(), 2);
        let beside = y_label.height() + theme::TICK_LENGTH + SWATCH_GAP + widest(&y_ticks);
        plot.left += beside.max(least.left);
        if plot.width() < theme::MIN_PLOT {
            return None;
        }

        let x_range = Range::of(&panel.x, x_extent, 0.02);
        let x_ticks = ticks_that_fit(&x_range, plot.width());
        // The label at the right end stays inside, half of it beyond its tick.
        let narrowest = |width: f64, tick: &Tick| {
            width.min((bounds.right - plot.left - tick_width(&tick.label) / 2.0) / tick.at)
        };
        plot.right = plot.left + x_ticks.iter().fold(plot.width(), narrowest);
        let x_label = text::fit(&panel.x.label, Weight::Regular, theme::LABEL, plot.width(), 1);

        (plot.width() >= theme::MIN_PLOT).then_some(Self {
            panel,
            title,
            legend,
            x_label,
            y_label,
            x_range,
            y_range,
            x_ticks,
            y_ticks,
            bounds,
            plot,
        })
    }

    /// The pixel position of a point with two finite coordinates.
    pub(crate) fn position(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x_at(self.x_range.fraction(x)), self.y_at(self.y_range.fraction(y)))
    }

    pub(crate) fn x_at(&self, fraction: f64) -> f64 {
        self.plot.left + fraction * self.plot.width()
    }

    pub(crate) fn y_at(&self, fraction: f64) -> f64 {
        self.plot.bottom - fraction * self.plot.height()
    }
}

/// The legend above the data, where it covers none of them, in as many rows as it needs; and
/// where it ends.
fn legend(panel: &Panel, bounds: Rect, top: f64) -> (Vec<LegendEntry<'_>>, f64) {
    let mut entries: Vec<LegendEntry<'_>> = Vec::new();
    let (mut left, mut row_top) = (bounds.left, top);
    for (index, series) in panel.series.iter().enumerate() {
        let name = text::clean(&series.name);
        if name.is_empty() {
            continue;
        }
        let room = bounds.width() - theme::SWATCH - SWATCH_GAP;
        let name = text::shorten(&name, Weight::Regular, theme::LABEL, room);
        let width = theme::SWATCH + SWATCH_GAP + font::width(&name, theme::LABEL, Weight::Regular);
        if left > bounds.left && left + width > bounds.right {
            left = bounds.left;
            row_top += LEGEND_LINE;
        }
        entries.push(LegendEntry { series, index, name, at: (left, row_top + LEGEND_LINE / 2.0) });
        left += width + LEGEND_GAP;
    }
    let bottom = if entries.is_empty() { top } else { row_top + LEGEND_LINE };
    (entries, bottom)
}

/// The most ticks of a horizontal axis whose labels keep their distance.
pub(crate) fn ticks_that_fit(range: &Range, width: f64) -> Vec<Tick> {
    for most in (3..=10).rev() {
        let ticks = ticks(range, most);
        let labelled: Vec<&Tick> = ticks.iter().filter(|t| !t.label.is_empty()).collect();
        let fits = labelled.windows(2).all(|pair| {
            let room = (pair[1].at - pair[0].at) * width;
            room >= f64::midpoint(tick_width(&pair[0].label), tick_width(&pair[1].label)) + TICK_GAP
        });
        if fits {
            return ticks;
        }
    }
    ticks(range, 2)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to single digits"
)]
fn at_most(ticks: f64) -> usize {
    ticks.clamp(2.0, 8.0) as usize
}

fn widest(ticks: &[Tick]) -> f64 {
    ticks.iter().map(|t| tick_width(&t.label)).fold(0.0, f64::max)
}

fn tick_width(label: &str) -> f64 {
    font::width(label, theme::TICK, Weight::Regular)
}
