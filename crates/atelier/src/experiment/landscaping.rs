//! A landscape, from the flags to the last file of its run directory.

mod computed;
mod exports;
mod figures;
mod page;
mod paths;
mod subject;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use atelier_store::{Manifest, Status};
use serde_json::json;

use self::computed::{Work, compute};
use self::subject::{Run, Source, Subject};
pub(crate) use self::summary::Summary;
use self::summary::between_text;
use super::nested::{Nested, nested, same_data};
use super::prepared::{Place, Prepared};
use super::recorded::{Beginning, Recorded, check_place};
use super::summary::Summary as TrainingSummary;
use super::training::{Trained, train};
use crate::cli::{ConfigFlags, Format, LandscapeArgs, OutputFlags, TrainArgs};
use crate::config::{Config, LandscapingConfig, Resolved};
use crate::dataset;
use crate::failure::Help as _;
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Align, Table, Terminal, brief, counted, significant};

const VERB: &str = "landscape";

/// Draws the landscape that the flags ask for.
pub(crate) fn landscape(
    arguments: &LandscapeArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let mut recorded = if arguments.run_flags.resume {
        Recorded::resume(&arguments.run_flags, &arguments.data, VERB)?
    } else {
        begin(arguments, command_line, terminal)?
    };
    terminal.talk(&format!("run: {}", home::shown(recorded.dir.path())));
    let done = draw(arguments, &mut recorded, command_line, terminal, stop);
    let Some(summary) = recorded.settle(done)? else {
        recorded.end(Status::Interrupted, None)?;
        return Ok(Trained::Interrupted(
            recorded.to_go_on(),
            stop.code().unwrap_or(crate::failure::UNUSABLE),
        ));
    };
    recorded.end(Status::Complete, None)?;
    let path = recorded.dir.path().to_path_buf();
    terminal.text(&shown(&summary, &path))?;
    Ok(Trained::Complete(path, Box::new(summary)))
}

/// Checks everything that can be checked and begins the run directory.
fn begin(
    arguments: &LandscapeArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<Recorded> {
    let flags = &arguments.data;
    let resolved = Resolved::<LandscapingConfig>::new(VERB, &arguments.config, flags.smoke)?;
    let config = &resolved.config;
    config.landscape.check()?;
    let out = arguments.run_flags.out.as_deref();
    check_place(out, 0)?;
    let sources = sources(arguments, config)?;
    if sources.iter().all(|source| matches!(source, Source::Run(_))) {
        refuse_training_settings(arguments)?;
    }
    let training = config.training(0);
    let place = Place {
        run: &arguments.run_flags,
        device_name: arguments.run_flags.device.as_deref().unwrap_or("cpu"),
        data: flags,
        terminal,
    };
    let mut bytes = 64 << 20;
    let dataset;
    let threads;
    let device;
    if let Some(Source::Run(first)) = sources.first() {
        // Opened for good once there is a directory; here, so that mistakes cost nothing.
        let manifest = subject::manifest(first)?;
        dataset = manifest.dataset;
        device = place.device_name.to_string();
        threads = arguments.run_flags.threads.map_or(manifest.threads, usize::from);
    } else {
        if training.train.snapshots_per_epoch == 0 && matches!(sources[0], Source::Trained(_)) {
            return Err(anyhow!(
                "train.snapshots_per_epoch is 0: nothing of the runs would be kept"
            ))
            .help(|| "record some, such as --set train.snapshots_per_epoch=4".to_string());
        }
        let prepared = Prepared::new(training, place)?;
        terminal.text(&prepared.tables())?;
        bytes += prepared.bytes()?.saturating_mul(2 * sources.len() as u64);
        dataset = Some(dataset::record(&prepared.data.provenance));
        device = prepared.device_name.clone();
        threads = prepared.threads;
    }
    check_place(out, bytes)?;
    let beginning = Beginning {
        verb: VERB,
        command_line,
        config: json!({ "sources": sources, "landscape": config }),
        dataset,
        device,
        threads,
        seed: config.seed,
        data: flags,
    };
    let text = resolved.to_toml()?;
    let mut recorded = Recorded::begin(out, beginning)?;
    let written = recorded.dir.write("config.toml", text.as_bytes());
    recorded.settle(written.map_err(Into::into))?;
    Ok(recorded)
}

/// Refuses settings of runs that are trained already.
fn refuse_training_settings(arguments: &LandscapeArgs) -> Result<()> {
    let ours =
        |set: &&String| !set.trim_start().starts_with("landscape.") && !set.starts_with("seed");
    match arguments.config.set.iter().find(ours) {
        Some(set) => Err(anyhow!("--set {}: the runs are trained already", brief(set)))
            .help(|| "set keys of `landscape` only, or leave out --run".to_string()),
        None => Ok(()),
    }
}

/// The runs that are to be drawn.
fn sources(arguments: &LandscapeArgs, config: &LandscapingConfig) -> Result<Vec<Source>> {
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).with_context(|| format!("cannot use {}", path.display()))
    };
    let mut sources = Vec::new();
    for run in &arguments.run {
        let path = if run.is_dir() { run.clone() } else { home::runs().join(run) };
        if !path.is_dir() {
            return Err(anyhow!("there is no run {}", run.display()))
                .help(|| format!("`{} runs list` shows the runs that there are", home::program()));
        }
        sources.push(Source::Run(absolute(&path)?));
    }
    for directory in &arguments.import {
        sources.push(Source::Import(absolute(directory)?));
    }
    if sources.is_empty() {
        sources.extend((0..config.landscape.runs as u64).map(Source::Trained));
    }
    Ok(sources)
}

/// Trains or reads the runs, computes the landscape and writes all of it; `None` if a signal came.
fn draw(
    arguments: &LandscapeArgs,
    recorded: &mut Recorded,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Option<Summary>> {
    let unusable = || format!("the configuration in {}", recorded.dir.path().display());
    let stored = &recorded.manifest.config;
    let sources: Vec<Source> =
        serde_json::from_value(stored["sources"].clone()).with_context(unusable)?;
    let config: LandscapingConfig =
        serde_json::from_value(stored["landscape"].clone()).with_context(unusable)?;
    let Some((subject, runs)) =
        opened(&sources, &config, arguments, recorded, command_line, terminal, stop)?
    else {
        return Ok(None);
    };
    let _held = stop.hold();
    let remember = recorded.dir.file("grid.jsonl")?;
    let work = Work {
        config: &config.landscape,
        seed: config.seed,
        threads: recorded.manifest.threads,
        terminal,
        stop,
        remember: &remember,
    };
    let Some(landscape) = compute(&subject, &runs, &work)? else { return Ok(None) };
    let summary = Summary::new(config.seed, &config.landscape, &subject, &runs, &landscape);
    terminal.talk("files and figures");
    exports::write(recorded, &subject, &runs, &landscape)?;
    figures::write(recorded, &subject, &runs, &landscape, &summary)?;
    page::write(recorded, &subject, &runs, &landscape, &summary)?;
    recorded.write_summary(&summary)?;
    Ok(Some(summary))
}

/// The model with its examples, and the runs; `None` if a signal came.
fn opened(
    sources: &[Source],
    config: &LandscapingConfig,
    arguments: &LandscapeArgs,
    recorded: &mut Recorded,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Option<(Subject, Vec<Run>)>> {
    let mut paths = Vec::with_capacity(sources.len());
    let mut reads = 0;
    for source in sources {
        paths.push(match source {
            Source::Run(path) | Source::Import(path) => path.clone(),
            Source::Trained(position) => {
                let path = recorded.dir.path().join(format!("run-{}", letter(*position)));
                match trained(*position, config, &path, arguments, recorded, command_line, stop)? {
                    Trained::Complete(..) => {}
                    Trained::Interrupted(..) => return Ok(None),
                }
                let manifest = Manifest::read(&path.join("manifest.json"))?;
                if let Some(data) = &manifest.dataset {
                    recorded.check_dataset(data)?;
                }
                reads += manifest.test_set_reads;
                path
            }
        });
    }
    recorded.manifest.test_set_reads = reads;
    let device_name = recorded.manifest.device.clone();
    let data = same_data(&arguments.data, recorded);
    let place =
        Place { run: &arguments.run_flags, device_name: &device_name, data: &data, terminal };
    let mut subject: Option<Subject> = None;
    let mut runs = Vec::with_capacity(sources.len());
    for (position, (source, path)) in sources.iter().zip(&paths).enumerate() {
        let name = letter(position as u64);
        let run = if let Source::Import(_) = source {
            let of = match subject.take() {
                Some(subject) => subject,
                None => Subject::new(Prepared::new(config.training(0), place)?, &config.landscape)?,
            };
            let run = subject::imported(path, name, &of);
            subject = Some(of);
            run?
        } else {
            let (run, new) =
                subject::given(path, name, place, &config.landscape, subject.as_ref())?;
            subject = subject.or(new);
            run
        };
        terminal.talk(&format!(
            "{}: {} of {}",
            run.name,
            counted(run.trajectory.snapshots.len(), "snapshot"),
            home::shown(&run.path)
        ));
        runs.push(run);
    }
    let subject = subject.ok_or_else(|| anyhow!("there is no run to draw"))?;
    Ok(Some((subject, runs)))
}

/// `a`, `b`, `c` and so on.
fn letter(position: u64) -> String {
    match u8::try_from(position) {
        Ok(position) if position < 26 => char::from(b'a' + position).to_string(),
        _ => format!("run{position}"),
    }
}

/// A run of the landscape's own: begun, taken up, or found complete.
fn trained(
    position: u64,
    config: &LandscapingConfig,
    path: &Path,
    arguments: &LandscapeArgs,
    recorded: &Recorded,
    command_line: &[String],
    stop: &Stop,
) -> Result<Trained<TrainingSummary>> {
    let terminal = Terminal::new(arguments.output);
    let (run, data) = match nested(path, recorded, &arguments.run_flags, &arguments.data)? {
        Nested::Complete(summary) => return Ok(Trained::Complete(path.to_path_buf(), summary)),
        Nested::Run(run, data) => (run, data),
    };
    let training = config.training(position);
    terminal.talk(&format!("training run {}, seed {}", letter(position), training.seed));
    let mut nested = TrainArgs {
        find_learning_rate: false,
        config: ConfigFlags::default(),
        run,
        data,
        // Its tables would stand between those of the other runs.
        output: OutputFlags { format: Format::Json, ..arguments.output },
    };
    if !nested.run.resume {
        let file = format!("run-{}.toml", letter(position));
        let text = toml::to_string(&training).context("cannot write the run's configuration")?;
        recorded.dir.write(&file, text.as_bytes())?;
        nested.config.config = Some(recorded.dir.path().join(file));
    }
    let _: &Config = &training;
    train(&nested, command_line, Terminal::new(nested.output), stop)
}

/// What is shown of a finished landscape.
fn shown(summary: &Summary, path: &Path) -> String {
    let mut runs = Table::new(&[
        ("run", Align::Left),
        ("seed", Align::Right),
        ("snapshots", Align::Right),
        ("loss at the end", Align::Right),
        ("in the plane", Align::Right),
        ("farthest off the plane", Align::Right),
    ]);
    for run in &summary.runs {
        runs.row([
            run.name.clone(),
            run.seed.map_or_else(|| "-".to_string(), |seed| seed.to_string()),
            run.snapshots.to_string(),
            significant(run.end.loss),
            significant(run.end.loss_in_plane),
            significant(run.largest_distance_off_plane),
        ]);
    }
    format!(
        "\n{runs}\n{}\n\n{}figure: {}\npage: {}\nrun: {}",
        summary.caption,
        summary.paths.iter().map(|path| between_text(path) + "\n\n").collect::<String>(),
        home::shown(&path.join("figures/landscape.png")),
        home::shown(&path.join("landscape.html")),
        home::shown(path)
    )
}
