//! A landscape, from the flags to the last file of its run directory.

mod computed;
mod exports;
mod figures;
mod imported;
mod page;
mod paths;
mod sources;
mod subject;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use atelier_landscape::Directions;
use atelier_store::{Manifest, Status, read_regular};
use serde_json::json;

use self::computed::{Work, compute};
pub(crate) use self::sources::own_runs;
use self::sources::{DRAWN, same_runs, sources};
use self::subject::{Run, Source, Subject};
use self::summary::between_text;
pub(crate) use self::summary::{RunSummary, Summary};
use super::figures::place;
use super::nested::{Nested, nested, same_data};
use super::prepared::{Place, Prepared, Trainable as _};
use super::recorded::{Beginning, Recorded, check_place};
use super::summary::Summary as TrainingSummary;
use super::training::{Trained, train};
use crate::cli::{ConfigFlags, Format, LandscapeArgs, OutputFlags, TrainArgs, WeightFlags};
use crate::config::{Config, LandscapingConfig, Resolved};
use crate::dataset;
use crate::failure::Help as _;
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Align, Table, Terminal, brief, counted, one_line, significant, thousands};

const VERB: &str = "landscape";

/// Draws the landscape that the flags ask for.
pub(crate) fn landscape(
    arguments: &LandscapeArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let (mut recorded, opened) = if arguments.run_flags.resume {
        (Recorded::resume(&arguments.run_flags, &arguments.data, VERB)?, None)
    } else {
        begin(arguments, command_line, terminal)?
    };
    terminal.talk(&format!("run: {}", home::shown(recorded.dir.path())));
    let asked = Asked { arguments, command_line, terminal, stop };
    let done = draw(&asked, &mut recorded, opened);
    let Some(summary) = recorded.settle(done)? else {
        recorded.end(Status::Interrupted, None)?;
        return Ok(Trained::Interrupted(
            recorded.to_go_on(),
            stop.code().unwrap_or(crate::failure::UNUSABLE),
        ));
    };
    recorded.end(Status::Complete, None)?;
    let path = recorded.dir.path().to_path_buf();
    let path_epochs = recorded.manifest.config["landscape"]["landscape"]["path_epochs"].as_u64();
    let path_epochs = path_epochs.and_then(|epochs| usize::try_from(epochs).ok()).unwrap_or(0);
    terminal.text(&shown(&summary, path_epochs, &path))?;
    Ok(Trained::Complete(path, Box::new(summary)))
}

/// What a landscape was asked for with.
struct Asked<'a> {
    arguments: &'a LandscapeArgs,
    command_line: &'a [String],
    terminal: Terminal,
    stop: &'a Stop,
}

/// A model with its examples, and the runs through its parameters.
type Opened = (Subject, Vec<Run>);

/// Checks everything that can be checked and begins the run directory; gives the runs where they were
/// there before.
fn begin(
    arguments: &LandscapeArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<(Recorded, Option<Opened>)> {
    let flags = &arguments.data;
    let resolved = Resolved::<LandscapingConfig>::new(VERB, &arguments.config, flags.smoke)?;
    let config = &resolved.config;
    config.landscape.check()?;
    let out = arguments.run_flags.out.as_deref();
    check_place(out, 0)?;
    let sources = sources(arguments, config)?;
    if config.landscape.directions == Directions::ThreePoints && sources.len() < 2 {
        return Err(anyhow!("landscape.directions is three-points, and there is one run"))
            .help(|| "give two runs, or other directions such as pca".to_string());
    }
    let device = arguments.run_flags.device.clone().unwrap_or_else(|| "cpu".to_string());
    let place = |data| Place { run: &arguments.run_flags, device_name: &device, data, terminal };
    // Files and figures; the snapshots are counted below.
    let mut bytes = 64 << 20;
    let (dataset, opened);
    if let Source::Trained(_) = sources[0] {
        if config.train.snapshots_per_epoch == 0 {
            return Err(anyhow!(
                "train.snapshots_per_epoch is 0: nothing of the runs would be kept"
            ))
            .help(|| "record some, such as --set train.snapshots_per_epoch=4".to_string());
        }
        let prepared = Prepared::new(config.training(0), place(flags))?;
        let snapshots = prepared.settings.train.snapshots(prepared.source()?.batches_per_epoch);
        if snapshots < 3 {
            return Err(anyhow!(
                "a run would record {snapshots} snapshots, expected 3 or more: with its start, {} an epoch over {}",
                config.train.snapshots_per_epoch,
                counted(config.train.epochs, "epoch")
            ))
            .help(|| "record more, such as --set train.snapshots_per_epoch=4".to_string());
        }
        terminal.text(&prepared.tables())?;
        bytes += prepared.bytes()?.saturating_mul(2 * sources.len() as u64);
        dataset = Some(dataset::record(&prepared.data.provenance));
        opened = None;
    } else {
        let runs = sources.iter().find_map(|source| match source {
            Source::Run(path) => Some(path),
            _ => None,
        });
        if sources.iter().all(|source| matches!(source, Source::Run(_))) {
            refuse_training_settings(arguments)?;
        }
        let before = runs.map(|path| subject::manifest(path)).transpose()?.and_then(|m| m.dataset);
        let data = match &before {
            Some(before) => same_data(flags, Some(before)),
            None => flags.clone(),
        };
        let paths: Vec<PathBuf> = sources.iter().map(Source::path).collect();
        let (subject, runs) = open(&sources, &paths, config, place(&data))?;
        let points: usize = runs.iter().map(|run| run.trajectory.points.len()).sum();
        bytes += 4 * points as u64;
        dataset = Some(subject.provenance.clone());
        opened = Some((subject, runs));
    }
    check_place(out, bytes)?;
    let mut recorded_config = json!({ "sources": sources, "landscape": config });
    if let Some((_, runs)) = &opened {
        recorded_config[DRAWN] = runs.iter().map(Run::digest).collect();
    }
    let beginning = Beginning {
        verb: VERB,
        command_line,
        config: recorded_config,
        dataset,
        device,
        threads: atelier_core::threads::count(),
        seed: config.seed,
        data: flags,
    };
    // Of runs that were there, only what the landscape itself was configured by.
    let given = sources.iter().all(|source| matches!(source, Source::Run(_)));
    let text = if given { of_landscape(config)? } else { resolved.to_toml()? };
    let recorded = Recorded::begin(out, beginning, &text)?;
    Ok((recorded, opened))
}

/// Seed and section of the landscape as TOML.
fn of_landscape(config: &LandscapingConfig) -> Result<String> {
    let section = toml::to_string(&config.landscape).context("cannot write the configuration")?;
    Ok(format!("seed = {}\n\n[landscape]\n{section}", config.seed))
}

/// Refuses settings of runs that are trained already.
fn refuse_training_settings(arguments: &LandscapeArgs) -> Result<()> {
    let ours =
        |set: &&String| !set.trim_start().starts_with("landscape.") && !set.starts_with("seed");
    if let Some(file) = &arguments.config.config {
        let text = read_regular(file, 1 << 20)?;
        let table: toml::Table = toml::from_str(&String::from_utf8_lossy(&text))
            .with_context(|| format!("{} is not TOML", file.display()))?;
        if let Some(section) =
            table.keys().find(|key| !matches!(key.as_str(), "landscape" | "seed"))
        {
            return Err(anyhow!(
                "{} has `{section}`: the runs are trained already",
                file.display()
            ))
            .help(|| "keep the section `landscape` only, or leave out --run".to_string());
        }
    }
    match arguments.config.set.iter().find(ours) {
        Some(set) => Err(anyhow!("--set {}: the runs are trained already", brief(set)))
            .help(|| "set keys of `landscape` only, or leave out --run".to_string()),
        None => Ok(()),
    }
}

/// Trains the runs where they are not there, computes the landscape and writes all of it; `None` if a
/// signal came.
fn draw(asked: &Asked, recorded: &mut Recorded, opened: Option<Opened>) -> Result<Option<Summary>> {
    let unusable = || format!("the configuration in {}", recorded.dir.path().display());
    let stored = &recorded.manifest.config;
    let sources: Vec<Source> =
        serde_json::from_value(stored["sources"].clone()).with_context(unusable)?;
    let config: LandscapingConfig =
        serde_json::from_value(stored["landscape"].clone()).with_context(unusable)?;
    let (subject, runs) = if let Some(opened) = opened {
        opened
    } else {
        let Some(paths) = trained(&sources, &config, asked, recorded)? else { return Ok(None) };
        let device = recorded.manifest.device.clone();
        let data = same_data(&asked.arguments.data, recorded.manifest.dataset.as_ref());
        let run = &asked.arguments.run_flags;
        let place = Place { run, device_name: &device, data: &data, terminal: asked.terminal };
        let opened = open(&sources, &paths, &config, place)?;
        same_runs(&recorded.manifest, &opened.1)?;
        opened
    };
    recorded.check_dataset(&subject.provenance)?;
    recorded.manifest.threads = atelier_core::threads::count();
    let _held = asked.stop.hold();
    let remember = recorded.dir.file("grid.jsonl")?;
    let work = Work {
        config: &config.landscape,
        seed: config.seed,
        threads: recorded.manifest.threads,
        terminal: asked.terminal,
        stop: asked.stop,
        remember: &remember,
    };
    let Some(landscape) = compute(&subject, &runs, &work)? else { return Ok(None) };
    let directory = recorded.dir.path();
    let summary =
        Summary::new(config.seed, &config.landscape, &subject, &runs, &landscape, directory);
    asked.terminal.talk("files and figures");
    exports::write(recorded, &subject, &runs, &landscape)?;
    figures::write(recorded, &subject, &runs, &landscape, &summary)?;
    page::write(recorded, &subject, &runs, &landscape, &summary)?;
    recorded.write_summary(&summary)?;
    Ok(Some(summary))
}

/// The directories of the runs, those of the landscape's own after training; `None` if a signal came.
fn trained(
    sources: &[Source],
    config: &LandscapingConfig,
    asked: &Asked,
    recorded: &mut Recorded,
) -> Result<Option<Vec<PathBuf>>> {
    let mut paths = Vec::with_capacity(sources.len());
    let mut reads = 0;
    for source in sources {
        let Source::Trained(position) = source else {
            paths.push(source.path());
            continue;
        };
        let path = recorded.dir.path().join(format!("run-{}", letter(*position)));
        if let Trained::Interrupted(..) = train_one(*position, config, &path, asked, recorded)? {
            return Ok(None);
        }
        let manifest = Manifest::read(&path.join("manifest.json"))?;
        if let Some(data) = &manifest.dataset {
            recorded.check_dataset(data)?;
        }
        reads += manifest.test_set_reads;
        paths.push(path);
    }
    recorded.manifest.test_set_reads = reads;
    Ok(Some(paths))
}

/// The model with its examples, and the runs in `paths`.
fn open(
    sources: &[Source],
    paths: &[PathBuf],
    config: &LandscapingConfig,
    place: Place,
) -> Result<Opened> {
    let mut subject: Option<Subject> = None;
    let mut runs = Vec::with_capacity(sources.len());
    for (position, (source, path)) in sources.iter().zip(paths).enumerate() {
        let name = letter(position as u64);
        let run = if let Source::Import(_) = source {
            let of = match subject.take() {
                Some(subject) => subject,
                None => Subject::new(Prepared::new(config.training(0), place)?, &config.landscape)?,
            };
            let run = imported::imported(path, name, &of)?;
            subject = Some(of);
            run
        } else {
            let (run, new) =
                subject::given(path, name, place, &config.landscape, subject.as_ref())?;
            subject = subject.or(new);
            run
        };
        let n = counted(run.trajectory.snapshots.len(), "snapshot");
        place.terminal.talk(&format!("{}: {n} of {}", run.name, home::shown(&run.path)));
        runs.push(run);
    }
    subject::thin(&mut runs)?;
    let subject = subject.ok_or_else(|| anyhow!("there is no run to draw"))?;
    Ok((subject, runs))
}

/// `a`, `b`, `c` and so on.
fn letter(position: u64) -> String {
    match u8::try_from(position) {
        Ok(position) if position < 26 => char::from(b'a' + position).to_string(),
        _ => format!("run{position}"),
    }
}

/// A run of the landscape's own: begun, taken up, or found complete.
fn train_one(
    position: u64,
    config: &LandscapingConfig,
    path: &Path,
    asked: &Asked,
    recorded: &Recorded,
) -> Result<Trained<TrainingSummary>> {
    let arguments = asked.arguments;
    let training = config.training(position);
    let wanted = (Config::VERB, &training);
    let (run, data) = match nested(path, recorded, wanted, &arguments.run_flags, &arguments.data)? {
        Nested::Complete(summary) => return Ok(Trained::Complete(path.to_path_buf(), summary)),
        Nested::Run(run, data) => (run, data),
    };
    let (name, seed) = (letter(position), training.seed);
    asked.terminal.talk(&format!("training run {name}, seed {seed}"));
    let mut nested = TrainArgs {
        find_learning_rate: false,
        weights: WeightFlags::default(),
        config: ConfigFlags::default(),
        run,
        data,
        // Its tables would stand between those of the other runs.
        output: OutputFlags { format: Format::Json, ..arguments.output },
    };
    if !nested.run.resume {
        let file = format!("run-{name}.toml");
        let text = toml::to_string(&training).context("cannot write the run's configuration")?;
        recorded.dir.write(&file, text.as_bytes())?;
        nested.config.config = Some(recorded.dir.path().join(file));
    }
    train(&nested, asked.command_line, Terminal::new(nested.output), asked.stop)
}

/// Where the runs end.
pub(crate) fn ends(of: &[RunSummary]) -> Table {
    let mut runs = Table::new(&[
        ("run", Align::Left),
        ("seed", Align::Right),
        ("snapshots", Align::Right),
        ("loss at the end", Align::Right),
        ("in the plane", Align::Right),
        ("farthest off the plane", Align::Right),
    ]);
    for run in of {
        runs.row([
            run.name.clone(),
            run.seed.map_or_else(|| "-".to_string(), |seed| seed.to_string()),
            run.snapshots.to_string(),
            significant(run.end.loss),
            significant(run.end.loss_in_plane),
            significant(run.largest_distance_off_plane),
        ]);
    }
    runs
}

/// What is shown of a finished landscape.
fn shown(summary: &Summary, path_epochs: usize, path: &Path) -> String {
    let runs = ends(&summary.runs);
    format!(
        "\nlandscape of {}, {} parameters\n\n{runs}\n{}\n\n{}figure: {}\npage: {}\nrun: {}",
        one_line(&summary.network),
        thousands(summary.parameters),
        one_line(&summary.caption),
        summary
            .paths
            .iter()
            .map(|path| one_line(&between_text(path, path_epochs)) + "\n\n")
            .collect::<String>(),
        place(path, "landscape"),
        home::shown(&path.join("landscape.html")),
        home::shown(path)
    )
}
