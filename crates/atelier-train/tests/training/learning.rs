//! What training does when nothing goes wrong.

use crate::small::{Small, settings, source, train, validate};
use atelier_train::{
    Error, Event, OptimizerKind, ScheduleKind, Stop, Surroundings, Trainer, range_test,
};

#[test]
fn training_lowers_the_loss_and_reports_every_step_and_epoch() {
    let objective = Small::new(1);
    let before = validate(&objective).unwrap();
    let mut settings = settings(OptimizerKind::Adam);
    settings.train.epochs = 20;
    let (mut steps, mut epochs) = (Vec::new(), Vec::new());
    let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
    let around = Surroundings {
        validation: Some(&mut validate),
        run_dir: None,
        observer: &mut |event| match event {
            Event::Step(report) => steps.push(*report),
            Event::Epoch(report) => epochs.push(*report),
            _ => {}
        },
        interrupted: &|| false,
    };
    let outcome = trainer.run(&mut source(), around).unwrap();
    let after = validate(&objective).unwrap();
    assert!(after.loss < 0.7 * before.loss, "{} to {}", before.loss, after.loss);
    assert!(after.accuracy().unwrap() > 0.8);
    assert_eq!((outcome.stop, outcome.epochs, outcome.steps), (Stop::Completed, 20, 100));
    assert_eq!(outcome.last.len(), 20);
    assert_eq!(outcome.last[19].step, 100);
    assert_eq!((steps.len(), epochs.len()), (100, 20));
    assert!(steps.iter().enumerate().all(|(i, s)| s.step == i as u64 + 1 && s.loss.is_finite()));
    assert!((steps[0].learning_rate - 0.05 / 25.0).abs() < 1e-12);
    let last = epochs[19];
    assert_eq!((last.epoch, last.step), (20, 100));
    // The last validation is of the averaged weights, which the run ends with.
    assert!((last.validation_loss.unwrap() - after.loss).abs() < 1e-12);
}

#[test]
fn early_stopping_takes_the_best_values_back() {
    let mut settings = settings(OptimizerKind::Sgd);
    settings.train.ema = 0.0;
    settings.train.epochs = 200;
    settings.train.early_stopping = 3;
    settings.optimizer.learning_rate = 0.5;
    settings.schedule.kind = ScheduleKind::Constant;
    let objective = Small::new(1);
    let outcome = train(&objective, &settings, None, usize::MAX).unwrap();
    let best = outcome.best.expect("validated");
    assert_eq!(outcome.stop, Stop::EarlyStopped);
    assert_eq!(outcome.epochs, best.epoch + 3);
    assert!((validate(&objective).unwrap().loss - best.loss).abs() < 1e-12);
}

#[test]
fn the_range_test_rises_to_where_training_breaks_and_suggests_less() {
    let mut settings = settings(OptimizerKind::Sgd);
    settings.train.clip = 0.0;
    let test = range_test(&Small::new(1), &settings, 7, &mut source(), 300).unwrap();
    let rates: Vec<f64> = test.points.iter().map(|p| p.learning_rate).collect();
    assert!(rates.is_sorted() && rates[0] < 2e-5 && rates.len() > 50);
    let suggestion = test.suggestion.expect("the loss falls");
    assert!(suggestion > 1e-4 && suggestion < *rates.last().unwrap());
    let few = range_test(&Small::new(1), &settings, 7, &mut source(), 9);
    assert!(matches!(few, Err(Error::TooFewSteps { steps: 9, .. })));
    assert!(test.points.iter().all(|p| p.loss.is_finite() && p.smoothed.is_finite()));
}
