use anyhow::Result;
use serde_json::json;

use crate::cli::TuneArgs;
use crate::experiment::training::{Flags, Trained};
use crate::experiment::tuning::tune;
use crate::failure::DONE;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `tune`.
pub(crate) fn run(arguments: &TuneArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let flags = Flags { config: &arguments.config, run: &arguments.run, data: &arguments.data };
    flags.check()?;
    let terminal = Terminal::new(arguments.output);
    match tune(arguments, command_line, terminal, stop)? {
        Trained::Complete(path, summary) => {
            let mut object = serde_json::to_value(&summary)?;
            object["run"] = json!(path.display().to_string());
            terminal.object(&object)?;
            Ok(DONE)
        }
        Trained::Interrupted(next, code) => {
            terminal.talk(&format!("help: {next}"));
            Ok(code)
        }
    }
}
