mod check;
mod compare;
mod curves;
mod export;
mod lists;
mod measured;
mod requirement;
mod verify;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use atelier_store::{Lock, Manifest, RunSummary, Status, list_runs, read_regular};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli::{RunsListArgs, RunsShowArgs, RunsVerb};
use crate::config::keys::did_you_mean;
use crate::failure::{DONE, Help as _};
use crate::home;
use crate::terminal::{Align, Table, Terminal, brief, counted, one_line, percent};

/// A search of three thousand trials of thirty epochs has a summary of some 8 MiB; what is read takes up to
/// a hundred times as much memory.
pub(crate) const LARGEST_SUMMARY: u64 = 64 << 20;

/// Texts of a summary that are longer stand below its table.
const LONGEST_CELL: usize = 60;

/// `runs`.
pub(crate) fn run(verb: &RunsVerb) -> Result<u8> {
    match verb {
        RunsVerb::List(arguments) => list(arguments),
        RunsVerb::Show(arguments) => show(arguments),
        RunsVerb::Compare(arguments) => compare::run(arguments),
        RunsVerb::Verify(arguments) => verify::run(arguments),
        RunsVerb::Check(arguments) => check::run(arguments),
        RunsVerb::Export(arguments) => export::run(arguments),
    }
}

fn list(arguments: &RunsListArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let root = home::runs();
    let all = list_runs(&root)?;
    let of = |run: &RunSummary| run.manifest.as_ref().ok().map(|manifest| manifest.verb.clone());
    let wanted = |run: &&RunSummary| match &arguments.verb {
        Some(verb) => of(run).is_some_and(|own| own == *verb),
        None => true,
    };
    let runs: Vec<&RunSummary> = all.iter().filter(wanted).collect();
    let mut table = Table::new(&[
        ("name", Align::Left),
        ("verb", Align::Left),
        ("status", Align::Left),
        ("started", Align::Left),
        ("test accuracy", Align::Right),
    ]);
    let mut objects = Vec::new();
    for run in &runs {
        match &run.manifest {
            Ok(manifest) => {
                let accuracy = test_accuracy(&run.path);
                let shown = accuracy.map_or_else(|| "-".to_string(), percent);
                let status = standing(&run.path, manifest).word();
                table.row([&run.name, &manifest.verb, status, &manifest.started, &shown]);
                objects.push(json!({
                    "name": run.name, "path": shown_whole(&run.path), "verb": manifest.verb, "status": status,
                    "started": manifest.started, "finished": manifest.finished,
                    "test_accuracy": accuracy,
                }));
            }
            Err(error) => {
                table.row([run.name.as_str(), "?", "unreadable", "", ""]);
                terminal.talk(&format!("{}: {error}", run.name));
                objects.push(json!({
                    "name": run.name, "path": shown_whole(&run.path), "status": "unreadable",
                    "error": error.to_string(),
                }));
            }
        }
    }
    if runs.is_empty() {
        let verb = arguments.verb.as_deref().map(|verb| {
            let verbs: Vec<String> = all.iter().filter_map(of).collect();
            let near = did_you_mean(verb, verbs.iter().map(String::as_str));
            format!(" of `{}`{near}", brief(verb))
        });
        terminal.talk(&format!("no runs in {}{}", home::shown(&root), verb.unwrap_or_default()));
    } else {
        terminal.text(&table.to_string())?;
    }
    terminal.object(&json!({ "schema_version": 1, "runs": objects }))?;
    Ok(DONE)
}

fn show(arguments: &RunsShowArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let path = find(&arguments.name)?;
    let mut manifest = Manifest::read(&path.join("manifest.json"))?;
    manifest.status = standing(&path, &manifest);
    let summary = summary(&path)?;
    terminal.object(&json!({
        "schema_version": 1,
        "path": shown_whole(&path),
        "manifest": manifest,
        "summary": summary,
    }))?;

    let mut text = about(&path, &manifest);
    if let Some(summary) = &summary.map(on_one_line) {
        let mut results = Table::new(&[("result", Align::Left), ("value", Align::Right)]);
        // A text of several lines would make the column as wide.
        let (short, long): (Vec<_>, Vec<_>) = leaves(summary)
            .into_iter()
            .partition(|(_, value)| value.chars().count() <= LONGEST_CELL);
        for (key, value) in short {
            results.row([key, value]);
        }
        text.push('\n');
        text.push_str(&results.to_string());
        for (key, value) in long {
            let _ = write!(text, "\n{key}: {value}\n");
        }
        text.push_str(&lists::tables(&manifest, summary));
    }
    terminal.text(&text)?;
    Ok(DONE)
}

/// The value with every text in it on one line.
fn on_one_line(value: Value) -> Value {
    match value {
        Value::String(text) => one_line(&text).into(),
        Value::Array(list) => list.into_iter().map(on_one_line).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, inner)| (one_line(&key), on_one_line(inner))).collect()
        }
        other => other,
    }
}

/// The directory of a run by its name under `runs`, or by its path.
pub(crate) fn find(name: &Path) -> Result<PathBuf> {
    let is_run = |path: &Path| path.join("manifest.json").is_file();
    let named = home::runs().join(name);
    if let Some(path) = [name.to_path_buf(), named].into_iter().find(|path| is_run(path)) {
        return Ok(path);
    }
    let runs: Vec<RunSummary> = list_runs(&home::runs())?;
    let word = one_line(&name.to_string_lossy());
    let near = did_you_mean(&word, runs.iter().map(|run| run.name.as_str()));
    let unknown =
        Err(anyhow!("there is no run `{word}` here or in {}{near}", home::shown(&home::runs())));
    unknown.help(|| format!("`{} runs list` lists all runs", home::program()))
}

/// `summary.json` of a run; a run that has not come to its end has none.
pub(crate) fn summary(run: &Path) -> Result<Option<Value>> {
    let path = run.join("summary.json");
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    parse_summary(&read_regular(&path, LARGEST_SUMMARY)?, &path).map(Some)
}

/// What a summary, or a part of one, says; `path` is for messages alone.
pub(crate) fn parse_summary<S: DeserializeOwned>(bytes: &[u8], path: &Path) -> Result<S> {
    serde_json::from_slice(bytes).with_context(|| format!("cannot use {}", path.display()))
}

/// The one number of a summary that a list shows; the rest of a long one is passed over without being kept.
fn test_accuracy(run: &Path) -> Option<f64> {
    #[derive(Deserialize)]
    struct Listed {
        test: Tested,
    }
    #[derive(Deserialize)]
    struct Tested {
        accuracy: f64,
    }
    let path = run.join("summary.json");
    let bytes = read_regular(&path, LARGEST_SUMMARY).ok()?;
    parse_summary::<Listed>(&bytes, &path).ok().map(|summary| summary.test.accuracy)
}

/// How a run stands: one that says that it runs, while nobody holds its lock, was killed and can be
/// taken up.
fn standing(run: &Path, manifest: &Manifest) -> Status {
    let killed = manifest.status == Status::Running && Lock::is_held(run).is_ok_and(|held| !held);
    if killed { Status::Interrupted } else { manifest.status }
}

/// A path as JSON holds it, which has no other text than Unicode.
fn shown_whole(path: &Path) -> String {
    path.display().to_string()
}

fn about(path: &Path, manifest: &Manifest) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = |name: &str, value: &str| {
        lines.push(format!("{name:<15}{}\n", one_line(value)));
    };
    line("run", &home::shown(path));
    line("verb", &manifest.verb);
    line("status", manifest.status.word());
    if let Some(error) = &manifest.error {
        line("error", error);
    }
    line("started", &manifest.started);
    line("finished", manifest.finished.as_deref().unwrap_or("-"));
    line("command", &manifest.command_line.join(" "));
    line("seed", &manifest.seed.to_string());
    line("device", &format!("{}, {}", manifest.device, counted(manifest.threads, "thread")));
    if let Some(data) = &manifest.dataset {
        let pinned = if data.pinned { "pinned" } else { "not pinned" };
        line("data", &format!("{} ({pinned}) from {}", data.name, data.source));
    }
    let reads = usize::try_from(manifest.test_set_reads).unwrap_or(usize::MAX);
    line("test set read", &counted(reads, "time"));
    line("program", &format!("{} {}", manifest.program.name, manifest.program.version));
    if let Some(commit) = &manifest.git_commit {
        line("commit", commit);
    }
    lines.concat()
}

/// What is told of a list in place of its entries.
fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_string() } else { format!("{count} entries") }
}

/// Every single value of a JSON object by its dotted path; of a list only its length.
pub(crate) fn leaves(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(fields) => {
                for (key, inner) in fields {
                    let inner_path =
                        if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(inner, &inner_path, found);
                }
            }
            Value::Array(list) => found.push((path.to_string(), entries(list.len()))),
            Value::String(text) => found.push((path.to_string(), text.clone())),
            other => found.push((path.to_string(), other.to_string())),
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_shown_value_by_value() {
        let summary = json!({ "seed": 1, "test": { "accuracy": 0.5 }, "last_20": [1, 2, 3] });
        let shown = leaves(&summary);
        let expected = [("seed", "1"), ("test.accuracy", "0.5"), ("last_20", "3 entries")];
        assert_eq!(shown, expected.map(|(key, value)| (key.to_string(), value.to_string())));
    }

    #[test]
    fn no_text_of_a_summary_breaks_a_line() {
        let summary = json!({ "a\nb": [{ "c": "d\nhelp: e" }], "n": 1 });
        assert_eq!(on_one_line(summary), json!({ "a?b": [{ "c": "d?help: e" }], "n": 1 }));
    }
}
