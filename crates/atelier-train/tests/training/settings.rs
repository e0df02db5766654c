//! What is refused before it begins.

use crate::small::{Small, settings, source};
use atelier_train::{Error, OptimizerKind, ScheduleKind, Settings, Source, Surroundings, Trainer};

#[test]
fn early_stopping_without_validation_is_refused() {
    let mut settings = settings(OptimizerKind::Sgd);
    settings.train.early_stopping = 3;
    let objective = Small::new(1);
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| false,
    };
    let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
    let error = trainer.run(&mut source(), around).expect_err("no validation");
    assert!(error.to_string().contains("train.early_stopping"), "{error}");
}

#[test]
fn no_batches_is_an_error() {
    let objective = Small::new(1);
    let mut source =
        Source { batches_per_epoch: 0, batch: Box::new(|_, _| unreachable!("no batch is asked")) };
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| false,
    };
    let mut trainer = Trainer::new(&objective, &Settings::default(), 7).unwrap();
    assert!(matches!(trainer.run(&mut source, around), Err(Error::NoBatches)));
}

#[test]
fn every_setting_out_of_range_is_refused_by_its_key() {
    type Change = fn(&mut Settings);
    let cases: [(&str, Change); 19] = [
        ("optimizer.beta2", |s| s.optimizer.beta2 = 0.999_999_999),
        ("optimizer.epsilon", |s| s.optimizer.epsilon = 1e-50),
        ("optimizer.learning_rate", |s| s.optimizer.learning_rate = 1e40),
        ("schedule.warmup", |s| s.schedule.kind = ScheduleKind::OneCycle),
        ("train.epochs", |s| s.train.epochs = 0),
        ("train.batch_size", |s| s.train.batch_size = 0),
        ("train.checkpoint_every", |s| s.train.checkpoint_every = 0),
        ("train.snapshots_early", |s| s.train.snapshots_early = 3),
        ("train.weight_decay", |s| s.train.weight_decay = -1.0),
        ("train.label_smoothing", |s| s.train.label_smoothing = 1.0),
        ("train.ema", |s| s.train.ema = 1.0),
        ("train.clip", |s| s.train.clip = f64::NAN),
        ("optimizer.learning_rate", |s| s.optimizer.learning_rate = 0.0),
        ("optimizer.learning_rate", |s| s.optimizer.learning_rate = f64::INFINITY),
        ("optimizer.momentum", |s| s.optimizer.momentum = 1.0),
        ("optimizer.nesterov", |s| s.optimizer.nesterov = true),
        ("optimizer.beta2", |s| s.optimizer.beta2 = -0.1),
        ("schedule.warmup", |s| s.schedule.warmup = 1.5),
        ("schedule.every", |s| s.schedule.every = 0),
    ];
    for (key, change) in cases {
        let mut settings = Settings::default();
        assert!(settings.check().is_ok());
        change(&mut settings);
        let message = settings.check().expect_err(key).to_string();
        assert!(message.starts_with(key), "{message}");
    }
}
