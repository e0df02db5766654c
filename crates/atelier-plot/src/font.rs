//! The embedded font: `DejaVu` Sans, regular and bold, the same on every machine.
//!
//! Glyphs are placed here rather than by the rasteriser's own text drawing, which leaves out
//! every glyph's distance from its left edge and so sets words unevenly.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, Glyph, GlyphId, InvalidFont, OutlinedGlyph, ScaleFont as _};

use crate::error::Error;

/// Families for a viewer of the SVG to go through; Verdana has nearly the same widths.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

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

/// The outlines of `text` at `size` pixels an em, from a pen at `start` on the baseline, which
/// runs to the right.
pub(crate) fn outlines(
    text: &str,
    size: f64,
    weight: Weight,
    start: (f64, f64),
) -> Vec<OutlinedGlyph> {
    let mut outlines = Vec::new();
    if let Some(font) = weight.font() {
        typeset(font, text, size, |mut glyph, pen| {
            glyph.position = ab_glyph::point(narrow(start.0) + pen, narrow(start.1));
            outlines.extend(font.outline_glyph(glyph));
        });
    }
    outlines
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
