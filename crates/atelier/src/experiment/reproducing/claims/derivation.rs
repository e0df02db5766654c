//! Problem 1: He's initialisation.

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Deserialize;

use super::{Evidence, Finding};

/// Steps of the assignment's derivation.
const STEPS: [&str; 7] = ["1", "2", "3a", "3b", "3c", "3d", "3e"];

#[derive(Deserialize)]
struct Identity {
    step: String,
    theory: f64,
    estimate: f64,
    standard_error: f64,
    p_value: Option<f64>,
    holds: bool,
}

#[derive(Deserialize)]
struct Violation {
    detected: bool,
}

#[derive(Deserialize)]
struct Signals {
    scheme: String,
    inputs: String,
    activation: ByLayer,
    gradient: ByLayer,
}

#[derive(Deserialize)]
struct ByLayer {
    median: Vec<f64>,
}

pub(super) fn claims(evidence: &Evidence) -> Result<Vec<Finding>> {
    let init = &evidence.init;
    let identities: Vec<Identity> = init.get("/summary/identities")?;
    let violations: Vec<Violation> = init.get("/summary/violations")?;
    let propagation: Vec<Signals> = init.get("/summary/propagation")?;
    Ok(vec![derivation(&identities), broken_assumptions(&violations), signals(&propagation)])
}

fn derivation(identities: &[Identity]) -> Finding {
    let holding = identities.iter().filter(|found| found.holds).count();
    // Of draws and integrals; a goodness of fit is judged by its p-value.
    let errors = identities.iter().filter(|found| found.p_value.is_none());
    let errors = errors.map(|i| (i.estimate - i.theory).abs() / i.standard_error);
    let farthest = errors.fold(0.0, f64::max);
    let all_steps = STEPS.iter().all(|step| identities.iter().any(|found| found.step == *step));
    Finding::new(
        "1: every step of the derivation",
        "within 4 standard errors",
        format!("{holding} of {}, off by at most {farthest:.1}", identities.len()),
        holding == identities.len() && all_steps,
    )
}

fn broken_assumptions(violations: &[Violation]) -> Finding {
    let detected = violations.iter().filter(|found| found.detected).count();
    Finding::new(
        "1: every assumption is needed",
        "detected where it is broken",
        format!("{detected} of {}", violations.len()),
        detected == violations.len() && detected > 0,
    )
}

/// That He's initialisation keeps signals where the others lose them.
fn signals(propagation: &[Signals]) -> Finding {
    let kept = |of: &ByLayer| {
        let ends = [of.median.first(), of.median.last()].map(|end| end.copied().unwrap_or(0.0));
        ends[1] / ends[0]
    };
    let he = propagation.iter().filter(|found| found.scheme == "He");
    let he: Vec<f64> =
        he.flat_map(|found| [kept(&found.activation), kept(&found.gradient)]).collect();
    let (least, most) =
        he.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &k| (low.min(k), high.max(k)));
    let others = propagation.iter().filter(|found| found.scheme != "He");
    let lost =
        others.clone().filter(|found| !(1e-3..1e3).contains(&kept(&found.activation))).count();
    let schemes: BTreeSet<&str> = propagation.iter().map(|found| found.scheme.as_str()).collect();
    let inputs: BTreeSet<&str> = propagation.iter().map(|found| found.inputs.as_str()).collect();
    let layers = propagation.first().map_or(0, |found| found.activation.median.len());
    Finding::new(
        "1: He keeps signals through 50 layers",
        "random input and images, 6 initialisations",
        format!("{least:.2} to {most:.2} times; {lost} of {} others lose them", others.count()),
        schemes.len() == 6
            && inputs.len() == 2
            && layers >= 50
            && he.len() == 4
            && least > 0.1
            && most < 10.0
            && lost > 0,
    )
}
