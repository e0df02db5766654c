//! How far the training of many networks is.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::{Terminal, time_left};

/// A bar on a terminal, one line a network elsewhere.
pub(crate) struct Progress {
    terminal: Terminal,
    bar: Option<ProgressBar>,
    began: Instant,
    /// Networks that were trained before.
    before: usize,
    done: usize,
    all: usize,
}

impl Progress {
    /// Of `all` networks, `before` of which are trained.
    pub(crate) fn new(terminal: Terminal, before: usize, all: usize) -> Self {
        let bar = terminal.draws().then(|| {
            let bar = ProgressBar::new(all as u64).with_position(before as u64);
            let template = "{pos} of {len}  {wide_bar}  {msg}{left}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.with_key("left", time_left));
            }
            // The speed of the networks trained now, not of those before an interruption.
            bar.reset_eta();
            bar.tick();
            bar
        });
        Self { terminal, bar, began: Instant::now(), before, done: before, all }
    }

    /// Tells of one more.
    pub(crate) fn trained(&mut self, text: String) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done as u64);
            bar.set_message(text);
            return;
        }
        let each = self.began.elapsed().as_secs_f64() / (self.done - self.before) as f64;
        let left = each * (self.all - self.done) as f64;
        let width = self.all.to_string().len();
        let line =
            format!("{:>width$} of {}  {text}  {} left", self.done, self.all, duration(left));
        self.terminal.talk(&line);
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `40 s`, `3 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_is_left_is_told_in_seconds_or_minutes() {
        for (seconds, text) in [(0.0, "0 s"), (89.4, "89 s"), (90.0, "2 min"), (600.0, "10 min")] {
            assert_eq!(duration(seconds), text);
        }
    }
}
