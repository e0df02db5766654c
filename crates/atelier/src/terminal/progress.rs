use std::time::Instant;

use atelier_train::{EpochReport, StepReport};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Terminal, percent, thousands};

/// The progress of training: one bar on a terminal, one line an epoch elsewhere.
#[derive(Debug)]
pub struct Progress {
    terminal: Terminal,
    epochs: u64,
    bar: Option<ProgressBar>,
    /// When the current epoch began, and how many examples were trained on since.
    lap: (Instant, usize),
}

impl Progress {
    /// Of a run of `epochs` epochs and `steps` steps altogether, `done` of which are done.
    #[must_use]
    pub fn new(terminal: Terminal, epochs: u64, steps: u64, done: u64) -> Self {
        let bar = terminal.draws().then(|| {
            let bar = ProgressBar::new(steps).with_position(done);
            let template = "{prefix}  {wide_bar}  {msg}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_prefix(format!("epoch 1 of {epochs}"));
            // The speed of the steps done now, not of those before an interruption.
            bar.reset_eta();
            bar
        });
        Self { terminal, epochs, bar, lap: (Instant::now(), 0) }
    }

    /// Shows that a step is done.
    pub fn step(&mut self, report: &StepReport) {
        self.lap.1 += report.examples;
        if let Some(bar) = &self.bar {
            bar.set_position(report.step);
            // Until the first epoch is over the loss of a batch is all there is to tell.
            if report.epoch == 1 && report.batch % 50 == 1 {
                bar.set_message(format!("loss {:.4}", report.loss));
            }
        }
    }

    /// Shows how an epoch ended.
    pub fn epoch(&mut self, report: &EpochReport) {
        let (began, examples) = std::mem::replace(&mut self.lap, (Instant::now(), 0));
        let speed = examples as f64 / began.elapsed().as_secs_f64();
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
        } else {
            let (epoch, width) = (report.epoch, self.epochs.to_string().len());
            let text = measured(report, speed);
            self.terminal.talk(&format!("epoch {epoch:>width$} of {}  {text}", self.epochs));
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
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
