//! The embedded font: `DejaVu` Sans, regular and bold, the same on every machine.
//!
//! Glyphs are placed here rather than by the rasteriser's own text drawing, which leaves out
//! every glyph's distance from its left edge and so sets words unevenly.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, Glyph, GlyphId, InvalidFont, OutlineCurve, ScaleFont as _};
use ab_glyph_rasterizer::Rasterizer;

use crate::error::Error;

/// Families for a viewer of the SVG to go through; Verdana has nearly the same widths.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Glyphs farther from the origin are not drawn, in pixels: far outside any figure.
const FARTHEST: f64 = 1e6;

type Embedded = LazyLock<Result<FontRef<'static>, InvalidFont>>;
static REGULAR: Embedded = LazyLock::new(|| FontRef::try_from_slice(dejavu::sans::regular()));
static BOLD: Embedded = LazyLock::new(|| FontRef::try_from_slice(dejavu::sans::bold()));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

impl Weight {
    fn font(self) -> Option<&'static FontRef<'static>> {
        match self {
            Self::Regular => REGULAR.as_ref().ok(),
            Self::Bold => BOLD.as_ref().ok(),
        }
    }
}

/// That both fonts can be read; without one, its text has no width and is not drawn.
pub(crate) fn check() -> Result<(), Error> {
    match (Weight::Regular.font(), Weight::Bold.font()) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err(Error::Draw { reason: "the embedded font cannot be read".to_owned() }),
    }
}

/// Width of `text` in pixels at `size` pixels an em.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    weight.font().map_or(0.0, |font| f64::from(typeset(font, text, size, |_, _| ())))
}

/// Hands over every pixel that `text` touches, with the share of it that is covered. The text is
/// set at `size` pixels an em on a baseline that begins `before` pixels ahead of `at` and is turned
/// about it by `turn` degrees against the clock.
pub(crate) fn draw(
    (text, size, weight): (&str, f64, Weight),
    at: (f64, f64),
    before: f64,
    turn: f64,
    mut take: impl FnMut(i32, i32, f32),
) {
    let Some(font) = weight.font() else { return };
    let em = f64::from(font.units_per_em().unwrap_or(font.height_unscaled()));
    let (sin, cos) = turn.to_radians().sin_cos();
    typeset(font, text, size, |glyph, pen| {
        let Some(outline) = font.outline(glyph.id) else { return };
        let pen = f64::from(pen) - before;
        let placed = |p: ab_glyph::Point| {
            let (along, down) = (pen + f64::from(p.x) * size / em, -f64::from(p.y) * size / em);
            (at.0 + along * cos + down * sin, at.1 - along * sin + down * cos)
        };
        fill(&outline.curves, placed, &mut take);
    });
}

/// Fills one glyph, whose points `placed` takes to pixels.
fn fill(
    curves: &[OutlineCurve],
    placed: impl Fn(ab_glyph::Point) -> (f64, f64),
    take: &mut impl FnMut(i32, i32, f32),
) {
    let (mut min, mut max) =
        ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
    for curve in curves {
        let ends = match curve {
            OutlineCurve::Line(a, b) => [*a, *b, *b, *b],
            OutlineCurve::Quad(a, b, c) => [*a, *b, *c, *c],
            OutlineCurve::Cubic(a, b, c, d) => [*a, *b, *c, *d],
        };
        for (x, y) in ends.map(&placed) {
            min = (min.0.min(x), min.1.min(y));
            max = (max.0.max(x), max.1.max(y));
        }
    }
    // Infinite where there is no curve.
    if min.0.abs().max(min.1.abs()).max(max.0.abs()).max(max.1.abs()) >= FARTHEST {
        return;
    }
    let corner = (min.0.floor(), min.1.floor());
    let point = |p| {
        let (x, y) = placed(p);
        ab_glyph::point(narrow(x - corner.0), narrow(y - corner.1))
    };
    let mut raster = Rasterizer::new(whole(max.0 - corner.0) + 1, whole(max.1 - corner.1) + 1);
    for curve in curves {
        match curve {
            OutlineCurve::Line(a, b) => raster.draw_line(point(*a), point(*b)),
            OutlineCurve::Quad(a, b, c) => raster.draw_quad(point(*a), point(*b), point(*c)),
            OutlineCurve::Cubic(a, b, c, d) => {
                raster.draw_cubic(point(*a), point(*b), point(*c), point(*d));
            }
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "below a million")]
    let (left, top) = (corner.0 as i32, corner.1 as i32);
    raster.for_each_pixel_2d(|column, row, coverage| {
        if coverage > 0.0 {
            take(left + column.cast_signed(), top + row.cast_signed(), coverage.min(1.0));
        }
    });
}

/// Hands over each glyph with its distance from the start, and returns that of the end.
fn typeset(
    font: &FontRef<'static>,
    text: &str,
    size: f64,
    mut take: impl FnMut(Glyph, f32),
) -> f32 {
    // A font's scale is ascent minus descent, which differs from an em.
    let em = font.units_per_em().unwrap_or(font.height_unscaled());
    let font = font.as_scaled(narrow(size) * font.height_unscaled() / em);
    let mut pen = 0.0;
    let mut before: Option<GlyphId> = None;
    for c in text.chars() {
        let glyph = font.scaled_glyph(c);
        let id = glyph.id;
        if let Some(before) = before {
            pen += font.kern(before, id);
        }
        take(glyph, pen);
        pen += font.h_advance(id);
        before = Some(id);
    }
    pen
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least 0, and below two million"
)]
fn whole(pixels: f64) -> usize {
    pixels.ceil() as usize
}

#[expect(clippy::cast_possible_truncation, reason = "pixels, to a thousandth at worst")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_are_embedded() {
        check().unwrap();
        assert!(width("loss", 30.0, Weight::Bold) > width("loss", 30.0, Weight::Regular));
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // DejaVu Sans 2.37: "0" is 1303 units of 2048 wide.
        let expected = 5.0 * 1303.0 / 2048.0 * 26.0;
        let measured = width("00000", 26.0, Weight::Regular);
        assert!((measured - expected).abs() < 0.01, "{measured}");
    }
}
