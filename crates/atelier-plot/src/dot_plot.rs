use crate::axis::{Axis, Extent, Range};
use crate::color::Color;
use crate::error::Error;
use crate::font::{self, Weight};
use crate::frame::{self, Words};
use crate::panel::refusal;
use crate::panel_layout::ticks_that_fit;
use crate::scene::{Anchor, Rect, Scene, Shape, Stroke, Text};
use crate::ticks::Tick;
use crate::{Figure, text, theme};

/// A heading takes the room of so many rows.
const HEADING: f64 = 1.3;
/// Least height of a row, in pixels.
const MIN_ROW: f64 = 34.0;
/// Rows are no higher than this, however much room there is.
const MAX_ROW: f64 = 90.0;
/// Most of the figure's width that labels may take.
const LABELS: f64 = 0.4;
const GUIDE: Stroke = Stroke { color: theme::GRID, width: theme::GRID_WIDTH, dash: None };
const AXIS: Stroke = Stroke { color: theme::FAINT_INK, width: theme::AXIS_WIDTH, dash: None };
const MEAN: Stroke = Stroke { color: theme::INK, width: theme::SERIES_WIDTH + 1.0, dash: None };
const REFERENCE: Stroke = Stroke {
    color: theme::FAINT_INK,
    width: theme::REFERENCE_WIDTH,
    dash: Some(theme::REFERENCE_DASH),
};

/// Some values of one kind: a row of a [`DotPlot`].
#[derive(Clone, Debug)]
pub struct DotRow {
    label: String,
    values: Vec<f64>,
    note: String,
    color: Color,
    reference: bool,
    absent: bool,
}

impl DotRow {
    /// A row of blue dots, its label to the left.
    #[must_use]
    pub fn new(label: impl Into<String>, values: impl Into<Vec<f64>>) -> Self {
        let (label, values) = (label.into(), values.into());
        let (note, color) = (String::new(), Color::Blue);
        Self { label, values, note, color, reference: false, absent: false }
    }

    /// A row of which it is known that it has no values: its label and its note alone.
    #[must_use]
    pub fn absent(label: impl Into<String>) -> Self {
        Self { absent: true, ..Self::new(label, []) }
    }

    /// Sets the text to the right of the row, such as its mean in figures.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Draws the dots in `color`.
    #[must_use]
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// Draws the mean of this row as a dashed line through all rows of its group.
    #[must_use]
    pub fn reference(mut self) -> Self {
        self.reference = true;
        self
    }

    fn mean(&self) -> f64 {
        // Divided first: the sum of large values would overflow.
        let n = self.values.len() as f64;
        self.values.iter().map(|value| value / n).sum()
    }
}

/// Rows of dots over one common axis: every value of some few samples, and the mean of each, if
/// there are several, as an upright bar.
///
/// Rows stand in groups, each below its heading. Dots that would cover each other are moved up or
/// down within their row, never to the side.
#[derive(Clone, Debug)]
pub struct DotPlot {
    title: String,
    subtitle: String,
    caption: String,
    axis: Axis,
    groups: Vec<(String, Vec<DotRow>)>,
    size: (u32, u32),
}

/// Where the parts stand.
struct Layout {
    /// The area for dots.
    plot: Rect,
    row: f64,
    range: Range,
    ticks: Vec<Tick>,
}

impl Layout {
    fn x_at(&self, value: f64) -> f64 {
        self.plot.left + self.range.fraction(value) * self.plot.width()
    }
}

impl DotPlot {
    /// A plot without rows, 1600 x 1000 pixels.
    #[must_use]
    pub fn new(title: impl Into<String>, axis: Axis) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
            axis,
            groups: Vec::new(),
            size: theme::DEFAULT_SIZE,
        }
    }

    /// Sets the line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the small text under the rows: how to read the figure, and what it does not show.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds rows below a heading; an empty heading takes no room.
    #[must_use]
    pub fn group(mut self, heading: impl Into<String>, rows: impl Into<Vec<DotRow>>) -> Self {
        self.groups.push((heading.into(), rows.into()));
        self
    }

    /// Sets the size in pixels, 400 to 4000 in each direction. Text keeps its own.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the plot. The same plot gives the same bytes.
    ///
    /// # Errors
    /// Where there is no row, where all are absent, where another row has no value or one that cannot stand on the axis (not
    /// finite, not above 0 on a logarithmic one, or beyond 1e300), and where the size is out of
    /// bounds or leaves no room for the rows.
    pub fn render(&self) -> Result<Figure, Error> {
        font::check()?;
        let mut scene = Scene::new(self.size)?;
        let extent = self.extent()?;
        let (title, subtitle, caption) = (&self.title, &self.subtitle, &self.caption);
        let area = frame::draw(&mut scene, Words { title, subtitle, caption, caption_lines: 4 });
        let layout = self.layout(area, extent)?;
        self.axis(&mut scene, &layout);
        let mut top = layout.plot.top;
        for (heading, rows) in &self.groups {
            if !heading.is_empty() {
                let baseline = top + layout.row * HEADING - theme::LABEL * 0.6;
                let at = (area.left, baseline);
                scene.text(words(heading, at, Anchor::Start, Weight::Bold, area.width()));
                top += layout.row * HEADING;
            }
            for row in rows.iter().filter(|row| row.reference) {
                let x = layout.x_at(row.mean());
                scene.line((x, top), (x, top + layout.row * rows.len() as f64), REFERENCE);
            }
            for row in rows {
                draw_row(&mut scene, &layout, row, area, top + layout.row / 2.0);
                top += layout.row;
            }
        }
        scene.render()
    }

    fn extent(&self) -> Result<Extent, Error> {
        let mut extent = Extent::NONE;
        let mut rows = 0;
        let all = self.groups.iter().flat_map(|(_, rows)| rows);
        for row in all.filter(|row| !row.absent) {
            rows += 1;
            if row.values.is_empty() {
                return Err(Error::NoDot { row: row.label.clone() });
            }
            for (index, &value) in row.values.iter().enumerate() {
                if let Some(expected) = refusal(self.axis.scale, value) {
                    return Err(Error::Dot { row: row.label.clone(), index, value, expected });
                }
                extent.include(value);
            }
        }
        if rows == 0 { Err(Error::NoRow) } else { Ok(extent) }
    }

    fn layout(&self, area: Rect, extent: Extent) -> Result<Layout, Error> {
        let rows: usize = self.groups.iter().map(|(_, rows)| rows.len()).sum();
        let headings = self.groups.iter().filter(|(heading, _)| !heading.is_empty()).count();
        let units = rows as f64 + headings as f64 * HEADING;
        let mut below = theme::TICK_LENGTH + theme::TICK * theme::LINE_SPACING;
        if !self.axis.label.is_empty() {
            below += theme::LABEL * theme::LINE_SPACING;
        }
        let row = ((area.height() - below) / units).min(MAX_ROW);
        let all = || self.groups.iter().flat_map(|(_, rows)| rows);
        let width = |text: &str| font::width(&text::clean(text), theme::LABEL, Weight::Regular);
        let labels = all().map(|row| width(&row.label)).fold(0.0, f64::max);
        let notes = all().map(|row| width(&row.note)).fold(0.0, f64::max);
        let plot = Rect {
            left: area.left + labels.min(LABELS * area.width()) + theme::GAP,
            top: area.top,
            right: area.right - notes.min(LABELS * area.width()) - theme::GAP,
            bottom: area.top + units * row,
        };
        if row < MIN_ROW || plot.width() < theme::MIN_PLOT {
            let (width, height) = self.size;
            return Err(Error::NoRoomForRows { rows, width, height });
        }
        let range = Range::of(&self.axis, extent, 0.04);
        let ticks = ticks_that_fit(&range, plot.width());
        Ok(Layout { plot, row, range, ticks })
    }

    fn axis(&self, scene: &mut Scene, layout: &Layout) {
        let plot = layout.plot;
        let labelled = layout.ticks.iter().filter(|tick| !tick.label.is_empty());
        for tick in labelled {
            let x = plot.left + tick.at * plot.width();
            scene.line((x, plot.top), (x, plot.bottom), GUIDE);
            scene.line((x, plot.bottom), (x, plot.bottom + theme::TICK_LENGTH), AXIS);
            let mut text = words(
                &tick.label,
                (x, plot.bottom + theme::TICK_LENGTH + theme::TICK),
                Anchor::Middle,
                Weight::Regular,
                plot.width(),
            );
            text.size = theme::TICK;
            scene.text(text);
        }
        scene.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS);
        let middle = f64::midpoint(plot.left, plot.right);
        let baseline = plot.bottom
            + theme::TICK_LENGTH
            + theme::TICK * theme::LINE_SPACING
            + theme::LABEL * 0.95;
        let at = (middle, baseline);
        scene.text(words(&self.axis.label, at, Anchor::Middle, Weight::Regular, plot.width()));
    }
}

/// One line of text, cut where it is wider than `room`.
fn words(text: &str, at: (f64, f64), anchor: Anchor, weight: Weight, room: f64) -> Text {
    let content = text::shorten(&text::clean(text), weight, theme::LABEL, room);
    Text { at, content, size: theme::LABEL, weight, color: theme::INK, anchor, turn: 0.0 }
}

fn draw_row(scene: &mut Scene, layout: &Layout, row: &DotRow, area: Rect, middle: f64) {
    let plot = layout.plot;
    scene.line((plot.left, middle), (plot.right, middle), GUIDE);
    let baseline = middle + theme::LABEL * theme::CAP_HEIGHT / 2.0;
    let mut write = |text: &str, x, anchor, room| {
        scene.text(words(text, (x, baseline), anchor, Weight::Regular, room));
    };
    write(&row.label, area.left, Anchor::Start, plot.left - area.left - theme::GAP);
    write(&row.note, area.right, Anchor::End, area.right - plot.right - theme::GAP);
    let xs: Vec<f64> = row.values.iter().map(|&value| layout.x_at(value)).collect();
    for center in spread(xs, middle, layout.row / 2.0 - theme::MARKER_RADIUS) {
        let (radius, fill) = (theme::MARKER_RADIUS, row.color.rgb());
        scene.shapes.push(Shape::Circle { center, radius, fill });
    }
    // A single value is its own mean.
    if row.values.len() > 1 {
        let (x, half) = (layout.x_at(row.mean()), 0.36 * layout.row);
        scene.line((x, middle - half), (x, middle + half), MEAN);
    }
}

/// Dots at `xs` around the height `middle`, no farther from it than `most`, moved up and down so
/// that they cover each other as little as there is room for.
fn spread(mut xs: Vec<f64>, middle: f64, most: f64) -> Vec<(f64, f64)> {
    const STEP: f64 = theme::MARKER_RADIUS / 2.0;
    xs.sort_by(f64::total_cmp);
    let mut placed: Vec<(f64, f64)> = Vec::with_capacity(xs.len());
    for x in xs {
        // 0, 1 up, 1 down, 2 up and so on; the farthest from all others where none is free.
        let places = (0..)
            .map(|k: u32| f64::from(k.div_ceil(2)) * if k % 2 == 1 { -STEP } else { STEP })
            .take_while(|offset| *offset == 0.0 || offset.abs() <= most)
            .map(|offset| (x, middle + offset));
        let mut best = ((x, middle), f64::NEG_INFINITY);
        for place in places {
            let distance = |other: &(f64, f64)| (other.0 - place.0).hypot(other.1 - place.1);
            let nearest = placed.iter().map(distance).fold(f64::INFINITY, f64::min);
            if nearest > best.1 {
                best = (place, nearest);
            }
            if nearest >= 2.0 * theme::MARKER_RADIUS {
                break;
            }
        }
        placed.push(best.0);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_of_equal_values_stand_apart_and_only_up_and_down() {
        let dots = spread(vec![100.0; 5], 50.0, 40.0);
        for (i, a) in dots.iter().enumerate() {
            assert_eq!(a.0.to_bits(), 100.0_f64.to_bits());
            assert!((a.1 - 50.0).abs() <= 40.0);
            for b in &dots[..i] {
                assert!((a.1 - b.1).abs() >= 2.0 * theme::MARKER_RADIUS, "{dots:?}");
            }
        }
    }

    #[test]
    fn dots_without_room_stay_in_their_row() {
        let dots = spread(vec![100.0; 200], 50.0, 10.0);
        assert!(dots.iter().all(|dot| (dot.1 - 50.0).abs() <= 10.0));
    }

    #[test]
    fn the_mean_of_large_values_is_finite() {
        let row = DotRow::new("a", [1e300, 1e300, 1e300]);
        assert!((row.mean() / 1e300 - 1.0).abs() < 1e-12);
    }
}
