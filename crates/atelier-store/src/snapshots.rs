//! The points in parameter space that a run went through: `snapshots.npy` and, line for row, when
//! each was recorded, `snapshots.csv`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::npy::decode_rows;
use crate::{AppendLog, Error, NpyLog, Result, fs, parse_lines};

const POINTS: &str = "snapshots.npy";
const TIMES: &str = "snapshots.csv";
const COLUMNS: &str = "step,epoch,training_loss";

/// The snapshots of a run, being recorded. Hold the lock of the run.
#[derive(Debug)]
pub struct SnapshotLog {
    points: NpyLog,
    times: AppendLog,
    times_path: PathBuf,
}

impl SnapshotLog {
    /// Opens the snapshots in `directory`, each of `parameters` numbers, or begins them.
    ///
    /// # Errors
    /// As [`NpyLog::open`] and [`AppendLog::open`].
    pub(crate) fn open(directory: &Path, parameters: usize) -> Result<Self> {
        let points = NpyLog::open(&directory.join(POINTS), parameters)?;
        let times_path = directory.join(TIMES);
        let mut times = AppendLog::open(&times_path)?;
        if times.is_empty() {
            times.append(COLUMNS.as_bytes())?;
        }
        Ok(Self { points, times, times_path })
    }

    /// Records one snapshot: after `step` steps, that is `epoch` epochs with the part of the one under
    /// way; `loss` is the loss of the batch of the step before it, `None` at the start. It survives a
    /// crash after the next [`SnapshotLog::sync`].
    ///
    /// # Errors
    /// As [`NpyLog::append`] and [`AppendLog::append`].
    pub fn append(
        &mut self,
        step: u64,
        epoch: f64,
        loss: Option<f32>,
        point: &[f32],
    ) -> Result<()> {
        self.points.append(point)?;
        let loss = loss.map(|loss| loss.to_string()).unwrap_or_default();
        self.times.append(format!("{step},{epoch},{loss}").as_bytes())
    }

    /// Makes everything recorded so far durable.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written or synced; the next call tries again.
    pub fn sync(&mut self) -> Result<()> {
        self.points.sync()?;
        self.times.sync()
    }

    /// How many snapshots there are. A checkpoint keeps it, for [`SnapshotLog::truncate`].
    #[must_use]
    pub fn len(&self) -> u64 {
        self.points.rows()
    }

    /// Whether nothing was recorded yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the first `n` snapshots only, durably: those there were when a checkpoint was made.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if one of the files has fewer; [`Error::Io`] if one cannot be cut.
    pub fn truncate(&mut self, n: u64) -> Result<()> {
        self.times.sync()?;
        let bytes = fs::read_text(&self.times_path)?;
        let mut lines = bytes.split_inclusive(|&byte| byte == b'\n');
        let mut end = lines.next().map_or(0, <[u8]>::len);
        for kept in 0..n {
            let Some(line) = lines.next() else {
                let (expected, found) = (format!("{n} or more"), kept);
                return Err(Error::corrupt(
                    &self.times_path,
                    "the number of lines",
                    expected,
                    found,
                ));
            };
            end += line.len();
        }
        self.points.truncate(n)?;
        self.times.truncate(end as u64)
    }
}

/// The snapshots of a run, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshots {
    /// Numbers in each snapshot.
    pub parameters: usize,
    /// `(snapshots, parameters)`, row-major: the weights themselves (not their average) under
    /// PyTorch's shapes, parameter after parameter.
    pub points: Vec<f32>,
    /// Finished steps at each snapshot, rising; 0 is the start.
    pub steps: Vec<u64>,
    /// Finished epochs at each snapshot, with the part of the one that was under way.
    pub epochs: Vec<f64>,
    /// Loss of the batch of the step before each snapshot, `None` at the start.
    pub losses: Vec<Option<f64>>,
}

impl Snapshots {
    /// Reads the snapshots of the run in `directory`, without its lock. A run that was killed may have
    /// recorded more than it counted; what was not counted is left out.
    ///
    /// # Errors
    /// [`Error::NoSnapshots`] if a file is missing; [`Error::Format`] if `snapshots.npy` is truncated
    /// or no `(snapshots, parameters)` array of f32; [`Error::NonFinite`] if it holds a number that is
    /// not finite; [`Error::Corrupt`] if `snapshots.csv` is not what it should be or has not one line
    /// for each row.
    pub fn read(directory: &Path) -> Result<Self> {
        let missing = |error: Error| {
            if error.is(ErrorKind::NotFound) {
                Error::NoSnapshots { path: directory.to_path_buf() }
            } else {
                error
            }
        };
        let points = fs::read_numbers(&directory.join(POINTS)).map_err(missing)?;
        let times = fs::read_text(&directory.join(TIMES)).map_err(missing)?;
        Self::parse(&points, &times, directory)
    }

    /// As [`Snapshots::read`], of the content of `snapshots.npy` and of `snapshots.csv`; `directory` is
    /// for messages alone.
    ///
    /// # Errors
    /// As there.
    pub fn parse(points: &[u8], times: &[u8], directory: &Path) -> Result<Self> {
        let path = directory.join(POINTS);
        let array = decode_rows(points, &path)?;
        let [rows, parameters] = array.shape[..] else {
            let found = format!("{:?}", array.shape);
            return Err(Error::format(&path, 10, "the shape", "(snapshots, parameters)", found));
        };
        let points = array.into_vec::<f32>(&path)?;
        if let Some(index) = points.iter().position(|value| !value.is_finite()) {
            return Err(Error::NonFinite { path, array: POINTS.to_string(), index });
        }

        let path = directory.join(TIMES);
        let lines = parse_lines(times, &path)?;
        let mut lines = lines.iter();
        let first = lines.next().map_or("", String::as_str);
        if first != COLUMNS {
            return Err(Error::corrupt(&path, "line 1", COLUMNS, format!("{first:?}")));
        }
        if lines.len() != rows {
            let expected = format!("{rows}, one for each row of {POINTS}");
            let (what, found) = ("the number of lines after the first", lines.len());
            return Err(Error::corrupt(&path, what, expected, found));
        }
        let (mut steps, mut epochs, mut losses) = (Vec::new(), Vec::new(), Vec::new());
        for (number, line) in (2..).zip(lines) {
            let wrong = |expected| {
                let what = format!("line {number}");
                Error::corrupt(&path, what, expected, format!("{:?}", line.as_str()))
            };
            let (step, epoch, loss) = time(line).ok_or_else(|| wrong("step,epoch,loss"))?;
            if steps.last().is_some_and(|&before| step <= before) {
                return Err(wrong("a later step than that of the line before"));
            }
            steps.push(step);
            epochs.push(epoch);
            losses.push(loss);
        }
        Ok(Self { parameters, points, steps, epochs, losses })
    }

    /// How many snapshots there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no snapshot at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// The three values of a line.
fn time(line: &str) -> Option<(u64, f64, Option<f64>)> {
    let finite = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite());
    let mut parts = line.split(',');
    let step = parts.next()?.parse().ok()?;
    let epoch = finite(parts.next()?)?;
    let loss = match parts.next()? {
        "" => None,
        text => Some(finite(text)?),
    };
    parts.next().is_none().then_some((step, epoch, loss))
}
