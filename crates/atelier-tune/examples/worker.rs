//! One worker of a study in a journal. Start several, in as many terminals as you like, and kill
//! them whenever you like: the study ends with the promised number of trials, none lost or doubled.
//!
//!     cargo run --release -p atelier-tune --example worker -- study.log 40
//!
//! The trials are short; each keeps a checkpoint beside the journal and continues from it.
//! `pause=MS` makes a step take longer, `workers=N` runs trials at the same time, `pruner=halving`
//! ends trials early.

use std::path::{Path, PathBuf};
use std::time::Duration;

use atelier_tune::{
    Direction, Journal, Options, Parameter, Pruner, Space, State, Trial, TrialError, Verdict,
    hyperparam_tuning,
};

const STEPS: u64 = 6;

struct Checkpoints {
    directory: PathBuf,
    pause: Duration,
}

impl Checkpoints {
    /// A pretence of training: the checkpoint is the number of steps that are done.
    fn train(&self, trial: &mut Trial<'_>) -> Result<f64, TrialError> {
        let path = self.directory.join(format!("trial-{}", trial.number()));
        let done = match std::fs::read_to_string(&path) {
            Ok(text) if trial.attempt() > 1 => text.parse()?,
            _ => 0,
        };
        let x = trial.settings().float("x")?;
        let y = trial.settings().int("y")? as f64;
        let value = |step: u64| (x - 0.3).powi(2) + (y - 7.0).abs() / 10.0 + 1.0 / step as f64;
        // It may have been killed between a checkpoint and its report; what is known costs nothing.
        for step in 1..=done {
            if trial.report(step, value(step))? != Verdict::Continue {
                return Ok(0.0);
            }
        }
        for step in done + 1..STEPS {
            std::thread::sleep(self.pause);
            atelier_store::durable_write(&path, step.to_string().as_bytes())?;
            if trial.report(step, value(step))? != Verdict::Continue {
                return Ok(0.0);
            }
        }
        trial.report_last(STEPS, value(STEPS));
        Ok(value(STEPS))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(
        arguments.next().ok_or("usage: worker JOURNAL TRIALS [pause=MS] [workers=N]")?,
    );
    let trials = arguments.next().ok_or("give the number of trials")?.parse()?;
    let (mut pause, mut workers, mut pruner) = (0, 2, Pruner::None);
    for argument in arguments {
        match argument.split_once('=') {
            Some(("pause", text)) => pause = text.parse()?,
            Some(("workers", text)) => workers = text.parse()?,
            Some(("pruner", "halving")) => {
                pruner = Pruner::SuccessiveHalving { first: 1, reduction: 2 };
            }
            _ => return Err(format!("what is {argument:?}?").into()),
        }
    }
    let space = Space::new([Parameter::float("x", 0.0, 1.0), Parameter::int("y", 0, 9)])?;
    let directory = path.parent().unwrap_or(Path::new(".")).to_path_buf();
    let checkpoints = Checkpoints { directory, pause: Duration::from_millis(pause) };
    let journal = Journal::open(&path, "example", Direction::Minimize)?;
    let options =
        Options { trials, workers, pruner, storage: Some(&journal), ..Options::default() };
    let study = hyperparam_tuning(&space, |trial| checkpoints.train(trial), &options)?;
    let [complete, pruned] = [State::Complete, State::Pruned].map(|state| study.count(state));
    println!("{} trials, {complete} completed, {pruned} pruned", study.trials.len());
    for trial in &study.trials {
        println!("{} | {} | {:?} | {:?}", trial.number, trial.settings, trial.value, trial.reports);
    }
    Ok(())
}
