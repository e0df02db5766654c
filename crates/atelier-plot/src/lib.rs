#![doc = include_str!("../README.md")]

mod axis;
mod bitmap;
mod color;
mod decimate;
mod error;
mod font;
mod frame;
mod grey_image;
mod image_grid;
mod landscape_page;
mod line_chart;
mod number;
mod occupancy;
mod panel;
mod panel_drawing;
mod panel_layout;
mod reference_label;
mod scene;
mod series;
mod svg;
mod text;
mod theme;
mod ticks;

pub use axis::{Axis, Scale};
pub use color::Color;
pub use error::Error;
pub use grey_image::GreyImage;
pub use image_grid::ImageGrid;
pub use landscape_page::{LandscapePage, NullPoint, PageAxis, PagePoint, PageRun};
pub use line_chart::LineChart;
pub use panel::Panel;
pub use series::{Series, Style};

/// A finished figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The bytes of a PNG file: 8 bits a channel, RGB, white background.
    pub png: Vec<u8>,
    /// An SVG document of the same size and content, whose text is text.
    pub svg: String,
}
