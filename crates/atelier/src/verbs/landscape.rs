use anyhow::Result;
use serde_json::json;

use crate::cli::LandscapeArgs;
use crate::experiment::landscaping::landscape;
use crate::experiment::training::{Flags, Trained};
use crate::failure::DONE;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `landscape`.
pub(crate) fn run(arguments: &LandscapeArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let flags =
        Flags { config: &arguments.config, run: &arguments.run_flags, data: &arguments.data };
    flags.check()?;
    let terminal = Terminal::new(arguments.output);
    match landscape(arguments, command_line, terminal, stop)? {
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
