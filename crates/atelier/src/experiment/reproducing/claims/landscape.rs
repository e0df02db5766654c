//! Problem 3: the loss landscape.

use anyhow::Result;
use serde::Deserialize;

use super::{Evidence, Finding, is_there};
use crate::terminal::{counted, percent, significant, thousands};

/// Two minima are of similar cost where their losses differ by less than this share of the way down to them.
const SIMILAR: f64 = 0.03;

#[derive(Deserialize)]
struct Run {
    seed: Option<u64>,
    snapshots: usize,
    epochs: f64,
    start: Place,
    end: Place,
}

#[derive(Deserialize)]
struct Place {
    loss: f64,
}

#[derive(Deserialize)]
struct Between {
    line: Line,
    curve: Option<Curve>,
}

/// A curve whose bend was trained: along it, minima can be parts of one valley.
#[derive(Deserialize)]
struct Curve {
    barrier: f64,
}

#[derive(Deserialize)]
struct Line {
    barrier: f64,
    standard_error: Option<f64>,
    distinct: bool,
}

pub(super) fn claims(evidence: &Evidence) -> Result<Vec<Finding>> {
    let of = &evidence.landscape;
    let runs: Vec<Run> = of.get("/summary/runs")?;
    Ok(vec![surface(evidence)?, plane(evidence)?, descents(&runs), minima(evidence, &runs)?])
}

fn surface(evidence: &Evidence) -> Result<Finding> {
    let of = &evidence.landscape;
    let (loss, split): (String, String) = (of.get("/summary/loss")?, of.get("/summary/split")?);
    let examples: usize = of.get("/summary/examples")?;
    let points: [usize; 2] = [of.get("/summary/grid/x/points")?, of.get("/summary/grid/y/points")?];
    let decay: f64 = of.get("/manifest/config/landscape/train/weight_decay")?;
    let there = is_there(evidence, "landscape/figures/landscape.png");
    let page = is_there(evidence, "landscape/landscape.html");
    let [least, most]: [f64; 2] = [of.get("/summary/loss_min")?, of.get("/summary/loss_max")?];
    Ok(Finding::new(
        "3: the surface",
        "unregularised cross-entropy, training data",
        format!(
            "{loss}, {} {split} examples, {} x {} points{}{}",
            thousands(examples),
            points[0],
            points[1],
            if decay == 0.0 { "" } else { ", weight decay" },
            if there && page { "" } else { ", no figure or page" }
        ),
        loss == "cross-entropy (nats)"
            && split == "training"
            && decay == 0.0
            && points.iter().all(|&n| n >= 10)
            && least < most
            && there
            && page,
    ))
}

fn plane(evidence: &Evidence) -> Result<Finding> {
    let of = &evidence.landscape;
    let directions: String = of.get("/summary/directions")?;
    let shares: Option<[f64; 2]> = of.find("/summary/explained_variance_ratio");
    let scree: Vec<f64> = of.get("/summary/scree")?;
    // The first two of all principal directions, largest first.
    let first = shares.is_some_and(|[a, b]| {
        a >= b && b > 0.0 && scree.iter().skip(2).all(|share| *share <= b + 1e-12)
    });
    let told = shares.map_or_else(
        || "no shares".to_string(),
        |shares| shares.map(percent).join(" and ") + " of the variance",
    );
    Ok(Finding::new(
        "3: the axes",
        "where both runs varied most, by PCA",
        format!("{directions}: {told}"),
        directions == "pca" && first,
    ))
}

fn descents(runs: &[Run]) -> Finding {
    let each = runs.iter().map(|run| (run.snapshots as f64 - 1.0) / run.epochs);
    let least = each.fold(f64::INFINITY, f64::min);
    let seeds: Vec<String> =
        runs.iter().map(|run| run.seed.map_or("?".to_string(), |seed| seed.to_string())).collect();
    let different = seeds.windows(2).all(|pair| pair[0] != pair[1]);
    Finding::new(
        "3: the descents",
        "of two runs, a few points an epoch",
        format!(
            "{}, seeds {}, {least:.0} points an epoch",
            counted(runs.len(), "run"),
            seeds.join(" and ")
        ),
        runs.len() == 2 && different && least >= 2.0,
    )
}

fn minima(evidence: &Evidence, runs: &[Run]) -> Result<Finding> {
    let paths: Vec<Between> = evidence.landscape.get("/summary/paths")?;
    let (claim, asked) = ("3: the minima", "distinct on the straight line, of similar cost");
    let Some(Between { line, curve }) = paths.first() else {
        return Ok(Finding::new(claim, asked, "no path", false));
    };
    let least_fall =
        runs.iter().map(|run| run.start.loss - run.end.loss).fold(f64::INFINITY, f64::min);
    let ends: Vec<f64> = runs.iter().map(|run| run.end.loss).collect();
    let apart = ends.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b))
        - ends.iter().fold(f64::INFINITY, |a, b| a.min(*b));
    let error = line.standard_error.map_or("?".to_string(), significant);
    let losses: Vec<String> = ends.iter().map(|loss| significant(*loss)).collect();
    let bent = curve.as_ref().map_or(String::new(), |curve| {
        format!("; on a trained curve {}", significant(curve.barrier))
    });
    Ok(Finding::new(
        claim,
        asked,
        format!(
            "losses {}, barrier {} (standard error {error}){bent}",
            losses.join(" and "),
            significant(line.barrier)
        ),
        line.distinct && line.barrier > 0.0 && apart <= SIMILAR * least_fall,
    )
    .only_of(&evidence.data))
}
