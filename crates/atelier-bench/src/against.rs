//! Two files of results compared by share of the peak, which a faster or slower machine changes less than times.

use anyhow::{Result, ensure};

use crate::contestant::ATELIER;
use crate::report::{Measured, Report, Times};

/// A row is slower when its share of the peak has fallen by more than this share of itself.
pub const THRESHOLD: f64 = 0.10;

/// How a row stands against an earlier one.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Its share is now this, and was that.
    Slower(f64, f64),
    /// Its share is now this, and was that.
    Faster(f64, f64),
    /// It differs by less than the threshold.
    Same(f64, f64),
    /// The earlier results do not have it.
    New,
    /// Only the earlier results have it.
    Vanished,
    /// Nobody counts its operations, or one of the two was not asked for it.
    Unknown,
}

/// Every row of Atelier with its verdict against `old`, those of `new` first.
#[must_use]
pub fn compare<'a>(new: &'a Report, old: &'a Report) -> Vec<(&'a str, usize, Verdict)> {
    let absent = |row: &&Measured| new.find(&row.id, row.threads, ATELIER).is_none();
    let rows = new.ours().chain(old.ours().filter(absent));
    rows.map(|row| (row.row.as_str(), row.threads, against(row, new, old))).collect()
}

fn against(row: &Measured, new: &Report, old: &Report) -> Verdict {
    fn times<'a>(report: &'a Report, row: &Measured) -> Option<&'a Times> {
        report.find(&row.id, row.threads, ATELIER)?.times.as_ref()
    }
    // Another machine may have another number of cores.
    let asked = |report: &Report| {
        let threads = report.limits.iter().any(|limits| limits.threads == row.threads);
        threads && row.row.contains(&report.only)
    };
    match (times(new, row), times(old, row)) {
        (Some(now), Some(before)) => match (now.share_of_peak, before.share_of_peak) {
            (Some(now), Some(before)) => verdict(now, before),
            _ => Verdict::Unknown,
        },
        (Some(_), None) if asked(old) => Verdict::New,
        (None, Some(_)) if asked(new) => Verdict::Vanished,
        _ => Verdict::Unknown,
    }
}

fn verdict(now: f64, before: f64) -> Verdict {
    if now < before * (1.0 - THRESHOLD) {
        Verdict::Slower(now, before)
    } else if now > before / (1.0 - THRESHOLD) {
        Verdict::Faster(now, before)
    } else {
        Verdict::Same(now, before)
    }
}

/// The comparison for a person, and whether anything is slower or has vanished.
///
/// # Errors
/// Fails if the two were measured in different ways, or have no row in common.
pub fn text(new: &Report, old: &Report) -> Result<(String, bool)> {
    comparable(new, old)?;
    let mut lines = Vec::new();
    if new.machine.processor != old.machine.processor || new.machine.cores != old.machine.cores {
        let (found, before) = (&new.machine, &old.machine);
        lines.push(format!(
            "another machine: {} ({} cores), before {} ({} cores)",
            found.processor, found.cores, before.processor, before.cores
        ));
    }
    let (mut slower, mut vanished, mut compared) = (0, 0, 0);
    for (row, threads, verdict) in compare(new, old) {
        let shares = |now: f64, before: f64| {
            format!("{:.1} % of the peak, before {:.1} %", 100.0 * now, 100.0 * before)
        };
        let (word, said) = match verdict {
            Verdict::Slower(now, before) => ("slower", shares(now, before)),
            Verdict::Faster(now, before) => ("faster", shares(now, before)),
            Verdict::Same(now, before) => ("", shares(now, before)),
            Verdict::New => ("new", "not measured before".to_string()),
            Verdict::Vanished => ("vanished", "measured before, and not now".to_string()),
            Verdict::Unknown => continue,
        };
        slower += usize::from(word == "slower");
        vanished += usize::from(word == "vanished");
        compared += usize::from(!matches!(word, "new" | "vanished"));
        if !word.is_empty() {
            lines.push(format!("{word}: {row}, threads {threads}: {said}"));
        }
    }
    ensure!(compared > 0, "the two results have no row in common whose operations are counted");
    lines.push(format!(
        "{slower} of {compared} rows slower by more than {:.0} % of their share of the peak",
        100.0 * THRESHOLD
    ));
    Ok((lines.join("\n") + "\n", slower + vanished > 0))
}

fn comparable(new: &Report, old: &Report) -> Result<()> {
    for (flag, now, before) in [("--avx2", new.avx2, old.avx2), ("--quick", new.quick, old.quick)] {
        let with = |flag_was_set: bool| if flag_was_set { "with" } else { "without" };
        ensure!(
            now == before,
            "these results were measured {} {flag}, the earlier ones {} it: measure both in the same way",
            with(now),
            with(before)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{measured, report};

    fn with(shares: &[(&str, Option<f64>)]) -> Report {
        let rows = shares.iter().map(|(id, share)| {
            let mut times = Times::of(&[vec![1.0]]);
            times.share_of_peak = *share;
            measured(id, ATELIER, Ok(times))
        });
        report(rows.collect(), &[])
    }

    #[test]
    fn the_threshold_is_a_share_of_the_share() {
        assert!(matches!(verdict(0.449, 0.5), Verdict::Slower(..)));
        assert!(matches!(verdict(0.451, 0.5), Verdict::Same(..)));
        assert!(matches!(verdict(0.555, 0.5), Verdict::Same(..)));
        assert!(matches!(verdict(0.557, 0.5), Verdict::Faster(..)));
    }

    #[test]
    fn what_is_slower_new_or_vanished_is_named_and_what_nobody_counts_is_no_judgement() {
        let old = with(&[("a", Some(0.5)), ("b", Some(0.5)), ("c", None), ("d", Some(0.5))]);
        let new = with(&[("a", Some(0.3)), ("b", Some(0.6)), ("c", Some(0.1)), ("e", Some(0.1))]);
        let (text, worse) = text(&new, &old).unwrap();
        assert!(worse);
        assert_eq!(
            text,
            "slower: row a, threads 1: 30.0 % of the peak, before 50.0 %\n\
             faster: row b, threads 1: 60.0 % of the peak, before 50.0 %\n\
             new: row e, threads 1: not measured before\n\
             vanished: row d, threads 1: measured before, and not now\n\
             1 of 2 rows slower by more than 10 % of their share of the peak\n"
        );
    }

    #[test]
    fn a_row_that_vanished_is_worse_unless_it_was_not_asked_for() {
        let old = with(&[("a", Some(0.5)), ("b", None)]);
        let mut new = with(&[("a", Some(0.5))]);
        assert!(text(&new, &old).unwrap().1);
        assert!(!text(&old, &new).unwrap().1);
        new.only = "row a".into();
        let (said, worse) = text(&new, &old).unwrap();
        assert!(!worse && !said.contains("vanished"), "{said}");
        let mut more_cores = with(&[("a", Some(0.5))]);
        more_cores.rows[0].threads = 4;
        more_cores.rows.push(old.rows[0].clone());
        assert!(!text(&old, &more_cores).unwrap().1);
    }

    #[test]
    fn the_same_results_are_no_slower_and_another_machine_is_said() {
        let old = with(&[("a", Some(0.5))]);
        assert!(!text(&old, &old).unwrap().1);
        let mut elsewhere = old.clone();
        elsewhere.machine.processor = "another".into();
        let (said, _) = text(&elsewhere, &old).unwrap();
        assert!(said.starts_with("another machine: another (1 cores), before"));
    }

    #[test]
    fn what_was_measured_otherwise_is_not_compared() {
        let old = with(&[("a", Some(0.5))]);
        let (mut narrow, mut quick) = (old.clone(), old.clone());
        (narrow.avx2, quick.quick) = (true, true);
        let refused = |new: &Report, old: &Report| text(new, old).unwrap_err().to_string();
        assert_eq!(
            refused(&narrow, &old),
            "these results were measured with --avx2, the earlier ones without it: measure both in the same way"
        );
        assert!(refused(&old, &quick).contains("without --quick, the earlier ones with it"));
        assert!(refused(&with(&[("b", Some(0.5))]), &old).contains("no row in common"));
    }
}
