//! Two files of results compared by share of the peak, which a faster or slower machine changes less than times.

use crate::report::Report;

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
    /// The earlier results do not have it, or nobody counts its operations.
    Unknown,
}

/// Every row of Atelier in `new` with its verdict against `old`.
#[must_use]
pub fn compare<'a>(new: &'a Report, old: &Report) -> Vec<(&'a str, usize, Verdict)> {
    let share = |report: &Report, id: &str, threads| {
        report.find(id, threads, crate::contestant::ATELIER)?.times.as_ref()?.share_of_peak
    };
    new.ours()
        .map(|row| {
            let shares = (share(new, &row.id, row.threads), share(old, &row.id, row.threads));
            let verdict = match shares {
                (Some(now), Some(before)) => verdict(now, before),
                _ => Verdict::Unknown,
            };
            (row.row.as_str(), row.threads, verdict)
        })
        .collect()
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

/// The comparison for a person, and whether anything is slower.
#[must_use]
pub fn text(new: &Report, old: &Report) -> (String, bool) {
    let verdicts = compare(new, old);
    let mut lines = Vec::new();
    if new.machine.processor != old.machine.processor || new.machine.cores != old.machine.cores {
        let (found, before) = (&new.machine, &old.machine);
        lines.push(format!(
            "another machine: {} ({} cores), before {} ({} cores)",
            found.processor, found.cores, before.processor, before.cores
        ));
    }
    let percent = |share: &f64| format!("{:.1} %", 100.0 * share);
    let (mut slower, mut compared) = (0, 0);
    for (row, threads, verdict) in &verdicts {
        let (word, now, before) = match verdict {
            Verdict::Slower(now, before) => ("slower", now, before),
            Verdict::Faster(now, before) => ("faster", now, before),
            Verdict::Same(..) => {
                compared += 1;
                continue;
            }
            Verdict::Unknown => continue,
        };
        compared += 1;
        slower += usize::from(word == "slower");
        let (now, before) = (percent(now), percent(before));
        lines.push(format!("{word}: {row}, threads {threads}: {now} of the peak, before {before}"));
    }
    lines.push(format!(
        "{slower} of {compared} rows slower by more than {:.0} % of their share of the peak",
        100.0 * THRESHOLD
    ));
    (lines.join("\n") + "\n", slower > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestant::ATELIER;
    use crate::report::Times;
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
    fn what_is_slower_is_named_and_what_nobody_knows_is_no_judgement() {
        let old = with(&[("a", Some(0.5)), ("b", Some(0.5)), ("c", None), ("d", Some(0.5))]);
        let new = with(&[("a", Some(0.3)), ("b", Some(0.6)), ("c", Some(0.1)), ("e", Some(0.1))]);
        let (text, slower) = text(&new, &old);
        assert!(slower);
        assert_eq!(
            text,
            "slower: row a, threads 1: 30.0 % of the peak, before 50.0 %\n\
             faster: row b, threads 1: 60.0 % of the peak, before 50.0 %\n\
             1 of 2 rows slower by more than 10 % of their share of the peak\n"
        );
        let verdicts = compare(&new, &old);
        assert_eq!(verdicts.iter().filter(|row| row.2 == Verdict::Unknown).count(), 2);
    }

    #[test]
    fn the_same_results_are_no_slower_and_another_machine_is_said() {
        let old = with(&[("a", Some(0.5))]);
        assert!(!text(&old, &old).1);
        let mut elsewhere = old.clone();
        elsewhere.machine.processor = "another".into();
        assert!(text(&elsewhere, &old).0.starts_with("another machine: another (1 cores), before"));
    }
}
