//! `runs verify`: what a run says of itself, computed anew.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use atelier_store::{Manifest, Status, list_runs};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::measured::{autoencoder, classifier, given};
use super::{find, shown_whole, standing, summary};
use crate::cli::{DataFlags, RunsVerifyArgs};
use crate::config::{AutoencodingConfig, Config};
use crate::dataset;
use crate::experiment::evaluating;
use crate::experiment::nested::same_data;
use crate::experiment::prepared::Trainable;
use crate::experiment::same_settings::{same_config, unchanged};
use crate::experiment::saved::MODEL;
use crate::failure::{CheckFailed, DONE, Help as _, message};
use crate::home;
use crate::terminal::{Align, Table, Terminal, counted};

/// The version of every summary that this program writes.
const SUMMARY_VERSION: u64 = 1;

/// Something that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// Of which run within the one that was named; nothing for itself.
    run: String,
    check: String,
    /// `None` where it cannot be said.
    holds: Option<bool>,
    /// What was found, and what was expected where that is something else.
    found: String,
}

/// The checks of one run.
pub(super) struct Checks {
    run: String,
    all: Vec<Verdict>,
}

impl Checks {
    pub(super) fn add(&mut self, check: &str, holds: Option<bool>, found: impl Into<String>) {
        let (run, check, found) = (self.run.clone(), check.to_string(), found.into());
        self.all.push(Verdict { run, check, holds, found });
    }

    /// A check that holds where there is no error, which is then what was found.
    pub(super) fn result<T>(
        &mut self,
        check: &str,
        found: Result<T>,
        told: impl Fn(&T) -> String,
    ) -> Option<T> {
        match found {
            Ok(value) => {
                self.add(check, Some(true), told(&value));
                Some(value)
            }
            Err(error) => {
                self.add(check, Some(false), message(&error));
                None
            }
        }
    }
}

/// `runs verify`.
pub(super) fn run(arguments: &RunsVerifyArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let path = find(&arguments.name)?;
    let manifest = Manifest::read(&path.join("manifest.json"))?;
    let status = standing(&path, &manifest);
    if status != Status::Complete {
        let shown = home::quoted(&path);
        return Err(anyhow!(
            "the run in {shown} is {}: there are no results to verify",
            status.word()
        ))
        .help(|| format!("`{} runs show {shown}` says how it stands", home::program()));
    }
    let flags = DataFlags { data_dir: arguments.data_dir.clone(), ..DataFlags::default() };
    let checks = verify(&path, String::new(), &flags, terminal)?;

    let nested = checks.iter().any(|check| !check.run.is_empty());
    let mut columns = vec![("check", Align::Left), ("holds", Align::Left), ("found", Align::Left)];
    if nested {
        columns.insert(0, ("run", Align::Left));
    }
    let mut table = Table::new(&columns);
    for check in &checks {
        let holds = match check.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not verified",
        };
        let run = nested.then_some(if check.run.is_empty() { "." } else { &check.run });
        table.row(run.into_iter().chain([check.check.as_str(), holds, check.found.as_str()]));
    }
    let broken = checks.iter().filter(|check| check.holds == Some(false)).count();
    terminal.text(&table.to_string())?;
    terminal.object(&json!({
        "schema_version": 1,
        "path": shown_whole(&path),
        "verb": manifest.verb,
        "checks": checks,
        "holds": broken == 0,
    }))?;
    if broken > 0 {
        let verb = if broken == 1 { "does" } else { "do" };
        let all = counted(checks.len(), "check");
        return Err(CheckFailed(format!("{broken} of {all} {verb} not hold")).into());
    }
    Ok(DONE)
}

/// All checks of the run in `path`, and of the runs directly inside it.
fn verify(
    path: &Path,
    name: String,
    flags: &DataFlags,
    terminal: Terminal,
) -> Result<Vec<Verdict>> {
    terminal.talk(&format!("verifying {}", home::shown(path)));
    let mut checks = Checks { run: name.clone(), all: Vec::new() };
    let read = Manifest::read(&path.join("manifest.json")).map_err(anyhow::Error::from);
    let read = read.and_then(|manifest| unchanged(path).map(|()| manifest));
    let manifest = match read {
        Ok(manifest) => manifest,
        Err(error) => {
            checks.add("manifest", Some(false), message(&error));
            return Ok(checks.all);
        }
    };
    let complete = manifest.status == Status::Complete;
    checks.add("manifest", Some(complete), manifest.status.word());
    let summary = summary(path).and_then(|found| found.context("there is no summary.json"));
    let summary = checks.result(
        "summary",
        summary.and_then(|found| known(&found, &manifest).map(|()| found)),
        |_| format!("of `{}`, version {SUMMARY_VERSION}", manifest.verb),
    );
    if let Some(summary) = &summary {
        match manifest.verb.as_str() {
            Config::VERB => {
                trained::<Config>(
                    path,
                    &manifest,
                    summary,
                    flags,
                    terminal,
                    &mut checks,
                    classifier,
                )?;
            }
            evaluating::VERB => {
                trained::<Config>(
                    path,
                    &manifest,
                    summary,
                    flags,
                    terminal,
                    &mut checks,
                    |path, config, summary, data, checks| {
                        given(path, config, (summary, manifest.start.as_ref()), data, checks);
                    },
                )?;
            }
            AutoencodingConfig::VERB => {
                trained::<AutoencodingConfig>(
                    path,
                    &manifest,
                    summary,
                    flags,
                    terminal,
                    &mut checks,
                    autoencoder,
                )?;
            }
            verb => others(verb, &manifest, flags, terminal, &mut checks)?,
        }
    }
    let mut all = checks.all;
    for inner in list_runs(path)? {
        // No run has made it, and it may lead in a circle.
        if inner.path.is_symlink() {
            continue;
        }
        let inner_name =
            if name.is_empty() { inner.name } else { format!("{name}/{}", inner.name) };
        all.extend(verify(&inner.path, inner_name, flags, terminal)?);
    }
    if let Some(summary) = &summary {
        let mut agreement = Checks { run: name, all: Vec::new() };
        agree(path, &manifest.verb, summary, &mut agreement)?;
        all.extend(agreement.all);
    }
    Ok(all)
}

/// Whether a summary is of the version that is known here, and of this run.
fn known(found: &Value, manifest: &Manifest) -> Result<()> {
    let expect = |key: &str, expected: Value| {
        let found = &found[key];
        if *found == expected {
            Ok(())
        } else {
            Err(anyhow!("{key} is {found}, expected {expected}"))
        }
    };
    expect("schema_version", json!(SUMMARY_VERSION))?;
    expect("verb", json!(manifest.verb))?;
    if manifest.verb == evaluating::VERB && found.get("seed").is_none() {
        // Older ones do not say.
        return Ok(());
    }
    expect("seed", json!(manifest.seed))
}

/// A run with a model: configuration, data, and what the model gives on them.
fn trained<C>(
    path: &Path,
    manifest: &Manifest,
    summary: &Value,
    flags: &DataFlags,
    terminal: Terminal,
    checks: &mut Checks,
    measure: impl FnOnce(&Path, &C, &Value, &atelier_data::Loaded, &mut Checks),
) -> Result<()>
where
    C: Trainable + DeserializeOwned,
{
    let config = checks
        .result("config.toml", config::<C>(path, manifest), |_| "as in manifest.json".to_string());
    let data = data(manifest, flags, terminal, checks)?;
    if let Some((config, data)) = config.zip(data) {
        measure(path, &config, summary, &data, checks);
    } else {
        checks.add(MODEL, None, "wants the configuration and the data of the run");
    }
    Ok(())
}

/// The configuration, which must be the same in both places.
fn config<C: DeserializeOwned>(path: &Path, manifest: &Manifest) -> Result<C> {
    same_config(path, manifest)?;
    C::deserialize(&manifest.config).context("the configuration in manifest.json cannot be used")
}

/// The data of a run, if its digests are those of the manifest.
fn data(
    manifest: &Manifest,
    flags: &DataFlags,
    terminal: Terminal,
    checks: &mut Checks,
) -> Result<Option<atelier_data::Loaded>> {
    let Some(before) = &manifest.dataset else {
        checks.add("data", None, "the manifest names none");
        return Ok(None);
    };
    let mut flags = same_data(flags, Some(before));
    // Whatever is there is held against the manifest, not against what the program knows.
    flags.allow_unpinned = true;
    let loaded = match dataset::load_present(&flags, terminal) {
        // Data that are not there say nothing against the run.
        Err(error) if is_absent(&error) => return Err(error),
        loaded => loaded,
    };
    let loaded = loaded.and_then(|data| {
        let found = dataset::record(&data.provenance).files;
        let differs = |name: &&String| before.files.get(*name) != found.get(*name);
        match before.files.keys().chain(found.keys()).find(differs) {
            None => Ok(data),
            Some(name) => {
                let digest = |files: &std::collections::BTreeMap<String, String>| {
                    files.get(name).map_or("none", String::as_str).to_string()
                };
                Err(anyhow!(
                    "SHA-256 of {name} in {} is {}, expected {}",
                    data.provenance.source,
                    digest(&found),
                    digest(&before.files)
                ))
            }
        }
    });
    Ok(checks.result("data", loaded, |data| {
        format!(
            "{} of {} as recorded",
            counted(before.files.len(), "digest"),
            data.provenance.source
        )
    }))
}

fn is_absent(error: &anyhow::Error) -> bool {
    use atelier_data::Error::{Missing, NoDirectory};
    let absent = |cause: &atelier_data::Error| matches!(cause, Missing { .. } | NoDirectory { .. });
    error.chain().any(|cause| cause.downcast_ref().is_some_and(absent))
}

/// A run without a model of its own.
fn others(
    verb: &str,
    manifest: &Manifest,
    flags: &DataFlags,
    terminal: Terminal,
    checks: &mut Checks,
) -> Result<()> {
    data(manifest, flags, terminal, checks)?;
    let unverified = match verb {
        "tune" => {
            Some(("trials", "their networks are not kept; `tune --config` repeats the search"))
        }
        "variants" => Some(("networks", "`variants --config` repeats the comparison")),
        "landscape" => Some(("surface", "`landscape --config` computes it anew")),
        "find-learning-rate" => Some(("rates", "`train --find-learning-rate` repeats the test")),
        _ => None,
    };
    if let Some((what, why)) = unverified {
        checks.add(what, None, why);
    }
    Ok(())
}

/// Whether what a summary says of the runs inside is what they say themselves.
fn agree(path: &Path, verb: &str, of_all: &Value, checks: &mut Checks) -> Result<()> {
    let mut hold = |inner: &str, here: &Value, key: &str| -> Result<()> {
        let run = path.join(inner);
        if !run.join("manifest.json").is_file() {
            checks.add(&format!("agrees with {inner}"), Some(false), "there is no such run");
            return Ok(());
        }
        let there = summary(&run)?.unwrap_or_default();
        let there = there.pointer(key).unwrap_or(&Value::Null);
        let same = here == there && !here.is_null();
        let found =
            if same { "the same".to_string() } else { format!("{here} here, {there} there") };
        checks.add(&format!("agrees with {inner}"), Some(same), found);
        Ok(())
    };
    if verb == "tune" {
        hold("retrained", &of_all["retrained"]["test"], "/test")?;
    }
    for size in of_all["sweep"].as_array().into_iter().flatten() {
        let latent = size["latent"].as_u64().unwrap_or(0);
        hold(&format!("latent-{latent:04}"), &size["test_mse"], "/test_mse")?;
    }
    Ok(())
}
