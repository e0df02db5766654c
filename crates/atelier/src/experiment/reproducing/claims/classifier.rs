//! Problem 2: the classifier.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Evidence, Finding, is_there};
use crate::terminal::{counted, percent, significant, thousands};

/// What the assignment asks of the network on the test examples.
const ACCURACY: f64 = 0.87;
const SETTINGS: usize = 10;
const ITERATIONS: usize = 20;
/// What a difference on the test examples is taken for chance above.
const LEVEL: f64 = 0.05;

/// What the assignment lets be varied.
const VARIED: [&str; 6] = [
    "model.layers",
    "model.units",
    "optimizer.learning_rate",
    "train.batch_size",
    "train.epochs",
    "train.weight_decay",
];

#[derive(Deserialize)]
struct Trial {
    state: String,
    params: Map<String, Value>,
}

#[derive(Deserialize)]
struct Iteration {
    loss: f64,
}

#[derive(Deserialize)]
struct Compared {
    name: String,
    parameters: usize,
    test: Option<Mean>,
}

#[derive(Deserialize)]
struct Mean {
    mean: f64,
}

pub(super) fn claims(evidence: &Evidence) -> Result<Vec<Finding>> {
    let history: Vec<Trial> = evidence.tune.get("/summary/history")?;
    Ok(vec![
        network(evidence)?,
        settings(&history),
        space(&history),
        chosen(evidence)?,
        cost(evidence)?,
        retrained(evidence)?,
        last_iterations(evidence)?,
        accuracy(evidence)?,
        same_size(evidence)?,
        variant(evidence)?,
    ])
}

fn network(evidence: &Evidence) -> Result<Finding> {
    let run = &evidence.retrained;
    let hidden: Vec<usize> = run.get("/manifest/config/model/hidden")?;
    let activation: String = run.get("/manifest/config/model/activation")?;
    let plain = [
        run.get::<bool>("/manifest/config/model/batch_norm")?,
        run.get::<f64>("/manifest/config/model/dropout")? > 0.0,
    ] == [false; 2];
    let parameters: usize = run.get("/summary/parameters")?;
    let mut widths = vec![evidence.data.height * evidence.data.width];
    widths.extend(&hidden);
    widths.push(evidence.data.classes);
    // Counted by hand, so that the claim is more than the network's word about itself.
    let counted: usize = widths.windows(2).map(|pair| pair[0] * pair[1] + pair[1]).sum();
    let within = (3..=5).contains(&hidden.len()) && hidden.iter().all(|n| (30..=50).contains(n));
    let names: Vec<String> = widths.iter().map(ToString::to_string).collect();
    Ok(Finding::new(
        "2: a plain network",
        "3 to 5 ReLU layers of 30 to 50 units",
        format!("{}, {activation}, {} parameters", names.join("-"), thousands(parameters)),
        within && plain && activation == "relu" && parameters == counted,
    ))
}

fn settings(history: &[Trial]) -> Finding {
    let tried =
        history.iter().filter(|trial| matches!(trial.state.as_str(), "complete" | "pruned"));
    let different: BTreeSet<String> =
        tried.map(|trial| Value::Object(trial.params.clone()).to_string()).collect();
    Finding::new(
        "2: settings tried",
        format!("at least {SETTINGS}"),
        format!("{} in {}", different.len(), counted(history.len(), "trial")),
        different.len() >= SETTINGS,
    )
}

fn space(history: &[Trial]) -> Finding {
    let values = |key: &str| -> BTreeSet<String> {
        history.iter().filter_map(|trial| trial.params.get(key)).map(ToString::to_string).collect()
    };
    let several = VARIED.iter().filter(|key| values(key).len() > 1).count();
    let list = |key: &str| values(key).into_iter().collect::<Vec<_>>().join(", ");
    let all_within = |key: &str, least: u64, most: u64| {
        let found = history.iter().filter_map(|trial| trial.params.get(key));
        found.clone().count() == history.len()
            && found.into_iter().all(|n| n.as_u64().is_some_and(|n| (least..=most).contains(&n)))
    };
    Finding::new(
        "2: what was varied",
        "layers, units, rate, batch, epochs, L2",
        format!(
            "{several} of {}; layers {}; units {}",
            VARIED.len(),
            list("model.layers"),
            list("model.units")
        ),
        several == VARIED.len()
            && all_within("model.layers", 3, 5)
            && all_within("model.units", 30, 50),
    )
}

fn chosen(evidence: &Evidence) -> Result<Finding> {
    let all: u64 = evidence.tune.get("/manifest/test_set_reads")?;
    let winner: u64 = evidence.retrained.get("/manifest/test_set_reads")?;
    let validation: usize = evidence.tune.get("/manifest/config/data/validation")?;
    let before = all.saturating_sub(winner);
    Ok(Finding::new(
        "2: chosen on validation images only",
        "no look at test images before",
        format!("{before} looks; {} validation images", thousands(validation)),
        before == 0 && winner > 0 && all >= winner && validation > 0,
    ))
}

fn cost(evidence: &Evidence) -> Result<Finding> {
    let run = &evidence.retrained;
    let smoothing: f64 = run.get("/manifest/config/train/label_smoothing")?;
    let decay: f64 = run.get("/manifest/config/train/weight_decay")?;
    let kind: String = run.get("/manifest/config/optimizer/kind")?;
    // What would make it another cost, or another descent of it.
    let mut more = Vec::new();
    for (name, key) in
        [("mixup", "data/augment/mixup"), ("clipping", "train/clip"), ("averaging", "train/ema")]
    {
        if run.get::<f64>(&format!("/manifest/config/{key}"))? != 0.0 {
            more.push(format!(", {name}"));
        }
    }
    // As the program's network of this run has them, whatever a file says.
    let decayed = &evidence.decayed;
    let weights_only = decayed.iter().all(|(name, decayed)| *decayed == name.ends_with(".weight"));
    Ok(Finding::new(
        "2: the cost",
        "cross-entropy, L2 on weights only",
        format!(
            "{kind}, smoothing {smoothing}, L2 of {} on {} of {} tensors{}",
            significant(decay),
            decayed.iter().filter(|(_, decayed)| *decayed).count(),
            decayed.len(),
            more.concat()
        ),
        // Decay that is not part of the gradient would be no L2 penalty.
        smoothing == 0.0
            && kind != "adamw"
            && more.is_empty()
            && weights_only
            && !decayed.is_empty(),
    ))
}

fn retrained(evidence: &Evidence) -> Result<Finding> {
    let run = &evidence.retrained;
    let batch: usize = run.get("/manifest/config/train/batch_size")?;
    let (epochs, steps): (usize, usize) = (run.get("/summary/epochs")?, run.get("/summary/steps")?);
    let settings = ["optimizer.learning_rate", "train.batch_size", "train.weight_decay"];
    let mut same = true;
    for key in settings {
        let path = key.replace('.', "/");
        let own: Value = run.get(&format!("/manifest/config/{path}"))?;
        let best: Value = evidence.tune.get(&format!("/summary/best/params/{key}"))?;
        same &= own == best;
    }
    let wanted = epochs * evidence.data.train.div_ceil(batch);
    Ok(Finding::new(
        "2: the chosen setting is trained anew",
        "on all training images",
        format!(
            "{}{}, {} batches of {batch}",
            if same { "" } else { "with other settings, " },
            counted(epochs, "epoch"),
            thousands(steps)
        ),
        same && steps == wanted && epochs > 0,
    ))
}

fn last_iterations(evidence: &Evidence) -> Result<Finding> {
    let losses: Vec<Iteration> = evidence.retrained.get("/summary/last_20")?;
    let finite = losses.iter().filter(|at| at.loss.is_finite() && at.loss >= 0.0).count();
    let accuracy: f64 = evidence.retrained.get("/summary/test/accuracy")?;
    let told = evidence.files.last_20.contains(&percent(accuracy));
    let there = is_there(evidence, "tune/retrained/figures/last-20.png");
    Ok(Finding::new(
        "2: training loss of the last 20 iterations",
        "shown with the test accuracy",
        format!(
            "{finite} losses, {}, {}",
            if there { "figures/last-20.png" } else { "no figure" },
            if told { "with the accuracy" } else { "without the accuracy" }
        ),
        finite == ITERATIONS && there && told,
    ))
}

fn accuracy(evidence: &Evidence) -> Result<Finding> {
    let run = &evidence.retrained;
    let accuracy: f64 = run.get("/summary/test/accuracy")?;
    let (correct, total): (usize, usize) =
        (run.get("/summary/test/correct")?, run.get("/summary/test/total")?);
    let share = correct as f64 / total.max(1) as f64;
    Ok(Finding::new(
        "2: test accuracy of this network",
        format!("at least {}", percent(ACCURACY)),
        format!("{}, {} of {}", percent(accuracy), thousands(correct), thousands(total)),
        accuracy >= ACCURACY && (accuracy - share).abs() < 1e-9,
    )
    .only_of(&evidence.data))
}

/// The variants, the baseline first.
fn compared(evidence: &Evidence) -> Result<(Compared, Vec<Compared>)> {
    let of = &evidence.variants;
    Ok((of.get("/summary/baseline")?, of.get("/summary/variants")?))
}

fn same_size(evidence: &Evidence) -> Result<Finding> {
    let (baseline, variants) = compared(evidence)?;
    let wanted = baseline.parameters as f64;
    let farthest = variants.iter().map(|of| (of.parameters as f64 / wanted - 1.0).abs());
    let farthest = farthest.fold(0.0, f64::max);
    let of_baseline = recipe(evidence.variants.get("/summary/baseline/config")?);
    let of_winner = recipe(evidence.retrained.get("/manifest/config")?);
    Ok(Finding::new(
        "2, bonus: variants of the same size",
        "within 5 % of the chosen network",
        format!(
            "{}{}, at most {} off",
            counted(variants.len(), "variant"),
            if of_baseline == of_winner { "" } else { " of another recipe" },
            percent(farthest)
        ),
        of_baseline == of_winner && farthest <= 0.05 && !variants.is_empty(),
    ))
}

/// A configuration without what may differ: the seed, and what was set aside for the choice.
fn recipe(mut config: Value) -> Value {
    for (section, key) in [("", "seed"), ("/data", "seed"), ("/data", "validation")] {
        if let Some(Value::Object(fields)) = config.pointer_mut(section) {
            fields.remove(key);
        }
    }
    config
}

/// Better than the baseline beyond chance, and than the network that item 3 asks for: all of them trained on all
/// training examples.
fn variant(evidence: &Evidence) -> Result<Finding> {
    let (baseline, variants) = compared(evidence)?;
    let of = &evidence.variants;
    let name: String = of.get("/summary/contrast/variant")?;
    let difference: f64 = of.get("/summary/contrast/difference")?;
    let p_value: f64 = of.get("/summary/contrast/p_value")?;
    let seeds: Vec<f64> = of.get("/summary/contrast/differences")?;
    let examples: usize = of.get("/summary/tested/examples")?;
    let everything = examples == evidence.data.train;
    let network: f64 = evidence.retrained.get("/summary/test/accuracy")?;
    let mean = |of: Option<&Compared>| of?.test.as_ref().map(|test| test.mean);
    let own = mean(variants.iter().find(|of| of.name == name));
    let told = |mean: Option<f64>| mean.map_or_else(|| "?".to_string(), percent);
    Ok(Finding::new(
        "2, bonus: a variant is better on test images",
        format!("p below {LEVEL}, and above this network's"),
        format!(
            "{name}: {}, baseline {}, this network {}, p = {}, {}{}",
            told(own),
            told(mean(Some(&baseline))),
            percent(network),
            significant(p_value),
            counted(seeds.len(), "seed"),
            if everything { String::new() } else { format!(" on {} images", thousands(examples)) }
        ),
        difference > 0.0 && p_value < LEVEL && own.is_some_and(|own| own > network) && everything,
    )
    .only_of(&evidence.data))
}
