use anyhow::Result;
use serde_json::json;

use crate::cli::TrainArgs;
use crate::experiment::range::find_learning_rate;
use crate::experiment::training::{Trained, train};
use crate::failure::DONE;
use crate::home;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `train`.
pub(crate) fn run(arguments: &TrainArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    arguments.flags().check()?;
    let terminal = Terminal::new(arguments.output);
    let (path, mut object) = if arguments.find_learning_rate {
        find_learning_rate(arguments, command_line, terminal)?
    } else {
        match train(arguments, command_line, terminal, stop)? {
            Trained::Complete(path, summary) => (path, serde_json::to_value(&summary)?),
            Trained::Interrupted(path, code) => {
                terminal.talk(&format!(
                    "help: `{} train --resume --out {}` goes on from here",
                    home::program(),
                    home::quoted(&path)
                ));
                return Ok(code);
            }
        }
    };
    object["run"] = json!(path);
    terminal.object(&object)?;
    Ok(DONE)
}
