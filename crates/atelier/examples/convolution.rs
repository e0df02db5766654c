//! A network that Atelier does not know, a small convolutional one written with candle-nn, trained by
//! Atelier's trainer on the sample: the variables and a closure make an `Objective`.

use std::path::Path;

use anyhow::Result;
use atelier_core::init::Initializer;
use atelier_core::seed::stream;
use atelier_core::{Batch, Mode, Objective, VarMapObjective, evaluate, ops};
use atelier_data::{AugmentConfig, Batcher, DataConfig, SAMPLE, ValidationSize, load_dir, split};
use atelier_train::{Event, OptimizerKind, ScheduleKind, Settings, Source, Surroundings, Trainer};
use candle_core::{DType, Device, ModuleT};
use candle_nn::{Conv2dConfig, VarBuilder, VarMap, conv2d, linear};

const SEED: u64 = 0;

fn main() -> Result<()> {
    let device = &Device::Cpu;
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample"));
    let data = load_dir(sample, &[SAMPLE], false)?;
    let config = DataConfig { validation: ValidationSize::Count(400), ..DataConfig::default() };
    let parts = split(&data.train, &config, SEED)?;

    let variables = VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, device);
    let halving = Conv2dConfig { padding: 1, stride: 2, ..Conv2dConfig::default() };
    let first = conv2d(1, 8, 3, halving, builder.pp("0"))?;
    let second = conv2d(8, 16, 3, halving, builder.pp("2"))?;
    let output = linear(16 * 7 * 7, 10, builder.pp("5"))?;
    let objective = VarMapObjective::new(&variables, move |batch: &Batch, mode: Mode| {
        let train = matches!(mode, Mode::Train(_));
        let images = batch.inputs.reshape(((), 1, 28, 28))?;
        let h = first.forward_t(&images, train)?.relu()?;
        let h = second.forward_t(&h, train)?.relu()?;
        let logits = output.forward_t(&h.flatten_from(1)?, train)?;
        ops::cross_entropy(&logits, &batch.targets, 0.0)
    });
    // candle draws its first weights anew in every process; these depend on the seed alone.
    for (layer, parameter) in (0..).zip(objective.parameters()) {
        let shape = parameter.shape();
        let values = if shape.len() > 1 {
            let inputs = shape[1..].iter().product();
            let stream = &mut stream(SEED, "convolution", 0, layer);
            Initializer::HeNormal.weight(inputs, shape[0], 1.0, stream)
        } else {
            vec![0.0; parameter.len()]
        };
        parameter.assign(&values)?;
    }

    let mut settings = Settings::default();
    settings.train.epochs = 8;
    settings.optimizer.kind = OptimizerKind::Adam;
    settings.optimizer.learning_rate = 3e-3;
    settings.schedule.kind = ScheduleKind::Cosine;
    let mut batcher = Batcher::new(parts.train, 64, SEED, &AugmentConfig::default(), None, device)?;
    let mut source = Source {
        batches_per_epoch: batcher.batches_per_epoch(),
        batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
    };
    let mut trainer = Trainer::new(&objective, &settings, SEED)?;
    let outcome = trainer.run(
        &mut source,
        Surroundings {
            validation: None,
            run_dir: None,
            observer: &mut |event| {
                if let Event::Epoch(report) = event {
                    println!("epoch {}: training loss {:.4}", report.epoch, report.train_loss);
                }
            },
            interrupted: &|| false,
        },
    )?;

    if let Some(validation) = &parts.validation {
        let found = evaluate(&objective, validation.evaluation_batches(200, None, device)?)?;
        let accuracy = 100.0 * found.accuracy().unwrap_or(f64::NAN);
        println!("{} steps; validation accuracy {accuracy:.1} %", outcome.steps);
    }
    Ok(())
}
