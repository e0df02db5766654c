//! A study of initialisation, from the flags to the last file of its run directory.

mod figures;
mod shown;
mod signals;
mod summary;
mod training;

use anyhow::{Context as _, Result};
use atelier_init::{gains, identities, schemes, violations};
use atelier_store::Status;

use self::signals::{Sent, sent};
pub(crate) use self::summary::{Summary, broken};
use self::training::{Networks, trained};
use super::nested::same_data;
use super::prepared::{Place, Prepared};
use super::recorded::{Beginning, Recorded, check_place};
use super::training::{Trained, is_about_the_split};
use crate::cli::InitArgs;
use crate::config::{Config, InitialisingConfig, Resolved};
use crate::dataset;
use crate::failure::{Help as _, UNUSABLE};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Terminal, counted};

const VERB: &str = "init";
/// Summary and figures.
const BYTES: u64 = 8 << 20;

/// Studies what the flags ask for.
pub(crate) fn initialise(
    arguments: &InitArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let (mut recorded, config, prepared) = if arguments.run.resume {
        let mut recorded = Recorded::resume(&arguments.run, &arguments.data, VERB)?;
        let config: InitialisingConfig = serde_json::from_value(recorded.manifest.config.clone())
            .with_context(|| {
            format!("the configuration in {}", recorded.dir.path().display())
        })?;
        let data = same_data(&arguments.data, recorded.manifest.dataset.as_ref());
        let device_name = &recorded.manifest.device;
        let place = Place { run: &arguments.run, device_name, data: &data, terminal };
        let prepared = Prepared::new(deepest(&config), place)?;
        recorded.check_dataset(&dataset::record(&prepared.data.provenance))?;
        recorded.manifest.threads = prepared.threads;
        recorded.dir.write_manifest(&recorded.manifest)?;
        (recorded, config, prepared)
    } else {
        begin(arguments, command_line, terminal)?
    };
    terminal.talk(&format!("run: {}", home::shown(recorded.dir.path())));
    let held = stop.hold();
    let done = study(&config, &prepared, &recorded, terminal, stop);
    let summary = recorded.settle(done)?;
    drop(held);
    let Some(summary) = summary else {
        recorded.end(Status::Interrupted, None)?;
        return Ok(Trained::Interrupted(recorded.to_go_on(), stop.code().unwrap_or(UNUSABLE)));
    };
    recorded.end(Status::Complete, None)?;
    let path = recorded.dir.path().to_path_buf();
    terminal.text(&shown::shown(&summary, &path))?;
    Ok(Trained::Complete(path, Box::new(summary)))
}

/// Checks everything that can be checked and begins the run directory.
fn begin(
    arguments: &InitArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<(Recorded, InitialisingConfig, Prepared)> {
    let smoke = arguments.data.smoke;
    let resolved = Resolved::<InitialisingConfig>::new(VERB, &arguments.config, smoke)?;
    let config = resolved.config.clone();
    config.check()?;
    let out = arguments.run.out.as_deref();
    check_place(out, 0)?;
    let device_name = arguments.run.device.as_deref().unwrap_or("cpu");
    let place = Place { run: &arguments.run, device_name, data: &arguments.data, terminal };
    let prepared = match Prepared::new(deepest(&config), place) {
        Err(error) if is_about_the_split(&error) => {
            return Err(error)
                .help(|| "set aside fewer examples, such as --set data.validation=0".to_string());
        }
        prepared => prepared?,
    };
    check_place(out, BYTES)?;
    let beginning = Beginning {
        verb: VERB,
        command_line,
        config: serde_json::to_value(&config)?,
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: config.seed,
        data: &arguments.data,
    };
    let text = resolved.to_toml()?;
    let recorded = Recorded::begin(out, beginning, &text)?;
    Ok((recorded, config, prepared))
}

/// The largest of the networks that are trained: where it can be, so can the others.
pub(crate) fn deepest(config: &InitialisingConfig) -> Config {
    let [he, ..] = schemes();
    let layers = config.depths.layers.last().copied().unwrap_or(1);
    config.training(he, layers, config.seed)
}

/// Checks the derivation, sends signals through networks, trains some, and writes all of it; `None` if a
/// signal came.
fn study(
    config: &InitialisingConfig,
    prepared: &Prepared,
    recorded: &Recorded,
    terminal: Terminal,
    stop: &Stop,
) -> Result<Option<Summary>> {
    let (seed, draws) = (config.seed, config.init.draws);
    terminal.talk(&format!("identities and violations, {} each", counted(draws, "draw")));
    let checked = stop.unless_requested(move || {
        Ok::<_, atelier_init::Error>((identities(seed, draws)?, violations(seed, draws)?))
    })?;
    let Some((identities, violations)) = checked.transpose()? else { return Ok(None) };
    let Some(sent) = sent(config, prepared, terminal, stop)? else { return Ok(None) };
    let networks = Networks::new(config, prepared);
    let Some(trained) = trained(&networks, terminal, stop)? else { return Ok(None) };
    terminal.talk("figures");
    let learned_from = prepared.split.train.len();
    let examples = [learned_from, config.init.examples.min(learned_from)];
    let trained = (trained, examples);
    let summary = Summary::new(config, identities, violations, gains(), &sent, trained);
    let name = recorded.manifest.dataset.as_ref().map_or("none", |data| data.name.as_str());
    figures::write(recorded, &summary, &sent, dataset::title(name))?;
    recorded.write_summary(&summary)?;
    Ok(Some(summary))
}
