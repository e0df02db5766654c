//! Warm-up, rounds in which everyone has a turn, medians.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::contestant::{ATELIER, Contestant};
use crate::copying::Copying;
use crate::machine::Machine;
use crate::peak::{Product, SHAPES};
use crate::process::Process;
use crate::report::{Limits, Measured, Report, SCHEMA_VERSION, Times};
use crate::row::{ROWS, Row, Threads, Work};
use crate::session::{Session, Started};
use crate::workplace::Workplace;

/// What is measured, and how thoroughly.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Fewer and shorter rounds, and no row that takes minutes.
    pub quick: bool,
    /// Only rows whose name contains this; the products and the copy, which tell the machine's limits, are
    /// always measured.
    pub only: String,
    /// Without AVX-512.
    pub avx2: bool,
    /// Who is measured beside Atelier.
    pub peers: Vec<Contestant>,
}

/// How long rounds are, and how many there are of them.
struct Pace {
    /// Seconds of a turn.
    turn: f64,
    /// Rounds at least, and at most.
    rounds: (usize, usize),
    /// No round begins after so many seconds of a row.
    budget: f64,
}

const THOROUGH: Pace = Pace { turn: 0.3, rounds: (3, 9), budget: 40.0 };
const QUICK: Pace = Pace { turn: 0.08, rounds: (2, 5), budget: 1.0 };

/// The limits of the machine, asked in every round of every row.
struct LimitsAsked {
    threads: usize,
    products: Vec<(Session, f64)>,
    copy: Session,
    limits: Limits,
}

/// One contestant at one row.
struct Turn {
    measured: Measured,
    subject: Subject,
    rounds: Vec<Vec<f64>>,
    compile_seconds: Option<f64>,
    peak_bytes: Option<u64>,
}

enum Subject {
    Warm(Session),
    Whole(Process),
    /// There is none, or it has failed.
    Gone,
}

/// Measures all rows, one after the other; within a row everyone has a turn in every round.
///
/// # Errors
/// Fails if Atelier does, or the disk.
pub fn all(settings: &Settings, tell: &mut dyn FnMut(&str)) -> Result<Report> {
    let chosen = |row: &&Row| row.name.contains(&settings.only) && (row.quick || !settings.quick);
    let rows: Vec<&Row> = ROWS.iter().filter(chosen).collect();
    let model = rows.iter().any(|row| row.id == "predict");
    let workplace = Workplace::new(model, rows.iter().any(|row| row.needs_data))?;
    let atelier = Contestant::atelier(settings.avx2)?;
    let machine = Machine::here();
    let mut threads = vec![1, machine.cores];
    threads.dedup();
    let mut limits = threads
        .iter()
        .map(|&threads| LimitsAsked::new(&atelier, threads, workplace.path()))
        .collect::<Result<Vec<_>>>()?;
    limits.iter_mut().try_for_each(|asked| (0..3).try_for_each(|_| asked.round()))?;

    let contestants: Vec<&Contestant> = [&atelier].into_iter().chain(&settings.peers).collect();
    let mut measured = Vec::new();
    for row in rows {
        tell(row.name);
        measured.extend(of_row(row, &threads, &contestants, settings, &workplace, &mut limits)?);
    }
    let limits: Vec<Limits> = limits.into_iter().map(|asked| asked.limits).collect();
    relate(&mut measured, &limits);
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        machine,
        versions: contestants.iter().map(|who| (who.name.clone(), who.version.clone())).collect(),
        quick: settings.quick,
        avx2: settings.avx2,
        limits,
        rows: measured,
    })
}

fn of_row(
    row: &Row,
    threads: &[usize],
    contestants: &[&Contestant],
    settings: &Settings,
    workplace: &Workplace,
    limits: &mut [LimitsAsked],
) -> Result<Vec<Measured>> {
    let pace = if settings.quick { QUICK } else { THOROUGH };
    let threads = match row.threads {
        Threads::OneAndAll => threads,
        Threads::All => &threads[threads.len() - 1..],
    };
    let mut turns = Vec::new();
    for &threads in threads {
        for who in contestants {
            let turn = match workplace.no_data.as_ref().filter(|_| row.needs_data) {
                Some(why) => Turn::missing(row, threads, who, why.clone()),
                None => Turn::new(row, threads, who, workplace.path())?,
            };
            turns.push(turn);
        }
    }
    let start = std::time::Instant::now();
    let mut round = 0;
    while turns.iter().any(|turn| !matches!(turn.subject, Subject::Gone))
        && (round < pace.rounds.0
            || round < pace.rounds.1 && start.elapsed().as_secs_f64() < pace.budget)
    {
        limits.iter_mut().try_for_each(LimitsAsked::round)?;
        turns.iter_mut().try_for_each(|turn| turn.take(pace.turn))?;
        round += 1;
    }
    turns.into_iter().map(Turn::finish).collect()
}

impl Turn {
    fn missing(row: &Row, threads: usize, who: &Contestant, why: String) -> Self {
        let measured = Measured {
            id: row.id.to_string(),
            row: row.name.to_string(),
            threads,
            contestant: who.name.clone(),
            missing: Some(why),
            times: None,
        };
        let (rounds, compile_seconds, peak_bytes) = (Vec::new(), None, None);
        Self { measured, subject: Subject::Gone, rounds, compile_seconds, peak_bytes }
    }

    fn new(row: &Row, threads: usize, who: &Contestant, work: &Path) -> Result<Self> {
        let mut turn = Self::missing(row, threads, who, String::new());
        if let Some(why) = &who.missing {
            turn.measured.missing = Some(why.clone());
            return Ok(turn);
        }
        turn.measured.missing = None;
        if row.work == Work::Process {
            turn.subject = Subject::Whole(Process::new(who.clone(), row.id, threads, work));
            return Ok(turn);
        }
        let command = who.command(row.id, threads, work).context("a contestant has no program")?;
        match Session::start(command) {
            Ok(Started::Ready(session)) => {
                turn.compile_seconds = session.compile_seconds;
                turn.subject = Subject::Warm(session);
            }
            Ok(Started::Missing(why)) => turn.measured.missing = Some(why),
            Err(error) => turn.fail(error)?,
        }
        Ok(turn)
    }

    fn take(&mut self, seconds: f64) -> Result<()> {
        let taken = match &mut self.subject {
            Subject::Gone => return Ok(()),
            Subject::Warm(session) => session.round(seconds).map(Ok),
            Subject::Whole(process) => process.round().map(|taken| taken.map(|one| vec![one])),
        };
        match taken {
            Ok(Ok(calls)) => self.rounds.push(calls),
            Ok(Err(why)) => {
                (self.measured.missing, self.subject) = (Some(why), Subject::Gone);
            }
            Err(error) => self.fail(error)?,
        }
        Ok(())
    }

    /// A peer that fails is missing; Atelier must not.
    fn fail(&mut self, error: anyhow::Error) -> Result<()> {
        let Measured { row, contestant, .. } = &self.measured;
        if contestant == ATELIER {
            return Err(error.context(format!("{row:?} cannot be measured")));
        }
        (self.measured.missing, self.subject) = (Some(format!("{error:#}")), Subject::Gone);
        Ok(())
    }

    fn finish(mut self) -> Result<Measured> {
        let peak = match std::mem::replace(&mut self.subject, Subject::Gone) {
            Subject::Gone => return Ok(self.measured),
            Subject::Warm(session) => session.finish(),
            Subject::Whole(mut process) => process.peak(),
        };
        match peak {
            Ok(peak) => self.peak_bytes = Some(peak).filter(|&peak| peak > 0),
            Err(error) => self.fail(error)?,
        }
        if self.measured.missing.is_none() {
            let mut times = Times::of(&self.rounds);
            times.compile_seconds = self.compile_seconds;
            times.peak_bytes = self.peak_bytes;
            self.measured.times = Some(times);
        }
        Ok(self.measured)
    }
}

impl LimitsAsked {
    fn new(atelier: &Contestant, threads: usize, work: &Path) -> Result<Self> {
        let start = |id: &str| -> Result<Session> {
            let command = atelier.command(id, threads, work).context("Atelier has no program")?;
            match Session::start(command)? {
                Started::Ready(session) => Ok(session),
                Started::Missing(why) => Err(anyhow::anyhow!("{id} is missing: {why}")),
            }
        };
        let product = |(number, shape): (usize, &(usize, usize, usize))| -> Result<_> {
            Ok((start(&format!("product-{number}"))?, Product::flop(*shape)))
        };
        Ok(Self {
            threads,
            products: SHAPES.iter().enumerate().map(product).collect::<Result<_>>()?,
            copy: start("copy")?,
            limits: Limits { threads, peak_gflop_per_second: 0.0, copy_gigabytes_per_second: 0.0 },
        })
    }

    /// The fastest call of all rounds counts: a limit is what the machine can do when nothing hinders it.
    fn round(&mut self) -> Result<()> {
        let fastest = |session: &mut Session| -> Result<f64> {
            Ok(crate::statistics::quantile(&session.round(0.03)?, 0.0))
        };
        let what = || format!("the limits of {} threads cannot be measured", self.threads);
        for (session, flop) in &mut self.products {
            let found = *flop / fastest(session).with_context(what)? / 1e9;
            let peak = &mut self.limits.peak_gflop_per_second;
            *peak = peak.max(found);
        }
        let found = Copying::BYTES / fastest(&mut self.copy)? / 1e9;
        let copy = &mut self.limits.copy_gigabytes_per_second;
        *copy = copy.max(found);
        Ok(())
    }
}

/// Adds what is known only when all is measured: shares of the peak, and ratios to Atelier.
fn relate(measured: &mut [Measured], limits: &[Limits]) {
    let ours: Vec<(String, usize, Vec<f64>)> = measured
        .iter()
        .filter(|row| row.contestant == ATELIER)
        .filter_map(|row| Some((row.id.clone(), row.threads, row.times.as_ref()?.rounds.clone())))
        .collect();
    for row in measured {
        let flop = ROWS.iter().find(|plan| plan.id == row.id).map_or(0.0, Row::flop);
        let peak = limits.iter().find(|limits| limits.threads == row.threads);
        let (Some(times), Some(peak)) = (&mut row.times, peak) else { continue };
        let peak = peak.peak_gflop_per_second;
        if row.contestant == ATELIER {
            times.relate(flop, peak, None);
        } else if let Some((.., rounds)) =
            ours.iter().find(|(id, threads, _)| (id, *threads) == (&row.id, row.threads))
        {
            times.relate(flop, peak, Some(rounds));
        }
    }
}
