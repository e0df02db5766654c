use anyhow::Result;
use serde_json::json;

use crate::cli::TrainArgs;
use crate::experiment::range::find_learning_rate;
use crate::experiment::training::{Trained, train};
use crate::failure::DONE;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `train`.
pub(crate) fn run(arguments: &TrainArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    arguments.flags().check()?;
    let terminal = Terminal::new(arguments.output);
    let trained = if arguments.find_learning_rate {
        find_learning_rate(arguments, command_line, terminal, stop)?
    } else {
        match train(arguments, command_line, terminal, stop)? {
            Trained::Complete(path, summary) => {
                Trained::Complete(path, Box::new(serde_json::to_value(&summary)?))
            }
            Trained::Interrupted(next, code) => Trained::Interrupted(next, code),
        }
    };
    match trained {
        Trained::Complete(path, mut object) => {
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
