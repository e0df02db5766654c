//! Warm-up, interleaved repetitions, medians.

use std::time::Instant;

use anyhow::Result;

use crate::Row;
use crate::grid::Grid;
use crate::peak::{Product, SHAPES};
use crate::step::Step;

/// Repetitions of every row; all rows are measured once before any is measured again, so that a
/// disturbance or a change of the clock meets all of them.
const REPETITIONS: usize = 61;
/// The same for a quick look.
const QUICK: usize = 13;
/// A repetition calls the row for about this long. Each call is timed by itself, so that those that
/// another process interrupts are told apart from the rest.
const SECONDS_PER_REPETITION: f64 = 0.02;
/// From this many seconds on a row is long.
const LONG: f64 = 0.1;

/// A row that can be repeated.
struct Subject {
    name: String,
    threads: usize,
    flop: f64,
    run: Box<dyn FnMut() -> Result<()>>,
    calls: usize,
    seconds: Vec<f64>,
}

/// What is measured, and how thoroughly.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Fewer repetitions.
    pub quick: bool,
    /// Only rows whose name contains this; the products, which tell the peak, are always measured.
    pub only: String,
}

/// All rows, with one thread and then with as many as there are cores.
///
/// # Errors
/// Fails if there is no memory left.
pub fn all(settings: &Settings) -> Result<Vec<Row>> {
    let all_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows = Vec::new();
    let mut threads = vec![1, all_cores];
    threads.dedup();
    for threads in threads {
        rows.extend(with_threads(threads, settings)?);
    }
    Ok(rows)
}

fn with_threads(threads: usize, settings: &Settings) -> Result<Vec<Row>> {
    atelier_core::threads::set(threads);
    let mut subjects = Vec::new();
    for shape in SHAPES {
        let product = Product::new(shape)?;
        subjects.push(Subject {
            name: format!("product {} x {} x {}", shape.0, shape.1, shape.2),
            threads,
            flop: product.flop,
            run: Box::new(move || {
                product.take()?;
                Ok(())
            }),
            calls: 1,
            seconds: vec![],
        });
    }
    let steps = [
        ("3 x 50, batch 16, SGD", Step::new(&[50; 3], 16)?),
        ("3 x 50, batch 64, SGD", Step::new(&[50; 3], 64)?),
        ("3 x 50, batch 256, SGD", Step::new(&[50; 3], 256)?),
        ("3 x 256, batch 64, SGD", Step::new(&[256; 3], 64)?),
        ("3 x 512 + BN, batch 256, AdamW", Step::regularized(&[512; 3], 256)?),
        ("autoencoder, batch 128, Adam", Step::autoencoder(128)?),
    ];
    for (name, mut step) in steps {
        subjects.push(Subject {
            name: name.to_string(),
            threads,
            flop: step.flop,
            run: Box::new(move || step.take().map(|_| ())),
            calls: 1,
            seconds: vec![],
        });
    }
    let grid = Grid::new(41, threads)?;
    subjects.push(Subject {
        name: "loss grid 41 x 41, 2,500 examples".to_string(),
        threads,
        flop: grid.flop,
        run: Box::new(move || grid.take().map(|_| ())),
        calls: 1,
        seconds: vec![],
    });
    let mut number = 0..;
    subjects.retain(|subject| {
        number.next() < Some(SHAPES.len()) || subject.name.contains(&settings.only)
    });
    for subject in &mut subjects {
        subject.warm_up()?;
    }
    for repetition in 0..if settings.quick { QUICK } else { REPETITIONS } {
        for subject in &mut subjects {
            if repetition % subject.every() == 0 {
                subject.repeat()?;
            }
        }
    }
    atelier_core::threads::set(1);
    let peak = subjects[..SHAPES.len()]
        .iter_mut()
        .map(|product| product.flop / quantile(&mut product.seconds, 0.0) / 1e9)
        .fold(0.0, f64::max);
    Ok(subjects.iter_mut().map(|subject| subject.row(peak)).collect())
}

impl Subject {
    fn warm_up(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut calls = 0_usize;
        while start.elapsed().as_secs_f64() < 5.0 * SECONDS_PER_REPETITION {
            (self.run)()?;
            calls += 1;
        }
        self.calls = (calls / 5).max(1);
        Ok(())
    }

    /// A row that takes much longer than the others is repeated this much less often.
    fn every(&self) -> usize {
        let long = self.seconds.last().is_some_and(|seconds| *seconds > LONG);
        if long { 6 } else { 1 }
    }

    fn repeat(&mut self) -> Result<()> {
        for _ in 0..self.calls {
            let start = Instant::now();
            (self.run)()?;
            self.seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn row(&mut self, peak: f64) -> Row {
        let median = quantile(&mut self.seconds, 0.5);
        let gflop_per_second = self.flop / median / 1e9;
        Row {
            name: self.name.clone(),
            threads: self.threads,
            microseconds: median * 1e6,
            fastest: quantile(&mut self.seconds, 0.0) * 1e6,
            quartiles: [0.25, 0.75].map(|q| quantile(&mut self.seconds, q) * 1e6),
            gflop_per_second,
            share_of_peak: gflop_per_second / peak,
        }
    }
}

/// The nearest-rank quantile.
fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((values.len() - 1) as f64 * q).round() as usize;
    values[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_taken_from_the_sorted_values() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert!((quantile(&mut values, 0.5) - 3.0).abs() < 1e-12);
        assert!((quantile(&mut values, 0.25) - 2.0).abs() < 1e-12);
    }
}
