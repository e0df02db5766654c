//! Puts the label of a reference line where it covers the fewest data.

use crate::font::{self, Weight};
use crate::occupancy::Occupancy;
use crate::panel::{Direction, Reference};
use crate::scene::{Anchor, Point, Rect, Text};
use crate::{text, theme};

/// From the line to the box around its label, and from that box to the label.
const AWAY: f64 = 5.0;
const INSIDE: f64 = 4.0;
/// How many places along the line are tried.
const PLACES: u32 = 12;

pub(crate) struct Label {
    pub text: Text,
    /// The text with a little room around it.
    pub area: Rect,
}

/// The label of `reference`, whose line goes through `on_line`, on either side of it inside
/// `plot`; marks its area as taken. `None` where the reference has no label.
pub(crate) fn place(
    reference: &Reference,
    on_line: Point,
    plot: Rect,
    occupancy: &mut Occupancy,
) -> Option<Label> {
    let room = plot.width() - 2.0 * (AWAY + INSIDE);
    let content =
        text::shorten(&text::clean(&reference.label), Weight::Regular, theme::LABEL, room);
    if content.is_empty() {
        return None;
    }
    let width = font::width(&content, theme::LABEL, Weight::Regular) + 2.0 * INSIDE;
    let height = theme::LABEL * theme::LINE_SPACING;

    let candidates = (0..=PLACES).flat_map(|place| {
        let share = f64::from(place) / f64::from(PLACES);
        [false, true].map(|other_side| {
            let (left, top) = match reference.direction {
                // From the right end of the line, above it first.
                Direction::Horizontal => (
                    plot.right - width - AWAY - share * (room + 2.0 * INSIDE - width),
                    if other_side { on_line.1 + AWAY } else { on_line.1 - AWAY - height },
                ),
                // From the upper end of the line, right of it first.
                Direction::Vertical => (
                    if other_side { on_line.0 - AWAY - width } else { on_line.0 + AWAY },
                    plot.top + AWAY + share * (plot.height() - 2.0 * AWAY - height),
                ),
            };
            Rect { left, top, right: left + width, bottom: top + height }
        })
    });
    // `min_by_key` keeps the first of equals: the preferred place.
    let area = candidates
        .filter(|area| plot.contains(area))
        .min_by_key(|area| occupancy.taken_in(*area))?;
    // With a margin: two labels next to each other read as one.
    occupancy.mark_area(Rect {
        left: area.left - theme::LABEL,
        top: area.top - theme::LABEL,
        right: area.right + theme::LABEL,
        bottom: area.bottom + theme::LABEL,
    });
    let baseline = f64::midpoint(area.top, area.bottom) + theme::LABEL * theme::CAP_HEIGHT / 2.0;
    let text = Text {
        at: (area.left + INSIDE, baseline),
        content,
        size: theme::LABEL,
        weight: Weight::Regular,
        color: theme::FAINT_INK,
        anchor: Anchor::Start,
        turn: 0.0,
    };
    Some(Label { text, area })
}
