//! A scene as a PNG image.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use plotters::prelude::{BitMapBackend, DrawingBackend};
use plotters::style::{Color as _, RGBColor};

use crate::color::Rgb;
use crate::error::Error;
use crate::font;
use crate::grey_image::GreyImage;
use crate::scene::{Anchor, Point, Rect, Scene, Shape, Stroke, Text};
use crate::theme;

/// Every pixel is the mean of this many squared: the rasteriser places shapes on whole pixels
/// and smooths only some of their edges.
const SUPERSAMPLE: u32 = 2;

/// Widest figure by supersampling: far inside what an `i32` holds.
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

pub(crate) fn png(scene: &Scene) -> Result<Vec<u8>, Error> {
    let (width, height) = scene.size;
    let large = (width * SUPERSAMPLE, height * SUPERSAMPLE);
    let mut pixels = vec![0; large.0 as usize * large.1 as usize * 3];
    paint(scene, &mut BitMapBackend::with_buffer(&mut pixels, large))
        .map_err(|reason| Error::Draw { reason })?;
    let small = reduced(&pixels, large.0 as usize);

    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(&small, width, height, ExtendedColorType::Rgb8)?;
    Ok(png)
}

fn paint(scene: &Scene, backend: &mut BitMapBackend) -> Result<(), String> {
    let (width, height) = backend.get_size();
    let whole = (f64::from(width), f64::from(height));
    rectangle(backend, (0.0, 0.0), whole, theme::PAPER)?;
    for shape in &scene.shapes {
        match shape {
            Shape::Polyline { points, stroke } => polyline(backend, points, *stroke)?,
            Shape::Rectangle { area, fill } => rectangle(
                backend,
                scaled((area.left, area.top)),
                scaled((area.right, area.bottom)),
                *fill,
            )?,
            Shape::Circle { center, radius, fill } => {
                disc(backend, scaled(*center), radius * f64::from(SUPERSAMPLE), *fill)?;
            }
            Shape::Picture { area, picture } => greys(backend, area, picture)?,
            Shape::Text(text) => glyphs(backend, text)?,
        }
    }
    Ok(())
}

fn rectangle(backend: &mut BitMapBackend, from: Point, to: Point, fill: Rgb) -> Result<(), String> {
    // The rasteriser's filled rectangles end before their last row and column.
    backend.draw_rect(on_grid(from), on_grid(to), &color(fill), true).map_err(|e| e.to_string())
}

fn greys(backend: &mut BitMapBackend, area: &Rect, picture: &GreyImage) -> Result<(), String> {
    let (wide, high) = (picture.width as f64, picture.height as f64);
    let corner = |column: usize, row: usize| {
        let x = area.left + area.width() * column as f64 / wide;
        scaled((x, area.top + area.height() * row as f64 / high))
    };
    for (row, pixels) in picture.pixels.chunks_exact(picture.width).enumerate() {
        for (column, &grey) in pixels.iter().enumerate() {
            let fill = Rgb(grey, grey, grey);
            rectangle(backend, corner(column, row), corner(column + 1, row + 1), fill)?;
        }
    }
    Ok(())
}

fn disc(backend: &mut BitMapBackend, at: Point, radius: f64, fill: Rgb) -> Result<(), String> {
    let radius = whole(radius).unsigned_abs().max(1);
    backend.draw_circle(on_grid(at), radius, &color(fill).filled(), true).map_err(|e| e.to_string())
}

/// Draws segment by segment with a disc at every joint: the rasteriser's own wide paths grow
/// spikes where a noisy curve turns back sharply.
fn polyline(backend: &mut BitMapBackend, points: &[Point], stroke: Stroke) -> Result<(), String> {
    let factor = f64::from(SUPERSAMPLE);
    let half = stroke.width * factor / 2.0;
    let points: Vec<Point> = points.iter().map(|p| scaled(*p)).collect();
    match stroke.dash {
        None => {
            for pair in points.windows(2) {
                segment(backend, pair[0], pair[1], half, stroke.color)?;
            }
            if points.len() > 2 {
                for joint in &points[1..points.len() - 1] {
                    disc(backend, *joint, half, stroke.color)?;
                }
            }
        }
        Some((on, off)) => {
            for (from, to) in dashes(&points, on * factor, off * factor) {
                segment(backend, from, to, half, stroke.color)?;
            }
        }
    }
    Ok(())
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

/// A straight piece of a line, as the rectangle around it.
fn segment(
    backend: &mut BitMapBackend,
    from: Point,
    to: Point,
    half: f64,
    stroke: Rgb,
) -> Result<(), String> {
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    if length < 1e-9 {
        return Ok(());
    }
    let across = ((to.1 - from.1) / length * half, (from.0 - to.0) / length * half);
    let corners = [
        on_grid((from.0 + across.0, from.1 + across.1)),
        on_grid((to.0 + across.0, to.1 + across.1)),
        on_grid((to.0 - across.0, to.1 - across.1)),
        on_grid((from.0 - across.0, from.1 - across.1)),
    ];
    backend.fill_polygon(corners, &color(stroke).filled()).map_err(|e| e.to_string())
}

fn glyphs(backend: &mut BitMapBackend, text: &Text) -> Result<(), String> {
    let size = text.size * f64::from(SUPERSAMPLE);
    let before = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => font::width(&text.content, size, text.weight) / 2.0,
        Anchor::End => font::width(&text.content, size, text.weight),
    };
    let (x, y) = scaled(text.at);
    // Upward text is set along a baseline to the right and turned about the origin.
    let start = if text.upward { (-y - before, x) } else { (x - before, y) };
    for glyph in font::outlines(&text.content, size, text.weight, start) {
        let corner = glyph.px_bounds().min;
        let (left, top) = on_grid((f64::from(corner.x), f64::from(corner.y)));
        let mut result = Ok(());
        glyph.draw(|column, row, coverage| {
            let (u, v) = (left + column.cast_signed(), top + row.cast_signed());
            let pixel = if text.upward { (v, -u - 1) } else { (u, v) };
            let ink = color(text.color).mix(f64::from(coverage)).to_backend_color();
            if result.is_ok() {
                result = backend.draw_pixel(pixel, ink);
            }
        });
        result.map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// The mean of every square of pixels; `width` is that of the large image.
fn reduced(large: &[u8], width: usize) -> Vec<u8> {
    let n = SUPERSAMPLE as usize;
    let row_bytes = width * 3;
    let mut small = Vec::with_capacity(large.len() / (n * n));
    let mut sums = vec![0_u32; row_bytes / n];
    for rows in large.chunks_exact(row_bytes * n) {
        sums.fill(0);
        for row in rows.chunks_exact(row_bytes) {
            for (block, sums) in row.chunks_exact(3 * n).zip(sums.chunks_exact_mut(3)) {
                for (i, value) in block.iter().enumerate() {
                    sums[i % 3] += u32::from(*value);
                }
            }
        }
        let count = SUPERSAMPLE * SUPERSAMPLE;
        small.extend(sums.iter().map(|s| u8::try_from((s + count / 2) / count).unwrap_or(u8::MAX)));
    }
    small
}

fn color(Rgb(r, g, b): Rgb) -> RGBColor {
    RGBColor(r, g, b)
}

fn scaled((x, y): Point) -> Point {
    (x * f64::from(SUPERSAMPLE), y * f64::from(SUPERSAMPLE))
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
        assert_eq!(reduced(&large.concat(), 4), [128, 0, 3, 9, 9, 9]);
    }

    #[test]
    fn dashes_cover_their_share_of_a_path_and_go_round_corners() {
        let pieces = dashes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 95.0)], 10.0, 10.0);
        let drawn: f64 = pieces.iter().map(|(a, b)| (a.0 - b.0).hypot(a.1 - b.1)).sum();
        assert!((drawn - 50.0).abs() < 1e-9, "{drawn}");
        assert_eq!(pieces[1], ((5.0, 0.0), (5.0, 5.0)));
    }
}
