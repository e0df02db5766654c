//! Prints the rows as a table, or with `--json` as a list of objects.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = match arguments.as_slice() {
        [] => false,
        [flag] if flag == "--json" => true,
        _ => {
            eprintln!("error: expected nothing or --json, found {arguments:?}");
            return Ok(ExitCode::from(2));
        }
    };
    let rows = atelier_bench::all()?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:<32} {:>7} {:>11} {:>19} {:>9} {:>7}",
        "row", "threads", "median us", "quartiles us", "GFLOP/s", "peak"
    );
    for row in rows {
        println!(
            "{:<32} {:>7} {:>11.1} {:>9.1} {:>9.1} {:>9.1} {:>6.1}%",
            row.name,
            row.threads,
            row.microseconds,
            row.quartiles[0],
            row.quartiles[1],
            row.gflop_per_second,
            100.0 * row.share_of_peak
        );
    }
    Ok(ExitCode::SUCCESS)
}
