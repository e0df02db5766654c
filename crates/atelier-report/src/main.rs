//! The program `atelier-report`: everything is in the library.

use std::path::PathBuf;
use std::process::ExitCode;

use atelier_store::is_steering;
use clap::Parser;

/// Makes report.pdf and index.html of a run of `atelier reproduce`, in its directory
#[derive(Debug, Parser)]
#[command(version, after_help = "Exit codes: 0 done; 2 the run cannot be reported.")]
struct Arguments {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Who hands it in; may be repeated
    #[arg(long, value_name = "NAME")]
    author: Vec<String>,
}

fn main() -> ExitCode {
    // Names of files and keys come from outside: they must not steer a terminal, nor begin a line at the margin.
    let plain = |text: String| {
        text.replace(|c| is_steering(c) && c != '\n', "?").trim_end().replace('\n', "\n  ")
    };
    let Arguments { run, author } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) if message.use_stderr() => {
            eprintln!("{}", plain(message.render().to_string()));
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    let done = atelier_report::report(&run, &author).and_then(|report| report.write(&run));
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("error: {}", plain(error.to_string()));
    if let Some(help) = error.help() {
        eprintln!("help: {help}");
    }
    ExitCode::from(2)
}
