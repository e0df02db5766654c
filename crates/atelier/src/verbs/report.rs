//! `report`: hands a run to the program `atelier-report`, which is built apart so that nobody waits for a
//! typesetter to train a network.

use std::env;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;

use crate::cli::ReportArgs;
use crate::failure::{DONE, Help as _, UNUSABLE};
use crate::home;
use crate::signals::Stop;
use crate::terminal::Terminal;
use crate::verbs::runs;

/// Names the program where it does not lie beside this one; `cargo xtask` sets it.
const VARIABLE: &str = "ATELIER_REPORT";

/// How long the wait for the program does not look for signals.
const A_LOOK: Duration = Duration::from_millis(20);

/// The files of a report.
#[derive(Debug)]
pub(crate) struct Report {
    pub pdf: PathBuf,
    pub page: PathBuf,
}

/// `report`.
pub(crate) fn run(arguments: &ReportArgs, stop: &Stop) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let run = runs::find(&arguments.run)?;
    let held = stop.hold();
    let report = make(&run, &arguments.author, terminal, stop)?;
    drop(held);
    let Some(report) = report else { return Ok(stop.code().unwrap_or(UNUSABLE)) };
    let (pdf, page) = (home::shown(&report.pdf), home::shown(&report.page));
    terminal.text(&format!("report: {pdf}\npage:   {page}"))?;
    terminal.object(&json!({
        "schema_version": 1,
        "run": run.display().to_string(),
        "pdf": report.pdf.display().to_string(),
        "page": report.page.display().to_string(),
    }))?;
    Ok(DONE)
}

/// Writes `report.pdf` and `index.html` into the directory of a run of `reproduce`. Where that fails, those that were
/// there before stay; `None` if a signal came, after which nothing is written any more.
pub(crate) fn make(
    run: &Path,
    authors: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Option<Report>> {
    let program = program()?;
    terminal.talk("typesetting the report");
    let mut command = Command::new(&program);
    // One word each, so that neither a name nor a path is taken for a flag.
    command.args(authors.iter().map(|author| format!("--author={author}"))).arg("--").arg(run);
    let cannot = || format!("cannot run {}", home::shown(&program));
    let Some((status, told)) = ended(&mut command, stop).with_context(cannot)? else {
        return Ok(None);
    };
    if status.success() {
        return Ok(Some(Report { pdf: run.join("report.pdf"), page: run.join("index.html") }));
    }
    let told = String::from_utf8_lossy(&told);
    let (what, help) = told.split_once("\nhelp: ").unwrap_or((&told, ""));
    let what = what.trim().trim_start_matches("error: ");
    let error = match what {
        "" => anyhow!("{} ended with {}", home::shown(&program), status),
        what => anyhow!("{what}"),
    };
    let failed = Err(error).context("cannot make the report");
    if help.is_empty() { failed } else { failed.help(|| help.trim().to_string()) }
}

/// How a program ended and what it said on stderr; `None` if a signal came first, which ends it.
fn ended(command: &mut Command, stop: &Stop) -> std::io::Result<Option<(ExitStatus, Vec<u8>)>> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let stderr = child.stderr.take();
    // Read while it runs, so that it never waits for a reader.
    let read = move || {
        let mut told = Vec::new();
        stderr.map_or(Ok(0), |mut stderr| stderr.read_to_end(&mut told)).map(|_| told)
    };
    let reader = match thread::Builder::new().spawn(read) {
        Ok(reader) => reader,
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
    };
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if stop.requested() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(A_LOOK);
    };
    let told = reader.join().unwrap_or_else(|_| Ok(Vec::new()))?;
    Ok(Some((status, told)))
}

/// The program that typesets reports: the one that `ATELIER_REPORT` names, else the one beside this program.
pub(crate) fn program() -> Result<PathBuf> {
    let named = env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let beside = || env::current_exe().ok().map(|path| path.with_file_name("atelier-report"));
    let missing = match named.clone().or_else(beside) {
        Some(path) if path.is_file() => return Ok(path),
        Some(path) if named.is_some() => {
            anyhow!("{VARIABLE} names {}, which is no file", home::shown(&path))
        }
        Some(path) => anyhow!("there is no program {}, which makes reports", home::shown(&path)),
        None => anyhow!("cannot tell where the program atelier-report is, which makes reports"),
    };
    Err(missing).help(|| {
        format!(
            "in the repository, `cargo xtask report RUN` and `cargo xtask reproduce` build it; elsewhere, \
             build it with `cargo build -p atelier-report --profile typeset` and set {VARIABLE} to \
             target/typeset/atelier-report"
        )
    })
}
