//! The whole assignment, from the flags to the last file of its run directory.

mod claims;
mod evidence;
mod parts;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_data::FASHION_MNIST;
use atelier_store::{Dataset, Manifest, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use self::claims::{Finding, table};
use self::evidence::Evidence;
use self::parts::{PARTS, Part, REPORT_SECONDS};
use super::prepared::{Place, Prepared};
use super::progress::duration;
use super::recorded::{Beginning, Recorded, check_place};
use super::training::is_about_the_split;
use crate::cli::{Format, OutputFlags, ReproduceArgs};
use crate::config::ReproducingConfig;
use crate::dataset;
use crate::failure::{CheckFailed, DONE, Help as _, UNUSABLE};
use crate::home;
use crate::signals::Stop;
use crate::terminal::Terminal;
use crate::verbs::report;

pub(crate) const VERB: &str = "reproduce";

/// What a reproduction was asked for with.
struct Asked<'a> {
    arguments: &'a ReproduceArgs,
    command_line: &'a [String],
    terminal: Terminal,
    stop: &'a Stop,
}

/// Does the whole assignment and says whether each claim holds.
pub(crate) fn reproduce(
    arguments: &ReproduceArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<u8> {
    let asked = Asked { arguments, command_line, terminal, stop };
    if arguments.author.iter().any(|author| author.trim().is_empty()) {
        bail!("--author is empty, expected a name");
    }
    // The report is made last, after minutes of work: whatever it wants is looked for first.
    let mut run = if arguments.run.resume {
        let run = Recorded::resume(&arguments.run, &arguments.data, VERB)?;
        report::program()?;
        run.dir.write_manifest(&run.manifest)?;
        run
    } else {
        report::program()?;
        begin(&asked)?
    };
    terminal.talk(&format!("reproduction: {}", home::shown(run.dir.path())));
    let held = stop.hold();
    let done = everything(&asked, &mut run);
    let done = run.settle(done)?;
    drop(held);
    let Some(mut object) = done else {
        run.end(Status::Interrupted, None)?;
        terminal.talk(&format!("help: {}", run.to_go_on()));
        return Ok(stop.code().unwrap_or(UNUSABLE));
    };
    run.end(Status::Complete, None)?;

    let claims: Vec<Finding> = serde_json::from_value(object["claims"].clone())?;
    let path = run.dir.path();
    terminal.text(&format!(
        "\n{}\nreport: {}\npage:   {}\nrun:    {}",
        table(&claims),
        home::shown(&path.join("report.pdf")),
        home::shown(&path.join("index.html")),
        home::shown(path)
    ))?;
    object["run"] = json!(path.display().to_string());
    terminal.object(&object)?;
    broken(&object)?.map_or(Ok(DONE), |broken| Err(CheckFailed(broken).into()))
}

/// What does not hold of the results in a summary.
pub(crate) fn broken(summary: &Value) -> Result<Option<String>> {
    let claims: Vec<Finding> =
        Deserialize::deserialize(&summary["claims"]).context("the claims in summary.json")?;
    let broken = claims.iter().filter(|claim| claim.holds == Some(false)).count();
    Ok((broken > 0).then(|| format!("{broken} of {} claims do not hold", claims.len())))
}

/// Checks everything that can be checked, and begins the run directory.
fn begin(asked: &Asked) -> Result<Recorded> {
    let ReproduceArgs { run, data, author, seed, .. } = asked.arguments;
    let config = ReproducingConfig::new(*seed, data.smoke)?;
    let out = run.out.as_deref();
    check_place(out, 0)?;
    let device_name = run.device.as_deref().unwrap_or("cpu");
    let place = |terminal| Place { run, device_name, data, terminal };
    // Told of the data once.
    let silent = Terminal::new(OutputFlags { format: Format::Json, quiet: true });
    let ready = || -> Result<_> {
        let first = Prepared::new(config.tune.training(), place(asked.terminal))?;
        let landscape = Prepared::new(config.landscape.training(0), place(silent))?;
        let autoencoder = Prepared::new(config.autoencoder.clone(), place(silent))?;
        Ok((first, landscape.bytes()?, autoencoder.bytes()?))
    };
    let (prepared, landscape, autoencoder) = match ready() {
        Err(error) if is_about_the_split(&error) => return Err(error).help(too_small),
        ready => ready?,
    };
    let compared = &config.variants.variants;
    let networks = (compared.list.len() + 1) * compared.seeds + 2 * compared.retrain;
    let runs = [
        prepared.bytes()?.saturating_mul(4),
        landscape.saturating_mul(2 * config.landscape.landscape.runs as u64),
        autoencoder,
        4 * prepared.parameters() as u64 * networks as u64,
    ];
    // Besides them figures, pages, tables and the report.
    let bytes = runs.iter().fold(256 << 20, |sum: u64, bytes| sum.saturating_add(*bytes));
    check_place(out, bytes)?;

    let text = toml::to_string(&config).context("cannot write the configuration")?;
    let beginning = Beginning {
        verb: VERB,
        command_line: asked.command_line,
        config: json!({ "smoke": data.smoke, "authors": author, "parts": config }),
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: config.tune.seed,
        data,
    };
    Recorded::begin(out, beginning, &text)
}

/// What to do with data that the assignment's settings do not fit.
fn too_small() -> String {
    format!(
        "a reproduction has the assignment's own settings, which want more images; `{} train \
         --data-dir DIR --set data.validation=0.1` trains on fewer",
        home::program()
    )
}

/// A part that is done, as the summary tells it.
#[derive(Debug, Serialize)]
struct Done {
    /// Its verb, and its directory within that of the reproduction.
    name: &'static str,
    started: String,
    finished: Option<String>,
    test_set_reads: u64,
}

/// Every part that is not done yet, the claims, and the report; `None` if a signal came.
fn everything(asked: &Asked, run: &mut Recorded) -> Result<Option<Value>> {
    let unusable = || format!("the configuration in {}", run.dir.path().display());
    let stored = &run.manifest.config;
    let config: ReproducingConfig =
        serde_json::from_value(stored["parts"].clone()).with_context(unusable)?;
    let smoke = stored["smoke"].as_bool().unwrap_or(false);
    let mut authors: Vec<String> =
        serde_json::from_value(stored["authors"].clone()).with_context(unusable)?;
    // Who takes a reproduction up may name them anew.
    if !asked.arguments.author.is_empty() {
        authors.clone_from(&asked.arguments.author);
        run.manifest.config["authors"] = json!(authors);
    }
    let mut speed = Speed { estimated: 0.0, taken: 0.0, smoke };
    let mut done = Vec::new();
    for (position, part) in PARTS.iter().enumerate() {
        let path = run.dir.path().join(part.name());
        part.check(&path, &config, run)?;
        if let Some(manifest) = complete(&path)? {
            asked.terminal.talk(&format!("{}: done before", title(position)));
            done.push(told(*part, &manifest, run)?);
            continue;
        }
        asked.terminal.talk(&speed.line(position));
        let began = Instant::now();
        let ended = part.run(&path, &config, asked, run);
        // However it ended: whoever looks at the run is told how often test images were read.
        count_test_set_reads(run)?;
        if !ended? || asked.stop.requested() {
            return Ok(None);
        }
        let seconds = began.elapsed().as_secs_f64();
        speed.add(*part, seconds);
        asked.terminal.talk(&format!("{}: done in {}", part.name(), duration(seconds)));
        let manifest = Manifest::read(&path.join("manifest.json"))?;
        done.push(told(*part, &manifest, run)?);
    }
    // Of parts that were done before as well.
    count_test_set_reads(run)?;

    let evidence = Evidence::read(run, asked)?;
    let object = json!({
        "schema_version": 1,
        "verb": VERB,
        "seed": run.manifest.seed,
        "whole": is_real(run.manifest.dataset.as_ref()),
        "parts": done,
        "claims": claims::claims(&evidence)?,
    });
    run.write_summary(&object)?;
    asked.terminal.talk(&speed.line(PARTS.len()));
    let report = report::make(run.dir.path(), &authors, asked.terminal, asked.stop)?;
    Ok(report.map(|_| object))
}

/// The manifest of a part that is complete.
fn complete(path: &Path) -> Result<Option<Manifest>> {
    let file = path.join("manifest.json");
    let manifest = file.is_file().then(|| Manifest::read(&file)).transpose()?;
    let manifest = manifest.filter(|manifest| manifest.status == Status::Complete);
    if manifest.is_some() && !path.join("summary.json").is_file() {
        return Err(anyhow!("the complete run in {} has no summary.json", home::shown(path))).help(
            || format!("remove {}, and --resume does this part once more", home::quoted(path)),
        );
    }
    Ok(manifest)
}

/// Records how often the parts have read the test set so far.
fn count_test_set_reads(run: &mut Recorded) -> Result<()> {
    let file = |part: &Part| run.dir.path().join(part.name()).join("manifest.json");
    let begun = PARTS.iter().map(file).filter(|file| file.is_file());
    let reads = begun.map(|file| Ok(Manifest::read(&file)?.test_set_reads)).sum::<Result<u64>>()?;
    run.manifest.test_set_reads = reads;
    Ok(run.dir.write_manifest(&run.manifest)?)
}

/// What the summary says of a part, whose data must be that of the reproduction.
fn told(part: Part, manifest: &Manifest, run: &Recorded) -> Result<Done> {
    if let Some(data) = &manifest.dataset {
        run.check_dataset(data)?;
    }
    Ok(Done {
        name: part.name(),
        started: manifest.started.clone(),
        finished: manifest.finished.clone(),
        test_set_reads: manifest.test_set_reads,
    })
}

/// `part 2 of 6, tune`.
fn title(position: usize) -> String {
    let name = PARTS.get(position).map_or("report", |part| part.name());
    format!("part {} of {}, {name}", position + 1, PARTS.len() + 1)
}

/// How fast this machine is, as far as it is known.
struct Speed {
    /// Seconds that the parts done here were to take.
    estimated: f64,
    /// Seconds that they took.
    taken: f64,
    smoke: bool,
}

impl Speed {
    fn add(&mut self, part: Part, seconds: f64) {
        self.estimated += part.seconds(self.smoke);
        self.taken += seconds;
    }

    /// What begins now, what is next, and about how long all of it still takes.
    fn line(&self, position: usize) -> String {
        let report = REPORT_SECONDS;
        let left = PARTS.iter().skip(position).map(|part| part.seconds(self.smoke));
        let left = left.sum::<f64>() + report;
        let factor = if self.estimated > 0.0 { self.taken / self.estimated } else { 1.0 };
        let next = match PARTS.get(position + 1) {
            Some(part) => format!("next {}, ", part.name()),
            None if position + 1 == PARTS.len() => "next the report, ".to_string(),
            None => String::new(),
        };
        format!("{}: {next}about {} left", title(position), duration(left * factor))
    }
}

pub(super) fn is_real(dataset: Option<&Dataset>) -> bool {
    dataset.is_some_and(|data| data.pinned && data.name == FASHION_MNIST.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_follows_the_parts_that_are_done() {
        let mut speed = Speed { estimated: 0.0, taken: 0.0, smoke: false };
        let all: f64 = PARTS.iter().map(|part| part.seconds(false)).sum::<f64>() + REPORT_SECONDS;
        let first = speed.line(0);
        assert!(first.starts_with("part 1 of 6, init: next tune, about "), "{first}");
        assert!(first.ends_with(&format!("{} left", duration(all))), "{first}");
        speed.add(PARTS[0], 2.0 * PARTS[0].seconds(false));
        let left = 2.0 * (all - PARTS[0].seconds(false));
        assert!(speed.line(1).ends_with(&format!("{} left", duration(left))));
        let last = speed.line(PARTS.len());
        assert!(last.starts_with("part 6 of 6, report: about "), "{last}");
    }
}
