use crate::axis::{Axis, Extent, Range};
use crate::color::Rgb;
use crate::error::Error;
use crate::font::{self, Weight};
use crate::frame::{self, Words};
use crate::panel::refusal;
use crate::scene::{Anchor, Point, Rect, Scene, Shape, Stroke, Text};
use crate::text::Lines;
use crate::ticks::ticks;
use crate::{Figure, colormap, text, theme};

const AXIS: Stroke = Stroke { color: theme::FAINT_INK, width: theme::AXIS_WIDTH, dash: None };
/// Lines without a rank.
const UNRANKED: Rgb = Rgb(0xC8, 0xC8, 0xC8);
/// The best line is this many pixels wide, the others thinner.
const WIDEST: f64 = 7.0;
const THINNEST: f64 = 2.5;
/// The least distance of two axes, in pixels.
const MIN_GAP: f64 = 90.0;
/// Height that a tick should have for itself.
const TICK_HEIGHT: f64 = 75.0;
/// From a tick's label to the axis, and around it.
const BESIDE: f64 = 6.0;

/// One upright axis of [`ParallelCoordinates`].
#[derive(Clone, Debug)]
pub struct ParallelAxis {
    axis: Axis,
    words: Vec<String>,
}

impl ParallelAxis {
    /// An axis of numbers.
    #[must_use]
    pub fn numbers(axis: Axis) -> Self {
        Self { axis, words: Vec::new() }
    }

    /// An axis of words, from the bottom up; a line stands at the position of its word, counted from 0.
    #[must_use]
    pub fn words(label: impl Into<String>, words: impl IntoIterator<Item = String>) -> Self {
        Self { axis: Axis::linear(label), words: words.into_iter().collect() }
    }
}

/// A line through all axes of [`ParallelCoordinates`].
#[derive(Clone, Debug)]
pub struct ParallelLine {
    places: Vec<f64>,
    rank: Option<usize>,
}

impl ParallelLine {
    /// A grey line with a value on each axis; a NaN leaves a gap.
    #[must_use]
    pub fn new(places: impl Into<Vec<f64>>) -> Self {
        Self { places: places.into(), rank: None }
    }

    /// Gives the line its place in a ranking, counted from 0, the best: that decides its colour.
    #[must_use]
    pub fn rank(mut self, rank: usize) -> Self {
        self.rank = Some(rank);
        self
    }
}

/// Many settings and what came of each: one upright axis for each quantity, one line for each setting.
///
/// Lines with a rank are drawn in viridis from the best, dark and wide and above all others, to the last.
#[derive(Clone, Debug)]
pub struct ParallelCoordinates {
    title: String,
    subtitle: String,
    caption: String,
    axes: Vec<ParallelAxis>,
    lines: Vec<ParallelLine>,
    size: (u32, u32),
}

/// An axis that is laid out.
struct Upright {
    x: f64,
    range: Range,
    label: Lines,
    /// Heights from the bottom, as shares, and what stands there.
    ticks: Vec<(f64, String)>,
}

impl ParallelCoordinates {
    /// A figure without axes and lines, 1600 x 1000 pixels.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
            axes: Vec::new(),
            lines: Vec::new(),
            size: theme::DEFAULT_SIZE,
        }
    }

    /// Sets the line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the small text under the axes: how to read the figure, and what it does not show.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds an axis to the right of those there are.
    #[must_use]
    pub fn axis(mut self, axis: ParallelAxis) -> Self {
        self.axes.push(axis);
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, line: ParallelLine) -> Self {
        self.lines.push(line);
        self
    }

    /// Sets the size in pixels, 400 to 4000 in each direction. Text keeps its own.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the figure. The same figure gives the same bytes.
    ///
    /// # Errors
    /// Where there is no axis or no line, where a line has not one place for each axis or one that cannot
    /// stand there, where an axis has no value at all, and where the size is out of bounds or leaves no room
    /// for the axes.
    pub fn render(&self) -> Result<Figure, Error> {
        font::check()?;
        if self.axes.is_empty() || self.lines.is_empty() {
            let (axes, lines) = (self.axes.len(), self.lines.len());
            return Err(Error::NothingParallel { axes, lines });
        }
        let extents: Vec<Extent> =
            (0..self.axes.len()).map(|k| self.extent(k)).collect::<Result<_, _>>()?;
        let mut scene = Scene::new(self.size)?;
        let words = Words {
            title: &self.title,
            subtitle: &self.subtitle,
            caption: &self.caption,
            caption_lines: 4,
        };
        let area = frame::draw(&mut scene, words);
        let (plot, axes) = self.layout(area, &extents)?;
        self.draw_lines(&mut scene, plot, &axes);
        for upright in &axes {
            draw_axis(&mut scene, plot, upright);
        }
        scene.render()
    }

    /// What axis number `k` must show.
    fn extent(&self, k: usize) -> Result<Extent, Error> {
        let ParallelAxis { axis, words } = &self.axes[k];
        let mut extent = Extent::NONE;
        if !words.is_empty() {
            extent.include(0.0);
            extent.include((words.len() - 1) as f64);
        }
        let mut finite = !words.is_empty();
        for (i, line) in self.lines.iter().enumerate() {
            let (found, expected) = (line.places.len(), self.axes.len());
            if found != expected {
                return Err(Error::ParallelPlaces { line: i, found, expected });
            }
            let value = line.places[k];
            if value.is_nan() {
                continue;
            }
            if let Some(expected) = refusal(axis.scale, value) {
                let axis = axis.label.clone();
                return Err(Error::ParallelValue { axis, line: i, value, expected });
            }
            extent.include(value);
            finite = true;
        }
        if finite { Ok(extent) } else { Err(Error::EmptyAxis { axis: axis.label.clone() }) }
    }

    fn layout(&self, area: Rect, extents: &[Extent]) -> Result<(Rect, Vec<Upright>), Error> {
        let no_room = || {
            let ((width, height), axes) = (self.size, self.axes.len());
            Error::NoRoomForAxes { axes, width, height }
        };
        let n = self.axes.len() as f64;
        let gap = area.width() / n;
        if gap < MIN_GAP {
            return Err(no_room());
        }
        let fit = |axis: &ParallelAxis| {
            text::fit(&axis.axis.label, Weight::Bold, theme::SMALLEST, gap - theme::GAP, 3)
        };
        let labels: Vec<Lines> = self.axes.iter().map(fit).collect();
        let above = labels.iter().map(Lines::height).fold(0.0, f64::max);
        let plot = Rect { top: area.top + above + 1.5 * theme::GAP, ..area };
        let plot = Rect { bottom: plot.bottom - theme::GAP, ..plot };
        if plot.height() < theme::MIN_PLOT {
            return Err(no_room());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2 to 8")]
        let most = (plot.height() / TICK_HEIGHT).clamp(2.0, 8.0) as usize;
        let upright = |(k, (axis, label)): (usize, (&ParallelAxis, Lines))| {
            let range = Range::of(&axis.axis, extents[k], 0.04);
            let numbers = || ticks(&range, most).into_iter().map(|tick| (tick.at, tick.label));
            let ticks: Vec<(f64, String)> = if axis.words.is_empty() {
                numbers().collect()
            } else {
                let word = |(i, word): (usize, &String)| {
                    let room = gap - theme::TICK_LENGTH - 4.0 * BESIDE;
                    let word =
                        text::shorten(&text::clean(word), Weight::Regular, theme::TICK, room);
                    (range.fraction(i as f64), word)
                };
                axis.words.iter().enumerate().map(word).collect()
            };
            // The labels of ticks stand to the left of their axis.
            Upright { x: area.left + (k as f64 + 0.7) * gap, range, label, ticks }
        };
        let axes = self.axes.iter().zip(labels).enumerate().map(upright).collect();
        Ok((plot, axes))
    }

    /// The best last, above all others.
    fn draw_lines(&self, scene: &mut Scene, plot: Rect, axes: &[Upright]) {
        let ranked = self.lines.iter().filter_map(|line| line.rank).max().unwrap_or(0).max(1);
        let mut order: Vec<&ParallelLine> = self.lines.iter().collect();
        order.sort_by_key(|line| std::cmp::Reverse(line.rank.unwrap_or(usize::MAX)));
        for line in order {
            let stroke = match line.rank {
                None => Stroke { color: UNRANKED, width: THINNEST, dash: None },
                Some(rank) => {
                    let share = rank as f64 / ranked as f64;
                    // The palest end of the map is lost on white.
                    let color = colormap::color(0.9 * share);
                    let width = WIDEST - (WIDEST - THINNEST) * share.sqrt();
                    Stroke { color, width, dash: None }
                }
            };
            let mut stretch: Vec<Point> = Vec::new();
            for (upright, place) in axes.iter().zip(&line.places) {
                if place.is_nan() {
                    push(scene, &mut stretch, stroke);
                } else {
                    let y = plot.bottom - upright.range.fraction(*place) * plot.height();
                    stretch.push((upright.x, y));
                }
            }
            push(scene, &mut stretch, stroke);
        }
    }
}

/// Draws a stretch without a gap; a place between two gaps is a dot.
fn push(scene: &mut Scene, stretch: &mut Vec<Point>, stroke: Stroke) {
    match stretch.as_slice() {
        [] => {}
        [center] => {
            let (center, fill) = (*center, stroke.color);
            scene.shapes.push(Shape::Circle { center, radius: theme::MARKER_RADIUS, fill });
            stretch.clear();
        }
        _ => {
            let points = std::mem::take(stretch);
            scene.shapes.push(Shape::Polyline { points, stroke });
        }
    }
}

fn draw_axis(scene: &mut Scene, plot: Rect, upright: &Upright) {
    let x = upright.x;
    scene.line((x, plot.top), (x, plot.bottom), AXIS);
    for (at, label) in &upright.ticks {
        let y = plot.bottom - at * plot.height();
        let length = if label.is_empty() { theme::MINOR_TICK_LENGTH } else { theme::TICK_LENGTH };
        scene.line((x - length, y), (x, y), AXIS);
        if label.is_empty() {
            continue;
        }
        let right = x - theme::TICK_LENGTH - BESIDE;
        let width = font::width(label, theme::TICK, Weight::Regular);
        let half = theme::TICK * theme::CAP_HEIGHT / 2.0;
        // Lines pass behind the labels.
        let area = Rect {
            left: right - width - BESIDE / 2.0,
            top: y - half - BESIDE / 2.0,
            right: right + BESIDE / 2.0,
            bottom: y + half + BESIDE / 2.0,
        };
        scene.shapes.push(Shape::Rectangle { area, fill: theme::PAPER });
        scene.text(Text {
            at: (right, y + half),
            content: label.clone(),
            size: theme::TICK,
            weight: Weight::Regular,
            color: theme::INK,
            anchor: Anchor::End,
            turn: 0.0,
        });
    }
    let rows = upright.label.rows.len();
    for (i, row) in upright.label.rows.iter().enumerate() {
        let above = (rows - 1 - i) as f64 * theme::LINE_SPACING * upright.label.size;
        scene.text(Text {
            at: (x, plot.top - theme::GAP - above),
            content: row.clone(),
            size: upright.label.size,
            weight: upright.label.weight,
            color: theme::INK,
            anchor: Anchor::Middle,
            turn: 0.0,
        });
    }
}
