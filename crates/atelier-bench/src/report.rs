//! What was measured, as it stands in a file of results.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::contestant::ATELIER;
use crate::machine::Machine;
use crate::statistics::{median, quantile, ratios};

/// Of this form of the file.
pub const SCHEMA_VERSION: u32 = 2;

/// A run of the bench.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The form of this file.
    pub schema_version: u32,
    /// Where it was measured.
    pub machine: Machine,
    /// Name and version of everyone who was measured, Atelier first.
    pub versions: Vec<(String, String)>,
    /// Whether it was a quick look.
    pub quick: bool,
    /// Whether Atelier did without AVX-512.
    pub avx2: bool,
    /// What the names of its rows contain; empty where all were measured.
    pub only: String,
    /// The limits of the machine.
    pub limits: Vec<Limits>,
    /// The rows, each with Atelier first.
    pub rows: Vec<Measured>,
}

/// What the machine can do, with so many threads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    /// Threads that took part.
    pub threads: usize,
    /// The fastest multiplications and additions in registers, billions a second.
    pub registers_gflop_per_second: f64,
    /// The fastest product of the run, in the same unit.
    pub products_gflop_per_second: f64,
    /// The fastest copy of the run, billions of bytes read and written a second.
    pub copy_gigabytes_per_second: f64,
    /// From one core to another and back, the median of each round's calls; empty with one thread.
    pub round_trip_seconds: Vec<f64>,
}

impl Limits {
    /// The peak that shares are of: the greater of the two.
    #[must_use]
    pub fn peak_gflop_per_second(&self) -> f64 {
        self.registers_gflop_per_second.max(self.products_gflop_per_second)
    }
}

/// One row of one contestant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// The row's short name.
    pub id: String,
    /// What was measured, in words.
    pub row: String,
    /// Threads that took part.
    pub threads: usize,
    /// Who was measured.
    pub contestant: String,
    /// Why there is no result, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The result.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
}

/// A result. Times are in seconds a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Times {
    /// Median over all calls.
    pub seconds: f64,
    /// The fastest of them: what the machine can do while nobody else is at work.
    pub fastest: f64,
    /// First and third quartile of all calls.
    pub quartiles: [f64; 2],
    /// The median of each round.
    pub rounds: Vec<f64>,
    /// Calls in all.
    pub calls: usize,
    /// What compiling took, before.
    pub compile_seconds: Option<f64>,
    /// Peak of resident memory, bytes.
    pub peak_bytes: Option<u64>,
    /// Billions of operations a second, products only; of Atelier, whose operations are counted.
    pub gflop_per_second: Option<f64>,
    /// Of the peak of as many cores in the same run.
    pub share_of_peak: Option<f64>,
    /// How many times as long as Atelier it took: the median over the rounds that both have.
    pub ratio: Option<f64>,
}

impl Times {
    /// From the calls of each round.
    #[must_use]
    pub fn of(rounds: &[Vec<f64>]) -> Self {
        let all: Vec<f64> = rounds.iter().flatten().copied().collect();
        Self {
            seconds: median(&all),
            fastest: quantile(&all, 0.0),
            quartiles: [0.25, 0.75].map(|q| quantile(&all, q)),
            rounds: rounds.iter().map(|round| median(round)).collect(),
            calls: all.len(),
            compile_seconds: None,
            peak_bytes: None,
            gflop_per_second: None,
            share_of_peak: None,
            ratio: None,
        }
    }

    /// Adds what depends on others: the operations of a call, the peak of as many threads, and the
    /// rounds of Atelier for another contestant.
    pub fn relate(&mut self, flop: f64, peak: f64, atelier: Option<&[f64]>) {
        match atelier {
            Some(ours) => self.ratio = Some(median(&ratios(&self.rounds, ours))),
            None if flop > 0.0 => {
                let found = flop / self.seconds / 1e9;
                self.gflop_per_second = Some(found);
                self.share_of_peak = Some(found / peak);
            }
            None => {}
        }
    }
}

impl Report {
    /// Reads a file of results.
    ///
    /// # Errors
    /// Fails if it is none, or of another form.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let report: Self = serde_json::from_slice(text)?;
        let found = report.schema_version;
        ensure!(
            found == SCHEMA_VERSION,
            "it has schema_version {found}, expected {SCHEMA_VERSION}: measure again"
        );
        Ok(report)
    }

    /// The contestants, Atelier first.
    pub fn contestants(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|(name, _)| name.as_str())
    }

    /// The row of one contestant.
    #[must_use]
    pub fn find(&self, id: &str, threads: usize, contestant: &str) -> Option<&Measured> {
        self.rows
            .iter()
            .find(|row| row.id == id && row.threads == threads && row.contestant == contestant)
    }

    /// Atelier's rows.
    pub fn ours(&self) -> impl Iterator<Item = &Measured> {
        self.rows.iter().filter(|row| row.contestant == ATELIER)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A row for tests of what is made from results.
    pub fn measured(id: &str, contestant: &str, times: Result<Times, &str>) -> Measured {
        let (times, missing) = match times {
            Ok(times) => (Some(times), None),
            Err(why) => (None, Some(why.to_string())),
        };
        let (id, contestant) = (id.to_string(), contestant.to_string());
        Measured { row: format!("row {id}"), id, threads: 1, contestant, missing, times }
    }

    /// A report with these rows, on a machine of 100 GFLOP/s.
    pub fn report(rows: Vec<Measured>, peers: &[&str]) -> Report {
        let version = |name: &str| (name.to_string(), "1.0".to_string());
        Report {
            schema_version: SCHEMA_VERSION,
            machine: Machine {
                processor: "a processor".into(),
                cores: 1,
                memory_bytes: 1 << 30,
                system: "linux x86_64".into(),
                date: "2026-01-02T03:04:05Z".into(),
            },
            versions: [ATELIER].iter().chain(peers).map(|name| version(name)).collect(),
            quick: false,
            avx2: false,
            only: String::new(),
            limits: vec![Limits {
                threads: 1,
                registers_gflop_per_second: 100.0,
                products_gflop_per_second: 90.0,
                copy_gigabytes_per_second: 10.0,
                round_trip_seconds: vec![80e-9, 350e-9],
            }],
            rows,
        }
    }

    fn is(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn a_result_is_the_median_of_all_calls_and_knows_each_rounds() {
        let times = Times::of(&[vec![1.0, 2.0, 9.0], vec![3.0, 4.0]]);
        assert_eq!((times.seconds, times.fastest, times.calls), (3.0, 1.0, 5));
        assert_eq!((times.rounds, times.quartiles), (vec![2.0, 3.5], [2.0, 4.0]));
    }

    #[test]
    fn operations_a_second_and_the_share_come_of_the_median() {
        let mut times = Times::of(&[vec![0.5]]);
        times.relate(25e9, 100.0, None);
        is(times.gflop_per_second, 50.0);
        is(times.share_of_peak, 0.5);
        assert!(times.ratio.is_none());
    }

    #[test]
    fn what_nobody_counts_has_no_share_and_a_peer_has_a_ratio_only() {
        let mut uncounted = Times::of(&[vec![0.5]]);
        uncounted.relate(0.0, 100.0, None);
        assert!(uncounted.gflop_per_second.is_none() && uncounted.share_of_peak.is_none());
        let mut peer = Times::of(&[vec![2.0], vec![6.0], vec![2.2]]);
        peer.relate(25e9, 100.0, Some(&[1.0, 2.0, 1.0]));
        is(peer.ratio, 2.2);
        assert!(peer.share_of_peak.is_none());
    }

    #[test]
    fn a_ratio_is_of_the_rounds_that_both_have() {
        // The peer sat out after the first; the machine was slower then, for both.
        let mut peer = Times::of(&[vec![6.0]]);
        peer.relate(0.0, 100.0, Some(&[2.0, 1.0, 1.0]));
        is(peer.ratio, 3.0);
        let mut more = Times::of(&[vec![6.0], vec![4.0], vec![1.0]]);
        more.relate(0.0, 100.0, Some(&[2.0, 2.0]));
        is(more.ratio, 2.5);
    }

    #[test]
    fn the_peak_is_the_greater_of_registers_and_products() {
        let mut limits = report(Vec::new(), &[]).limits.remove(0);
        is(Some(limits.peak_gflop_per_second()), 100.0);
        limits.products_gflop_per_second = 101.0;
        is(Some(limits.peak_gflop_per_second()), 101.0);
    }

    #[test]
    fn a_file_of_results_comes_back_and_another_form_is_refused() {
        let rows = vec![
            measured("a", ATELIER, Ok(Times::of(&[vec![1.0]]))),
            measured("a", "burn", Err("no such row")),
        ];
        let mut written = report(rows, &["burn"]);
        let read = Report::parse(&serde_json::to_vec(&written).unwrap()).unwrap();
        assert_eq!(read.find("a", 1, ATELIER).unwrap().times.as_ref().unwrap().calls, 1);
        let missing = read.find("a", 1, "burn").unwrap();
        assert_eq!(
            (missing.missing.as_deref(), missing.times.is_none()),
            (Some("no such row"), true)
        );
        written.schema_version = 7;
        let refused = Report::parse(&serde_json::to_vec(&written).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("schema_version 7"), "{refused}");
    }
}
