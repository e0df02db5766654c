use indicatif::{ProgressBar, ProgressStyle};

use super::{Terminal, time_left};

/// The progress of a download: a bar on a terminal, a line for each file elsewhere.
pub struct Bytes {
    terminal: Terminal,
    file: String,
    bar: Option<ProgressBar>,
}

impl Bytes {
    /// Nothing shown yet.
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        Self { terminal, file: String::new(), bar: None }
    }

    /// Shows that `done` of the `total` bytes of `file` are there.
    pub fn show(&mut self, file: &str, done: u64, total: u64) {
        if self.file != file {
            self.clear();
            self.file = file.to_string();
            if self.terminal.draws() {
                let bar = ProgressBar::new(total);
                if let Ok(style) = ProgressStyle::with_template(
                    "{msg}  {bytes} of {total_bytes}  {wide_bar}  {bytes_per_sec}{left}",
                ) {
                    bar.set_style(style.with_key("left", time_left));
                }
                bar.set_message(file.to_string());
                self.bar = Some(bar);
            } else {
                self.terminal.talk(&format!("data: {file}: downloading {total} bytes"));
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    /// Takes the bar away, so that a line can be written.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
