//! Warm-up, rounds in which everyone has a turn, medians.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::contestant::{ATELIER, Contestant};
use crate::limits::LimitsAsked;
use crate::machine::Machine;
use crate::report::{Limits, Measured, Report, SCHEMA_VERSION};
use crate::row::{ROWS, Row, Threads};
use crate::turn::Turn;
use crate::watch::interrupted;
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
    /// No round begins after so many seconds of a row, but for the least number of them.
    row: f64,
    /// A contestant whose turns have taken so many seconds sits the other rounds out.
    contestant: f64,
}

const THOROUGH: Pace = Pace { turn: 0.25, rounds: (3, 7), row: 30.0, contestant: 15.0 };
const QUICK: Pace = Pace { turn: 0.08, rounds: (2, 5), row: 1.0, contestant: 1.0 };

/// An answer is waited for so long, twice as long at rows whose calls take many seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// Measures all rows, one after the other; within a row everyone has a turn in every round.
///
/// # Errors
/// Fails if no row is called so, if Atelier fails, or the disk.
pub fn all(settings: &Settings, tell: &mut dyn FnMut(&str)) -> Result<Report> {
    let rows = chosen(settings)?;
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
    let limits: Vec<Limits> = limits.into_iter().map(LimitsAsked::reached).collect();
    relate(&mut measured, &limits);
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        machine,
        versions: contestants.iter().map(|who| (who.name.clone(), who.version.clone())).collect(),
        quick: settings.quick,
        avx2: settings.avx2,
        only: settings.only.clone(),
        limits,
        rows: measured,
    })
}

fn chosen(settings: &Settings) -> Result<Vec<&'static Row>> {
    let there: Vec<&Row> = ROWS.iter().filter(|row| row.quick || !settings.quick).collect();
    let rows: Vec<&Row> =
        there.iter().copied().filter(|row| row.name.contains(&settings.only)).collect();
    ensure!(
        !rows.is_empty(),
        "no row's name contains {:?}; {} are:\n  {}",
        settings.only,
        if settings.quick { "those of --quick" } else { "the rows" },
        there.iter().map(|row| row.name).collect::<Vec<_>>().join("\n  ")
    );
    Ok(rows)
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
    let patience = if row.long() { 2 * PATIENCE } else { PATIENCE };
    let left_out = |who: &Contestant| match &workplace.no_data {
        Some(why) if row.needs_data => Some(why.clone()),
        _ if settings.quick && who.name != ATELIER && !row.quick_for_peers() => {
            Some("left out of --quick".to_string())
        }
        _ => None,
    };
    let mut turns = Vec::new();
    for &threads in threads {
        for who in contestants {
            turns.push(match left_out(who) {
                Some(why) => Turn::missing(row, threads, who, why),
                None => Turn::new(row, threads, who, workplace.path(), patience)?,
            });
        }
    }
    let start = Instant::now();
    let mut round = 0;
    while turns.iter().any(|turn| turn.goes_on(pace.contestant))
        && (round < pace.rounds.0
            || round < pace.rounds.1 && start.elapsed().as_secs_f64() < pace.row)
    {
        limits.iter_mut().try_for_each(LimitsAsked::round)?;
        ensure!(!interrupted(), "interrupted");
        // Another one begins each time, so that nobody always follows the same other.
        let first = round % turns.len();
        let (later, sooner) = turns.split_at_mut(first);
        for turn in sooner.iter_mut().chain(later).filter(|turn| turn.goes_on(pace.contestant)) {
            turn.take(pace.turn)?;
        }
        round += 1;
    }
    turns.into_iter().map(Turn::finish).collect()
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
        let peak = peak.peak_gflop_per_second();
        if row.contestant == ATELIER {
            times.relate(flop, peak, None);
        } else if let Some((.., rounds)) =
            ours.iter().find(|(id, threads, _)| (id, *threads) == (&row.id, row.threads))
        {
            times.relate(flop, peak, Some(rounds));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(quick: bool, only: &str) -> Result<Vec<&'static str>> {
        let settings = Settings { quick, only: only.to_string(), ..Settings::default() };
        Ok(chosen(&settings)?.into_iter().map(|row| row.name).collect())
    }

    #[test]
    fn rows_are_chosen_by_a_part_of_their_names() {
        assert_eq!(names(false, "").unwrap().len(), ROWS.len());
        assert_eq!(names(false, "loading the data").unwrap().len(), 2);
        assert!(names(true, "").unwrap().len() < ROWS.len());
    }

    #[test]
    fn a_name_that_no_row_has_is_refused_with_those_that_there_are() {
        let refused = names(false, "lodaing").unwrap_err().to_string();
        assert!(refused.starts_with("no row's name contains \"lodaing\""), "{refused}");
        assert!(ROWS.iter().all(|row| refused.contains(row.name)));
        let quick = names(true, "20 epochs").unwrap_err().to_string();
        assert!(quick.contains("those of --quick") && !quick.contains("20 epochs\n"), "{quick}");
    }
}
