//! `autoencoder --bottlenecks`: one autoencoder for each size of the code, in a run directory of its
//! own within that of the sweep.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_plot::{Axis, Figure, LineChart, Panel, Series, Style};
use atelier_store::{Manifest, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{AutoencoderArgs, ConfigFlags, Format, OutputFlags};
use crate::config::{AutoencodingConfig, Resolved};
use crate::dataset;
use crate::experiment::autoencoding::{Summary, train};
use crate::experiment::figures;
use crate::experiment::finished::finished;
use crate::experiment::nested::{Nested, nested};
use crate::experiment::prepared::{Place, Prepared, Trainable as _};
use crate::experiment::recorded::{Beginning, Recorded, check_place};
use crate::experiment::training::Trained;
use crate::failure::{DONE, Help as _};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Align, Table, Terminal, counted};

/// Where no sizes are named.
const SIZES: [usize; 5] = [4, 8, 16, 32, 64];

/// What manifest and directory call a sweep.
pub(crate) const VERB: &str = "bottlenecks";

/// The results of one size. Errors are mean squared errors of pixels in [0, 1].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bottleneck {
    latent: usize,
    test_mse: f64,
    /// Of test images with noise, where there was noise in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    noisy_test_mse: Option<f64>,
    /// As many as the code has units, but no more than an image has pixels.
    pca_components: usize,
    pca_test_mse: f64,
    dead_latent_units: usize,
}

/// `autoencoder --bottlenecks`; no sizes are the usual ones.
pub(crate) fn run(
    sizes: &[usize],
    arguments: &AutoencoderArgs,
    command_line: &[String],
    stop: &Stop,
) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let mut run = if arguments.run.resume {
        if !sizes.is_empty() {
            return Err(anyhow!("--resume goes on with the sweep's own sizes"))
                .help(|| "leave out the sizes after --bottlenecks".to_string());
        }
        if let Some(code) = finished(&arguments.run, VERB, terminal)? {
            return Ok(code);
        }
        Recorded::resume(&arguments.run, &arguments.data, VERB)?
    } else {
        begin(sizes, arguments, command_line, terminal)?
    };
    terminal.talk(&format!("sweep: {}", home::shown(run.dir.path())));

    let done = sweep(arguments, &mut run, command_line, terminal, stop);
    let found = match run.settle(done)? {
        Swept::Complete(found) => found,
        Swept::Interrupted(code) => {
            run.end(Status::Interrupted, None)?;
            terminal.talk(&format!("help: {}", run.to_go_on()));
            return Ok(code);
        }
    };
    let mut object = json!({
        "schema_version": 1,
        "verb": VERB,
        "seed": run.manifest.seed,
        "sweep": found,
    });
    let written = figures::write(&run.dir, "bottleneck", figure(&run, &found))
        .and_then(|()| run.write_summary(&object));
    run.settle(written)?;
    run.end(Status::Complete, None)?;
    let path = run.dir.path();
    terminal.text(&format!(
        "\nmean squared errors of test images by the size of the code\n\n{}\nfigure: {}\nrun: {}",
        table(&found),
        figures::place(path, "bottleneck"),
        home::shown(path)
    ))?;
    object["run"] = json!(path.display().to_string());
    terminal.object(&object)?;
    Ok(DONE)
}

fn begin(
    sizes: &[usize],
    arguments: &AutoencoderArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<Recorded> {
    let names_size =
        |set: &String| set.split('=').next().is_some_and(|key| key.trim() == "autoencoder.latent");
    if arguments.config.set.iter().any(names_size) {
        bail!("--bottlenecks and `autoencoder.latent` both name sizes of the code");
    }
    let mut sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes.to_vec() };
    sizes.sort_unstable();
    sizes.dedup();
    let verb = "autoencoder";
    let resolved =
        Resolved::<AutoencodingConfig>::new(verb, &arguments.config, arguments.data.smoke)?;
    let mut largest = resolved.config.clone();
    for &size in &sizes {
        largest.autoencoder.latent = size;
        largest.autoencoder.check()?;
    }
    let device_name = arguments.run.device.as_deref().unwrap_or("cpu");
    let place = Place { run: &arguments.run, device_name, data: &arguments.data, terminal };
    let out = arguments.run.out.as_deref();
    check_place(out, 0)?;
    // Everything that can be wrong is found before anything is written.
    let prepared = Prepared::new(largest, place)?;
    check_place(out, prepared.bytes()?.saturating_mul(sizes.len() as u64))?;
    let beginning = Beginning {
        verb: VERB,
        command_line,
        config: json!({ "bottlenecks": sizes, "autoencoder": resolved.config }),
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: prepared.seed,
        data: &arguments.data,
    };
    let config = resolved.to_toml()?;
    Recorded::begin(out, beginning, &config)
}

/// How a sweep ended, where it did not fail.
enum Swept {
    Complete(Vec<Bottleneck>),
    /// By a signal, with the exit code of its kind.
    Interrupted(u8),
}

/// Trains every size that is not trained yet.
fn sweep(
    arguments: &AutoencoderArgs,
    run: &mut Recorded,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Swept> {
    let sizes: Vec<usize> = serde_json::from_value(run.manifest.config["bottlenecks"].clone())
        .with_context(|| format!("the sizes in {}", run.dir.path().display()))?;
    let mut found = Vec::new();
    let mut reads = 0;
    for (position, &latent) in sizes.iter().enumerate() {
        terminal.talk(&format!("a code of {latent} ({} of {})", position + 1, sizes.len()));
        let path = run.dir.path().join(format!("latent-{latent:04}"));
        let summary = match trained(latent, &path, arguments, run, command_line, stop)? {
            Trained::Complete(_, summary) => summary,
            Trained::Interrupted(_, code) => return Ok(Swept::Interrupted(code)),
        };
        let manifest = Manifest::read(&path.join("manifest.json"))?;
        if let Some(data) = &manifest.dataset {
            run.check_dataset(data)?;
        }
        reads += manifest.test_set_reads;
        found.push(Bottleneck {
            latent,
            test_mse: summary.test_mse,
            noisy_test_mse: summary.denoising.map(|of| of.test_mse),
            pca_components: summary.pca_components,
            pca_test_mse: summary.pca_test_mse,
            dead_latent_units: summary.dead_latent_units,
        });
    }
    run.manifest.test_set_reads = reads;
    Ok(Swept::Complete(found))
}

/// The run of one size: begun, taken up, or found complete.
fn trained(
    latent: usize,
    path: &Path,
    arguments: &AutoencoderArgs,
    run: &Recorded,
    command_line: &[String],
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let mut config: AutoencodingConfig =
        serde_json::from_value(run.manifest.config["autoencoder"].clone())
            .with_context(|| format!("the configuration in {}", run.dir.path().display()))?;
    config.autoencoder.latent = latent;
    let wanted = (AutoencodingConfig::VERB, &config);
    let (flags, data) = match nested(path, run, wanted, &arguments.run, &arguments.data)? {
        Nested::Complete(summary) => return Ok(Trained::Complete(path.to_path_buf(), summary)),
        Nested::Run(flags, data) => (flags, data),
    };
    let mut inner = AutoencoderArgs {
        bottlenecks: None,
        config: ConfigFlags::default(),
        run: flags,
        data,
        // Its tables would stand between those of the other sizes.
        output: OutputFlags { format: Format::Json, ..arguments.output },
    };
    if !inner.run.resume {
        inner.config.config = Some(run.dir.path().join("config.toml"));
        inner.config.set = vec![format!("autoencoder.latent={latent}")];
    }
    train(&inner, command_line, Terminal::new(inner.output), stop)
}

/// The sizes, one a line.
pub(crate) fn table(sweep: &[Bottleneck]) -> Table {
    let noisy = sweep.iter().any(|of| of.noisy_test_mse.is_some());
    let mut columns = vec![("size of the code", Align::Right), ("autoencoder", Align::Right)];
    if noisy {
        columns.push(("of noisy images", Align::Right));
    }
    columns.extend([("principal components", Align::Right), ("dead units", Align::Right)]);
    let mut table = Table::new(&columns);
    for of in sweep {
        let mut row = vec![of.latent.to_string(), format!("{:.5}", of.test_mse)];
        if noisy {
            row.push(of.noisy_test_mse.map_or(String::new(), |error| format!("{error:.5}")));
        }
        let clamped = if of.pca_components < of.latent {
            format!(" (of {})", of.pca_components)
        } else {
            String::new()
        };
        row.push(format!("{:.5}{clamped}", of.pca_test_mse));
        row.push(of.dead_latent_units.to_string());
        table.row(row);
    }
    table
}

fn figure(run: &Recorded, sweep: &[Bottleneck]) -> Result<Figure> {
    let sizes: Vec<f64> = sweep.iter().map(|of| of.latent as f64).collect();
    let named: Vec<String> = sweep.iter().map(|of| of.latent.to_string()).collect();
    let of = |value: fn(&Bottleneck) -> f64| -> Vec<f64> { sweep.iter().map(value).collect() };
    let series = |name, ys| Series::new(name, Style::LineWithPoints, sizes.clone(), ys);
    let mut panel = Panel::new(
        Axis::logarithmic("numbers an image is reduced to"),
        Axis::linear("mean squared error, test").at_least(0.0),
    )
    .series(series("autoencoder", of(|of| of.test_mse)))
    .series(series("principal components", of(|of| of.pca_test_mse)));
    if sweep.iter().any(|of| of.noisy_test_mse.is_some()) {
        let noisy = of(|of| of.noisy_test_mse.unwrap_or(f64::NAN));
        panel = panel.series(series("autoencoder, noisy images", noisy));
    }
    let mut caption = format!("Sizes: {}. Everything but the size is the same.", named.join(", "));
    if let Some(of) = sweep.iter().find(|of| of.pca_components < of.latent) {
        let most = of.pca_components;
        let _ =
            write!(caption, " The training images have no more than {most} principal components.");
    }
    let name = run.manifest.dataset.as_ref().map_or("none", |data| data.name.as_str());
    let config: AutoencodingConfig =
        serde_json::from_value(run.manifest.config["autoencoder"].clone())
            .with_context(|| format!("the configuration in {}", run.dir.path().display()))?;
    let down: Vec<String> = config.autoencoder.hidden.iter().map(ToString::to_string).collect();
    let up = down.iter().rev().map(String::as_str);
    let layers: Vec<&str> = down.iter().map(String::as_str).chain(["code"]).chain(up).collect();
    let most = if config.train.early_stopping > 0 { "at most " } else { "" };
    LineChart::new("Reconstruction error by the size of the code")
        .subtitle(format!(
            "{}, layers {}, {most}{}, seed {}",
            dataset::title(name),
            layers.join("-"),
            counted(config.train.epochs, "epoch"),
            run.manifest.seed
        ))
        .caption(caption)
        .panel(panel)
        .render()
        .context("cannot draw the errors by size")
}
