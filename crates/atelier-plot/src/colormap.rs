//! The colours of heights: viridis, whose steps look equally large, also in grey and to people
//! with the common kinds of colour blindness.
//!
//! # References
//! S. van der Walt and N. Smith, "A Better Default Colormap for Matplotlib", 2015.

use crate::color::Rgb;

/// Viridis at every tenth, from low to high; between them, straight lines in sRGB miss it by a
/// few of 255 steps.
const TENTHS: [Rgb; 11] = [
    Rgb(68, 1, 84),
    Rgb(72, 36, 117),
    Rgb(65, 68, 135),
    Rgb(53, 95, 141),
    Rgb(42, 120, 142),
    Rgb(33, 145, 140),
    Rgb(34, 168, 132),
    Rgb(68, 191, 112),
    Rgb(122, 209, 81),
    Rgb(189, 223, 38),
    Rgb(253, 231, 37),
];

/// The colour of a height as a share of its axis; what lies outside gets the nearest end's.
pub(crate) fn color(share: f64) -> Rgb {
    let place = share.clamp(0.0, 1.0) * (TENTHS.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
    let below = (place as usize).min(TENTHS.len() - 2);
    mixed(TENTHS[below], TENTHS[below + 1], place - below as f64)
}

/// `share` of the way from one colour to another.
pub(crate) fn mixed(from: Rgb, to: Rgb, share: f64) -> Rgb {
    let channel = |a: u8, b: u8| {
        let value = f64::from(a) + share.clamp(0.0, 1.0) * (f64::from(b) - f64::from(a));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        let value = value.round() as u8;
        value
    };
    Rgb(channel(from.0, to.0), channel(from.1, to.1), channel(from.2, to.2))
}

/// A colour in a light of the given strength: at 1 it stays, below it darkens, above it pales.
pub(crate) fn lit(color: Rgb, light: f64) -> Rgb {
    if light <= 1.0 {
        mixed(Rgb(0, 0, 0), color, light)
    } else {
        mixed(color, Rgb(255, 255, 255), light - 1.0)
    }
}

/// Whether white letters on the colour read better than black ones.
pub(crate) fn is_dark(Rgb(r, g, b): Rgb) -> bool {
    // The weights of the channels in the brightness of a pixel, ITU-R BT.601.
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b) < 140.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_is_brighter_all_the_way() {
        let brightness = |i: u32| {
            let Rgb(r, g, b) = color(f64::from(i) / 50.0);
            0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
        };
        assert!((1..=50).all(|i| brightness(i) > brightness(i - 1)));
    }

    #[test]
    fn heights_beyond_the_axis_get_the_colours_of_its_ends() {
        assert_eq!([-3.0, 7.0].map(color), [0.0, 1.0].map(color));
        assert!(is_dark(color(0.0)) && !is_dark(color(1.0)));
    }

    #[test]
    fn light_darkens_and_pales_and_at_one_leaves_a_colour_alone() {
        let grey = Rgb(100, 100, 100);
        assert_eq!(lit(grey, 1.0), grey);
        assert_eq!(lit(grey, 0.5), Rgb(50, 50, 50));
        assert!(lit(grey, 1.2).0 > 100);
    }
}
