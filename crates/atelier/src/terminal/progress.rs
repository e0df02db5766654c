use std::fmt::Write;
use std::time::{Duration, Instant};

use atelier_train::{EpochReport, StepReport};
use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};

use super::{Terminal, percent, plain, thousands};

/// What is told of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// One line with the epoch's results, where there is no terminal.
    Epochs,
    /// The loss of every 100th batch, on a terminal in the bar, and at the end a line with the mean over all
    /// batches, on a terminal above the bar, where it stays.
    Batches,
}

/// Batches between two losses that [`Told::Batches`] tells.
const BATCHES_PER_LINE: usize = 100;

/// The progress of training: a bar on a terminal, lines elsewhere.
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
            let template = "{prefix}  {wide_bar}  {msg}{left}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.with_key("left", time_left));
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
        let tells = self.told == Told::Batches && report.batch.is_multiple_of(BATCHES_PER_LINE);
        if let Some(bar) = &self.bar {
            bar.set_position(report.step);
            // Until the first epoch is over the loss of a batch is all there is to tell.
            if tells || report.epoch == 1 && report.batch % 50 == 1 {
                bar.set_message(format!("loss {:.4}", report.loss));
            }
        } else if tells {
            self.terminal.talk(&batch_line(report, self.batches));
        }
    }

    /// Shows how an epoch ended.
    pub fn epoch(&mut self, report: &EpochReport) {
        let speed = std::mem::replace(&mut self.lap, Lap::new()).images_per_second();
        let (sum, seen) = std::mem::take(&mut self.losses);
        let line = (self.told == Told::Batches).then(|| {
            // Of a run that went on within the epoch only some of the batches were seen.
            let all = seen == self.batches;
            epoch_line(report, if all { sum / self.batches as f64 } else { report.train_loss })
        });
        if let Some(bar) = &self.bar {
            if let Some(line) = line {
                bar.println(plain(&line));
            }
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
        } else if let Some(line) = line {
            self.terminal.talk(&line);
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

/// How long it will take, once that is known: at first a bar reckons with no time at all.
pub(crate) fn time_left(state: &ProgressState, text: &mut dyn Write) {
    let seconds = state.eta().as_secs();
    if seconds > 0 {
        let _ = write!(text, "  {:#} left", HumanDuration(Duration::from_secs(seconds)));
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
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;
    use crate::cli::OutputFlags;

    /// A terminal that keeps whole lines: those of a bar are written without their end.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<Vec<String>>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(&format!("{line}\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().expect("a screen").push(text.to_string());
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn step(epoch: usize, batch: usize, loss: f32) -> StepReport {
        let step = (2 * (epoch - 1) + batch) as u64;
        StepReport { step, epoch, batch, examples: 128, loss, learning_rate: 1e-3 }
    }

    fn epoch(epoch: usize, train_loss: f64) -> EpochReport {
        EpochReport {
            epoch,
            step: 2 * epoch as u64,
            train_loss,
            train_accuracy: None,
            validation_loss: None,
            validation_accuracy: None,
            learning_rate: 1e-3,
            seconds: 1.0,
        }
    }

    /// What a terminal is written in two epochs of two batches.
    fn written(told: Told) -> String {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let bar = Some(ProgressBar::with_draw_target(Some(4), target));
        let terminal = Terminal::new(OutputFlags::default());
        let (losses, lap) = ((0.0, 0), Lap::new());
        let mut progress = Progress { terminal, told, epochs: 2, batches: 2, losses, bar, lap };
        for (number, losses) in [(1, [0.5, 0.25]), (2, [0.25, 0.125])] {
            progress.step(&step(number, 1, losses[0]));
            progress.step(&step(number, 2, losses[1]));
            progress.epoch(&epoch(number, 0.9));
        }
        progress.finish();
        screen.0.lock().expect("a screen").concat()
    }

    #[test]
    fn the_means_of_the_epochs_stay_above_the_bar() {
        let text = written(Told::Batches);
        for line in ["epoch  1 complete | avg loss 0.3750", "epoch  2 complete | avg loss 0.1875"] {
            assert_eq!(text.matches(line).count(), 1, "{text:?}");
        }
        assert!(!written(Told::Epochs).contains("complete"));
    }

    #[test]
    fn batches_and_their_epoch_are_told_as_the_assignment_prints_them() {
        let line = batch_line(&step(3, 200, 0.0161), 469);
        assert_eq!(line, "epoch  3 | batch  200/469 | loss 0.0161");
        let mut report = epoch(3, 0.0172);
        assert_eq!(epoch_line(&report, 0.017_21), "epoch  3 complete | avg loss 0.0172");
        report.validation_loss = Some(0.018);
        let line = "epoch  3 complete | avg loss 0.0172 | validation 0.0180";
        assert_eq!(epoch_line(&report, 0.017_21), line);
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
        let validation = (Some(0.25), Some(0.881));
        let mut report = epoch(1, 0.5);
        (report.validation_loss, report.validation_accuracy) = validation;
        let line = "loss 0.5000  validation 0.2500, 88.10 %  52,000 images/s";
        assert_eq!(measured(&report, 52_000.4), line);
        report.validation_loss = None;
        let brief = "loss 0.5000  validation 88.10 %  52,000 images/s";
        assert_eq!(measured(&report, 52_000.4), brief);
        report.validation_accuracy = None;
        assert_eq!(measured(&report, 52_000.4), "loss 0.5000  52,000 images/s");
    }
}
