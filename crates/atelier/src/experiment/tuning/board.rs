//! What is shown of a study while it runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use atelier_tune::{Domain, Event, Settings, Space, State, StudyRecord, Value};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::objective::epoch_of;
use crate::terminal::{Terminal, WIDEST, percent, significant};

/// A table of trials: on a terminal those that run change in place below those that have ended, elsewhere a
/// trial is a line when it ends.
pub(super) struct Board<'a> {
    terminal: Terminal,
    columns: Vec<Column>,
    epochs: &'a (dyn Fn(&Settings) -> u64 + Sync),
    longest: u64,
    inner: Mutex<Inner>,
}

/// A parameter.
struct Column {
    name: String,
    title: String,
    width: usize,
}

impl Column {
    /// The title in two lines, so that a table of usual settings is no wider than a terminal.
    fn heading(&self) -> [&str; 2] {
        self.title.rsplit_once('_').map_or(["", &self.title], |(first, last)| [first, last])
    }
}

struct Inner {
    began: Instant,
    total: usize,
    /// Trials that ended before this session, and all that have ended.
    before: usize,
    ended: usize,
    best: Option<(usize, f64)>,
    running: BTreeMap<usize, Row>,
    drawn: Option<Drawn>,
}

/// A trial that runs.
struct Row {
    settings: String,
    epochs: u64,
    best: Option<f64>,
    bar: Option<ProgressBar>,
}

struct Drawn {
    all: MultiProgress,
    overall: ProgressBar,
}

impl<'a> Board<'a> {
    /// The board of a study of `total` trials, some of which may be over.
    pub(super) fn new(
        terminal: Terminal,
        space: &Space,
        (total, longest): (usize, u64),
        epochs: &'a (dyn Fn(&Settings) -> u64 + Sync),
        known: &StudyRecord,
    ) -> Self {
        let over = known.trials.iter().filter(|trial| trial.state.is_finished());
        let before = over.clone().count();
        let mut best = None;
        for trial in over.filter(|trial| trial.state == State::Complete) {
            better(&mut best, trial.number, trial.value);
        }
        let drawn = terminal.draws().then(|| {
            let all = MultiProgress::new();
            let overall = all.add(ProgressBar::new(total as u64).with_position(before as u64));
            if let Ok(style) =
                ProgressStyle::with_template("{pos} of {len} trials  {wide_bar}  {msg}")
            {
                overall.set_style(style);
            }
            Drawn { all, overall }
        });
        let inner = Inner {
            began: Instant::now(),
            total,
            before,
            ended: before,
            best,
            running: BTreeMap::new(),
            drawn,
        };
        let board =
            Self { terminal, columns: columns(space), epochs, longest, inner: Mutex::new(inner) };
        board.begin();
        board
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        let inner = self.inner();
        if let Some(drawn) = &inner.drawn {
            for (line, [first, last]) in [["", ""], ["accuracy", "state"]].into_iter().enumerate() {
                let titles: Vec<String> = self
                    .columns
                    .iter()
                    .map(|of| format!("{:>1$}", of.heading()[line], of.width))
                    .collect();
                let number = if line == 0 { "" } else { "trial" };
                let head = format!("{number:>5}  {}  {first:>8}  {last}", titles.join("  "));
                let _ = drawn.all.println(head.trim_end());
            }
            inner.show_best();
        }
    }

    /// Takes note of what happened.
    pub(super) fn show(&self, event: Event<'_>) {
        let mut inner = self.inner();
        match event {
            Event::Started { number, settings, attempt } => {
                let row = Row {
                    settings: self.cells(settings),
                    epochs: (self.epochs)(settings),
                    best: None,
                    bar: inner.drawn.as_ref().map(Drawn::row),
                };
                if attempt > 1 {
                    self.say(&inner, &format!("trial {number} goes on"));
                }
                row.draw(number, "begins");
                inner.running.insert(number, row);
            }
            Event::Reported { number, step, value } => {
                let longest = self.longest;
                if let Some(row) = inner.running.get_mut(&number) {
                    row.best = Some(row.best.map_or(value, |best| best.max(value)));
                    let epoch = epoch_of(step, row.epochs, longest);
                    row.draw(number, &format!("epoch {epoch}/{}", row.epochs));
                }
            }
            Event::Finished { number, state, value, failure } => {
                inner.ended += 1;
                if state == State::Complete {
                    better(&mut inner.best, number, value);
                }
                let Some(row) = inner.running.remove(&number) else { return };
                if let Some(bar) = &row.bar {
                    bar.finish_and_clear();
                }
                let why = failure.map(|why| format!(": {why}")).unwrap_or_default();
                let text = row.text(number, value, &format!("{}{why}", state.name()));
                if inner.drawn.is_some() {
                    self.say(&inner, &text);
                    inner.show_best();
                } else {
                    let place = inner.place();
                    self.say(&inner, &format!("trial {}  {place}", text.trim_start()));
                }
            }
            Event::Requeued { number } => {
                if let Some(row) = inner.running.remove(&number) {
                    row.bar.iter().for_each(ProgressBar::finish_and_clear);
                }
            }
            _ => {}
        }
    }

    fn say(&self, inner: &Inner, line: &str) {
        match &inner.drawn {
            Some(drawn) => {
                let _ = drawn.all.println(crate::terminal::one_line(line));
            }
            None => self.terminal.talk(line),
        }
    }

    /// The settings, each below the title of its column.
    fn cells(&self, settings: &Settings) -> String {
        let drawn = self.terminal.draws();
        let cells = self.columns.iter().map(|column| {
            let value = settings.get(&column.name).map_or_else(|| "-".to_string(), shown);
            if drawn {
                format!("{value:>width$}", width = column.width)
            } else {
                format!("{}={value}", column.title)
            }
        });
        cells.collect::<Vec<_>>().join("  ")
    }

    /// Takes everything that changes in place away.
    pub(super) fn clear(&self) {
        let mut inner = self.inner();
        for row in std::mem::take(&mut inner.running).into_values() {
            row.bar.iter().for_each(ProgressBar::finish_and_clear);
        }
        if let Some(drawn) = inner.drawn.take() {
            drawn.overall.finish_and_clear();
        }
    }
}

impl Drawn {
    fn row(&self) -> ProgressBar {
        let bar = self.all.insert_before(&self.overall, ProgressBar::new(1));
        if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
            bar.set_style(style);
        }
        bar
    }
}

impl Inner {
    fn show_best(&self) {
        let Some(drawn) = &self.drawn else { return };
        drawn.overall.set_position(self.ended as u64);
        drawn.overall.set_message(format!("{}{}", self.best_text(), self.left()));
    }

    fn best_text(&self) -> String {
        self.best.map_or_else(
            || "no best yet".to_string(),
            |(number, value)| format!("best {} (trial {number})", percent(value)),
        )
    }

    /// How long it will take, as far as that is known.
    fn left(&self) -> String {
        let (here, left) = (self.ended - self.before, self.total.saturating_sub(self.ended));
        if here == 0 || left == 0 {
            return String::new();
        }
        let seconds = self.began.elapsed().as_secs_f64() / here as f64 * left as f64;
        format!(", about {seconds:.0} s left")
    }

    /// How far the study is, for a line of its own.
    fn place(&self) -> String {
        format!("[{} of {}, {}{}]", self.ended, self.total, self.best_text(), self.left())
    }
}

impl Row {
    fn draw(&self, number: usize, state: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.text(number, self.best, state));
        }
    }

    fn text(&self, number: usize, value: Option<f64>, state: &str) -> String {
        let value = value.map_or_else(|| "-".to_string(), percent);
        format!("{number:>5}  {}  {value:>8}  {state}", self.settings)
    }
}

fn better(best: &mut Option<(usize, f64)>, number: usize, value: Option<f64>) {
    if let Some(value) = value
        && best.is_none_or(|(_, before)| value > before)
    {
        *best = Some((number, value));
    }
}

fn columns(space: &Space) -> Vec<Column> {
    let titles = titles(space);
    let columns = space.parameters().iter().zip(titles).map(|(parameter, title)| {
        let widest = match &parameter.domain {
            Domain::Choices(choices) => {
                choices.iter().map(|choice| shown(choice).chars().count()).max().unwrap_or(1)
            }
            Domain::Int { low, high, .. } => low.to_string().len().max(high.to_string().len()),
            // As `significant` writes it.
            _ => 8,
        };
        let mut column = Column { name: parameter.name.clone(), title, width: widest };
        let [first, last] = column.heading().map(|line| line.chars().count());
        column.width = widest.max(first).max(last).min(WIDEST);
        column
    });
    columns.collect()
}

/// Short names of the parameters: the last part of each, or the whole where that would name two.
pub(super) fn titles(space: &Space) -> Vec<String> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_string();
    let names: Vec<String> = space.parameters().iter().map(|p| last(&p.name)).collect();
    let unique = |title: &String| names.iter().filter(|name| *name == title).count() == 1;
    let parameters = space.parameters().iter().zip(&names);
    parameters
        .map(|(p, title)| if unique(title) { title.clone() } else { p.name.clone() })
        .collect()
}

/// A value as a table has it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Float(number) => significant(*number),
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    }
}
