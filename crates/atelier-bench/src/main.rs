//! Prints the rows as a table, or with `--json` as a list of objects; `--quick` repeats them less
//! often, `--avx2` does without AVX-512, `--only TEXT` measures the rows whose names contain TEXT.

use std::process::ExitCode;

use atelier_bench::Settings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let (mut json, mut settings) = (false, Settings::default());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), arguments.len()) {
            ("--json", _) => json = true,
            ("--quick", _) => settings.quick = true,
            ("--avx2", _) => atelier_core::set_avx2_only(true),
            ("--only", 1..) => settings.only = arguments.next().unwrap_or_default(),
            _ => {
                eprintln!(
                    "error: expected --json, --quick, --avx2 or --only TEXT, found {argument:?}"
                );
                return Ok(ExitCode::from(2));
            }
        }
    }
    let rows = atelier_bench::all(&settings)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{:<32} {:>7} {:>11} {:>10} {:>19} {:>9} {:>7}",
        "row", "threads", "median us", "fastest", "quartiles us", "GFLOP/s", "peak"
    );
    for row in rows {
        println!(
            "{:<32} {:>7} {:>11.1} {:>10.1} {:>9.1} {:>9.1} {:>9.1} {:>6.1}%",
            row.name,
            row.threads,
            row.microseconds,
            row.fastest,
            row.quartiles[0],
            row.quartiles[1],
            row.gflop_per_second,
            100.0 * row.share_of_peak
        );
    }
    Ok(ExitCode::SUCCESS)
}
