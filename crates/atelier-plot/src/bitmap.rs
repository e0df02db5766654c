//! A scene as a PNG image.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::prelude::{BitMapBackend, DrawingBackend};
use plotters::style::{Color as _, RGBColor};

use crate::color::Rgb;
use crate::error::Error;
use crate::font;
use crate::grey_image::GreyImage;
use crate::scene::{Anchor, Point, Rect, Scene, ShadedImage, Shape, Stroke, Text};
use crate::theme;

/// Positions beyond are drawn here: far outside any figure, far inside what an `i32` holds.
const FARTHEST: f64 = 1e6;

/// A picture as the bytes of a grey PNG file of its own size.
pub(crate) fn grey_png(picture: &GreyImage) -> Result<Vec<u8>, Error> {
    let (width, height) = (side(picture.width), side(picture.height));
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(&picture.pixels, width, height, ExtendedColorType::L8)?;
    Ok(png)
}

/// A side that does not fit is refused by the encoder, which counts the pixels.
fn side(pixels: usize) -> u32 {
    u32::try_from(pixels).unwrap_or(u32::MAX)
}

/// A picture as the bytes of a PNG file of its own size.
pub(crate) fn shaded_png(picture: &ShadedImage) -> Result<Vec<u8>, Error> {
    let pixels: Vec<u8> = picture.pixels.iter().flat_map(|Rgb(r, g, b)| [*r, *g, *b]).collect();
    encoded(&pixels, (side(picture.width), side(picture.height)))
}

pub(crate) fn png(scene: &Scene) -> Result<Vec<u8>, Error> {
    let mut canvas = Canvas::new(scene.size, scene.size, scene.samples);
    canvas.paint(&scene.shapes)?;
    encoded(&canvas.pixels(), scene.size)
}

fn encoded(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, Error> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(pixels, width, height, ExtendedColorType::Rgb8)?;
    Ok(png)
}

/// A picture in the making, to which layers of shapes are added.
#[derive(Clone)]
pub(crate) struct Canvas {
    large: Vec<u8>,
    size: (u32, u32),
    samples: u32,
    scale: f64,
}

impl Canvas {
    /// Empty paper of `size` pixels for shapes of a scene of `scene` pixels, each of its own pixels
    /// the mean of `samples` squared.
    pub(crate) fn new(scene: (u32, u32), size: (u32, u32), samples: u32) -> Self {
        let (width, height) = (size.0 * samples, size.1 * samples);
        let scale = f64::from(width) / f64::from(scene.0);
        let Rgb(r, g, b) = theme::PAPER;
        let large = [r, g, b].repeat(width as usize * height as usize);
        Self { large, size, samples, scale }
    }

    /// Paints shapes over what is there.
    pub(crate) fn paint(&mut self, shapes: &[Shape]) -> Result<(), Error> {
        let large = (self.size.0 * self.samples, self.size.1 * self.samples);
        let backend = BitMapBackend::with_buffer(&mut self.large, large);
        let mut painter = Painter { backend, scale: self.scale };
        shapes.iter().try_for_each(|s| painter.shape(s)).map_err(|reason| Error::Draw { reason })
    }

    /// Red, green, blue, row by row.
    pub(crate) fn pixels(&self) -> Vec<u8> {
        reduced(&self.large, (self.size.0 * self.samples) as usize, self.samples)
    }
}

/// Draws shapes enlarged by a scale.
struct Painter<'a> {
    backend: BitMapBackend<'a>,
    scale: f64,
}

impl Painter<'_> {
    fn shape(&mut self, shape: &Shape) -> Result<(), String> {
        match shape {
            Shape::Polyline { points, stroke } => self.polyline(points, *stroke),
            Shape::Rectangle { area, fill } => {
                let from = self.scaled((area.left, area.top));
                self.rectangle(from, self.scaled((area.right, area.bottom)), *fill)
            }
            Shape::Circle { center, radius, fill } => {
                self.disc(self.scaled(*center), radius * self.scale, *fill)
            }
            Shape::Picture { area, picture } => {
                let sides = (picture.width, picture.height);
                let grey = |i: usize| picture.pixels[i];
                self.squares(area, sides, |i| Rgb(grey(i), grey(i), grey(i)))
            }
            Shape::Shades { area, picture } => {
                self.squares(area, (picture.width, picture.height), |i| picture.pixels[i])
            }
            Shape::Polygon { points, fill } => {
                let points: Vec<Point> = points.iter().map(|p| self.scaled(*p)).collect();
                self.polygon(&points, *fill)
            }
            Shape::Text(text) => self.glyphs(text),
        }
    }

    fn rectangle(&mut self, from: Point, to: Point, fill: Rgb) -> Result<(), String> {
        // The rasteriser's filled rectangles end before their last row and column.
        let (from, to) = (on_grid(from), on_grid(to));
        self.backend.draw_rect(from, to, &color(fill), true).map_err(|e| e.to_string())
    }

    /// A picture as rectangles of one colour each.
    fn squares(
        &mut self,
        area: &Rect,
        (columns, rows): (usize, usize),
        fill: impl Fn(usize) -> Rgb,
    ) -> Result<(), String> {
        let corner = |column: usize, row: usize| {
            let x = area.left + area.width() * column as f64 / columns as f64;
            (x, area.top + area.height() * row as f64 / rows as f64)
        };
        for row in 0..rows {
            for column in 0..columns {
                let from = self.scaled(corner(column, row));
                let to = self.scaled(corner(column + 1, row + 1));
                self.rectangle(from, to, fill(row * columns + column))?;
            }
        }
        Ok(())
    }

    fn disc(&mut self, at: Point, radius: f64, fill: Rgb) -> Result<(), String> {
        let radius = whole(radius).unsigned_abs().max(1);
        let style = color(fill).filled();
        self.backend.draw_circle(on_grid(at), radius, &style, true).map_err(|e| e.to_string())
    }

    /// Fills the pixels whose centres lie inside: of two neighbours exactly one gets a centre on
    /// their common edge.
    fn polygon(&mut self, points: &[Point], fill: Rgb) -> Result<(), String> {
        let (low, high) =
            points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| {
                (low.min(p.1), high.max(p.1))
            });
        let rows = i32::try_from(self.backend.get_size().1).unwrap_or(i32::MAX);
        let mut crossings: Vec<f64> = Vec::new();
        for row in whole((low - 1.0).max(-1.0))..=whole(high + 1.0).min(rows) {
            let middle = f64::from(row) + 0.5;
            crossings.clear();
            for (i, from) in points.iter().enumerate() {
                let to = points[(i + 1) % points.len()];
                if (from.1 <= middle) != (to.1 <= middle) {
                    // From the upper end, so that both neighbours of an edge compute the same.
                    let (a, b) = if from.1 < to.1 { (*from, to) } else { (to, *from) };
                    crossings.push(a.0 + (middle - a.1) / (b.1 - a.1) * (b.0 - a.0));
                }
            }
            crossings.sort_unstable_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                let (left, right) = (whole((pair[0] - 0.5).ceil()), whole((pair[1] - 0.5).ceil()));
                if left < right {
                    (self.backend)
                        .draw_rect((left, row), (right, row + 1), &color(fill), true)
                        .map_err(|e| e.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// Draws segment by segment with a disc at every joint: the rasteriser's own wide paths grow
    /// spikes where a noisy curve turns back sharply.
    fn polyline(&mut self, points: &[Point], stroke: Stroke) -> Result<(), String> {
        let half = stroke.width * self.scale / 2.0;
        let points: Vec<Point> = points.iter().map(|p| self.scaled(*p)).collect();
        match stroke.dash {
            None => {
                for pair in points.windows(2) {
                    self.segment(pair[0], pair[1], half, stroke.color)?;
                }
                if points.len() > 2 {
                    for joint in &points[1..points.len() - 1] {
                        self.disc(*joint, half, stroke.color)?;
                    }
                }
            }
            Some((on, off)) => {
                for (from, to) in dashes(&points, on * self.scale, off * self.scale) {
                    self.segment(from, to, half, stroke.color)?;
                }
            }
        }
        Ok(())
    }

    /// A straight piece of a line, as the rectangle around it.
    fn segment(&mut self, from: Point, to: Point, half: f64, stroke: Rgb) -> Result<(), String> {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        if length < 1e-9 {
            return Ok(());
        }
        let across = ((to.1 - from.1) / length * half, (from.0 - to.0) / length * half);
        let corners = [
            (from.0 + across.0, from.1 + across.1),
            (to.0 + across.0, to.1 + across.1),
            (to.0 - across.0, to.1 - across.1),
            (from.0 - across.0, from.1 - across.1),
        ];
        self.polygon(&corners, stroke)
    }

    fn glyphs(&mut self, text: &Text) -> Result<(), String> {
        let size = text.size * self.scale;
        let set = (text.content.as_str(), size, text.weight);
        let before = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => font::width(set.0, size, text.weight) / 2.0,
            Anchor::End => font::width(set.0, size, text.weight),
        };
        let at = self.scaled(text.at);
        let mut result = Ok(());
        font::draw(set, at, before, text.turn, |x, y, coverage| {
            let ink = color(text.color).mix(f64::from(coverage)).to_backend_color();
            if result.is_ok() {
                result = self.backend.draw_pixel((x, y), ink);
            }
        });
        result.map_err(|e| e.to_string())
    }

    fn scaled(&self, (x, y): Point) -> Point {
        (x * self.scale, y * self.scale)
    }
}

/// The dashes of a path as straight pieces; one that goes round a corner is several.
fn dashes(points: &[Point], on: f64, off: f64) -> Vec<(Point, Point)> {
    let mut pieces = Vec::new();
    let mut drawing = true;
    let mut left = on;
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let stop = if length <= left {
                to
            } else {
                let share = left / length;
                (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
            };
            if drawing {
                pieces.push((from, stop));
            }
            if length <= left {
                left -= length;
                break;
            }
            from = stop;
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
    }
    pieces
}

/// The mean of every square of pixels; `width` is that of the large image. Most of a figure's time is spent here.
fn reduced(large: &[u8], width: usize, samples: u32) -> Vec<u8> {
    let n = samples as usize;
    let row_bytes = width * 3;
    let count = samples * samples;
    let mean = |sum| u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX);
    let means: Vec<u8> = (0..=255 * count).map(mean).collect();
    let mut small = Vec::with_capacity(large.len() / (n * n));
    // Down the columns first, which runs over whole rows.
    let mut columns = vec![0_u16; row_bytes];
    for rows in large.chunks_exact(row_bytes * n) {
        columns.fill(0);
        for row in rows.chunks_exact(row_bytes) {
            for (sum, value) in columns.iter_mut().zip(row) {
                *sum += u16::from(*value);
            }
        }
        for block in columns.chunks_exact(3 * n) {
            let mut sums = [0; 3];
            for pixel in block.chunks_exact(3) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += value;
                }
            }
            small.extend(sums.map(|sum| means[usize::from(sum)]));
        }
    }
    small
}

fn color(Rgb(r, g, b): Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

fn on_grid((x, y): Point) -> (i32, i32) {
    (whole(x), whole(y))
}

#[expect(clippy::cast_possible_truncation, reason = "rounded and within a million")]
fn whole(value: f64) -> i32 {
    value.round().clamp(-FARTHEST, FARTHEST) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reducing_takes_the_mean_of_each_square() {
        let large = [
            [0, 0, 0, 255, 0, 4, 9, 9, 9, 9, 9, 9], //
            [0, 0, 0, 255, 0, 8, 9, 9, 9, 9, 9, 9],
        ];
        assert_eq!(reduced(&large.concat(), 4, 2), [128, 0, 3, 9, 9, 9]);
    }

    #[test]
    fn dashes_cover_their_share_of_a_path_and_go_round_corners() {
        let pieces = dashes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 95.0)], 10.0, 10.0);
        let drawn: f64 = pieces.iter().map(|(a, b)| (a.0 - b.0).hypot(a.1 - b.1)).sum();
        assert!((drawn - 50.0).abs() < 1e-9, "{drawn}");
        assert_eq!(pieces[1], ((5.0, 0.0), (5.0, 5.0)));
    }
}
