//! A run can record the points it goes through, and is not disturbed by it.

use std::path::Path;

use crate::small::{BATCHES, Small, losses, quiet, run_dir, settings, source, train};
use atelier_core::{Batch, Loss, Mode, Objective, Parameter, Result, flatten};
use atelier_store::Snapshots;
use atelier_train::{Error, OptimizerKind, Settings, Trainer};
use candle_core::{Device, Var};

fn recording() -> Settings {
    let mut settings = settings(OptimizerKind::Sgd);
    settings.train.snapshots_per_epoch = 2;
    settings.train.snapshots_early = 2;
    settings
}

/// The steps that are recorded: 3 epochs of 5 steps in two parts, and steps 1 and 2 of the first.
const STEPS: [u64; 9] = [0, 1, 2, 3, 5, 8, 10, 13, 15];

fn files(run: &Path) -> [Vec<u8>; 2] {
    ["snapshots.npy", "snapshots.csv"].map(|name| std::fs::read(run.join(name)).unwrap())
}

/// A whole run, and where it is.
fn straight(settings: &Settings) -> (tempfile::TempDir, Small) {
    let directory = tempfile::tempdir().unwrap();
    let objective = Small::new(1);
    let dir = run_dir(&directory.path().join("run"));
    train(&objective, settings, Some(&dir), usize::MAX).unwrap();
    (directory, objective)
}

#[test]
fn snapshots_are_the_weights_from_the_start_to_the_last_step_with_their_times() {
    let mut settings = recording();
    settings.train.ema = 0.0;
    let (directory, objective) = straight(&settings);
    let run = directory.path().join("run");
    let snapshots = Snapshots::read(&run).unwrap();
    assert_eq!(snapshots.steps, STEPS);
    assert_eq!(snapshots.len() as u64, settings.train.snapshots(BATCHES));
    let rows: Vec<&[f32]> = snapshots.points.chunks(snapshots.parameters).collect();
    assert_eq!(rows[0], flatten(&Small::new(1).parameters).unwrap());
    assert_eq!(rows[8], flatten(&objective.parameters).unwrap());
    assert!(rows.windows(2).all(|pair| pair[0] != pair[1]));

    let of_step = |step: u64| {
        let lines = losses(&run);
        let line = lines.iter().find(|v| v["kind"] == "step" && v["step"] == step);
        line.and_then(|line| line["loss"].as_f64())
    };
    for ((&step, &epoch), &loss) in
        snapshots.steps.iter().zip(&snapshots.epochs).zip(&snapshots.losses)
    {
        assert!((epoch - step as f64 / BATCHES as f64).abs() < 1e-12, "{epoch} at {step}");
        // To the precision of the f32 that both texts stand for.
        let same = loss.zip(of_step(step)).is_none_or(|(a, b)| (a - b).abs() < 1e-7 * b);
        assert!(same && loss.is_some() == (step > 0), "{loss:?} at {step}");
    }
}

#[test]
fn recording_changes_no_bit_of_what_is_learned() {
    let (_directory, recorded) = straight(&recording());
    let unrecorded = Small::new(1);
    train(&unrecorded, &settings(OptimizerKind::Sgd), None, usize::MAX).unwrap();
    assert!(recorded.bits() == unrecorded.bits());
}

#[test]
fn averaging_does_not_show_in_them() {
    let mut plain = recording();
    plain.train.ema = 0.0;
    let [averaged, plain] = [recording(), plain].map(|settings| straight(&settings));
    assert_eq!(files(&averaged.0.path().join("run")), files(&plain.0.path().join("run")));
    assert!(averaged.1.bits() != plain.1.bits());
}

#[test]
fn interrupted_at_any_step_and_resumed_a_run_has_the_same_snapshots() {
    let settings = recording();
    let (directory, _) = straight(&settings);
    let whole = files(&directory.path().join("run"));
    for stop in 0..15 {
        let path = directory.path().join(format!("stopped-{stop}"));
        train(&Small::new(1), &settings, Some(&run_dir(&path)), stop).unwrap();
        let recorded = STEPS.iter().filter(|&&step| step <= stop as u64).count();
        assert_eq!(Snapshots::read(&path).unwrap().len(), recorded, "stopped at {stop}");
        train(&Small::new(2), &settings, Some(&run_dir(&path)), usize::MAX).unwrap();
        assert_eq!(files(&path), whole, "stopped at {stop}");
    }
}

#[test]
fn snapshots_after_the_last_checkpoint_are_cut_off_and_recorded_again() {
    let mut settings = recording();
    settings.train.ema = 0.0;
    let (directory, _) = straight(&settings);
    let path = directory.path().join("run");
    let whole = files(&path);
    // As a kill leaves it: the newest checkpoint is of the second epoch, the files go on.
    std::fs::remove_file(path.join("checkpoints/step-00000015.safetensors")).unwrap();
    std::fs::OpenOptions::new()
        .append(true)
        .open(path.join("snapshots.npy"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"torn"))
        .unwrap();
    train(&Small::new(2), &settings, Some(&run_dir(&path)), usize::MAX).unwrap();
    assert_eq!(files(&path), whole);
}

#[test]
fn a_run_whose_snapshots_are_gone_is_not_resumed_without_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let settings = recording();
    train(&Small::new(1), &settings, Some(&run_dir(&path)), 7).unwrap();
    std::fs::remove_file(path.join("snapshots.npy")).unwrap();
    let error = train(&Small::new(1), &settings, Some(&run_dir(&path)), usize::MAX);
    let message = error.expect_err("the first five are missing").to_string();
    assert!(message.contains("snapshots.npy") && message.contains("5 or more"), "{message}");
}

#[test]
fn weights_that_are_no_numbers_end_the_run_as_diverged_and_leave_readable_snapshots() {
    /// The root of one parameter, which begins at 0: a finite loss with an infinite gradient.
    struct Root(Vec<Parameter>);
    impl Objective for Root {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn loss(&self, batch: &Batch, _mode: Mode) -> Result<Loss> {
            let objective = self.0[0].var.sqrt()?;
            let reported = objective.detach();
            Ok(Loss { objective, reported, correct: None, total: batch.len() })
        }
    }
    let var = Var::new(0.0_f32, &Device::Cpu).unwrap();
    let root = Root(vec![Parameter { name: "w".into(), var, decayed: false, transposed: false }]);
    let directory = tempfile::tempdir().unwrap();
    let dir = run_dir(&directory.path().join("run"));
    let mut settings = Settings::default();
    settings.train.snapshots_per_epoch = BATCHES;
    let mut trainer = Trainer::new(&root, &settings, 7).unwrap();
    let error = trainer.run(&mut source(), quiet(Some(&dir), &mut |_| {})).expect_err("diverges");
    assert!(matches!(error, Error::Diverged { quantity: "weights", step: 1, .. }), "{error}");
    let snapshots = Snapshots::read(dir.path()).unwrap();
    assert_eq!((snapshots.steps, snapshots.points), (vec![0], vec![0.0]));
}

#[test]
fn without_being_asked_nothing_is_recorded() {
    let (directory, _) = straight(&settings(OptimizerKind::Sgd));
    let run = directory.path().join("run");
    assert!(!run.join("snapshots.npy").exists() && !run.join("snapshots.csv").exists());
}
