//! Training on a GPU beside training on the CPU: the same examples, the same losses, and how long a
//! step takes. `cargo xtask test --cuda` builds with CUDA and runs these; without a GPU they are
//! skipped, and the command fails.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use atelier_core::{Objective, device, flatten};
use atelier_data::{
    AugmentConfig, Batcher, DataConfig, SAMPLE, Standardization, Subset, ValidationSize, load_dir,
    split,
};
use atelier_models::{Classifier, ModelConfig};
use atelier_train::{Error, Event, OptimizerKind, Settings, Source, Surroundings, Trainer};
use candle_core::Device;

/// The GPU; without one the test that asks is counted as skipped.
fn gpu() -> Option<Device> {
    let found = device("cuda");
    if let Err(error) = &found {
        let thread = std::thread::current();
        let line = format!("\nskipped: {}: {error}\n", thread.name().unwrap_or("a test"));
        std::io::stdout().write_all(line.as_bytes()).expect("stdout can be written");
    }
    found.ok()
}

fn examples() -> Subset {
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample"));
    let data = load_dir(sample, &[SAMPLE], false).expect("the sample");
    let config = DataConfig { validation: ValidationSize::Count(0), ..DataConfig::default() };
    split(&data.train, &config, 0).expect("a split").train
}

/// What is trained, and how.
#[derive(Clone, Default)]
struct Recipe {
    model: ModelConfig,
    settings: Settings,
    augment: AugmentConfig,
    standardize: bool,
}

/// The loss of every step, the weights at the end, and the seconds that it took.
fn trained(recipe: &Recipe, device: &Device) -> Result<(Vec<f32>, Vec<f32>, f64), Error> {
    let examples = examples();
    let standardization = recipe.standardize.then(|| Standardization::fit(&examples));
    let model = Classifier::new(784, 10, &recipe.model, 0.0, 0, device).expect("a network");
    let size = recipe.settings.train.batch_size;
    let mut batcher =
        Batcher::new(examples, size, 0, &recipe.augment, standardization.as_ref(), device)
            .expect("a source of batches");
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
                losses.push(report.loss);
            }
        },
        interrupted: &|| false,
    };
    let began = Instant::now();
    Trainer::new(&model, &recipe.settings, 0)?.run(&mut source, around)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok((losses, flatten(model.parameters()).expect("weights"), seconds))
}

fn recipes() -> Vec<(&'static str, Recipe)> {
    let mut plain = Recipe::default();
    plain.settings.train.epochs = 2;
    plain.settings.optimizer.momentum = 0.9;
    plain.settings.optimizer.learning_rate = 0.02;
    let mut adam = plain.clone();
    adam.settings.optimizer.kind = OptimizerKind::Adam;
    adam.settings.optimizer.momentum = 0.0;
    adam.settings.optimizer.learning_rate = 1e-3;
    adam.settings.train.clip = 0.5;
    adam.settings.train.ema = 0.9;
    let mut rich = plain.clone();
    rich.model = ModelConfig { batch_norm: true, dropout: 0.2, ..ModelConfig::default() };
    rich.augment = AugmentConfig { flip: true, shift: 2, erase: 0.3, mixup: 0.2 };
    rich.standardize = true;
    vec![
        ("momentum", plain),
        ("Adam, clipped and averaged", adam),
        ("batch norm, dropout, augmentation", rich),
    ]
}

#[test]
fn a_gpu_takes_the_steps_that_the_cpu_takes() {
    let Some(gpu) = gpu() else { return };
    for (name, recipe) in recipes() {
        let [(on_cpu, weights, _), (on_gpu, others, _)] =
            [&Device::Cpu, &gpu].map(|device| trained(&recipe, device).expect("trained"));
        assert_eq!(on_cpu.len(), on_gpu.len());
        for (step, (a, b)) in on_cpu.iter().zip(&on_gpu).enumerate() {
            assert!((a - b).abs() < 1e-2 * a.abs().max(1.0), "{name}, step {step}: {a} and {b}");
        }
        let far = weights.iter().zip(&others).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 2e-2, "{name}: weights are {far} apart");
    }
}

#[test]
fn a_loss_that_is_none_is_told_with_its_step() {
    let Some(gpu) = gpu() else { return };
    let mut recipe = Recipe::default();
    recipe.settings.optimizer.learning_rate = 1e6;
    let [on_cpu, on_gpu] =
        [&Device::Cpu, &gpu].map(|device| trained(&recipe, device).expect_err("diverged"));
    let step = |error: &Error| match error {
        Error::Diverged { step, .. } => *step,
        other => panic!("{other}"),
    };
    assert!(step(&on_cpu).abs_diff(step(&on_gpu)) <= 2, "{on_cpu}; {on_gpu}");
}

#[test]
fn the_time_of_a_step_is_told() {
    let Some(gpu) = gpu() else { return };
    for (width, size) in [(50, 64), (50, 256), (512, 256), (2048, 256)] {
        let mut recipe = Recipe::default();
        recipe.model.hidden = vec![width; 3];
        recipe.settings.train.batch_size = size;
        recipe.settings.train.epochs = 8;
        let time = |device: &Device| {
            // The first time includes what is done once.
            let of = |_| {
                let (losses, _, seconds) = trained(&recipe, device).expect("trained");
                1e6 * seconds / losses.len() as f64
            };
            (0..3).map(of).fold(f64::INFINITY, f64::min)
        };
        let line = format!(
            "3 x {width}, batch {size}: {:.0} us a step on the CPU, {:.0} us on the GPU\n",
            time(&Device::Cpu),
            time(&gpu)
        );
        std::io::stdout().write_all(line.as_bytes()).expect("stdout can be written");
    }
}
