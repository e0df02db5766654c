use crate::error::Error;
use crate::font::{self, Weight};
use crate::frame::{self, Words};
use crate::scene::{Anchor, Rect, Scene, Shape, Text};
use crate::text::{self, Lines};
use crate::{Figure, GreyImage, theme};

/// Most lines of a label that has no line breaks of its own.
const LABEL_LINES: usize = 2;

/// Grey images side by side, in rows, each below its label.
///
/// All images are drawn at the same size, as large as the figure has room for; the pixels of
/// an image stay squares.
#[derive(Clone, Debug)]
pub struct ImageGrid {
    title: String,
    subtitle: String,
    caption: String,
    columns: usize,
    images: Vec<(String, GreyImage)>,
    size: (u32, u32),
}

/// Where everything stands.
struct Layout {
    /// Of one image with its label and the gap to its neighbours.
    cell: (f64, f64),
    /// Of one image.
    side: (f64, f64),
    label: f64,
    corner: (f64, f64),
}

impl ImageGrid {
    /// An empty grid, `columns` images wide.
    #[must_use]
    pub fn new(title: impl Into<String>, columns: usize) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            caption: String::new(),
            columns: columns.max(1),
            images: Vec::new(),
            size: theme::DEFAULT_SIZE,
        }
    }

    /// Sets the line below the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Sets the text below the images.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds an image; a row is filled before the next one begins. A label with line breaks keeps them, each
    /// of its lines cut where it is too long; one without is wrapped.
    #[must_use]
    pub fn image(mut self, label: impl Into<String>, image: GreyImage) -> Self {
        self.images.push((label.into(), image));
        self
    }

    /// Sets the size in pixels, 400 to 4000 in each direction. Text keeps its own.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the grid. The same grid gives the same bytes.
    ///
    /// # Errors
    /// Where there is no image, where one has not as many pixels as its sides say, and where the size
    /// is out of bounds or leaves no room for the images.
    pub fn render(&self) -> Result<Figure, Error> {
        font::check()?;
        if self.images.is_empty() {
            return Err(Error::NoImage);
        }
        for (_, image) in &self.images {
            let (width, height, found) = (image.width, image.height, image.pixels.len());
            if found == 0 || width.checked_mul(height) != Some(found) {
                return Err(Error::Pixels { width, height, found });
            }
        }
        let mut scene = Scene::new(self.size)?;
        let words = Words {
            title: &self.title,
            subtitle: &self.subtitle,
            caption: &self.caption,
            caption_lines: 4,
        };
        let area = frame::draw(&mut scene, words);
        let labels: Vec<Lines> =
            self.images.iter().map(|(label, _)| self.fit(label, area.width())).collect();
        let layout = self.layout(area, &labels)?;
        for (i, ((_, image), label)) in self.images.iter().zip(&labels).enumerate() {
            let left = layout.corner.0 + (i % self.columns) as f64 * layout.cell.0;
            let top = layout.corner.1 + (i / self.columns) as f64 * layout.cell.1;
            write_centred(&mut scene, label, (left + layout.side.0 / 2.0, top + layout.label));
            let top = top + layout.label;
            let area = Rect { left, top, right: left + layout.side.0, bottom: top + layout.side.1 };
            scene.shapes.push(Shape::Picture { area, picture: image.clone() });
        }
        scene.render()
    }

    fn fit(&self, label: &str, width: f64) -> Lines {
        let room = (width / self.columns as f64 - theme::GAP).max(1.0);
        let (weight, size) = (Weight::Regular, theme::LABEL);
        if !label.contains('\n') {
            return text::fit(label, weight, size, room, LABEL_LINES);
        }
        let short = |line| text::shorten(&text::clean(line), weight, size, room);
        Lines { rows: label.lines().map(short).collect(), size, weight }
    }

    fn layout(&self, area: Rect, labels: &[Lines]) -> Result<Layout, Error> {
        let rows = self.images.len().div_ceil(self.columns) as f64;
        let columns = self.columns as f64;
        let height = labels.iter().map(Lines::height).fold(0.0, f64::max);
        let label = if height > 0.0 { height + theme::GAP / 2.0 } else { 0.0 };
        // All images get the sides of the largest.
        let wide = self.images.iter().map(|(_, image)| image.width).max().unwrap_or(1) as f64;
        let high = self.images.iter().map(|(_, image)| image.height).max().unwrap_or(1) as f64;
        let cell = (area.width() / columns, (area.height() + theme::GAP) / rows);
        let room = (cell.0 - theme::GAP, cell.1 - label - theme::GAP);
        let mut scale = (room.0 / wide).min(room.1 / high);
        if scale >= 1.0 {
            // Whole pixels, so that all of an image's are equally large.
            scale = scale.floor();
        }
        let side = (scale * wide, scale * high);
        if side.0.min(side.1) < theme::MIN_IMAGE {
            let (width, height) = self.size;
            let (images, columns) = (self.images.len(), self.columns);
            return Err(Error::NoRoomForImages { images, columns, width, height });
        }
        let cell = (cell.0, cell.1.min(label + side.1 + theme::PANEL_GAP));
        let corner = ((area.left + (cell.0 - side.0) / 2.0).round(), area.top.round());
        Ok(Layout { cell: (cell.0.floor(), cell.1.floor()), side, label: label.round(), corner })
    }
}

/// Writes lines that end just above `bottom`, each centred.
fn write_centred(scene: &mut Scene, lines: &Lines, bottom: (f64, f64)) {
    for (i, line) in lines.rows.iter().rev().enumerate() {
        let above = (i as f64 + 0.25) * theme::LINE_SPACING * lines.size + theme::GAP / 2.0;
        scene.text(Text {
            at: (bottom.0, bottom.1 - above),
            content: line.clone(),
            size: lines.size,
            weight: lines.weight,
            color: theme::INK,
            anchor: Anchor::Middle,
            turn: 0.0,
        });
    }
}
