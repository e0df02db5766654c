//! What the colours of a surface mean: a bar with the axis of heights beside it.

use crate::axis::{Axis, Range};
use crate::colormap;
use crate::font::{self, Weight};
use crate::scene::{Anchor, Rect, Scene, ShadedImage, Shape, Stroke, Text};
use crate::ticks::{Tick, ticks};
use crate::{text, theme};

const WIDTH: f64 = 30.0;
const SHADES: usize = 256;
/// Height that a tick should have for itself.
const TICK_HEIGHT: f64 = 75.0;
const TICK_GAP: f64 = 6.0;
const AXIS: Stroke = Stroke { color: theme::FAINT_INK, width: theme::AXIS_WIDTH, dash: None };

/// A bar that is laid out.
pub(crate) struct ColorBar {
    title: text::Lines,
    ticks: Vec<Tick>,
    height: f64,
    labels: f64,
}

impl ColorBar {
    /// A bar of `height` pixels for the heights of `range`.
    pub(crate) fn new(axis: &Axis, range: &Range, height: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2 to 8")]
        let most = (height / TICK_HEIGHT).clamp(2.0, 8.0) as usize;
        let title = text::fit(&axis.label, Weight::Regular, theme::LABEL, height, 2);
        let ticks = ticks(range, most);
        let width = |tick: &Tick| font::width(&tick.label, theme::TICK, Weight::Regular);
        let labels = ticks.iter().map(width).fold(0.0, f64::max);
        Self { title, ticks, height, labels }
    }

    pub(crate) fn width(&self) -> f64 {
        let beside = theme::TICK_LENGTH + TICK_GAP + self.labels;
        let title = self.title.height();
        WIDTH + beside + if title > 0.0 { theme::GAP + title } else { 0.0 }
    }

    /// Draws the bar with its upper left corner at `(left, top)`.
    pub(crate) fn draw(&self, scene: &mut Scene, (left, top): (f64, f64)) {
        let area = Rect { left, top, right: left + WIDTH, bottom: top + self.height };
        let shade = |row: usize| colormap::color(1.0 - (row as f64 + 0.5) / SHADES as f64);
        let pixels = (0..SHADES).map(shade).collect();
        let picture = ShadedImage { width: 1, height: SHADES, pixels };
        scene.shapes.push(Shape::Shades { area, picture });
        let (top_right, bottom_right) = ((area.right, area.top), (area.right, area.bottom));
        for (from, to) in [
            ((area.left, area.top), top_right),
            (top_right, bottom_right),
            (bottom_right, (area.left, area.bottom)),
            ((area.left, area.bottom), (area.left, area.top)),
        ] {
            scene.line(from, to, AXIS);
        }
        let text = |at, content: &str, size, anchor, turn| Text {
            at,
            content: content.to_owned(),
            size,
            weight: Weight::Regular,
            color: theme::INK,
            anchor,
            turn,
        };
        for tick in &self.ticks {
            let y = area.bottom - tick.at * area.height();
            let length =
                if tick.label.is_empty() { theme::MINOR_TICK_LENGTH } else { theme::TICK_LENGTH };
            scene.line((area.right, y), (area.right + length, y), AXIS);
            if !tick.label.is_empty() {
                let baseline = y + theme::TICK * theme::CAP_HEIGHT / 2.0;
                let at = (area.right + theme::TICK_LENGTH + TICK_GAP, baseline);
                scene.text(text(at, &tick.label, theme::TICK, Anchor::Start, 0.0));
            }
        }
        let beside = area.right + theme::TICK_LENGTH + TICK_GAP + self.labels + theme::GAP;
        for (i, line) in self.title.rows.iter().enumerate() {
            let baseline = beside + (i as f64 * theme::LINE_SPACING + 0.85) * self.title.size;
            let at = (baseline, f64::midpoint(area.top, area.bottom));
            scene.text(text(at, line, self.title.size, Anchor::Middle, 90.0));
        }
    }
}
