//! Results as tables, for a terminal and as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::contestant::ATELIER;
use crate::report::{Measured, Report, Times};
use crate::statistics::quantile;

/// Cells in rows, the first row the headings; the first column is text and the others are numbers.
struct Table(Vec<Vec<String>>);

/// How tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Aligned, for a terminal.
    Text,
    /// For a file of documentation.
    Markdown,
}

/// All that a report says, as tables and the reasons for what is missing.
#[must_use]
pub fn text(report: &Report, style: Style) -> String {
    let mut text = heading(report);
    let mut add = |title: &str, table: Table| {
        if table.0.len() > 1 {
            let _ = write!(text, "\n{title}\n\n{}", table.write(style));
        }
    };
    add("Times: median; in brackets how many times as long as Atelier.", times(report));
    add("Peak resident memory, MiB.", memory(report));
    add("Compiling before the first step, seconds; not in the times.", compiling(report));
    let reasons = reasons(report);
    if !reasons.is_empty() {
        text.push_str("\nWhat is not there (-):\n\n");
        text.extend(reasons.into_iter().map(|reason| format!("- {reason}\n")));
    }
    text
}

fn heading(report: &Report) -> String {
    let machine = &report.machine;
    let versions: Vec<String> =
        report.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let mut text = format!(
        "{}, {} cores, {:.0} GiB, {}; {}.\n{}.\n",
        machine.processor,
        machine.cores,
        machine.memory_bytes as f64 / f64::from(1 << 30),
        machine.system,
        machine.date,
        versions.join(", ")
    );
    for limits in &report.limits {
        let _ = writeln!(
            text,
            "Limits with {}: {:.0} GFLOP/s in f32 (peak; multiplications and additions in registers {:.0}, products \
             {:.0}), {:.1} GB/s copied (read and written).",
            threads(limits.threads),
            limits.peak_gflop_per_second(),
            limits.registers_gflop_per_second,
            limits.products_gflop_per_second,
            limits.copy_gigabytes_per_second
        );
        if !limits.round_trip_seconds.is_empty() {
            let [least, median, most] =
                [0.0, 0.5, 1.0].map(|q| 1e9 * quantile(&limits.round_trip_seconds, q));
            let _ = writeln!(
                text,
                "From core to core and back: {median:.0} ns, the median of rounds between {least:.0} and {most:.0} ns."
            );
        }
    }
    if report.quick || report.avx2 {
        let quick = if report.quick { "A quick look: few repetitions. " } else { "" };
        let avx2 = if report.avx2 { "Atelier without AVX-512." } else { "" };
        let _ = writeln!(text, "{}", format!("{quick}{avx2}").trim());
    }
    text
}

fn threads(count: usize) -> String {
    if count == 1 { "one thread".to_string() } else { format!("{count} threads") }
}

fn times(report: &Report) -> Table {
    let mut rows = vec![
        ["row", "threads", ATELIER, "spread", "GFLOP/s", "of peak"].map(str::to_string).to_vec(),
    ];
    rows[0].extend(report.contestants().skip(1).map(str::to_string));
    for ours in report.ours() {
        let mut cells = vec![ours.row.clone(), ours.threads.to_string()];
        let share = |share: f64| format!("{:.0} %", 100.0 * share);
        let of = |what: &dyn Fn(&Times) -> Option<String>| {
            ours.times.as_ref().and_then(what).unwrap_or_else(|| "-".to_string())
        };
        cells.push(of(&|times| Some(duration(times.seconds))));
        cells.push(of(&|times| Some(share(spread(times)))));
        cells.push(of(&|times| times.gflop_per_second.map(|found| format!("{found:.0}"))));
        cells.push(of(&|times| times.share_of_peak.map(share)));
        for name in report.contestants().skip(1) {
            let theirs = report.find(&ours.id, ours.threads, name);
            cells.push(theirs.map_or_else(|| "-".to_string(), peer));
        }
        rows.push(cells);
    }
    Table(rows)
}

/// Half the distance of the quartiles, as a share of the median.
fn spread(times: &Times) -> f64 {
    (times.quartiles[1] - times.quartiles[0]) / 2.0 / times.seconds
}

fn peer(measured: &Measured) -> String {
    let Some(times) = &measured.times else { return "-".to_string() };
    match times.ratio {
        Some(ratio) => format!("{} ({ratio:.1}x)", duration(times.seconds)),
        None => duration(times.seconds),
    }
}

fn memory(report: &Report) -> Table {
    const MIB: f64 = (1 << 20) as f64;
    per_contestant(report, 0, |times| {
        times.peak_bytes.map(|peak| format!("{:.0}", peak as f64 / MIB))
    })
}

fn compiling(report: &Report) -> Table {
    per_contestant(report, 1, |times| times.compile_seconds.map(|seconds| format!("{seconds:.1}")))
}

/// A table with a column for each contestant from `first` on for whom any row has the value; rows
/// without one are left out.
fn per_contestant(
    report: &Report,
    first: usize,
    value: impl Fn(&Times) -> Option<String>,
) -> Table {
    let cell = |ours: &Measured, name: &str| {
        report.find(&ours.id, ours.threads, name)?.times.as_ref().and_then(&value)
    };
    let names: Vec<&str> = report
        .contestants()
        .skip(first)
        .filter(|name| report.ours().any(|ours| cell(ours, name).is_some()))
        .collect();
    let mut rows = vec![vec!["row".to_string(), "threads".to_string()]];
    rows[0].extend(names.iter().map(|name| (*name).to_string()));
    for ours in report.ours() {
        let cells: Vec<Option<String>> = names.iter().map(|name| cell(ours, name)).collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_string()));
            rows.push(
                [ours.row.clone(), ours.threads.to_string()].into_iter().chain(cells).collect(),
            );
        }
    }
    Table(rows)
}

/// Why results are missing, each reason once, with the rows that it holds for.
fn reasons(report: &Report) -> Vec<String> {
    let mut rows: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for measured in &report.rows {
        if let Some(why) = &measured.missing {
            let named = rows.entry((&measured.contestant, why)).or_default();
            if !named.contains(&&*measured.row) {
                named.push(&measured.row);
            }
        }
    }
    let all = report.ours().map(|row| &row.row).collect::<std::collections::BTreeSet<_>>().len();
    rows.into_iter()
        .map(|((who, why), rows)| {
            let rows = if rows.len() == all { "every row".to_string() } else { rows.join("; ") };
            format!("{who}: {why} ({rows})")
        })
        .collect()
}

/// Three figures and a unit: `52.0 us`, `1.79 ms`, `14.2 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    // What rounds up to a thousand belongs to the next unit.
    let (value, unit) = if seconds < 999.5e-6 {
        (seconds * 1e6, "us")
    } else if seconds < 999.5e-3 {
        (seconds * 1e3, "ms")
    } else {
        (seconds, "s")
    };
    // 9.995 would be shown as 10.00, 99.95 as 100.0.
    let digits = [9.995, 99.95].into_iter().filter(|&limit| value < limit).count();
    format!("{value:.digits$} {unit}")
}

impl Table {
    fn write(&self, style: Style) -> String {
        match style {
            Style::Text => self.aligned(),
            Style::Markdown => self.markdown(),
        }
    }

    fn aligned(&self) -> String {
        let width =
            |column: usize| self.0.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.0[0].len()).map(width).collect();
        let mut text = String::new();
        for row in &self.0 {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        for (number, row) in self.0.iter().enumerate() {
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if number == 0 {
                let _ = writeln!(text, "| --- |{}", " ---: |".repeat(row.len() - 1));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{measured, report};

    fn small() -> Report {
        let mut ours = Times::of(&[vec![2e-3, 2e-3, 2.2e-3]]);
        ours.relate(0.1e9, 100.0, None);
        ours.peak_bytes = Some(8 << 20);
        let mut theirs = Times::of(&[vec![5e-3]]);
        theirs.relate(0.1e9, 100.0, Some(&[2e-3]));
        theirs.compile_seconds = Some(3.25);
        let rows = vec![
            measured("long name", ATELIER, Ok(ours.clone())),
            measured("long name", "JAX", Ok(theirs)),
            measured("long name", "burn", Err("no such row")),
            measured("b", ATELIER, Ok(Times::of(&[vec![14.2]]))),
            measured("b", "JAX", Err("it ended (exit status: 1): no module named jax")),
            measured("b", "burn", Err("no such row")),
        ];
        report(rows, &["JAX", "burn"])
    }

    #[test]
    fn columns_are_aligned_whoever_is_missing() {
        let table = times(&small()).aligned();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "row            threads  Atelier  spread  GFLOP/s  of peak             JAX  burn",
                "row long name        1  2.00 ms     5 %       50     50 %  5.00 ms (2.5x)     -",
                "row b                1   14.2 s     0 %        -        -               -     -",
            ]
        );
    }

    #[test]
    fn markdown_has_as_many_cells_in_every_line() {
        let table = times(&small()).markdown();
        let cells: Vec<usize> = table.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(cells, [9; 4]);
        assert!(table.starts_with("| row | threads | Atelier |"), "{table}");
    }

    #[test]
    fn what_is_missing_is_a_dash_and_its_reason_is_below() {
        let text = text(&small(), Style::Text);
        assert!(text.contains("- burn: no such row (every row)"), "{text}");
        assert!(text.contains("- JAX: it ended (exit status: 1): no module named jax (row b)"));
    }

    #[test]
    fn memory_and_compiling_have_the_columns_that_anyone_knows() {
        assert_eq!(
            memory(&small()).aligned(),
            "row            threads  Atelier\nrow long name        1        8\n"
        );
        assert_eq!(compiling(&small()).0[0], ["row", "threads", "JAX"]);
        assert_eq!(compiling(&small()).0[1], ["row long name", "1", "3.2"]);
    }

    #[test]
    fn times_have_three_figures_and_their_unit() {
        for (seconds, shown) in [
            (5.2e-5, "52.0 us"),
            (9.994e-6, "9.99 us"),
            (9.996e-6, "10.0 us"),
            (999.6e-6, "1.00 ms"),
            (0.578, "578 ms"),
            (14.23, "14.2 s"),
            (120.0, "120 s"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }
}
