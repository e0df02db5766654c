//! How much each parameter matters.

use crate::{Domain, Study, TrialRecord, Value};

/// A continuum is looked at in so many cells.
const CELLS: usize = 50;
/// The best tenth is compared with all.
const TARGET: f64 = 0.1;

/// How much each parameter matters for being among the best tenth of completed trials: names and
/// shares that sum to 1, the greatest first. Empty where there are fewer than four completed trials.
///
/// For each parameter the density of its values among the best trials is compared with that among
/// all (Pearson's divergence): where the best have values like all others, the parameter does not
/// matter. A parameter that exists in part of the trials is judged among those.
///
/// # References
/// Watanabe, Bansal and Hutter, *PED-ANOVA: efficiently quantifying hyperparameter importance in
/// arbitrary subspaces*, IJCAI 2023.
#[must_use]
pub fn importances(space: &crate::Space, study: &Study) -> Vec<(String, f64)> {
    let ranking = study.ranking();
    if ranking.len() < 4 {
        return Vec::new();
    }
    let mut found: Vec<(String, f64)> = space
        .parameters()
        .iter()
        .map(|parameter| {
            let divergence = divergence(&parameter.name, &parameter.domain, &ranking);
            (parameter.name.clone(), divergence)
        })
        .collect();
    let total: f64 = found.iter().map(|(_, divergence)| divergence).sum();
    let n = found.len() as f64;
    for (_, share) in &mut found {
        *share = if total > 0.0 { *share / total } else { 1.0 / n };
    }
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

fn divergence(name: &str, domain: &Domain, ranking: &[&TrialRecord]) -> f64 {
    let values: Vec<&Value> = ranking.iter().filter_map(|trial| trial.settings.get(name)).collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    let best = ((values.len() as f64 * TARGET).ceil() as usize).max(2).min(values.len());
    if values.len() < 4 {
        return 0.0;
    }
    let all = density(domain, &values);
    let best = density(domain, &values[..best]);
    // E over all of (best / all - 1)^2, each bounded away from 0.
    let small = 1e-12;
    all.iter().zip(&best).map(|(&q, &p)| q * ((p + small) / (q + small) - 1.0).powi(2)).sum()
}

/// A Parzen estimate over cells, with a flat prior that counts as one observation; sums to 1.
fn density(domain: &Domain, values: &[&Value]) -> Vec<f64> {
    if let Domain::Choices(choices) = domain {
        let total = values.len() as f64 + 1.0;
        let count = |choice| values.iter().filter(|&&value| value == choice).count() as f64;
        let prior = 1.0 / choices.len() as f64;
        return choices.iter().map(|choice| (count(choice) + prior) / total).collect();
    }
    let (low, high) = domain.range();
    let cells = domain.size().and_then(|size| usize::try_from(size).ok());
    let cells = cells.map_or(CELLS, |size| size.min(CELLS));
    let places: Vec<f64> = values
        .iter()
        .filter_map(|value| Some((domain.coordinate(value)? - low) / (high - low)))
        .collect();
    let n = places.len() as f64;
    // Scott's rule, no narrower than a cell.
    let mean = places.iter().sum::<f64>() / n;
    let sd = (places.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    let width = (1.059 * sd * n.powf(-0.2)).max(0.5 / cells as f64);
    let mut density = vec![1.0 / cells as f64 / (n + 1.0); cells];
    for place in places {
        let at = |cell: usize| (cell as f64 + 0.5) / cells as f64;
        let kernel: Vec<f64> =
            (0..cells).map(|cell| (-0.5 * ((at(cell) - place) / width).powi(2)).exp()).collect();
        let total: f64 = kernel.iter().sum();
        if total > 0.0 {
            for (sum, kernel) in density.iter_mut().zip(kernel) {
                *sum += kernel / total / (n + 1.0);
            }
        }
    }
    let total: f64 = density.iter().sum();
    density.into_iter().map(|cell| cell / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Parameter, Sampler, Space, hyperparam_tuning};

    fn shares(space: &Space, value: impl Fn(&crate::Settings) -> f64 + Sync) -> Vec<(String, f64)> {
        let options = Options { trials: 200, sampler: Sampler::Random, ..Options::default() };
        let study = hyperparam_tuning(space, |trial| Ok(value(trial.settings())), &options);
        importances(space, &study.expect("a study"))
    }

    #[test]
    fn what_decides_the_value_comes_first_and_what_does_not_last() {
        let space = Space::new([
            Parameter::float("none", 0.0, 1.0),
            Parameter::log_float("much", 1e-3, 1.0),
            Parameter::choices("kind", ["a", "b", "c"]),
            Parameter::int("some", 1, 8),
        ])
        .expect("a space");
        let float = |settings: &crate::Settings, name| settings.float(name).expect("a number");
        let shares = shares(&space, |settings| {
            let kind = if settings.text("kind").expect("text") == "b" { 0.0 } else { 1.0 };
            (float(settings, "much").ln() + 3.0).powi(2)
                + 0.3 * kind
                + 0.05 * float(settings, "some")
        });
        assert_eq!(shares[0].0, "much");
        let share =
            |name: &str| shares.iter().find(|(n, _)| n == name).map(|(_, s)| *s).expect("a share");
        assert!(share("much") > 0.4, "{shares:?}");
        assert!(share("none") < 0.5 * share("much"), "{shares:?}");
        assert!((shares.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_few_trials_say_nothing() {
        let space = Space::new([Parameter::float("x", 0.0, 1.0)]).expect("a space");
        let options = Options { trials: 3, ..Options::default() };
        let study = hyperparam_tuning(&space, |_| Ok(1.0), &options).expect("a study");
        assert!(importances(&space, &study).is_empty());
    }
}
