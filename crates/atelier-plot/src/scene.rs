//! What a figure consists of, in pixels from its upper left corner: every kind of figure is laid
//! out once, as a list of shapes, and painted twice, as PNG and as SVG.

use crate::color::Rgb;
use crate::error::Error;
use crate::font::Weight;
use crate::grey_image::GreyImage;
use crate::{Figure, bitmap, svg, theme};

pub(crate) type Point = (f64, f64);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rect {
    pub(crate) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(crate) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && self.right >= other.right
            && self.bottom >= other.bottom
    }
}

/// How a line is drawn; joins and ends are round, dashes end flat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub color: Rgb,
    pub width: f64,
    /// Length of a dash and of the gap after it.
    pub dash: Option<(f64, f64)>,
}

/// Which point of a text its position names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// On the baseline.
    pub at: Point,
    pub content: String,
    /// Pixels an em.
    pub size: f64,
    pub weight: Weight,
    pub color: Rgb,
    pub anchor: Anchor,
    /// Turned about `at`, in degrees against the clock: at 90 it reads from bottom to top.
    pub turn: f64,
}

#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Polyline {
        points: Vec<Point>,
        stroke: Stroke,
    },
    Rectangle {
        area: Rect,
        fill: Rgb,
    },
    Circle {
        center: Point,
        radius: f64,
        fill: Rgb,
    },
    /// Every pixel of the picture is a rectangle of one grey.
    Picture {
        area: Rect,
        picture: GreyImage,
    },
    /// A filled area without a border. Neighbours that share an edge leave no seam between them.
    Polygon {
        points: Vec<Point>,
        fill: Rgb,
    },
    /// Colours row by row from the top, smoothed where the picture is enlarged.
    Shades {
        area: Rect,
        picture: ShadedImage,
    },
    Text(Text),
}

/// A picture in colours.
#[derive(Clone, Debug)]
pub(crate) struct ShadedImage {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Rgb>,
}

/// A figure before it is painted; later shapes cover earlier ones.
#[derive(Debug)]
pub(crate) struct Scene {
    pub size: (u32, u32),
    /// Every pixel of the PNG is the mean of this many squared.
    pub samples: u32,
    /// Read out by screen readers: the title, and what the figure says beside it.
    pub title: String,
    pub description: String,
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// # Errors
    /// Where the size is out of bounds.
    pub(crate) fn new(size: (u32, u32)) -> Result<Self, Error> {
        let bounds = theme::MIN_SIDE..=theme::MAX_SIDE;
        if !bounds.contains(&size.0) || !bounds.contains(&size.1) {
            let (width, height) = size;
            return Err(Error::Size { width, height, min: theme::MIN_SIDE, max: theme::MAX_SIDE });
        }
        let samples = theme::SAMPLES;
        let (title, description) = (String::new(), String::new());
        Ok(Self { size, samples, title, description, shapes: Vec::new() })
    }

    pub(crate) fn line(&mut self, from: Point, to: Point, stroke: Stroke) {
        self.shapes.push(Shape::Polyline { points: vec![from, to], stroke });
    }

    pub(crate) fn text(&mut self, text: Text) {
        self.shapes.push(Shape::Text(text));
    }

    /// Both pictures of the scene.
    pub(crate) fn render(&self) -> Result<Figure, Error> {
        Ok(Figure { png: bitmap::png(self)?, svg: svg::document(self)? })
    }
}
