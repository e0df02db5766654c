//! A scene as an SVG document.
//!
//! Written here rather than by the rasteriser's own SVG output, which knows no dash pattern and
//! no line joins, rounds to whole pixels and passes control characters on.

use std::fmt::Write as _;

use crate::bitmap;
use crate::color::Rgb;
use crate::error::Error;
use crate::font::{FAMILY, Weight};
use crate::scene::{Anchor, Rect, Scene, Shape, Stroke, Text};
use crate::theme;

/// Width of the border of polygons; everything else with a border gives its own.
const POLYGON_BORDER: &str = ".7";

/// The document: real text, no scripts, no references to anything outside it.
pub(crate) fn document(scene: &Scene) -> Result<String, Error> {
    let (width, height) = scene.size;
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `write!` are dropped in this file.
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="{FAMILY}" stroke-linejoin="round" stroke-width="{POLYGON_BORDER}">"#
    );
    if !scene.title.is_empty() {
        let _ = writeln!(out, "<title>{}</title>", escaped(&scene.title));
    }
    if !scene.description.is_empty() {
        let _ = writeln!(out, "<desc>{}</desc>", escaped(&scene.description));
    }
    let _ =
        writeln!(out, r#"<rect width="{width}" height="{height}" fill="{}"/>"#, hex(theme::PAPER));
    for shape in &scene.shapes {
        match shape {
            Shape::Polyline { points, stroke } => polyline(&mut out, points, *stroke),
            Shape::Rectangle { area, fill } => {
                let _ = writeln!(
                    out,
                    r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>"#,
                    number(area.left),
                    number(area.top),
                    number(area.width()),
                    number(area.height()),
                    hex(*fill)
                );
            }
            Shape::Circle { center, radius, fill } => {
                let _ = writeln!(
                    out,
                    r#"<circle cx="{}" cy="{}" r="{}" fill="{}"/>"#,
                    number(center.0),
                    number(center.1),
                    number(*radius),
                    hex(*fill)
                );
            }
            Shape::Picture { area, picture } => {
                image(&mut out, area, "image-rendering:pixelated", &bitmap::grey_png(picture)?);
            }
            Shape::Polygon { points, fill } => polygon(&mut out, points, *fill),
            Shape::Shades { area, picture } => {
                let png = bitmap::shaded_png(picture)?;
                image(&mut out, area, "image-rendering:auto", &png);
            }
            Shape::Text(text) => write_text(&mut out, text),
        }
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn image(out: &mut String, area: &Rect, style: &str, png: &[u8]) {
    let _ = writeln!(
        out,
        r#"<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" style="{style}" href="data:image/png;base64,{}"/>"#,
        number(area.left),
        number(area.top),
        number(area.width()),
        number(area.height()),
        base64(png)
    );
}

/// With a thin border of its own colour: viewers smooth every polygon for itself, so that the
/// background would shine through between neighbours. A tenth of a pixel is enough, and there may
/// be ten thousand of them.
fn polygon(out: &mut String, points: &[(f64, f64)], fill: Rgb) {
    let color = hex(fill);
    out.push_str("<path d=\"");
    // Steps are shorter than positions. They are taken between rounded ones, so that no error adds up.
    let tenths = |x: f64| (10.0 * x).round();
    let mut before = (0.0, 0.0);
    for (i, (x, y)) in points.iter().enumerate() {
        let (step, at) = (if i == 0 { 'M' } else { 'l' }, (tenths(*x), tenths(*y)));
        let (dx, dy) = (number((at.0 - before.0) / 10.0), number((at.1 - before.1) / 10.0));
        let _ = write!(out, "{step}{dx} {dy}");
        before = at;
    }
    let _ = writeln!(out, r#"z" fill="{color}" stroke="{color}"/>"#);
}

fn polyline(out: &mut String, points: &[(f64, f64)], stroke: Stroke) {
    out.push_str("<polyline points=\"");
    for (i, (x, y)) in points.iter().enumerate() {
        let space = if i == 0 { "" } else { " " };
        let _ = write!(out, "{space}{},{}", number(*x), number(*y));
    }
    let _ = write!(
        out,
        r#"" fill="none" stroke="{}" stroke-width="{}""#,
        hex(stroke.color),
        number(stroke.width)
    );
    match stroke.dash {
        Some((on, off)) => {
            let _ = write!(out, r#" stroke-dasharray="{} {}""#, number(on), number(off));
        }
        None => out.push_str(r#" stroke-linecap="round""#),
    }
    out.push_str("/>\n");
}

fn write_text(out: &mut String, text: &Text) {
    let (x, y) = (number(text.at.0), number(text.at.1));
    let _ = write!(
        out,
        r#"<text x="{x}" y="{y}" font-size="{}" fill="{}""#,
        number(text.size),
        hex(text.color)
    );
    match text.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(r#" text-anchor="middle""#),
        Anchor::End => out.push_str(r#" text-anchor="end""#),
    }
    if text.weight == Weight::Bold {
        out.push_str(r#" font-weight="bold""#);
    }
    if text.turn != 0.0 {
        let _ = write!(out, r#" transform="rotate({} {x} {y})""#, number(-text.turn));
    }
    let _ = writeln!(out, ">{}</text>", escaped(&text.content));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| usize::from(group.get(i).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            // A group of n bytes has n + 1 digits.
            let value = word >> (18 - 6 * digit) & 63;
            text.push(if digit <= group.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

fn hex(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Pixels to a hundredth, without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_examples_of_its_standard() {
        let written =
            ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|s| base64(s.as_bytes()));
        assert_eq!(written, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn numbers_are_written_to_a_hundredth_without_trailing_zeros() {
        let written = [3.0, 0.125, -0.001, 1600.5, 10.0].map(number);
        assert_eq!(written, ["3", "0.12", "0", "1600.5", "10"]);
    }
}
