use anyhow::Result;

use crate::cli::TrainArgs;
use crate::config::Config;
use crate::experiment::evaluating::evaluate;
use crate::experiment::finished::finished;
use crate::experiment::prepared::Trainable as _;
use crate::experiment::range::find_learning_rate;
use crate::experiment::training::train;
use crate::signals::Stop;
use crate::terminal::Terminal;

/// `train`.
pub(crate) fn run(arguments: &TrainArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    arguments.flags().check()?;
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished(&arguments.run, Config::VERB, terminal)? {
        return Ok(code);
    }
    if let Some(file) = &arguments.weights.evaluate {
        evaluate(arguments, file, command_line, terminal, stop)?.told(terminal)
    } else if arguments.find_learning_rate {
        find_learning_rate(arguments, command_line, terminal, stop)?.told(terminal)
    } else {
        train(arguments, command_line, terminal, stop)?.told(terminal)
    }
}
