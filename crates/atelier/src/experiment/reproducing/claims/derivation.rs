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
    explained: bool,
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
    let explained = violations.iter().filter(|found| found.detected && found.explained).count();
    Finding::new(
        "1: every assumption is needed",
        "detected where it is broken",
        format!("{detected} of {}; {explained} as far off as theory says", violations.len()),
        explained == violations.len() && explained > 0,
    )
}

/// By which factor a median over networks may change and still be kept. The logarithm of what one network
/// makes of a signal has a deviation of 1 after 50 layers of 256 units around a median of 0.6.
const KEPT: f64 = 30.0;
/// By which factor what is lost grows or shrinks, at least.
const LOST: f64 = 1e3;

/// That He's initialisation keeps signals where all others lose them, on their way forward or back.
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
    let is_lost = |of: &ByLayer| !(1.0 / LOST..LOST).contains(&kept(of));
    let others_lost =
        others.clone().filter(|found| is_lost(&found.activation) || is_lost(&found.gradient));
    let (lost, others) = (others_lost.count(), others.count());
    let schemes: BTreeSet<&str> = propagation.iter().map(|found| found.scheme.as_str()).collect();
    let inputs: BTreeSet<&str> = propagation.iter().map(|found| found.inputs.as_str()).collect();
    let layers = propagation.first().map_or(0, |found| found.activation.median.len());
    Finding::new(
        "1: He keeps signals through 50 layers",
        "random input and images, 6 initialisations",
        format!("{least:.2} to {most:.2} times; {lost} of {others} others lose them"),
        schemes.len() == 6
            && inputs.len() == 2
            && layers >= 50
            && he.len() == 4
            && least > 1.0 / KEPT
            && most < KEPT
            && lost == others
            && lost > 0,
    )
}
