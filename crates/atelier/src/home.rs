//! Where things lie when no flag says so.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::terminal::one_line;

/// The directory that holds `data` and `runs`: `$ATELIER_HOME`, else the current one.
#[must_use]
pub fn home() -> PathBuf {
    directory("ATELIER_HOME").unwrap_or_default()
}

/// The repository that this program was built from, where `cargo xtask` says so.
pub(crate) fn repository() -> Option<PathBuf> {
    directory("ATELIER_REPOSITORY")
}

fn directory(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Where the data is looked for and kept.
#[must_use]
pub fn data() -> PathBuf {
    home().join("data")
}

/// Where runs are written.
#[must_use]
pub fn runs() -> PathBuf {
    home().join("runs")
}

/// How this program was called, for commands that are shown: `$ATELIER_PROGRAM`, which `cargo
/// xtask` sets, else `atelier`.
#[must_use]
pub fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let told = env::var("ATELIER_PROGRAM").ok().filter(|told| !told.is_empty());
        told.unwrap_or_else(|| "atelier".to_string())
    })
}

/// The path as it is shown: relative to the current directory where it lies below it, and on one line.
#[must_use]
pub fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    let shown = path.strip_prefix(here).unwrap_or(path);
    if shown.as_os_str().is_empty() { ".".to_string() } else { one_line(&shown.to_string_lossy()) }
}

/// The path as one word of a command that can be pasted into a shell.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let text = shown(path);
    let safe = |c: char| c.is_ascii_alphanumeric() || "/._-+=,:@".contains(c);
    if !text.is_empty() && text.chars().all(safe) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_here_is_shown_relative_and_quoted_where_a_shell_needs_it() {
        let here = env::current_dir().expect("a current directory");
        assert_eq!(shown(&here.join("runs/a")), "runs/a");
        assert_eq!(shown(&here), ".");
        assert_eq!(shown(Path::new("/x/y")), "/x/y");
        assert_eq!(shown(Path::new("/x\nhelp: y")), "/x?help: y");
        assert_eq!(quoted(Path::new("/x/it's here")), r"'/x/it'\''s here'");
    }
}
