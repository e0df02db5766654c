//! `--resume` of a run that is complete: nothing is left to do.

use anyhow::{Context as _, Result};
use atelier_store::{Manifest, Status};
use serde_json::{Value, json};

use crate::cli::RunFlags;
use crate::failure::{CheckFailed, DONE};
use crate::home;
use crate::terminal::Terminal;
use crate::verbs::runs::summary;

/// Gives the results once more, and the exit code, where `--resume` names a run of `verb` that is
/// complete. Whatever else is wrong with the directory is said where the run is opened.
pub(crate) fn finished(flags: &RunFlags, verb: &str, terminal: Terminal) -> Result<Option<u8>> {
    let found = results(flags, verb, terminal, terminal.json())?;
    Ok(found.map(|_| DONE))
}

/// As [`finished`], of a verb whose results can be other than they must be: `broken` says what does not
/// hold of a summary. That a run was complete before makes no failure of it a success.
pub(crate) fn finished_check(
    flags: &RunFlags,
    verb: &str,
    terminal: Terminal,
    broken: impl Fn(&Value) -> Result<Option<String>>,
) -> Result<Option<u8>> {
    match results(flags, verb, terminal, true)? {
        Some(summary) => match broken(&summary)? {
            Some(broken) => Err(CheckFailed(broken).into()),
            None => Ok(Some(DONE)),
        },
        None => Ok(None),
    }
}

/// The summary of a complete run, said and shown; `null` where it is neither `wanted` nor there.
fn results(
    flags: &RunFlags,
    verb: &str,
    terminal: Terminal,
    wanted: bool,
) -> Result<Option<Value>> {
    let Some(path) = flags.out.as_ref().filter(|_| flags.resume) else { return Ok(None) };
    match Manifest::read(&path.join("manifest.json")) {
        Ok(manifest) if manifest.verb == verb && manifest.status == Status::Complete => {}
        _ => return Ok(None),
    }
    terminal.talk(&format!(
        "the run in {} is complete: nothing to do; `{} runs show {}` shows it",
        home::shown(path),
        home::program(),
        home::quoted(path)
    ));
    if !wanted {
        return Ok(Some(Value::Null));
    }
    let missing = || format!("the run in {} has no summary.json", home::shown(path));
    let mut object = summary(path)?.with_context(missing)?;
    object["run"] = json!(path.display().to_string());
    terminal.object(&object)?;
    Ok(Some(object))
}
