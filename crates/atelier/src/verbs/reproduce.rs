use std::path::Path;

use anyhow::Result;
use atelier_data::FASHION_MNIST;
use atelier_store::{Dataset, Manifest, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::{ConfigFlags, ReproduceArgs, TrainArgs, WeightFlags};
use crate::config::{Config, Resolved};
use crate::dataset;
use crate::experiment::nested::{Nested, nested};
use crate::experiment::prepared::{Place, Prepared};
use crate::experiment::recorded::{Beginning, Recorded, check_place};
use crate::experiment::summary::Summary;
use crate::experiment::training::{Trained, is_about_the_split, train};
use crate::failure::{CheckFailed, DONE, Help as _};
use crate::home;
use crate::signals::Stop;
use crate::terminal::{Align, Table, Terminal, percent, thousands};

/// What the assignment asks of the plain network on the test examples.
const ACCURACY: f64 = 0.87;

/// Something that the assignment asks, and what came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Finding {
    claim: String,
    asked: String,
    measured: String,
    /// `None` where the claim says nothing about this data.
    holds: Option<bool>,
}

/// `reproduce`.
pub(crate) fn run(arguments: &ReproduceArgs, command_line: &[String], stop: &Stop) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let mut run = if arguments.run.resume {
        Recorded::resume(&arguments.run, &arguments.data, "reproduce")?
    } else {
        begin(arguments, command_line, terminal)?
    };

    let path = run.dir.path().join("train");
    let done = trained(arguments, &run, &path, command_line, terminal, stop);
    let summary = match run.settle(done)? {
        Trained::Complete(_, summary) => summary,
        Trained::Interrupted(_, code) => {
            run.end(Status::Interrupted, None)?;
            terminal.talk(&format!("help: {}", run.to_go_on()));
            return Ok(code);
        }
    };
    let training = Manifest::read(&path.join("manifest.json"))?;
    run.manifest.test_set_reads = training.test_set_reads;
    run.manifest.threads = training.threads;

    let claims = claims(&summary, run.manifest.dataset.as_ref());
    let mut object = json!({
        "schema_version": 1,
        "verb": "reproduce",
        "seed": run.manifest.seed,
        "smoke": !is_real(run.manifest.dataset.as_ref()),
        "claims": claims,
    });
    run.write_summary(&object)?;
    run.end(Status::Complete, None)?;
    terminal.text(&format!("\n{}\nrun: {}", table(&claims), home::shown(run.dir.path())))?;
    object["run"] = json!(run.dir.path().display().to_string());
    terminal.object(&object)?;

    let broken = claims.iter().filter(|claim| claim.holds == Some(false)).count();
    if broken > 0 {
        let all = claims.len();
        return Err(CheckFailed(format!("{broken} of {all} claims do not hold")).into());
    }
    Ok(DONE)
}

fn begin(
    arguments: &ReproduceArgs,
    command_line: &[String],
    terminal: Terminal,
) -> Result<Recorded> {
    let flags = ConfigFlags { seed: arguments.seed, ..ConfigFlags::default() };
    let resolved = Resolved::<Config>::new("train", &flags, arguments.data.smoke)?;
    let device_name = arguments.run.device.as_deref().unwrap_or("cpu");
    let place = Place { run: &arguments.run, device_name, data: &arguments.data, terminal };
    check_place(arguments.run.out.as_deref(), 0)?;
    // Everything that can be wrong is found before anything is written.
    let prepared = match Prepared::new(resolved.config.clone(), place) {
        Err(error) if is_about_the_split(&error) => return Err(error).help(too_small),
        prepared => prepared?,
    };
    let beginning = Beginning {
        verb: "reproduce",
        command_line,
        config: json!({ "smoke": arguments.data.smoke, "train": resolved.config }),
        dataset: Some(dataset::record(&prepared.data.provenance)),
        device: prepared.device_name.clone(),
        threads: prepared.threads,
        seed: prepared.seed,
        data: &arguments.data,
    };
    check_place(arguments.run.out.as_deref(), prepared.bytes()?)?;
    let run = Recorded::begin(arguments.run.out.as_deref(), beginning)?;
    run.dir.write("config.toml", resolved.to_toml()?.as_bytes())?;
    Ok(run)
}

/// What to do with data that the assignment's settings do not fit.
fn too_small() -> String {
    format!(
        "a reproduction has the assignment's own settings, which want more images; `{} train \
         --data-dir DIR --set data.validation=0.1` trains on fewer",
        home::program()
    )
}

/// The training run inside the reproduction: begun, taken up, or found complete.
fn trained(
    arguments: &ReproduceArgs,
    run: &Recorded,
    path: &Path,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained> {
    let (flags, data) = match nested(path, run, &arguments.run, &arguments.data)? {
        Nested::Complete(summary) => return Ok(Trained::Complete(path.to_path_buf(), summary)),
        Nested::Run(flags, data) => (flags, data),
    };
    let mut nested = TrainArgs {
        find_learning_rate: false,
        weights: WeightFlags::default(),
        config: ConfigFlags::default(),
        run: flags,
        data,
        output: arguments.output,
    };
    if !nested.run.resume {
        nested.config.config = Some(run.dir.path().join("config.toml"));
    }
    train(&nested, command_line, terminal, stop)
}

fn is_real(dataset: Option<&Dataset>) -> bool {
    dataset.is_some_and(|data| data.pinned && data.name == FASHION_MNIST.name)
}

fn claims(summary: &Summary, dataset: Option<&Dataset>) -> Vec<Finding> {
    let real = is_real(dataset);
    let name = dataset.map_or("none", |data| data.name.as_str());
    let losses = summary.last_20.iter().filter(|at| at.loss.is_finite()).count();
    // Counted by hand, so that the claim is more than the network's word about itself.
    let weights = 784 * 50 + 50 * 50 + 50 * 50 + 50 * 10;
    let parameters = weights + 50 + 50 + 50 + 10;
    vec![
        Finding {
            claim: "the data is the real Fashion-MNIST".to_string(),
            asked: "every SHA-256 as pinned".to_string(),
            measured: if real { "every one is".to_string() } else { name.to_string() },
            holds: real.then_some(true),
        },
        Finding {
            claim: "a plain network with three hidden layers of 50".to_string(),
            asked: format!("{} parameters", thousands(parameters)),
            measured: format!("{} parameters", thousands(summary.parameters)),
            holds: Some(summary.parameters == parameters),
        },
        Finding {
            claim: "the loss of the last 20 iterations".to_string(),
            asked: "20 losses".to_string(),
            measured: format!("{losses} losses"),
            holds: Some(losses == 20),
        },
        Finding {
            claim: "test accuracy of the plain network".to_string(),
            asked: format!("at least {}", percent(ACCURACY)),
            measured: percent(summary.test.accuracy),
            holds: real.then_some(summary.test.accuracy >= ACCURACY),
        },
    ]
}

/// The claims, one a line.
pub(crate) fn table(claims: &[Finding]) -> Table {
    let mut table = Table::new(&[
        ("claim", Align::Left),
        ("asked", Align::Left),
        ("measured", Align::Left),
        ("holds", Align::Left),
    ]);
    for claim in claims {
        let holds = match claim.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not applicable",
        };
        table.row([&claim.claim, &claim.asked, &claim.measured, holds]);
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::experiment::summary::{Iteration, Measured, Tested};

    fn summary(accuracy: f64) -> Summary {
        let measured = Measured { accuracy, cross_entropy: 0.3 };
        Summary {
            schema_version: 1,
            verb: "train".to_string(),
            seed: 0,
            parameters: 44_860,
            epochs: 1,
            steps: 20,
            seconds: 1.0,
            train: measured,
            validation: None,
            test: Tested { accuracy, cross_entropy: 0.3, correct: 1, total: 2 },
            last_20: (1..=20).map(|step| Iteration { step, epoch: 1, loss: 0.5 }).collect(),
            image: None,
            look: None,
        }
    }

    fn data(name: &str) -> Dataset {
        let (name, source) = (name.to_string(), "here".to_string());
        Dataset { name, pinned: true, source, files: BTreeMap::new() }
    }

    #[test]
    fn every_claim_holds_of_a_good_run_on_the_real_data() {
        let claims = claims(&summary(0.88), Some(&data("fashion-mnist")));
        assert!(claims.iter().all(|claim| claim.holds == Some(true)), "{claims:?}");
    }

    #[test]
    fn a_run_below_the_asked_accuracy_does_not_hold() {
        let claims = claims(&summary(0.869), Some(&data("fashion-mnist")));
        assert_eq!(claims.iter().filter(|claim| claim.holds == Some(false)).count(), 1);
    }

    #[test]
    fn on_the_sample_accuracy_claims_nothing() {
        let claims = claims(&summary(0.5), Some(&data("fashion-mnist-sample")));
        assert!(claims.iter().all(|claim| claim.holds != Some(false)), "{claims:?}");
        assert_eq!(claims.iter().filter(|claim| claim.holds.is_none()).count(), 2);
    }
}
