use anyhow::{Result, anyhow};
use atelier_store::Manifest;

use crate::cli::{AutoencoderArgs, RunFlags};
use crate::experiment::autoencoding::train;
use crate::experiment::finished::finished;
use crate::experiment::recorded::newest;
use crate::failure::Help as _;
use crate::home;
use crate::signals::Stop;
use crate::terminal::Terminal;
use crate::verbs::bottlenecks;

/// `autoencoder`.
pub(crate) fn run(arguments: &AutoencoderArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    arguments.flags().check()?;
    if let Some(sizes) = &arguments.bottlenecks {
        return bottlenecks::run(sizes, arguments, command_line, stop);
    }
    refuse_sweep(&arguments.run)?;
    let terminal = Terminal::new(arguments.output);
    if let Some(code) = finished(&arguments.run, "autoencoder", terminal)? {
        return Ok(code);
    }
    train(arguments, command_line, terminal, stop)?.told(terminal)
}

/// Where `--resume` finds nothing of its own but a sweep, says how a sweep is taken up.
fn refuse_sweep(flags: &RunFlags) -> Result<()> {
    if !flags.resume {
        return Ok(());
    }
    let goes_on = format!("{} autoencoder --bottlenecks --resume", home::program());
    if let Some(path) = &flags.out {
        // Whatever is wrong with the directory is said where the run is opened.
        let manifest = Manifest::read(&path.join("manifest.json"));
        if manifest.is_ok_and(|manifest| manifest.verb == bottlenecks::VERB) {
            let path = home::quoted(path);
            return Err(anyhow!("{path} is a sweep over sizes of the code, not one run"))
                .help(|| format!("`{goes_on} --out {path}` goes on with it"));
        }
        return Ok(());
    }
    if newest("autoencoder")?.is_none() && newest(bottlenecks::VERB)?.is_some() {
        return Err(anyhow!("no interrupted run of `autoencoder`, but a sweep was interrupted"))
            .help(|| format!("`{goes_on}` goes on with it"));
    }
    Ok(())
}
