//! A run directory with its manifest, from the first line of a run to its last.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};
use atelier_store::{
    Dataset, Manifest, Program, RunDir, SCHEMA_VERSION, Start, Status, newest_interrupted, probe,
    utc_now,
};
use serde::Serialize;
use serde_json::Value;

use super::same_settings::{same_config, unchanged};
use crate::cli::{DataFlags, RunFlags};
use crate::failure::{self, Damage as _, Help as _};
use crate::home;
use crate::terminal::warn;

/// A run that is going on: its directory is locked and its manifest says `running`.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) dir: RunDir,
    pub(crate) manifest: Manifest,
    /// What `--data-dir` said, for the command that takes the run up.
    data_dir: Option<PathBuf>,
}

/// What a manifest says of a run from its beginning.
pub(crate) struct Beginning<'a> {
    pub(crate) verb: &'a str,
    pub(crate) command_line: &'a [String],
    pub(crate) config: Value,
    pub(crate) dataset: Option<Dataset>,
    pub(crate) device: String,
    pub(crate) threads: usize,
    pub(crate) seed: u64,
    pub(crate) data: &'a DataFlags,
}

/// The directory of the newest interrupted run of `verb`, where there is one.
pub(crate) fn newest(verb: &str) -> Result<Option<PathBuf>> {
    let found = newest_interrupted(&home::runs(), verb, &VERBS)
        .help_with_damage(|| "put it back as it was, or name the run to take up with --out")?;
    Ok(found.map(|run| run.path))
}

/// All that manifests call a run.
pub(crate) const VERBS: [&str; 11] = [
    "autoencoder",
    "best-dense",
    "bottlenecks",
    "evaluate",
    "find-learning-rate",
    "init",
    "landscape",
    "reproduce",
    "train",
    "tune",
    "variants",
];

/// Refuses data of other digests, with those of the first file that differs.
pub(crate) fn same_files(before: &Dataset, found: &Dataset) -> Result<()> {
    let digest = |of: &Dataset, name: &str| {
        of.files.get(name).map_or("not there", String::as_str).to_string()
    };
    let names: BTreeSet<&String> = before.files.keys().chain(found.files.keys()).collect();
    let mut names = names.into_iter();
    match names.find(|name| before.files.get(*name) != found.files.get(*name)) {
        None => Ok(()),
        Some(name) => {
            let (now, then) = (digest(found, name), digest(before, name));
            Err(anyhow!("SHA-256 of {name} is {now}, and was {then}"))
        }
    }
}

/// Refuses a place where no run directory can be made or that has no room for `bytes`, before work is
/// done that would be in vain.
pub(crate) fn check_place(out: Option<&Path>, bytes: u64) -> Result<()> {
    let runs = home::runs();
    let above = match out {
        Some(out) => RunDir::free(out)?,
        // Which number is free is seen when the directory is made.
        None if runs.is_dir() => runs,
        None => RunDir::free(&runs)?,
    };
    Ok(probe(&above, bytes)?)
}

impl Recorded {
    /// Begins a run in the directory of `--out`, or in the next numbered one; `config` repeats it.
    pub(crate) fn begin(
        out: Option<&Path>,
        beginning: Beginning<'_>,
        config: &str,
    ) -> Result<Self> {
        Self::begin_from(out, beginning, config, (None, None))
    }

    /// As [`Recorded::begin`], for a run that a file of weights was given to: which it is, and its
    /// content where that is kept for when the run is taken up or repeated.
    pub(crate) fn begin_from(
        out: Option<&Path>,
        beginning: Beginning<'_>,
        config: &str,
        (start, kept): (Option<Start>, Option<&[u8]>),
    ) -> Result<Self> {
        let dir = match out {
            Some(path) => RunDir::create(path)?,
            None => RunDir::create_numbered(&home::runs(), beginning.verb)?,
        };
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            program: program(),
            git_commit: git_commit(),
            verb: beginning.verb.to_string(),
            command_line: beginning.command_line.to_vec(),
            config: beginning.config,
            dataset: beginning.dataset,
            start,
            device: beginning.device,
            threads: beginning.threads,
            seed: beginning.seed,
            started: utc_now(),
            finished: None,
            status: Status::Running,
            error: None,
            diverged: false,
            test_set_reads: 0,
        };
        dir.begin(config, kept, &manifest)?;
        Ok(Self { dir, manifest, data_dir: beginning.data.data_dir.clone() })
    }

    /// Takes up a run of `verb` that was interrupted: the one in `--out`, or the newest.
    pub(crate) fn resume(flags: &RunFlags, data: &DataFlags, verb: &str) -> Result<Self> {
        let path: PathBuf = if let Some(path) = &flags.out {
            path.clone()
        } else {
            newest(verb)?
                .ok_or_else(|| {
                    anyhow!("no interrupted run of `{verb}` in {}", home::shown(&home::runs()))
                })
                .help(|| {
                    let (program, command) = (home::program(), command(verb));
                    format!("begin one with `{program} {command}`, or name one with --out")
                })?
        };
        let dir = RunDir::open(&path)?;
        let mut manifest = dir.manifest()?;
        let refuse =
            |reason: String, help: String| -> Result<()> { Err(anyhow!(reason)).help(|| help) };
        if manifest.verb != verb {
            let reason =
                format!("{} is a run of `{}`, not of `{verb}`", path.display(), manifest.verb);
            refuse(reason, format!("`{} runs list` lists all runs", home::program()))?;
        }
        if manifest.status == Status::Complete {
            let show = home::quoted(&path);
            refuse(
                format!("the run in {} is complete: nothing is left to resume", path.display()),
                format!("look at it with `{} runs show {show}`", home::program()),
            )?;
        }
        let (before, now) = (&manifest.program, program());
        if *before != now {
            refuse(
                format!(
                    "the run in {} was begun by {} {}, and this is {} {}",
                    path.display(),
                    before.name,
                    before.version,
                    now.name,
                    now.version
                ),
                "go on with the version that began it, or begin a new run".to_string(),
            )?;
        }
        if let (Some(before), Some(now)) = (&manifest.git_commit, git_commit())
            && *before != now
        {
            warn(&format!(
                "warning: the run was begun at commit {before}, and this source tree is at {now}: its results may be \
                 those of neither"
            ));
        }
        same_config(dir.path(), &manifest)?;
        unchanged(dir.path())?;
        probe(dir.path(), 0)?;
        if let Some(device) = &flags.device {
            manifest.device.clone_from(device);
        }
        manifest.status = Status::Running;
        manifest.finished = None;
        manifest.error = None;
        manifest.diverged = false;
        Ok(Self { dir, manifest, data_dir: data.data_dir.clone() })
    }

    /// Refuses data that are not those the run began with.
    pub(crate) fn check_dataset(&self, found: &Dataset) -> Result<()> {
        let help = || "give the same data with --data-dir".to_string();
        let run = self.dir.path().display();
        let Some(before) = &self.manifest.dataset else {
            return Err(anyhow!("manifest.json in {run} names no data"))
                .help(|| "put the manifest back as it was, or begin a new run".to_string());
        };
        same_files(before, found)
            .with_context(|| {
                format!(
                    "the run in {run} was trained on {} ({}), and this is {} ({})",
                    before.name, before.source, found.name, found.source
                )
            })
            .help(help)
    }

    /// The result of the run's work; if it failed, the manifest says so before the error goes on.
    pub(crate) fn settle<T>(&mut self, done: Result<T>) -> Result<T> {
        done.map_err(|error| {
            self.manifest.diverged = failure::diverged(&error);
            if let Err(second) = self.end(Status::Failed, Some(failure::brief(&error))) {
                warn(&format!("warning: {}", failure::message(&second)));
            }
            let context = format!("the run in {} failed", home::shown(self.dir.path()));
            let (diverged, no_space) = (self.manifest.diverged, failure::no_space(&error));
            let error = error.context(context);
            // There is nothing to go on from in a run that ends with its first step.
            if diverged || ["find-learning-rate", "evaluate"].contains(&self.manifest.verb.as_str())
            {
                return error;
            }
            let moved = |cause: &(dyn std::error::Error + 'static)| {
                matches!(cause.downcast_ref(), Some(atelier_store::Error::Moved { .. }))
            };
            if !self.dir.path().is_dir() || error.chain().any(moved) {
                let (program, verb) = (home::program(), command(&self.manifest.verb));
                let help = format!(
                    "its directory was moved or removed; `{program} {verb} --resume --out DIR` takes it up where it is \
                     now"
                );
                return failure::with_general_help(error, help);
            }
            let first = if no_space { "free some space" } else { "mend this" };
            failure::with_general_help(error, format!("{first}, then {}", self.to_go_on()))
        })
    }

    /// What takes the run up again, for a `help:` line.
    pub(crate) fn to_go_on(&self) -> String {
        let mut command = format!(
            "{} {} --resume --out {}",
            home::program(),
            command(&self.manifest.verb),
            home::quoted(self.dir.path())
        );
        if let Some(directory) = &self.data_dir {
            command = format!("{command} --data-dir {}", home::quoted(directory));
        }
        format!("`{command}` goes on from here")
    }

    /// Records that the test examples are about to be read: before it happens, so that a run that is
    /// killed over it and resumed has counted both times.
    pub(crate) fn count_test_set_read(&mut self) -> Result<()> {
        self.manifest.test_set_reads += 1;
        Ok(self.dir.write_manifest(&self.manifest)?)
    }

    /// Writes `summary.json`.
    pub(crate) fn write_summary(&self, summary: &impl Serialize) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(summary).context("cannot write the summary")?;
        json.push(b'\n');
        Ok(self.dir.write("summary.json", &json)?)
    }

    /// Writes how the run ended.
    pub(crate) fn end(&mut self, status: Status, error: Option<String>) -> Result<()> {
        self.manifest.status = status;
        self.manifest.error = error;
        self.manifest.finished = Some(utc_now());
        Ok(self.dir.write_manifest(&self.manifest)?)
    }
}

/// This program.
fn program() -> Program {
    Program {
        name: env!("CARGO_PKG_NAME").to_string(),
        version: env!("CARGO_PKG_VERSION").to_string(),
    }
}

/// What begins a run of `verb`.
fn command(verb: &str) -> &str {
    match verb {
        "bottlenecks" => "autoencoder --bottlenecks",
        "best-dense" => "variants --best-dense",
        verb => verb,
    }
}

/// The commit of the repository that the program was built from, with `-dirty` where its files differ.
fn git_commit() -> Option<String> {
    let describe = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    let output =
        Command::new("git").arg("-C").arg(home::repository()?).args(describe).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_string();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}
