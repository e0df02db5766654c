use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use super::Fitted;

/// The characters of a picture without colours, from dark to bright.
const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
/// The first of the 24 greys of a terminal's 256 colours, after black.
const GREYS: u32 = 232;

/// How pictures are drawn in text: two rows of pixels in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drawing {
    /// Half blocks in two greys.
    Colored,
    /// One shade for two pixels.
    Plain,
}

impl Drawing {
    /// With colours on a terminal that has some, unless `NO_COLOR` is set.
    pub(crate) fn of_stdout() -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if io::stdout().is_terminal() && !refused && !dumb { Self::Colored } else { Self::Plain }
    }

    /// The lines of a picture, each `width` characters wide.
    pub(crate) fn lines(self, fitted: &Fitted) -> Vec<String> {
        let rows: Vec<&[u8]> = fitted.pixels.chunks(fitted.image.width.max(1)).collect();
        let line = |pair: &[&[u8]]| {
            let upper = pair[0];
            let lower = |x: usize| pair.get(1).map_or(0, |row| row[x]);
            let pixels = upper.iter().enumerate().map(|(x, &upper)| (upper, lower(x)));
            match self {
                Self::Colored => colored(pixels),
                Self::Plain => pixels.map(|(upper, lower)| shade(upper, lower)).collect(),
            }
        };
        rows.chunks(2).map(line).collect()
    }
}

fn colored(pixels: impl Iterator<Item = (u8, u8)>) -> String {
    let mut line = String::new();
    for (upper, lower) in pixels {
        // Writing into a String cannot fail.
        let _ = write!(line, "\u{1b}[38;5;{};48;5;{}m▀", grey(upper), grey(lower));
    }
    line.push_str("\u{1b}[0m");
    line
}

/// The nearest of a terminal's colours: 24 greys from 8 to 238, and black and white of its cube.
fn grey(pixel: u8) -> u32 {
    match u32::from(pixel) {
        0..=3 => 16,
        pixel @ 4..=246 => GREYS + (pixel.saturating_sub(3) / 10).min(23),
        _ => 231,
    }
}

fn shade(upper: u8, lower: u8) -> char {
    let mean = usize::from(upper.midpoint(lower));
    // Faint pixels are shown too: what is not black is not blank.
    SHADES[(mean * (SHADES.len() - 1)).div_ceil(255)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::summary::ImageSize;

    #[test]
    fn two_rows_make_a_line_and_an_odd_one_ends_on_black() {
        let image = ImageSize { height: 3, width: 2 };
        let fitted = Fitted { image, pixels: vec![0, 255, 0, 255, 200, 0], inverted: false };
        assert_eq!(Drawing::Plain.lines(&fitted), [" █", "▒ "]);
        let lines = Drawing::Colored.lines(&fitted);
        assert_eq!(lines[0], "\u{1b}[38;5;16;48;5;16m▀\u{1b}[38;5;231;48;5;231m▀\u{1b}[0m");
        assert!(lines.iter().all(|line| line.matches('▀').count() == 2));
    }

    #[test]
    fn greys_grow_from_black_to_white() {
        let greys: Vec<u32> = (4..=246).map(grey).collect();
        assert!(greys.is_sorted() && greys[0] == 232 && greys[242] == 255, "{greys:?}");
        assert_eq!((grey(0), grey(255)), (16, 231));
    }
}
