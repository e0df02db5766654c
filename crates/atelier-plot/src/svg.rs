//! A scene as an SVG document.
//!
//! Written here rather than by the rasteriser's own SVG output, which knows no dash pattern and
//! no line joins, rounds to whole pixels and passes control characters on.

use std::fmt::Write as _;

use crate::color::Rgb;
use crate::font::{FAMILY, Weight};
use crate::scene::{Anchor, Scene, Shape, Stroke, Text};
use crate::theme;

/// The document: real text, no scripts, no references to anything outside it.
pub(crate) fn document(scene: &Scene) -> String {
    let (width, height) = scene.size;
    let mut out = String::new();
    // Writing into a String cannot fail, so the results of `write!` are dropped in this file.
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" font-family="{FAMILY}" stroke-linejoin="round">"#
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
            Shape::Text(text) => write_text(&mut out, text),
        }
    }
    out.push_str("</svg>\n");
    out
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
    if text.upward {
        let _ = write!(out, r#" transform="rotate(-90 {x} {y})""#);
    }
    let _ = writeln!(out, ">{}</text>", escaped(&text.content));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
    fn numbers_are_written_to_a_hundredth_without_trailing_zeros() {
        let written = [3.0, 0.125, -0.001, 1600.5, 10.0].map(number);
        assert_eq!(written, ["3", "0.12", "0", "1600.5", "10"]);
    }
}
