//! The promises of the checks of He's derivation.

use std::collections::BTreeSet;

use atelier_init::{Error, Identity, Method, Weights, identities, violations};

const DRAWS: usize = 20_000;

fn check(seed: u64) -> Vec<Identity> {
    identities(seed, DRAWS).expect("enough draws")
}

#[test]
fn every_identity_holds_whatever_the_seed() {
    // 200 checks, each wrong about a true identity once in 16,000 times.
    for seed in 1..=5 {
        for identity in check(seed) {
            assert!(identity.holds, "{identity:?}");
        }
    }
}

#[test]
fn every_step_is_checked_for_both_distributions_under_names_of_its_own() {
    let found = check(1);
    for weights in [Weights::Normal, Weights::Uniform] {
        let steps: BTreeSet<&str> =
            found.iter().filter(|i| i.weights == weights).map(|i| i.step).collect();
        let expected = ["1", "2", "3a", "3b", "3c", "3d", "3e", "consequence"];
        assert_eq!(steps, BTreeSet::from(expected));
    }
    let names: BTreeSet<&str> = found.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names.len(), found.len());
}

#[test]
fn estimates_lie_about_their_theories_as_their_standard_errors_say() {
    // Deviations in standard errors of 5 * 28 random checks: mean square 1, give or take 0.12.
    let deviations: Vec<f64> = (11..=15)
        .flat_map(check)
        .filter(|identity| identity.method == Method::MonteCarlo)
        .map(|identity| ((identity.estimate - identity.theory) / identity.standard_error).powi(2))
        .collect();
    let mean_square = deviations.iter().sum::<f64>() / deviations.len() as f64;
    assert!((0.5..1.5).contains(&mean_square), "{mean_square} over {}", deviations.len());
}

#[test]
fn integrals_agree_with_the_closed_form_of_the_variance() {
    let integrals: Vec<Identity> =
        check(1).into_iter().filter(|identity| identity.method == Method::Quadrature).collect();
    assert_eq!(integrals.len(), 4);
    for identity in integrals {
        // Var[w x] = 2/32 * 0.7^2 at x = 0.7.
        for value in [identity.theory, identity.estimate] {
            assert!((value - 0.030_625).abs() < 1e-11, "{identity:?}");
        }
    }
}

#[test]
fn more_draws_measure_more_sharply() {
    let error = |draws| {
        let found = identities(3, draws).expect("enough draws");
        found.into_iter().find(|i| i.name == "relu-normal").expect("it is there").standard_error
    };
    let ratio = error(4_000) / error(64_000);
    assert!((3.0..5.0).contains(&ratio), "{ratio}");
}

#[test]
fn the_same_seed_gives_the_same_checks_and_another_one_others() {
    assert_eq!(check(1), check(1));
    let estimate = |seed| check(seed)[0].estimate.to_bits();
    assert_ne!(estimate(1), estimate(2));
}

#[test]
fn every_violation_is_detected_and_explained_whatever_the_seed() {
    for seed in 1..=5 {
        for violation in violations(seed, DRAWS).expect("enough draws") {
            assert!(violation.detected, "{violation:?}");
            assert!(violation.explained, "{violation:?}");
        }
    }
}

#[test]
fn violations_break_every_step_that_has_an_assumption() {
    let found = violations(1, DRAWS).expect("enough draws");
    let steps: BTreeSet<&str> = found.iter().map(|violation| violation.step).collect();
    assert_eq!(steps, BTreeSet::from(["1", "2", "3a", "3b", "3c", "3d", "3e"]));
    let names: BTreeSet<&str> = found.iter().map(|violation| violation.name).collect();
    assert_eq!(names.len(), found.len());
}

#[test]
fn too_few_draws_are_refused() {
    for refused in [identities(1, 999).err(), violations(1, 999).err()] {
        match refused {
            Some(error @ Error::Argument { .. }) => {
                assert_eq!(error.to_string(), "draws is 999, expected at least 1000");
            }
            other => panic!("{other:?}"),
        }
    }
}
