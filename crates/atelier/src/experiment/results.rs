//! What a finished training run leaves behind, and what is shown of it.

use std::path::Path;

use anyhow::{Result, anyhow};
use atelier_models::{NamedTensor, fold_standardization};
use atelier_plot::Figure;
use atelier_store::{NamedArray, write_model};
use atelier_train::Outcome;

use super::looks::Kind;
use super::prepared::{Prepared, Trainable};
use super::recorded::Recorded;
use super::saved::MODEL;
use super::seen::{ClassResult, Seen};
use super::summary::{ImageSize, Iteration, Measured, Summary, Tested};
use super::training::lower_the_rate;
use super::{figures, history, looks, pytorch};
use crate::cli::DataFlags;
use crate::dataset;
use crate::failure::Help as _;
use crate::home;
use crate::picture::Backgrounds;
use crate::terminal::{Align, Table, counted, percent, thousands};

/// Measures the final weights and writes model, figures and summary.
pub(crate) fn write(prepared: &Prepared, run: &mut Recorded, outcome: &Outcome) -> Result<Summary> {
    let (summary, seen) = measure(prepared, run, outcome)?;
    let tensors = write_weights(prepared, run, &batch_counters(prepared, outcome))?;

    let subtitle = subtitle(prepared, &counted(summary.epochs, "epoch"));
    let epochs = history::epochs(run.dir.path())?;
    let accuracy = summary.test.accuracy;
    let curves = || figures::curves(&subtitle, &epochs, accuracy).map(Some);
    let last = || figures::last_iterations(&subtitle, &summary.last_20, accuracy).map(Some);
    let more: [Drawing<'_>; 2] = [("curves", &curves), ("last-20", &last)];
    draw(prepared, run, &subtitle, &seen, &tensors, &more)?;

    run.write_summary(&summary)?;
    Ok(summary)
}

/// A figure with its name; nothing where there is nothing to draw.
pub(super) type Drawing<'a> = (&'a str, &'a (dyn Fn() -> Result<Option<Figure>> + Sync));

/// Draws and writes the figures that look at a network whose weights are `tensors`, and `more`. Each is
/// drawn on a thread of its own: together they would take longer than a short training.
pub(super) fn draw(
    prepared: &Prepared,
    run: &Recorded,
    subtitle: &str,
    seen: &Seen,
    tensors: &[NamedTensor],
    more: &[Drawing<'_>],
) -> Result<()> {
    let data = &prepared.data.train;
    let (height, width) = (data.height(), data.width());
    let kind = Kind { classes: &prepared.data.class_names, height, width };
    let layers: Vec<_> = prepared.model.net.layers().iter().collect();
    let confusion = || looks::confusion(&kind, subtitle, &seen.look).map(Some);
    let mistakes = || looks::mistakes(&kind, subtitle, &seen.mistakes);
    let calibration = || looks::calibration(subtitle, &seen.look.calibration).map(Some);
    let weights = || {
        let first = tensors.first();
        first.map(|weight| looks::first_layer(&kind, subtitle, weight)).transpose()
    };
    let network = || looks::network(&kind, subtitle, &layers, "softmax").map(Some);
    let drawings: [Drawing<'_>; 5] = [
        ("confusion", &confusion),
        ("mistakes", &mistakes),
        ("calibration", &calibration),
        ("first-layer", &weights),
        ("network", &network),
    ];
    let figures = std::thread::scope(|scope| {
        let threads: Vec<_> = (drawings.iter().chain(more))
            .map(|(name, drawing)| {
                (name, drawing, std::thread::Builder::new().spawn_scoped(scope, drawing))
            })
            .collect();
        let joined = threads.into_iter().map(|(name, drawing, thread)| {
            let drawn = match thread {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                }
                // The system has no more threads to give.
                Err(_) => drawing(),
            };
            (name, drawn)
        });
        joined.collect::<Vec<_>>()
    });
    for (name, figure) in figures {
        if let Some(figure) = figure.transpose() {
            figures::write(&run.dir, name, figure)?;
        }
    }
    Ok(())
}

fn measure(prepared: &Prepared, run: &mut Recorded, outcome: &Outcome) -> Result<(Summary, Seen)> {
    let evaluate = |examples, quantity| {
        let found = prepared.evaluate(&prepared.model, examples)?;
        check_finite(found.loss, quantity, prepared, outcome)?;
        Tested::try_from(found)
    };
    let train = evaluate(&prepared.split.train, "training loss of the final weights")?;
    let validation = prepared.split.validation.as_ref();
    let validation = validation
        .map(|examples| evaluate(examples, "validation loss of the final weights"))
        .transpose()?;
    run.count_test_set_read()?;
    let seen = Seen::of_test(prepared)?;
    check_finite(seen.found.loss, "test loss of the final weights", prepared, outcome)?;
    let last = outcome.last.iter();
    let summary = Summary {
        schema_version: 1,
        verb: "train".to_string(),
        seed: prepared.config.seed,
        parameters: prepared.parameters(),
        epochs: outcome.epochs,
        steps: outcome.steps,
        seconds: outcome.seconds,
        train: train.into(),
        validation: validation.map(Into::into),
        test: seen.found.try_into()?,
        last_20: last
            .map(|at| Iteration { step: at.step, epoch: at.epoch, loss: at.loss.into() })
            .collect(),
        image: Some(ImageSize::of(&prepared.data.train)),
        backgrounds: Some(Backgrounds::of(&prepared.data.train)),
        look: Some(seen.look.clone()),
    };
    Ok((summary, seen))
}

/// Refuses a result that is no number: the last step can have left the numbers, and nobody was told.
pub(super) fn check_finite<C: Trainable>(
    loss: f64,
    quantity: &'static str,
    prepared: &Prepared<C, C::Model>,
    outcome: &Outcome,
) -> Result<()> {
    if loss.is_finite() {
        return Ok(());
    }
    #[expect(clippy::cast_possible_truncation, reason = "not finite in f32 either")]
    let value = loss as f32;
    let error = atelier_train::Error::Diverged {
        quantity,
        value,
        epoch: outcome.epochs,
        step: outcome.steps,
        learning_rate: prepared.settings.optimizer.learning_rate,
    };
    Err(error).help(|| lower_the_rate(prepared))
}

/// PyTorch's counters of training batches, which are part of a batch norm's state: with them
/// `load_state_dict(strict=True)` takes the file.
fn batch_counters(prepared: &Prepared, outcome: &Outcome) -> Vec<NamedArray> {
    let steps = i64::try_from(outcome.steps).unwrap_or(i64::MAX);
    let names = prepared.model.net.batch_counters().into_iter();
    names.map(|name| NamedArray::i64(name, &[], &[steps])).collect()
}

/// `model.safetensors`: the final weights under PyTorch's names, for plain pixels in [0, 1], and
/// `others` that belong to the model's state, and `load.py` beside it; gives the weights.
pub(crate) fn write_weights<C: Trainable>(
    prepared: &Prepared<C, C::Model>,
    run: &Recorded,
    others: &[NamedArray],
) -> Result<Vec<NamedTensor>> {
    let mut tensors = C::state(&prepared.model)?;
    if let Some(standardization) = &prepared.standardization {
        let [weight, bias, ..] = tensors.as_mut_slice() else {
            return Err(anyhow!("the network has no first layer to fold the standardisation into"));
        };
        fold_standardization(weight, bias, &standardization.mean, &standardization.scale)?;
    }
    let arrays: Vec<NamedArray> = tensors
        .iter()
        .map(|tensor| NamedArray::f32(&tensor.name, &tensor.shape, &tensor.values))
        .chain(others.iter().cloned())
        .collect();
    write_model(&run.dir.file(MODEL)?, &arrays)?;
    write_loader(prepared, run)?;
    Ok(tensors)
}

/// `load.py`.
pub(super) fn write_loader<C: Trainable>(
    prepared: &Prepared<C, C::Model>,
    run: &Recorded,
) -> Result<()> {
    let (layers, inputs) = (C::layers(&prepared.model), prepared.data.train.pixels());
    let code = pytorch::loader(&layers, inputs, prepared.config.dropout());
    Ok(run.dir.write(pytorch::FILE, code.as_bytes())?)
}

/// The line under the titles of figures; `how` says how the network was trained.
pub(super) fn subtitle(prepared: &Prepared, how: &str) -> String {
    let widths: Vec<String> =
        prepared.config.model.hidden.iter().map(ToString::to_string).collect();
    format!(
        "{}, hidden layers {}, {how}, seed {}",
        dataset::title(&prepared.data.provenance.name),
        if widths.is_empty() { "none".to_string() } else { widths.join("-") },
        prepared.seed
    )
}

/// What stdout says at the end: the last iterations, the accuracy, where everything is, and how to
/// have it again.
pub(crate) fn shown(prepared: &Prepared, run: &Recorded, summary: &Summary) -> String {
    let iterations = last_iterations(&summary.last_20);
    let splits = splits(Some(summary.train), summary.validation, summary.test);
    let classes = summary.look.as_ref().map(|look| class_table(&look.classes));
    let classes = classes.map(|table| format!("{table}\n")).unwrap_or_default();
    format!(
        "\n{}\n\n{iterations}\nwith the final weights\n\n{splits}\n{classes}\
         test accuracy: {} ({} of {})\ntrained in {:.1} s, {}\nrun: {}\nagain: {}",
        the_last(summary.last_20.len()),
        percent(summary.test.accuracy),
        thousands(summary.test.correct),
        thousands(summary.test.total),
        summary.seconds,
        counted(usize::try_from(summary.steps).unwrap_or(usize::MAX), "step"),
        home::shown(run.dir.path()),
        again(prepared, run)
    )
}

/// Loss and accuracy of each split.
pub(super) fn splits(train: Option<Measured>, validation: Option<Measured>, test: Tested) -> Table {
    let mut splits = Table::new(&[
        ("split", Align::Left),
        ("cross-entropy", Align::Right),
        ("accuracy", Align::Right),
    ]);
    let measured = [("training", train), ("validation", validation), ("test", Some(test.into()))];
    for (name, found) in measured {
        if let Some(found) = found {
            let cross_entropy = format!("{:.4}", found.cross_entropy);
            splits.row([name.to_string(), cross_entropy, percent(found.accuracy)]);
        }
    }
    splits
}

/// How well each class is told from the others.
pub(crate) fn class_table(classes: &[ClassResult]) -> Table {
    let mut table = Table::new(&[
        ("class of test images", Align::Left),
        ("precision", Align::Right),
        ("recall", Align::Right),
        ("F1", Align::Right),
        ("support", Align::Right),
    ]);
    let share = |share: Option<f64>| share.map_or_else(|| "-".to_string(), percent);
    for of in classes {
        let shares = [of.precision, of.recall, of.f1].map(share);
        let cells = [of.class.clone()].into_iter().chain(shares);
        table.row(cells.chain([thousands(of.support)]));
    }
    table
}

/// `the last 20 iterations`.
pub(crate) fn the_last(iterations: usize) -> String {
    match iterations {
        1 => "the last iteration".to_string(),
        n => format!("the last {n} iterations"),
    }
}

/// The losses of the last iterations.
pub(crate) fn last_iterations(iterations: &[Iteration]) -> Table {
    let mut table = Table::new(&[
        ("iteration", Align::Right),
        ("epoch", Align::Right),
        ("training loss", Align::Right),
    ]);
    for at in iterations {
        let step = usize::try_from(at.step).map_or_else(|_| at.step.to_string(), thousands);
        table.row([step, at.epoch.to_string(), format!("{:.4}", at.loss)]);
    }
    table
}

/// The command that repeats the run.
pub(crate) fn again<C: Trainable>(prepared: &Prepared<C, C::Model>, run: &Recorded) -> String {
    let pinned = prepared.data.provenance.pinned;
    let config = run.dir.path().join("config.toml");
    let command = repetition(C::VERB, &config, &prepared.data_flags, pinned, &prepared.device_name);
    match &run.manifest.start {
        Some(_) => format!("{command} --from {}", home::quoted(&run.dir.path().join(START))),
        None => command,
    }
}

/// The weights that a run began from, where it began from some.
pub(super) const START: &str = "start.safetensors";

/// The command that runs `verb` with the configuration in the file `config` on the data that `data`
/// leads to.
pub(crate) fn repetition(
    verb: &str,
    config: &Path,
    data: &DataFlags,
    pinned: bool,
    device_name: &str,
) -> String {
    let config = home::quoted(config);
    let mut words =
        vec![home::program().to_string(), verb.to_string(), "--config".to_string(), config];
    if data.data_dir.is_some() || data.smoke {
        // Not `--smoke`, which would say more than where the sample is.
        let directory = dataset::directory(data);
        words.extend(["--data-dir".to_string(), home::quoted(&directory)]);
    }
    if !pinned {
        words.push("--allow-unpinned".to_string());
    }
    if device_name != "cpu" {
        words.extend(["--device".to_string(), device_name.to_string()]);
    }
    words.join(" ")
}
