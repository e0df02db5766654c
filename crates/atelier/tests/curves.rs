//! A curve between two trained networks, trained by the trainer that trained them.

use std::ops::ControlFlow;
use std::path::Path;

use atelier_core::{Batch, Objective, flatten};
use atelier_data::{
    AugmentConfig, Batcher, DataConfig, SAMPLE, Subset, ValidationSize, load_dir, split,
};
use atelier_landscape::{Bezier, PathLosses, line_losses};
use atelier_models::{Classifier, ModelConfig};
use atelier_train::{ScheduleKind, Settings, Source, Surroundings, Trainer};
use candle_core::Device;

const EXAMPLES: usize = 500;

fn examples() -> Subset {
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample"));
    let data = load_dir(sample, &[SAMPLE], false).expect("the sample");
    let config = DataConfig { validation: ValidationSize::Count(0), ..DataConfig::default() };
    let parts = split(&data.train, &config, 0).expect("a split");
    parts.train.stratified(EXAMPLES, 0).expect("as many examples")
}

fn train(objective: &dyn Objective, examples: &Subset, epochs: usize, seed: u64) {
    let augment = AugmentConfig::default();
    let mut batcher = Batcher::new(examples.clone(), 50, seed, &augment, None, &Device::Cpu)
        .expect("a source of batches");
    let mut source = Source {
        batches_per_epoch: batcher.batches_per_epoch(),
        batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
    };
    let mut settings = Settings::default();
    settings.train.epochs = epochs;
    settings.optimizer.learning_rate = 0.1;
    settings.schedule.kind = ScheduleKind::Cosine;
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| false,
    };
    let mut trainer = Trainer::new(objective, &settings, seed).expect("a trainer");
    trainer.run(&mut source, around).expect("trained");
}

fn highest(path: &PathLosses) -> f64 {
    path.points.iter().map(|point| point.height.loss).fold(f64::NEG_INFINITY, f64::max)
}

#[test]
fn a_trained_curve_between_batch_norm_networks_stays_below_the_straight_line() {
    let examples = examples();
    let config = ModelConfig { hidden: vec![32, 32], batch_norm: true, ..ModelConfig::default() };
    let trained = |seed| {
        let classifier =
            Classifier::new(784, 10, &config, 0.1, seed, &Device::Cpu).expect("a network");
        train(&classifier, &examples, 10, seed);
        classifier
    };
    let [first, second] = [0, 1].map(trained);
    let ends = [&first, &second].map(|net| flatten(net.parameters()).expect("a point"));
    let batches: Vec<Batch> = examples
        .evaluation_batches(50, None, &Device::Cpu)
        .expect("batches")
        .collect::<atelier_core::Result<_>>()
        .expect("batches");
    let watch = &mut |_, _| ControlFlow::Continue(());
    let line = line_losses(&first, &batches, &ends[0], &ends[1], 11, watch).expect("a line");
    assert!(line.barrier.is_distinct(), "{:?}", line.barrier);

    let statistics = flatten(first.buffers()).expect("running statistics");
    let curve = Bezier::new(&first, &ends[0], &ends[1]).expect("a curve");
    train(&curve, &examples, 20, 2);
    let bent = curve.losses(&batches, 11, watch).expect("losses along the curve");
    let (straight, curved) = (line.barrier.rise, bent.barrier.rise);
    assert!(curved < 0.5 * straight, "{curved} of {straight}");
    assert!(highest(&bent) < highest(&line));
    for (end, expected) in [(0.0, &ends[0]), (1.0, &ends[1])] {
        assert_eq!(&curve.point(end).expect("an end"), expected);
    }

    drop(curve);
    assert_eq!(flatten(first.parameters()).expect("a point"), ends[0]);
    assert_eq!(flatten(first.buffers()).expect("running statistics"), statistics);
}
