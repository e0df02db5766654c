//! `variants --best-dense`: the best dense network with one seed after the other, each a training run in a
//! directory of its own within that of the series.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use atelier_plot::{Axis, DotPlot, DotRow, Figure};
use atelier_store::{Manifest, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{ConfigFlags, Format, OutputFlags, TrainArgs, VariantsArgs, WeightFlags};
use crate::config::{Config, MOST_SEEDS, Resolved};
use crate::dataset;
use crate::experiment::figures;
use crate::experiment::finished::finished;
use crate::experiment::nested::{Nested, nested};
use crate::experiment::prepared::{Place, Prepared, Trainable as _};
use crate::experiment::recorded::{Beginning, Recorded, check_place};
use crate::experiment::summary::Summary as OneSeed;
use crate::experiment::training::{Trained, train};
use crate::experiment::variants::{Compared, Spread};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Align, Table, Terminal, counted, percent, thousands};

/// What manifest and directory call a series.
pub(crate) const VERB: &str = "best-dense";
/// The preset of `train`.
const PRESET: &str = "best-dense";
/// Where `--seeds` says nothing.
const SEEDS: u16 = 5;

/// The results of a series.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    schema_version: u32,
    verb: String,
    seed: u64,
    epochs: usize,
    network: Compared,
    /// Seconds of training, seed by seed.
    seconds: Vec<f64>,
}

/// `variants --best-dense`.
pub(crate) fn run(arguments: &VariantsArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished(&arguments.run, VERB, terminal)? {
        return Ok(code);
    }
    let mut run = if arguments.run.resume {
        Recorded::resume(&arguments.run, &arguments.data, VERB)?
    } else {
        begin(arguments, command_line, terminal)?
    };
    terminal.talk(&format!("series: {}", home::shown(run.dir.path())));
    let done = series(arguments, &mut run, command_line, terminal, stop);
    let summary = match run.settle(done)? {
        Trained::Complete(_, summary) => summary,
        Trained::Interrupted(_, code) => {
            run.end(Status::Interrupted, None)?;
            terminal.talk(&format!("help: {}", run.to_go_on()));
            return Ok(code);
        }
    };
    let written = figures::write(&run.dir, VERB, figure(&run, &summary))
        .and_then(|()| run.write_summary(&summary));
    run.settle(written)?;
    run.end(Status::Complete, None)?;
    let path = run.dir.path().to_path_buf();
    terminal.text(&shown(&summary, &path))?;
    Trained::Complete(path, summary).told(terminal)
}

/// Checks everything that can be checked and begins the directory of the series.
fn begin(
    arguments: &VariantsArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<Recorded> {
    let seeds = arguments.seeds.unwrap_or(SEEDS);
    if !(1..=MOST_SEEDS).contains(&usize::from(seeds)) {
        bail!("--seeds is {seeds}, expected from 1 to {MOST_SEEDS}");
    }
    let flags = ConfigFlags { preset: Some(PRESET.to_string()), ..arguments.config.clone() };
    let resolved = Resolved::<Config>::new("train", &flags, arguments.data.smoke)?;
    let device_name = arguments.run.device.as_deref().unwrap_or("cpu");
    let place = Place { run: &arguments.run, device_name, data: &arguments.data, terminal };
    let out = arguments.run.out.as_deref();
    check_place(out, 0)?;
    let prepared = Prepared::new(resolved.config.clone(), place)?;
    check_place(out, prepared.bytes()?.saturating_mul(u64::from(seeds)))?;
    terminal.text(&prepared.tables())?;
    let beginning = Beginning {
        verb: VERB,
        command_line,
        config: json!({ "seeds": seeds, "train": resolved.config }),
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: prepared.seed,
        data: &arguments.data,
    };
    let config = resolved.to_toml()?;
    Recorded::begin(out, beginning, &config)
}

/// Trains every seed that is not trained yet.
fn series(
    arguments: &VariantsArgs,
    run: &mut Recorded,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let path = run.dir.path().to_path_buf();
    let recorded = || format!("the configuration in {}", path.display());
    let recorded_config = &run.manifest.config;
    let count: u64 = Deserialize::deserialize(&recorded_config["seeds"]).with_context(recorded)?;
    let config: Config =
        Deserialize::deserialize(&recorded_config["train"]).with_context(recorded)?;
    let seeds: Vec<u64> = (0..count).map(|k| config.seed.saturating_add(k)).collect();
    let (mut found, mut reads) = (Vec::new(), 0);
    for (position, &seed) in seeds.iter().enumerate() {
        terminal.talk(&format!("seed {seed} ({} of {count})", position + 1));
        let own = path.join(format!("seed-{seed}"));
        match one(seed, &own, arguments, run, command_line, stop)? {
            Trained::Complete(_, summary) => found.push(*summary),
            Trained::Interrupted(next, code) => return Ok(Trained::Interrupted(next, code)),
        }
        let manifest = Manifest::read(&own.join("manifest.json"))?;
        if let Some(data) = &manifest.dataset {
            run.check_dataset(data)?;
        }
        reads += manifest.test_set_reads;
    }
    run.manifest.test_set_reads = reads;
    let validation: Option<Vec<f64>> =
        found.iter().map(|one| Some(one.validation?.accuracy)).collect();
    let summary = Summary {
        schema_version: 1,
        verb: VERB.to_string(),
        seed: config.seed,
        epochs: config.train.epochs,
        network: Compared {
            name: "best dense".to_string(),
            config,
            parameters: found.first().map_or(0, |one| one.parameters),
            seeds,
            validation: validation.map(Spread::of),
            test: Some(Spread::of(found.iter().map(|one| one.test.accuracy).collect())),
        },
        seconds: found.iter().map(|one| one.seconds).collect(),
    };
    Ok(Trained::Complete(path, Box::new(summary)))
}

/// The run of one seed: begun, taken up, or found complete.
fn one(
    seed: u64,
    path: &Path,
    arguments: &VariantsArgs,
    run: &Recorded,
    command_line: &[String],
    stop: &Stop,
) -> Result<Trained<OneSeed>> {
    let mut config: Config = Deserialize::deserialize(&run.manifest.config["train"])
        .with_context(|| format!("the configuration in {}", run.dir.path().display()))?;
    config.seed = seed;
    let wanted = (Config::VERB, &config);
    let (flags, data) = match nested(path, run, wanted, &arguments.run, &arguments.data)? {
        Nested::Complete(summary) => return Ok(Trained::Complete(path.to_path_buf(), summary)),
        Nested::Run(flags, data) => (flags, data),
    };
    let mut inner = TrainArgs {
        find_learning_rate: false,
        weights: WeightFlags::default(),
        config: ConfigFlags::default(),
        run: flags,
        data,
        // Its tables would stand between those of the other seeds.
        output: OutputFlags { format: Format::Json, ..arguments.output },
    };
    if !inner.run.resume {
        inner.config.config = Some(run.dir.path().join("config.toml"));
        inner.config.seed = Some(seed);
    }
    train(&inner, command_line, Terminal::new(inner.output), stop)
}

fn shown(summary: &Summary, path: &Path) -> String {
    format!(
        "\n{} parameters, {}; test accuracy, read once for each seed\n\n{}\n\
         mean test accuracy: {}\nfigure: {}\nrun: {}",
        thousands(summary.network.parameters),
        counted(summary.epochs, "epoch"),
        table(summary),
        summary.network.test.as_ref().map_or(String::new(), mean),
        figures::place(path, VERB),
        home::shown(path)
    )
}

/// The seeds, one a line.
pub(crate) fn table(summary: &Summary) -> Table {
    let network = &summary.network;
    let mut table =
        Table::new(&[("seed", Align::Right), ("test", Align::Right), ("seconds", Align::Right)]);
    let accuracies = network.test.as_ref().map_or(&[][..], |test| &test.accuracies);
    for ((seed, accuracy), seconds) in network.seeds.iter().zip(accuracies).zip(&summary.seconds) {
        table.row([seed.to_string(), percent(*accuracy), format!("{seconds:.1}")]);
    }
    table
}

/// `91.02 % ± 0.11`, or without a deviation where there is one seed.
fn mean(of: &Spread) -> String {
    let deviation = of.sd.map_or(String::new(), |sd| format!(" ± {:.2}", 100.0 * sd));
    format!("{}{deviation}", percent(of.mean))
}

fn figure(run: &Recorded, summary: &Summary) -> Result<Figure> {
    let network = &summary.network;
    let row = |spread: &Spread| {
        let percents: Vec<f64> = spread.accuracies.iter().map(|share| 100.0 * share).collect();
        vec![DotRow::new(network.name.as_str(), percents).note(mean(spread))]
    };
    let data = run.manifest.dataset.as_ref().map_or("none", |data| data.name.as_str());
    let widths: Vec<String> = network.config.model.hidden.iter().map(ToString::to_string).collect();
    let title = network.test.as_ref().map(mean).unwrap_or_default();
    let mut plot = DotPlot::new(format!("{title} test accuracy"), Axis::linear("accuracy (%)"))
        .subtitle(format!(
            "{}, hidden layers {}, {} parameters, {}, {}",
            dataset::title(data),
            widths.join("-"),
            thousands(network.parameters),
            counted(summary.epochs, "epoch"),
            counted(network.seeds.len(), "seed")
        ))
        .caption(
            "A dot is a seed: its own first weights, batches, dropout and augmentation. Bar and numbers: \
             mean ± standard deviation over seeds. The test images, the same for every seed, add an \
             uncertainty of their own that is not shown.",
        );
    if let Some(validation) = &network.validation {
        plot = plot.group("validation", row(validation));
    }
    if let Some(test) = &network.test {
        plot = plot.group("test", row(test));
    }
    plot.size(1600, 560).render().context("cannot draw the seeds")
}
