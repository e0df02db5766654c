//! `--resume` of a run that is complete: nothing is left to do.

use anyhow::{Context as _, Result};
use atelier_store::{Manifest, Status};
use serde_json::json;

use crate::cli::RunFlags;
use crate::failure::DONE;
use crate::home;
use crate::terminal::Terminal;
use crate::verbs::runs::summary;

/// Gives the results once more, and the exit code, where `--resume` names a run of `verb` that is
/// complete. Whatever else is wrong with the directory is said where the run is opened.
pub(crate) fn finished(flags: &RunFlags, verb: &str, terminal: Terminal) -> Result<Option<u8>> {
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
    if terminal.json() {
        let missing = || format!("the run in {} has no summary.json", home::shown(path));
        let mut object = summary(path)?.with_context(missing)?;
        object["run"] = json!(path.display().to_string());
        terminal.object(&object)?;
    }
    Ok(Some(DONE))
}
