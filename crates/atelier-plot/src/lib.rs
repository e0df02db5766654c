#![doc = include_str!("../README.md")]

mod axis;
mod bitmap;
mod camera;
mod color;
mod color_bar;
mod colormap;
mod contour_label;
mod contour_map;
mod count_matrix;
mod decimate;
mod descent_animation;
mod dot_plot;
mod error;
mod font;
mod frame;
mod grey_image;
mod height_field;
mod image_grid;
mod iso_lines;
mod landscape;
mod landscape_page;
mod line_chart;
mod network_diagram;
mod number;
mod occupancy;
mod page_document;
mod panel;
mod panel_drawing;
mod panel_layout;
mod parallel_coordinates;
mod path_drawing;
mod path_tracing;
mod reference_label;
mod scene;
mod series;
mod surface_box;
mod surface_drawing;
mod surface_grid;
mod surface_mesh;
mod svg;
mod text;
mod theme;
mod ticks;
mod trajectory;
mod tuning_page;

pub use axis::{Axis, Scale};
pub use color::Color;
pub use count_matrix::CountMatrix;
pub use dot_plot::{DotPlot, DotRow};
pub use error::Error;
pub use grey_image::GreyImage;
pub use image_grid::ImageGrid;
pub use landscape::Landscape;
pub use landscape_page::{LandscapePage, NullPoint, PageAxis, PagePoint, PageRun};
pub use line_chart::LineChart;
pub use network_diagram::{DiagramLayer, NetworkDiagram};
pub use panel::Panel;
pub use parallel_coordinates::{ParallelAxis, ParallelCoordinates, ParallelLine};
pub use series::{Series, Style};
pub use surface_grid::SurfaceGrid;
pub use trajectory::{Trajectory, TrajectoryPoint};
pub use tuning_page::{PageParameter, PageScale, PageTrial, PageTrialState, TuningPage};

/// A finished figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The bytes of a PNG file: 8 bits a channel, RGB, white background.
    pub png: Vec<u8>,
    /// An SVG document of the same size and content, whose text is text.
    pub svg: String,
}
