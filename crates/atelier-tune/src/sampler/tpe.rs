use super::{End, History, parzen::Parzen, quasi_random};
use crate::stream::stream;
use crate::{Direction, Settings, Space};

/// So many trials come from quasi-random points before anything is learned.
const STARTUP: usize = 10;
/// Of so many settings from the good density the most promising is taken.
const CANDIDATES: usize = 32;

/// Splits what was seen into good and bad, estimates a density of each, draws candidates from the
/// good one and takes that where good is most dense compared with bad.
///
/// Settings whose results are not known count as bad ones (a constant liar: Ginsbourger, Le Riche
/// and Carraro, *Kriging is well-suited to parallelize optimization*, 2010), so that trials that
/// are chosen together do not crowd.
pub(super) fn settings(
    space: &Space,
    history: &History<'_>,
    seed: u64,
    slot: u64,
    attempt: u64,
) -> Settings {
    let known = history.results.iter().filter(|result| !matches!(result.end, End::Failed)).count();
    if known < STARTUP && attempt == 0 {
        return quasi_random::settings(space, seed, slot);
    }
    let mut stream = stream(seed, "tpe", slot, attempt);

    let mut order: Vec<usize> = (0..history.results.len()).collect();
    // A stable sort: equal results stay in the order of their numbers.
    order.sort_by(|&a, &b| {
        let key = |i: usize| rank(history.results[i].end, history.direction);
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
    });
    let good = good_count(known);
    let (mut above, mut below) = (Vec::new(), Vec::new());
    for (place, &i) in order.iter().enumerate() {
        let settings = history.results[i].settings;
        if place < good { below.push(settings) } else { above.push(settings) }
    }
    above.extend(&history.pending);

    let below = Parzen::new(space, &below);
    let above = Parzen::new(space, &above);
    let score = |settings: &Settings| below.log_density(settings) - above.log_density(settings);
    let mut best: Option<(f64, Settings)> = None;
    for _ in 0..CANDIDATES {
        let candidate = below.sample(&mut stream);
        let score = score(&candidate);
        // What was tried already is of no use, and the study would refuse it.
        let tried = history.taken.contains(&candidate.to_string());
        let score = if tried { f64::NEG_INFINITY } else { score };
        if best.as_ref().is_none_or(|(least, _)| score > *least) {
            best = Some((score, candidate));
        }
    }
    best.map_or_else(|| quasi_random::settings(space, seed, slot), |(_, settings)| settings)
}

/// How many of `n` results count as good.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number"
)]
fn good_count(n: usize) -> usize {
    ((0.1 * n as f64).ceil() as usize).min(25)
}

/// Completed before pruned before failed. Among the completed the value decides; among the pruned
/// who came furthest, then the value there.
fn rank(end: End, direction: Direction) -> (u8, f64, f64) {
    match end {
        End::Complete(value) => (0, direction.loss(value), 0.0),
        End::Pruned(step, value) => (1, -(step as f64), direction.loss(value)),
        End::Failed => (2, 0.0, 0.0),
    }
}
