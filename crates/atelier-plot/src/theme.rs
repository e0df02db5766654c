//! Every size and colour of a figure, in pixels of the finished image.
//!
//! Text is never smaller than 26 pixels: a figure of 1600 pixels is shown at half its size on
//! most pages, and 13 pixels can still be read.

use crate::color::Rgb;

pub(crate) const DEFAULT_SIZE: (u32, u32) = (1600, 1000);
pub(crate) const MIN_SIDE: u32 = 400;
/// At this size the supersampled image takes about 190 MB.
pub(crate) const MAX_SIDE: u32 = 4000;

/// Every pixel of a PNG is the mean of this many squared, because the rasteriser places shapes on
/// whole pixels.
pub(crate) const SAMPLES: u32 = 2;

pub(crate) const TITLE: f64 = 42.0;
pub(crate) const SUBTITLE: f64 = 30.0;
pub(crate) const PANEL_TITLE: f64 = 32.0;
pub(crate) const LABEL: f64 = 28.0;
pub(crate) const TICK: f64 = 26.0;
pub(crate) const SMALLEST: f64 = 26.0;
/// Distance of baselines, as a share of the text's size.
pub(crate) const LINE_SPACING: f64 = 1.25;
/// Height of capitals and figures of the embedded font, as a share of the text's size.
pub(crate) const CAP_HEIGHT: f64 = 0.73;

pub(crate) const MARGIN: f64 = 36.0;
pub(crate) const GAP: f64 = 16.0;
pub(crate) const PANEL_GAP: f64 = 48.0;
pub(crate) const TICK_LENGTH: f64 = 10.0;
pub(crate) const MINOR_TICK_LENGTH: f64 = 6.0;
/// Least width and height of the area for data.
pub(crate) const MIN_PLOT: f64 = 120.0;

pub(crate) const SERIES_WIDTH: f64 = 4.0;
pub(crate) const SERIES_DASH: (f64, f64) = (18.0, 11.0);
pub(crate) const MARKER_RADIUS: f64 = 7.0;
pub(crate) const DOT_RADIUS: f64 = 3.0;
/// Least side of an image in a grid.
pub(crate) const MIN_IMAGE: f64 = 28.0;
pub(crate) const REFERENCE_WIDTH: f64 = 3.0;
pub(crate) const REFERENCE_DASH: (f64, f64) = (4.0, 8.0);
pub(crate) const AXIS_WIDTH: f64 = 2.5;
pub(crate) const GRID_WIDTH: f64 = 1.5;
pub(crate) const SWATCH: f64 = 56.0;

pub(crate) const PAPER: Rgb = Rgb(0xFF, 0xFF, 0xFF);
pub(crate) const INK: Rgb = Rgb(0x1A, 0x1A, 0x1A);
pub(crate) const FAINT_INK: Rgb = Rgb(0x4D, 0x4D, 0x4D);
pub(crate) const GRID: Rgb = Rgb(0xE2, 0xE2, 0xE2);
