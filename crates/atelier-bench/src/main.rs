#![doc = include_str!("../README.md")]

mod measure;
mod peak;
mod step;

use serde::Serialize;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One row of the table.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    threads: usize,
    /// Median over the repetitions.
    microseconds: f64,
    /// First and third quartile.
    quartiles: [f64; 2],
    /// Billions of floating-point operations a second; products only.
    gflop_per_second: f64,
    /// Of the peak of as many cores, measured in the same run.
    share_of_peak: f64,
}

fn main() -> anyhow::Result<()> {
    let json = std::env::args().any(|argument| argument == "--json");
    let rows = measure::all()?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!(
        "{:<34} {:>7} {:>11} {:>17} {:>9} {:>7}",
        "row", "threads", "median us", "quartiles us", "GFLOP/s", "peak"
    );
    for row in rows {
        println!(
            "{:<34} {:>7} {:>11.1} {:>8.1}-{:<8.1} {:>9.1} {:>6.1}%",
            row.name,
            row.threads,
            row.microseconds,
            row.quartiles[0],
            row.quartiles[1],
            row.gflop_per_second,
            100.0 * row.share_of_peak
        );
    }
    Ok(())
}
