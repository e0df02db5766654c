//! The program of the bench: measures, or shows what was measured, and is itself what is measured (`row`).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use atelier_bench::{
    Contestant, ROWS, Report, Settings, against, chart, heed_signals, interrupted, job, serve,
    table,
};
use atelier_store::{create_dir_all, durable_write};

use options::{Format, Options, USAGE};

mod options;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("row") => answer(&arguments[1..]).map(|()| ExitCode::SUCCESS),
        Some("--help" | "-h") => say(USAGE).map(|()| ExitCode::SUCCESS),
        _ => run(arguments),
    };
    done.unwrap_or_else(|error| {
        tell(&format!("error: {error:#}"));
        ExitCode::from(if interrupted() { 130 } else { 2 })
    })
}

/// `row [--avx2] ID --threads N --work DIRECTORY`: answers for one of Atelier's rows.
fn answer(arguments: &[String]) -> Result<()> {
    let arguments = match arguments.split_first() {
        Some((first, rest)) if first == "--avx2" => {
            atelier_core::set_avx2_only(true);
            rest
        }
        _ => arguments,
    };
    let [id, "--threads", threads, "--work", work] =
        arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]
    else {
        bail!("expected row [--avx2] ID --threads N --work DIRECTORY")
    };
    let mut job = job(id, threads.parse().context("--threads is no number")?, Path::new(work))?;
    serve(ROWS.iter().any(|row| row.id == id && row.long()), &mut job)
}

fn run(arguments: Vec<String>) -> Result<ExitCode> {
    let options = Options::parse(arguments)?;
    // Before anything is measured: an earlier file that cannot be read is known now.
    let earlier = options.against.as_deref().map(read).transpose()?;
    let report = match &options.from {
        Some(file) => read(file)?,
        None => measure(&options)?,
    };
    say(&match options.format {
        Format::Text => table::text(&report, table::Style::Text),
        Format::Markdown => table::text(&report, table::Style::Markdown),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
    })?;
    if let Some(file) = &options.chart {
        write(file, &chart::draw(&report)?.png)?;
    }
    let Some(earlier) = earlier else { return Ok(ExitCode::SUCCESS) };
    let (text, worse) = against::text(&report, &earlier)?;
    // JSON on stdout stays JSON.
    if options.format == Format::Json {
        tell(text.trim_end());
    } else {
        say(&format!("\n{text}"))?;
    }
    Ok(if worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn measure(options: &Options) -> Result<Report> {
    heed_signals()?;
    let settings = Settings {
        quick: options.quick,
        only: options.only.clone(),
        avx2: options.avx2,
        peers: if options.peers { Contestant::peers()? } else { Vec::new() },
    };
    let report = atelier_bench::all(&settings, &mut |row| tell(&format!("measuring {row}")))?;
    if let Some(directory) = &options.out {
        // The results of a whole run are not lost to a look at one row.
        let whole = !options.quick && !options.avx2 && options.only.is_empty();
        let name = if whole { "results" } else { "partial" };
        let results = directory.join(format!("{name}.json"));
        write(&results, (serde_json::to_string_pretty(&report)? + "\n").as_bytes())?;
        tell(&format!("results: {}", results.display()));
        if let Ok(figure) = chart::draw(&report) {
            write(&directory.join(format!("{name}.png")), &figure.png)?;
        }
    }
    Ok(report)
}

fn read(file: &Path) -> Result<Report> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Report::parse(&text).with_context(|| format!("{} holds no results", file.display()))
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let directory: PathBuf = file.parent().unwrap_or(Path::new("")).into();
    if !directory.as_os_str().is_empty() {
        create_dir_all(&directory)?;
    }
    durable_write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

/// Writes a result to stdout.
fn say(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")
}

/// Writes a line to stderr; where that cannot be written, nobody is left to tell.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
