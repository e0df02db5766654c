use crate::error::Error;
use crate::font::{self, Weight};
use crate::frame::{self, Words};
use crate::scene::{Anchor, Point, Rect, Scene, Shape, Stroke, Text};
use crate::text::{self, Lines};
use crate::{Color, Figure, theme};

/// Units of a layer that are drawn; of larger layers the first and the last ones, with dots between.
const MOST_UNITS: usize = 10;
/// Places of a larger layer, dots included: an odd number, so that they are in the middle.
const PLACES: usize = 9;
/// Layers that are drawn; of deeper networks the first and the last ones, with dots between.
const MOST_LAYERS: usize = 9;
const MOST_RADIUS: f64 = 22.0;
const LEAST_RADIUS: f64 = 5.0;
/// Radius of each of the three dots that stand for what is left out.
const DOT: f64 = 4.0;
const EDGE: Stroke = Stroke { color: theme::GRID, width: theme::GRID_WIDTH, dash: None };
/// Most lines of the words below a layer.
const NOTE_LINES: usize = 4;

/// A layer of a [`NetworkDiagram`].
#[derive(Clone, Debug)]
pub struct DiagramLayer {
    name: String,
    units: usize,
    note: String,
}

impl DiagramLayer {
    /// A layer of so many units under its name.
    #[must_use]
    pub fn new(name: impl Into<String>, units: usize) -> Self {
        Self { name: name.into(), units, note: String::new() }
    }

    /// Sets the words below the layer: what is done to its units, such as its activation.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// A dense network as columns of units, each connected with all of the column before it.
///
/// The number of units stands under each layer. Where a layer has more than ten units, or the
/// network more than nine layers, the middle ones are left out, and three dots stand for them.
#[derive(Clone, Debug)]
pub struct NetworkDiagram {
    title: String,
    subtitle: String,
    caption: String,
    layers: Vec<DiagramLayer>,
    size: (u32, u32),
}

/// A column of the diagram.
enum Column<'a> {
    Layer(&'a DiagramLayer),
    /// Layers that are left out.
    Gap(usize),
}

/// A mark at a height: a unit, or the dots.
#[derive(Clone, Copy)]
enum Mark {
    Unit(f64),
    Dots(f64),
}

impl NetworkDiagram {
    /// A diagram without layers, 1600 x 1000 pixels.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
            layers: Vec::new(),
            size: theme::DEFAULT_SIZE,
        }
    }

    /// Sets the line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the small text under the layers.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a layer to the right.
    #[must_use]
    pub fn layer(mut self, layer: DiagramLayer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Sets the size in pixels, 400 to 4000 in each direction. Text keeps its own.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the diagram. The same diagram gives the same bytes.
    ///
    /// # Errors
    /// Where there is no layer, where one has no unit, and where the size is out of bounds or leaves
    /// no room for the layers.
    pub fn render(&self) -> Result<Figure, Error> {
        font::check()?;
        if self.layers.is_empty() {
            return Err(Error::NoLayer);
        }
        if let Some(empty) = self.layers.iter().find(|layer| layer.units == 0) {
            return Err(Error::NoUnit { layer: empty.name.clone() });
        }
        let mut scene = Scene::new(self.size)?;
        let (title, subtitle, caption) = (&self.title, &self.subtitle, &self.caption);
        let area = frame::draw(&mut scene, Words { title, subtitle, caption, caption_lines: 4 });
        let columns = self.columns();
        let width = area.width() / columns.len() as f64;
        let fit = |text: &str, size, weight, lines| {
            text::fit(text, weight, size, (width - theme::GAP).max(1.0), lines)
        };
        let heads: Vec<Lines> = columns
            .iter()
            .map(|column| fit(&column.name(), theme::LABEL, Weight::Bold, 2))
            .collect();
        let notes: Vec<Lines> = columns
            .iter()
            .map(|column| fit(column.note(), theme::TICK, Weight::Regular, NOTE_LINES))
            .collect();
        let highest = |lines: &[Lines]| lines.iter().map(Lines::height).fold(0.0, f64::max);
        let count = theme::LABEL * theme::LINE_SPACING;
        let nodes = Rect {
            top: area.top + highest(&heads) + theme::GAP,
            bottom: area.bottom - highest(&notes) - count - theme::GAP,
            ..area
        };
        let step = nodes.height() / MOST_UNITS as f64;
        let radius = (0.36 * step).min(0.2 * width).min(MOST_RADIUS);
        if radius < LEAST_RADIUS {
            let (width, height) = self.size;
            return Err(Error::NoRoomForLayers { layers: self.layers.len(), width, height });
        }

        let x = |column: usize| nodes.left + (column as f64 + 0.5) * width;
        let marks: Vec<Vec<Mark>> =
            columns.iter().map(|column| column.marks(nodes, step)).collect();
        for (i, pair) in marks.windows(2).enumerate() {
            connect(&mut scene, (x(i), &pair[0]), (x(i + 1), &pair[1]));
        }
        for (i, column) in columns.iter().enumerate() {
            let color = color(i, columns.len());
            for mark in &marks[i] {
                match *mark {
                    Mark::Unit(y) => {
                        let (center, fill) = ((x(i), y), color.rgb());
                        scene.shapes.push(Shape::Circle { center, radius, fill });
                    }
                    Mark::Dots(y) => dots(&mut scene, (x(i), y), matches!(column, Column::Gap(_))),
                }
            }
            centred(&mut scene, &heads[i], (x(i), area.top));
            let below = nodes.bottom + theme::GAP / 2.0;
            if let Column::Layer(layer) = column {
                let units = fit(&layer.units.to_string(), theme::LABEL, Weight::Bold, 1);
                centred(&mut scene, &units, (x(i), below));
            }
            centred(&mut scene, &notes[i], (x(i), below + count));
        }
        scene.render()
    }

    fn columns(&self) -> Vec<Column<'_>> {
        let n = self.layers.len();
        if n <= MOST_LAYERS {
            return self.layers.iter().map(Column::Layer).collect();
        }
        let (first, last) = (MOST_LAYERS / 2, MOST_LAYERS - 1 - MOST_LAYERS / 2);
        let all = self.layers.iter().map(Column::Layer);
        let mut columns: Vec<Column<'_>> = all.clone().take(first).collect();
        columns.push(Column::Gap(n - first - last));
        columns.extend(all.skip(n - last));
        columns
    }
}

impl Column<'_> {
    fn name(&self) -> String {
        match self {
            Self::Layer(layer) => layer.name.clone(),
            Self::Gap(layers) => format!("{layers} more"),
        }
    }

    fn note(&self) -> &str {
        match self {
            Self::Layer(layer) => &layer.note,
            Self::Gap(_) => "",
        }
    }

    /// What stands in the column, from the top, `step` pixels apart around the middle of `nodes`.
    fn marks(&self, nodes: Rect, step: f64) -> Vec<Mark> {
        let middle = f64::midpoint(nodes.top, nodes.bottom);
        match self {
            Self::Gap(_) => vec![Mark::Dots(middle)],
            Self::Layer(layer) => {
                let all = layer.units <= MOST_UNITS;
                let shown = if all { layer.units } else { PLACES };
                let left_out = (!all).then_some(PLACES / 2);
                let y = |i: usize| middle + (i as f64 - (shown - 1) as f64 / 2.0) * step;
                let mark =
                    |i| if Some(i) == left_out { Mark::Dots(y(i)) } else { Mark::Unit(y(i)) };
                (0..shown).map(mark).collect()
            }
        }
    }
}

/// Input and output have colours of their own.
fn color(column: usize, columns: usize) -> Color {
    if column == 0 {
        Color::Grey
    } else if column + 1 == columns {
        Color::Vermillion
    } else {
        Color::Blue
    }
}

/// Lines from every unit of a column to every unit of the next; none to what is left out.
fn connect(scene: &mut Scene, from: (f64, &[Mark]), to: (f64, &[Mark])) {
    let units = |marks: &[Mark]| -> Vec<f64> {
        let unit = |mark: &Mark| match mark {
            Mark::Unit(y) => Some(*y),
            Mark::Dots(_) => None,
        };
        marks.iter().filter_map(unit).collect()
    };
    for a in units(from.1) {
        for b in units(to.1) {
            scene.line((from.0, a), (to.0, b), EDGE);
        }
    }
}

/// Three dots: side by side for layers, one above another for units.
fn dots(scene: &mut Scene, (x, y): Point, beside: bool) {
    for k in [-1.0, 0.0, 1.0] {
        let off = k * 3.5 * DOT;
        let center = if beside { (x + off, y) } else { (x, y + off) };
        scene.shapes.push(Shape::Circle { center, radius: DOT, fill: theme::FAINT_INK });
    }
}

/// Writes lines below `top`, each centred.
fn centred(scene: &mut Scene, lines: &Lines, (middle, top): Point) {
    for (i, line) in lines.rows.iter().enumerate() {
        scene.text(Text {
            at: (middle, top + (i as f64 * theme::LINE_SPACING + 1.0) * lines.size),
            content: line.clone(),
            size: lines.size,
            weight: lines.weight,
            color: theme::INK,
            anchor: Anchor::Middle,
            turn: 0.0,
        });
    }
}
