use std::time::Instant;

use atelier_train::{EpochReport, StepReport};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Terminal, percent, thousands};

/// What is told of an epoch where there is no terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// One line with the epoch's results.
    Epochs,
    /// The loss of every 100th batch, and at the end their mean over all batches.
    Batches,
}

/// Batches between two lines of [`Told::Batches`].
const BATCHES_PER_LINE: usize = 100;

/// The progress of training: one bar on a terminal, lines elsewhere.
#[derive(Debug)]
pub struct Progress {
    terminal: Terminal,
    told: Told,
    epochs: u64,
    /// Batches in an epoch.
    batches: u64,
    /// The sum of the losses of the epoch's batches, and how many were seen.
    losses: (f64, u64),
    bar: Option<ProgressBar>,
    lap: Lap,
}

/// The training of an epoch, without validation and checkpoint.
#[derive(Debug)]
struct Lap {
    began: Instant,
    /// When its last step was done.
    last: Instant,
    examples: usize,
}

impl Lap {
    fn new() -> Self {
        let now = Instant::now();
        Self { began: now, last: now, examples: 0 }
    }

    fn images_per_second(&self) -> f64 {
        self.examples as f64 / (self.last - self.began).as_secs_f64().max(1e-9)
    }
}

impl Progress {
    /// Of a run of `epochs` epochs of `batches` steps each, `done` of which are done.
    #[must_use]
    pub fn new(terminal: Terminal, told: Told, (epochs, batches): (u64, u64), done: u64) -> Self {
        let bar = terminal.draws().then(|| {
            let bar = ProgressBar::new(epochs * batches).with_position(done);
            let template = "{prefix}  {wide_bar}  {msg}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_prefix(format!("epoch 1 of {epochs}"));
            // The speed of the steps done now, not of those before an interruption.
            bar.reset_eta();
            bar
        });
        let (losses, lap) = ((0.0, 0), Lap::new());
        Self { terminal, told, epochs, batches, losses, bar, lap }
    }

    /// Shows that a step is done.
    pub fn step(&mut self, report: &StepReport) {
        self.lap.examples += report.examples;
        self.lap.last = Instant::now();
        self.losses.0 += f64::from(report.loss);
        self.losses.1 += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(report.step);
            // Until the first epoch is over the loss of a batch is all there is to tell.
            if report.epoch == 1 && report.batch % 50 == 1 {
                bar.set_message(format!("loss {:.4}", report.loss));
            }
        } else if self.told == Told::Batches && report.batch.is_multiple_of(BATCHES_PER_LINE) {
            self.terminal.talk(&batch_line(report, self.batches));
        }
    }

    /// Shows how an epoch ended.
    pub fn epoch(&mut self, report: &EpochReport) {
        let speed = std::mem::replace(&mut self.lap, Lap::new()).images_per_second();
        let losses = std::mem::take(&mut self.losses);
        if let Some(bar) = &self.bar {
            let next = (report.epoch as u64 + 1).min(self.epochs);
            bar.set_prefix(format!("epoch {next} of {}", self.epochs));
            // Without the validation loss, so that it fits into 80 columns.
            let report = EpochReport {
                validation_loss: report
                    .validation_accuracy
                    .map_or(report.validation_loss, |_| None),
                ..*report
            };
            bar.set_message(measured(&report, speed));
        } else if self.told == Told::Batches {
            // Of a run that went on within the epoch only some of the batches were seen.
            let all = losses.1 == self.batches;
            let mean = if all { losses.0 / self.batches as f64 } else { report.train_loss };
            self.terminal.talk(&epoch_line(report, mean));
        } else {
            let (epoch, width) = (report.epoch, self.epochs.to_string().len());
            let text = measured(report, speed);
            self.terminal.talk(&format!("epoch {epoch:>width$} of {}  {text}", self.epochs));
        }
    }

    /// Is told that a checkpoint was written: the next epoch begins only now.
    pub fn saved(&mut self) {
        if self.lap.examples == 0 {
            self.lap = Lap::new();
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn batch_line(report: &StepReport, batches: u64) -> String {
    let StepReport { epoch, batch, loss, .. } = report;
    format!("epoch {epoch:>2} | batch {batch:>4}/{batches} | loss {loss:.4}")
}

fn epoch_line(report: &EpochReport, mean: f64) -> String {
    let validation = report.validation_loss.map(|loss| format!(" | validation {loss:.4}"));
    let epoch = report.epoch;
    format!("epoch {epoch:>2} complete | avg loss {mean:.4}{}", validation.unwrap_or_default())
}

fn measured(report: &EpochReport, images_per_second: f64) -> String {
    let mut parts = vec![format!("loss {:.4}", report.train_loss)];
    let loss = report.validation_loss.map(|loss| format!("{loss:.4}"));
    let accuracy = report.validation_accuracy.map(percent);
    let validation: Vec<String> = loss.into_iter().chain(accuracy).collect();
    if !validation.is_empty() {
        parts.push(format!("validation {}", validation.join(", ")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown rounded")]
    parts.push(format!("{} images/s", thousands(images_per_second as usize)));
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_and_their_epoch_are_told_as_the_assignment_prints_them() {
        let mut epoch = EpochReport {
            epoch: 3,
            step: 1407,
            train_loss: 0.0172,
            train_accuracy: None,
            validation_loss: None,
            validation_accuracy: None,
            learning_rate: 1e-3,
            seconds: 1.0,
        };
        let (step, batch, examples) = (1138, 200, 128);
        let step =
            StepReport { step, epoch: 3, batch, examples, loss: 0.0161, learning_rate: 1e-3 };
        assert_eq!(batch_line(&step, 469), "epoch  3 | batch  200/469 | loss 0.0161");
        assert_eq!(epoch_line(&epoch, 0.017_21), "epoch  3 complete | avg loss 0.0172");
        epoch.validation_loss = Some(0.018);
        let line = "epoch  3 complete | avg loss 0.0172 | validation 0.0180";
        assert_eq!(epoch_line(&epoch, 0.017_21), line);
    }

    #[test]
    fn the_speed_is_that_of_the_steps_alone() {
        let mut lap = Lap::new();
        lap.examples = 300;
        lap.last = lap.began + std::time::Duration::from_secs(2);
        assert!((lap.images_per_second() - 150.0).abs() < 1e-9);
    }

    #[test]
    fn an_epoch_is_told_in_one_line_with_or_without_validation() {
        let mut report = EpochReport {
            epoch: 1,
            step: 10,
            train_loss: 0.5,
            train_accuracy: None,
            validation_loss: Some(0.25),
            validation_accuracy: Some(0.881),
            learning_rate: 0.1,
            seconds: 1.0,
        };
        let line = "loss 0.5000  validation 0.2500, 88.10 %  52,000 images/s";
        assert_eq!(measured(&report, 52_000.4), line);
        report.validation_loss = None;
        let brief = "loss 0.5000  validation 88.10 %  52,000 images/s";
        assert_eq!(measured(&report, 52_000.4), brief);
        report.validation_accuracy = None;
        assert_eq!(measured(&report, 52_000.4), "loss 0.5000  52,000 images/s");
    }
}
