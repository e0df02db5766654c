//! What a person sees: talk on stderr, results on stdout.

mod bytes;
mod number;
mod progress;
mod table;

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use atelier_store::is_steering;
use serde::Serialize;

use crate::cli::{Format, OutputFlags};
pub use bytes::Bytes;
pub use number::{counted, percent, significant, thousands};
pub(crate) use progress::time_left;
pub use progress::{Progress, Told};
pub(crate) use table::WIDEST;
pub use table::{Align, Table};

/// Where text goes, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    flags: OutputFlags,
}

impl Terminal {
    /// The terminal under these flags.
    #[must_use]
    pub fn new(flags: OutputFlags) -> Self {
        Self { flags }
    }

    /// Whether stdout is to carry one JSON object and nothing else.
    #[must_use]
    pub fn json(self) -> bool {
        self.flags.format == Format::Json
    }

    /// Whether progress may be drawn over itself: on a terminal, and not under `--quiet`.
    #[must_use]
    pub fn draws(self) -> bool {
        !self.flags.quiet && io::stderr().is_terminal()
    }

    /// A line of talk on stderr, told as [`warn`] does; silent under `--quiet`.
    pub fn talk(self, line: &str) {
        if !self.flags.quiet {
            warn(line);
        }
    }

    /// Results on stdout; nothing under `--format json`. What comes from outside and stands in a line must be
    /// [`one_line`].
    ///
    /// # Errors
    /// Fails if stdout cannot be written; a reader that has gone away is no failure.
    pub fn text(self, text: &str) -> Result<()> {
        if self.json() { Ok(()) } else { stdout(&plain(text)) }
    }

    /// A drawing on stdout, which may hold colours of a terminal; nothing under `--format json`. Text from
    /// outside must be [`one_line`].
    ///
    /// # Errors
    /// As [`Terminal::text`].
    pub fn drawing(self, text: &str) -> Result<()> {
        if self.json() { Ok(()) } else { stdout(text) }
    }

    /// The result as the one JSON object on stdout; nothing under `--format text`.
    ///
    /// # Errors
    /// Fails if the value cannot be written as JSON, or stdout not at all; a reader that has gone
    /// away is no failure.
    pub fn object(self, value: &impl Serialize) -> Result<()> {
        if !self.json() {
            return Ok(());
        }
        let json =
            serde_json::to_string_pretty(value).context("cannot write the result as JSON")?;
        stdout(&escaped(&json))
    }
}

/// The columns of the terminal that stdout is, or of one that there usually is.
pub(crate) fn columns() -> usize {
    const USUAL: usize = 80;
    terminal_size::terminal_size_of(io::stdout()).map_or(USUAL, |(columns, _)| columns.0.into())
}

/// One message on stderr, whatever the flags: a warning. What of it stands on further lines is [`indented`].
pub fn warn(message: &str) {
    stderr(&indented(message));
}

/// The text on stderr, line by line as it is.
pub(crate) fn stderr(text: &str) {
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(io::stderr().lock(), "{}", plain(text));
}

/// The text on stdout as it is, whatever the flags; a reader that has gone away is no failure.
pub(crate) fn stdout(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        // `atelier runs list | head -1`
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to stdout"),
    }
}

/// The text with what steers a terminal replaced, other than line breaks: names of files and keys come from outside
/// and must neither move the cursor nor turn the text.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace(|c| is_steering(c) && c != '\n', "?")
}

/// As [`plain`], with line breaks replaced, too: a name that stands within several lines must not add one, which
/// would read as the program's own.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.replace(is_steering, "?")
}

/// A message whose further lines stand below its first: a name with a line break in it cannot begin one at the margin,
/// where `error:`, `warning:` and `help:` stand.
#[must_use]
pub fn indented(message: &str) -> String {
    message.trim_end().replace('\n', "\n  ")
}

/// JSON of which a terminal obeys nothing, and which says the same: what it would obey is within texts, but for the
/// line breaks between values.
fn escaped(json: &str) -> String {
    let escape = |c: char| match c {
        c if is_steering(c) && c != '\n' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    json.chars().map(escape).collect()
}

/// The text, cut where it is longer than a line can bear: what is echoed back comes from outside.
#[must_use]
pub fn brief(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(brief("short"), "short");
        assert_eq!(brief(&"ä".repeat(80)), "ä".repeat(80));
        assert_eq!(brief(&"ä".repeat(81)), "ä".repeat(80) + "…");
    }

    #[test]
    fn plain_text_keeps_its_lines_and_loses_escapes() {
        assert_eq!(plain("a\nb\u{1b}[31m\r\u{7}"), "a\nb?[31m??");
        assert_eq!(plain("Größe"), "Größe");
        assert_eq!(plain("run-\u{202e}gnp\u{2066}\u{200f}"), "run-?gnp??");
        assert_eq!(one_line("a\nhelp: b\r\u{1b}"), "a?help: b??");
    }

    #[test]
    fn only_the_first_line_of_a_message_begins_at_the_margin() {
        assert_eq!(indented("warning: a\nhelp: b\nc\n"), "warning: a\n  help: b\n  c");
    }

    #[test]
    fn json_is_escaped_where_a_terminal_would_obey_and_means_the_same() {
        let value = serde_json::json!({ "name\u{9b}31m": ["\u{1b}[2J\n", "\u{202e}Größe\u{7f}"] });
        let shown = escaped(&serde_json::to_string_pretty(&value).expect("JSON"));
        assert!(!shown.contains(|c| is_steering(c) && c != '\n'), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
    }
}
