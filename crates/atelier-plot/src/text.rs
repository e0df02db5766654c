//! Fitting words into widths.

use crate::font::{self, Weight};
use crate::theme;

/// Longer texts are cut before they are measured: no figure has room for more.
const MAX_CHARS: usize = 1000;

/// Lines of text with the size at which they fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lines {
    pub rows: Vec<String>,
    pub size: f64,
    pub weight: Weight,
}

impl Lines {
    /// Height from the top of the first line to the bottom of the last, in pixels; 0 for no text.
    pub(crate) fn height(&self) -> f64 {
        self.rows.len() as f64 * self.size * theme::LINE_SPACING
    }
}

/// Whether a character turns the direction of the text around it, so that a name reads as another one: Unicode's
/// `Bidi_Control`.
pub(crate) fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text on one line: runs of white space and control characters become one space; what XML cannot hold, and
/// what turns the text, becomes the replacement character.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars().take(MAX_CHARS) {
        match c {
            _ if c.is_control() || c.is_whitespace() => {
                if !clean.is_empty() && !clean.ends_with(' ') {
                    clean.push(' ');
                }
            }
            _ if turns(c) || matches!(c, '\u{FFFE}' | '\u{FFFF}') => clean.push('\u{FFFD}'),
            _ => clean.push(c),
        }
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// `text` in at most `max_lines` lines of at most `width` pixels: a little smaller on one line
/// where that is enough, else wrapped, then shrunk to the least size, then cut with an ellipsis.
pub(crate) fn fit(text: &str, weight: Weight, size: f64, width: f64, max_lines: usize) -> Lines {
    let text = clean(text);
    if text.is_empty() {
        return Lines { rows: Vec::new(), size, weight };
    }
    let smallest = size.min(theme::SMALLEST);
    let one_line = size * width / font::width(&text, size, weight).max(1.0);
    if one_line >= smallest.max(0.85 * size) {
        // Rounded down, so that what was measured still fits.
        let size = size.min(one_line.floor());
        return Lines { rows: vec![text], size, weight };
    }
    let mut size = size;
    loop {
        let mut rows = wrap(&text, weight, size, width);
        if rows.len() <= max_lines {
            return Lines { rows, size, weight };
        }
        if size <= smallest {
            let rest = rows.split_off(max_lines.saturating_sub(1)).join(" ");
            rows.push(shorten(&rest, weight, size, width));
            return Lines { rows, size, weight };
        }
        size = (size - 2.0).max(smallest);
    }
}

/// `text` cut with an ellipsis where it is wider than `width` pixels.
pub(crate) fn shorten(text: &str, weight: Weight, size: f64, width: f64) -> String {
    if font::width(text, size, weight) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if font::width(&format!("{short}…"), size, weight) > width {
            short.pop();
            break;
        }
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Greedy line breaking at spaces; a word wider than a line is broken where it must be.
fn wrap(text: &str, weight: Weight, size: f64, width: f64) -> Vec<String> {
    let fits = |line: &str| font::width(line, size, weight) <= width;
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if fits(&longer) {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if !fits(&line) && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widest(lines: &Lines) -> f64 {
        lines.rows.iter().map(|l| font::width(l, lines.size, lines.weight)).fold(0.0, f64::max)
    }

    #[test]
    fn short_text_keeps_its_size() {
        let lines = fit("Training", Weight::Bold, 42.0, 800.0, 2);
        assert_eq!((lines.rows.as_slice(), lines.size), (&["Training".to_owned()][..], 42.0));
    }

    #[test]
    fn no_line_is_wider_than_asked_whatever_the_text() {
        for text in [
            "a title that is only slightly too long for its line",
            &"many words ".repeat(80),
            &"W".repeat(900),
            &"mixed wörds ".repeat(4),
        ] {
            for max_lines in 1..4 {
                let lines = fit(text, Weight::Bold, 42.0, 700.0, max_lines);
                assert!(lines.rows.len() <= max_lines);
                assert!(widest(&lines) <= 700.0, "{} in {lines:?}", widest(&lines));
                assert!(lines.size >= theme::SMALLEST);
            }
        }
    }

    #[test]
    fn text_that_was_cut_ends_in_an_ellipsis() {
        let lines = fit(&"many words ".repeat(80), Weight::Regular, 30.0, 500.0, 2);
        assert!(lines.rows[1].ends_with('…'));
    }

    #[test]
    fn control_characters_and_line_breaks_become_single_spaces() {
        assert_eq!(clean("\u{1}loss\r\n\t(nats)\u{0}\u{FFFF}\n"), "loss (nats) \u{FFFD}");
        assert_eq!(clean("run-\u{202e}gnp"), "run-\u{FFFD}gnp");
    }
}
