//! What a project of somebody else does with the crates: loads the sample, trains a model of its own
//! that Atelier does not know, evaluates the landscape around it, tunes a quadratic, draws a chart.
//!
//! `consumer DIR`, where DIR holds the sample of Fashion-MNIST.

use std::error::Error;
use std::ops::ControlFlow;

use atelier_autoencoder::{Autoencoder, AutoencoderConfig};
use atelier_core::{Activation, Batch, Mode, Objective, VarMapObjective, evaluate, flatten, ops};
use atelier_data::{AugmentConfig, Batcher, DataConfig, SAMPLE, ValidationSize, load_dir, split};
use atelier_landscape::{Axes, GridWork, Plane, evaluate_grid, random_directions};
use atelier_plot::{Axis, LineChart, Panel, Series};
use atelier_train::{Event, Settings, Source, Surroundings, Trainer};
use atelier_tune::{Options, Parameter, Space, hyperparam_tuning};
use candle_core::{DType, Device};
use candle_nn::{VarBuilder, VarMap, init};

const SEED: u64 = 0;

fn main() -> Result<(), Box<dyn Error>> {
    let sample = std::env::args_os().nth(1).ok_or("usage: consumer DIR")?;
    let data = load_dir(sample.as_ref(), &[SAMPLE], false)?;
    let config = DataConfig { validation: ValidationSize::Count(400), ..DataConfig::default() };
    let parts = split(&data.train, &config, SEED)?;

    let model = regression()?;
    let losses = train(&model, parts.train.clone())?;
    let batches = |chunk| parts.train.evaluation_batches(chunk, None, &Device::Cpu);
    let trained = evaluate(&model, batches(500)?)?;
    let accuracy = trained.accuracy().unwrap_or(0.0);
    println!("training accuracy {:.1} %", 100.0 * accuracy);
    assert!(accuracy > 0.7, "the model has not learned");

    // The middle of the plane is the model itself, and the loss rises from there.
    let point = flatten(model.parameters())?;
    let [first, second] = random_directions(point.len(), SEED);
    let plane = Plane::new(point, &first, &second)?;
    let axes = Axes { x: vec![-3.0, 0.0, 3.0], y: vec![-3.0, 0.0, 3.0] };
    let batches = batches(500)?.collect::<Result<Vec<Batch>, _>>()?;
    let work = GridWork { threads: 1, remember: None };
    let watch = &mut |_, _| ControlFlow::Continue(());
    let surface = evaluate_grid(&model, &plane, &axes, &batches, work, watch)?;
    println!("losses of the plane {:.3?}", surface.loss);
    assert!((surface.loss[4] - trained.loss).abs() < 1e-5, "the middle is another loss");

    let config = AutoencoderConfig::default();
    let autoencoder = Autoencoder::new(784, &config, SEED, &Device::Cpu)?;
    let error = evaluate(&autoencoder, batches.into_iter().map(Ok))?.loss;
    println!("error of an autoencoder that is not trained {error:.3}");
    assert!(error > 0.05 && error < 0.5, "not the error of a random network");

    let relu = atelier_init::gain(Activation::Relu).forward;
    assert!((relu - 2.0_f64.sqrt()).abs() < 1e-9, "ReLU's gain is {relu}");

    let space = Space::new([Parameter::float("x", -10.0, 10.0)])?;
    let options = Options { trials: 40, seed: SEED, ..Options::default() };
    let study = hyperparam_tuning(
        &space,
        |trial| Ok((trial.settings().float("x")? - 2.0).powi(2)),
        &options,
    )?;
    let best = study.best().ok_or("no trial was completed")?;
    println!("best of {} trials: {}", study.trials.len(), best.settings);
    assert!(best.value.is_some_and(|value| value < 0.5), "the minimum was not found");

    let steps = (1..=losses.len()).map(|step| step as f64).collect::<Vec<_>>();
    let panel = Panel::new(Axis::linear("step"), Axis::linear("loss"));
    let chart = LineChart::new("Losses").panel(panel.series(Series::line("A", steps, losses)));
    assert!(chart.render()?.png.starts_with(b"\x89PNG"), "the chart is no PNG");
    Ok(())
}

/// Logistic regression, written with candle-nn.
fn regression() -> Result<
    VarMapObjective<impl Fn(&Batch, Mode) -> atelier_core::Result<atelier_core::Loss>>,
    Box<dyn Error>,
> {
    let variables = VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let weight = builder.get_with_hints((10, 784), "weight", init::ZERO)?;
    let bias = builder.get_with_hints(10, "bias", init::ZERO)?;
    Ok(VarMapObjective::new(&variables, move |batch: &Batch, _| {
        let logits = batch.matrix()?.matmul(&weight.t()?)?.broadcast_add(&bias)?;
        ops::cross_entropy(&logits, &batch.targets, 0.0)
    }))
}

/// Two epochs with the default settings; the loss of each step.
fn train(
    model: &dyn Objective,
    examples: atelier_data::Subset,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut settings = Settings::default();
    settings.train.epochs = 2;
    let augment = AugmentConfig::default();
    let mut batcher = Batcher::new(examples, 64, SEED, &augment, None, &Device::Cpu)?;
    let mut source = Source {
        batches_per_epoch: batcher.batches_per_epoch(),
        batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
    };
    let mut losses = Vec::new();
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |event| {
            if let Event::Step(report) = event {
                losses.push(f64::from(report.loss));
            }
        },
        interrupted: &|| false,
    };
    Trainer::new(model, &settings, SEED)?.run(&mut source, around)?;
    Ok(losses)
}
