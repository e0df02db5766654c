use crate::colormap::{is_dark, mixed};
use crate::error::Error;
use crate::font::{self, Weight};
use crate::frame::{self, Words};
use crate::scene::{Anchor, Rect, Scene, Shape, Stroke, Text};
use crate::{Color, Figure, text, theme};

/// Most of the figure's width that the labels of rows may take.
const LABELS: f64 = 0.3;
/// Least side of a cell, in pixels.
const MIN_CELL: f64 = 8.0;
/// A cell's number takes no more of its width than this.
const NUMBER: f64 = 0.9;
/// Room for what a direction is, and between it and the labels.
const AXIS: f64 = theme::LABEL * theme::LINE_SPACING + theme::GAP;
const RULE: Stroke = Stroke { color: theme::GRID, width: theme::GRID_WIDTH, dash: None };

/// Counts of pairs as a matrix of coloured cells with the numbers in them, such as a confusion
/// matrix: what is, row by row, against what was said, column by column.
///
/// A cell is the darker the larger its share of its row. A number that has no room in its cell is
/// left out, and so is a zero.
#[derive(Clone, Debug)]
pub struct CountMatrix {
    title: String,
    subtitle: String,
    caption: String,
    rows: String,
    columns: String,
    labels: Vec<String>,
    counts: Vec<Vec<usize>>,
    size: (u32, u32),
}

/// Where everything stands.
struct Layout {
    plot: Rect,
    cell: (f64, f64),
    /// Whether the labels of columns are turned to read from bottom to top.
    turned: bool,
    /// Distance of two labels that are written, in cells; 1 unless they are too close.
    every: usize,
}

impl CountMatrix {
    /// `counts[row][column]` under the same `labels` in both directions; `rows` and `columns` say
    /// what the two directions are. 1800 x 1500 pixels.
    #[must_use]
    pub fn new(
        title: impl Into<String>,
        rows: impl Into<String>,
        columns: impl Into<String>,
        labels: impl Into<Vec<String>>,
        counts: impl Into<Vec<Vec<usize>>>,
    ) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
            rows: rows.into(),
            columns: columns.into(),
            labels: labels.into(),
            counts: counts.into(),
            size: (1800, 1500),
        }
    }

    /// Sets the line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the small text under the matrix.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Sets the size in pixels, 400 to 4000 in each direction. Text keeps its own.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the matrix. The same matrix gives the same bytes.
    ///
    /// # Errors
    /// Where there is no label, or not one row and one column for each; where the size is out of
    /// bounds or leaves no room for the cells.
    pub fn render(&self) -> Result<Figure, Error> {
        font::check()?;
        let n = self.labels.len();
        if n == 0 || self.counts.len() != n || self.counts.iter().any(|row| row.len() != n) {
            let columns = self.counts.iter().map(Vec::len).find(|&len| len != n).unwrap_or(n);
            return Err(Error::Matrix { labels: n, rows: self.counts.len(), columns });
        }
        let mut scene = Scene::new(self.size)?;
        let (title, subtitle, caption) = (&self.title, &self.subtitle, &self.caption);
        let area = frame::draw(&mut scene, Words { title, subtitle, caption, caption_lines: 4 });
        let layout = self.layout(area)?;
        self.cells(&mut scene, &layout);
        self.row_labels(&mut scene, &layout, area);
        self.column_labels(&mut scene, &layout, area);
        scene.render()
    }

    fn layout(&self, area: Rect) -> Result<Layout, Error> {
        let n = self.labels.len() as f64;
        let width = |label: &String| font::width(&text::clean(label), theme::TICK, Weight::Regular);
        let widest = self.labels.iter().map(width).fold(0.0, f64::max);
        let left = area.left + AXIS + widest.min(LABELS * area.width()) + theme::GAP;
        let cell_width = (area.right - left) / n;
        let turned = widest > cell_width - theme::GAP / 2.0;
        let below = if turned { widest.min(LABELS * area.height()) } else { theme::TICK };
        let bottom = area.bottom - AXIS - below - theme::GAP;
        let cell = (cell_width, (bottom - area.top) / n);
        if cell.0.min(cell.1) < MIN_CELL {
            let (width, height) = self.size;
            return Err(Error::NoRoomForMatrix { labels: self.labels.len(), width, height });
        }
        let plot = Rect { left, top: area.top, right: area.right, bottom };
        let closest = if turned { cell.0.min(cell.1) } else { cell.1 };
        let every = (1..=self.labels.len())
            .find(|&every| every as f64 * closest >= theme::TICK * theme::LINE_SPACING)
            .unwrap_or(1);
        Ok(Layout { plot, cell, turned, every })
    }

    fn cells(&self, scene: &mut Scene, layout: &Layout) {
        let Layout { plot, cell, .. } = *layout;
        let size = (0.4 * cell.1).clamp(theme::TICK, theme::LABEL);
        for (r, row) in self.counts.iter().enumerate() {
            let total = row.iter().sum::<usize>().max(1) as f64;
            for (c, &count) in row.iter().enumerate() {
                let left = plot.left + c as f64 * cell.0;
                let top = plot.top + r as f64 * cell.1;
                let area = Rect { left, top, right: left + cell.0, bottom: top + cell.1 };
                let fill = mixed(theme::PAPER, Color::Blue.rgb(), count as f64 / total);
                scene.shapes.push(Shape::Rectangle { area, fill });
                let content = count.to_string();
                let fits = font::width(&content, size, Weight::Regular) <= NUMBER * cell.0;
                if count > 0 && fits && size <= NUMBER * cell.1 {
                    let middle = top + f64::midpoint(cell.1, size * theme::CAP_HEIGHT);
                    scene.text(Text {
                        at: (left + cell.0 / 2.0, middle),
                        content,
                        size,
                        weight: if r == c { Weight::Bold } else { Weight::Regular },
                        color: if is_dark(fill) { theme::PAPER } else { theme::INK },
                        anchor: Anchor::Middle,
                        turn: 0.0,
                    });
                }
            }
        }
        for i in 0..=self.labels.len() {
            let (x, y) = (plot.left + i as f64 * cell.0, plot.top + i as f64 * cell.1);
            scene.line((x, plot.top), (x, plot.bottom), RULE);
            scene.line((plot.left, y), (plot.right, y), RULE);
        }
    }

    fn row_labels(&self, scene: &mut Scene, layout: &Layout, area: Rect) {
        let Layout { plot, cell, every, .. } = *layout;
        let room = plot.left - theme::GAP - area.left - AXIS;
        for (r, label) in self.labels.iter().enumerate().step_by(every) {
            let middle = plot.top + (r as f64 + 0.5) * cell.1;
            let at = (plot.left - theme::GAP, middle + theme::TICK * theme::CAP_HEIGHT / 2.0);
            scene.text(words(label, theme::TICK, at, Anchor::End, room, 0.0));
        }
        let at = (area.left + theme::LABEL, f64::midpoint(plot.top, plot.bottom));
        scene.text(words(&self.rows, theme::LABEL, at, Anchor::Middle, plot.height(), 90.0));
    }

    fn column_labels(&self, scene: &mut Scene, layout: &Layout, area: Rect) {
        let Layout { plot, cell, turned, every } = *layout;
        let room = area.bottom - AXIS - plot.bottom - theme::GAP;
        for (c, label) in self.labels.iter().enumerate().step_by(every) {
            let middle = plot.left + (c as f64 + 0.5) * cell.0;
            scene.text(if turned {
                let at = (middle + theme::TICK * theme::CAP_HEIGHT / 2.0, plot.bottom + theme::GAP);
                words(label, theme::TICK, at, Anchor::End, room, 90.0)
            } else {
                let at = (middle, plot.bottom + theme::GAP / 2.0 + theme::TICK);
                words(label, theme::TICK, at, Anchor::Middle, cell.0, 0.0)
            });
        }
        let at = (f64::midpoint(plot.left, plot.right), area.bottom - 0.25 * theme::LABEL);
        scene.text(words(&self.columns, theme::LABEL, at, Anchor::Middle, plot.width(), 0.0));
    }
}

/// One line of text, cut where it is longer than `room`.
fn words(text: &str, size: f64, at: (f64, f64), anchor: Anchor, room: f64, turn: f64) -> Text {
    let weight = Weight::Regular;
    let content = text::shorten(&text::clean(text), weight, size, room);
    Text { at, content, size, weight, color: theme::INK, anchor, turn }
}
