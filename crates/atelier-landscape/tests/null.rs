//! The null: random walks in a few coordinates against walks written out in full.

use std::ops::ControlFlow;

use atelier_core::seed::stream;
use atelier_landscape::{
    Anchor, Error, Null, Snapshot, Trajectory, principal_components, random_walk,
};
use ndarray::Array2;
use rand_distr::{Distribution as _, StandardNormal};

fn go_on(_done: usize, _of: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A run of `steps` steps from `start`, whose lengths go up and down.
fn run(name: &str, start: &[f32], steps: usize, seed: u64) -> Trajectory {
    let mut stream = stream(seed, "test", 0, 0);
    let mut points = Array2::zeros((steps + 1, start.len()));
    let mut at = start.to_vec();
    for (i, mut row) in points.rows_mut().into_iter().enumerate() {
        row.iter_mut().zip(&at).for_each(|(to, &from)| *to = from);
        for value in &mut at {
            let step: f32 = StandardNormal.sample(&mut stream);
            *value += (1.0 + (i as f32).sin()) * step;
        }
    }
    let time = |step| Snapshot { step, epoch: step as f64, minibatch_loss: None };
    Trajectory::new(name, points, (0..=steps as u64).map(time).collect()).unwrap()
}

/// Mean and variance of the first two shares.
fn moments(shares: &[[f64; 2]]) -> [(f64, f64); 2] {
    let n = shares.len() as f64;
    [0, 1].map(|k| {
        let mean = shares.iter().map(|s| s[k]).sum::<f64>() / n;
        (mean, shares.iter().map(|s| (s[k] - mean).powi(2)).sum::<f64>() / (n - 1.0))
    })
}

fn expect_the_same_distribution(runs: &[Trajectory], anchor: Anchor) {
    const DRAWS: u64 = 4000;
    let null = Null::draw(runs, anchor, DRAWS, 11, &mut go_on).unwrap();
    let direct: Vec<[f64; 2]> = (0..DRAWS)
        .map(|draw| {
            let number = runs.len() as u64;
            let walk = |(i, run)| random_walk(run, 12, draw * number + i).unwrap();
            let walks: Vec<Trajectory> = (0..).zip(runs).map(walk).collect();
            let shares = principal_components(&walks, anchor, &mut go_on).unwrap().shares();
            [shares[0], shares[1]]
        })
        .collect();
    for (ours, theirs) in moments(&null.shares).into_iter().zip(moments(&direct)) {
        let standard_error = ((ours.1 + theirs.1) / DRAWS as f64).sqrt();
        let apart = (ours.0 - theirs.0).abs() / standard_error;
        assert!(apart < 4.0, "{ours:?} is not {theirs:?}: {apart} standard errors");
        // 4000 draws tell a variance to 2 or 3 %.
        assert!((ours.1 / theirs.1 - 1.0).abs() < 0.15, "{ours:?} is not {theirs:?}");
    }
}

#[test]
fn one_walk_has_the_shares_of_walks_written_out() {
    expect_the_same_distribution(&[run("a", &[0.5; 12], 7, 1)], Anchor::Mean);
    // More steps than parameters.
    expect_the_same_distribution(&[run("a", &[0.5; 4], 9, 2)], Anchor::Final);
}

#[test]
fn walks_from_several_starts_have_the_shares_of_walks_written_out() {
    let gap = [3.0, -2.0, 0.0, 1.0, 4.0, 0.0, 0.0, 1.0];
    let runs = [run("a", &[0.0; 8], 5, 3), run("b", &gap, 4, 4)];
    expect_the_same_distribution(&runs, Anchor::Mean);
    expect_the_same_distribution(&runs, Anchor::Final);
    // The third starts between the two others, the fourth where the first does: their gaps span
    // one axis, not three.
    let third = run("c", &gap.map(|v| v / 2.0), 3, 5);
    let [a, b] = runs;
    expect_the_same_distribution(&[a, b, third, run("d", &[0.0; 8], 3, 6)], Anchor::Mean);
}

#[test]
fn a_long_walk_in_many_dimensions_shows_61_and_15_percent() {
    // 6 / (pi k)^2, Antognini and Sohl-Dickstein 2018.
    let time = |step| Snapshot { step, epoch: 0.0, minibatch_loss: None };
    // A straight run: the lengths of its steps are the same.
    let points =
        Array2::from_shape_fn((200, 100_000), |(i, j)| if j == 0 { i as f32 } else { 0.0 });
    let straight = Trajectory::new("straight", points, (0..200).map(time).collect()).unwrap();
    let null = Null::draw(&[straight], Anchor::Mean, 5, 1, &mut go_on).unwrap();
    let [first, second] = null.each();
    assert!((first.mean - 0.6079).abs() < 0.005, "{first:?}");
    assert!((second.mean - 0.1520).abs() < 0.005, "{second:?}");
    assert!(first.least <= first.mean && first.mean <= first.most && first.least < first.most);
    let both = null.both();
    assert!((both.mean - first.mean - second.mean).abs() < 1e-12);
}

#[test]
fn a_gap_that_is_large_against_the_walks_is_the_first_component() {
    let runs = [run("a", &[0.0; 500], 20, 1), run("b", &[1000.0; 500], 20, 2)];
    let [first, _] = Null::draw(&runs, Anchor::Mean, 5, 1, &mut go_on).unwrap().each();
    assert!(first.least > 0.99, "{first:?}");
}

#[test]
fn a_walk_starts_where_its_run_does_and_has_its_steps() {
    let run = run("a", &[2.0; 300], 10, 1);
    let walk = random_walk(&run, 1, 0).unwrap();
    assert_eq!((walk.run.as_str(), &walk.snapshots), ("random walk for a", &run.snapshots));
    assert_eq!(walk.points.row(0), run.points.row(0));
    let length = |t: &Trajectory, i: usize| {
        let step = &t.points.row(i + 1) - &t.points.row(i);
        step.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
    };
    for i in 0..10 {
        assert!((length(&walk, i) / length(&run, i) - 1.0).abs() < 1e-5, "step {i}");
    }
    assert_ne!(walk.points.row(1), run.points.row(1));
    assert_ne!(walk.points, random_walk(&run, 1, 1).unwrap().points);
}

#[test]
fn draws_are_repeatable_and_independent_of_their_number() {
    let runs = [run("a", &[0.0; 50], 6, 1)];
    let few = Null::draw(&runs, Anchor::Mean, 2, 1, &mut go_on).unwrap();
    let more = Null::draw(&runs, Anchor::Mean, 3, 1, &mut go_on).unwrap();
    assert_eq!(few.shares, more.shares[..2]);
    assert_ne!(few.shares, Null::draw(&runs, Anchor::Mean, 2, 2, &mut go_on).unwrap().shares);
}

#[test]
fn draws_are_told_and_end_when_asked_to() {
    let runs = [run("a", &[0.0; 50], 6, 1)];
    let mut told = Vec::new();
    let mut watch = |done, of| {
        told.push((done, of));
        if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = Null::draw(&runs, Anchor::Mean, 10, 1, &mut watch).unwrap_err();
    assert!(matches!(error, Error::Stopped { done: 3, of: 10 }), "{error:?}");
    assert_eq!(told, [(1, 10), (2, 10), (3, 10)]);
}

#[test]
fn what_has_no_null_is_refused() {
    let runs = [run("a", &[0.0; 5], 6, 1)];
    let message = Null::draw(&runs, Anchor::Mean, 0, 1, &mut go_on).unwrap_err().to_string();
    assert_eq!(message, "draws is 0, expected 1 or more");
    assert!(Null::draw(&[], Anchor::Mean, 1, 1, &mut go_on).is_err());
    let narrow = [run("a", &[0.0], 4, 1), run("b", &[1.0], 4, 2)];
    let message = Null::draw(&narrow, Anchor::Mean, 1, 1, &mut go_on).unwrap_err().to_string();
    assert_eq!(message, "parameters is 1, expected 2, one for each run, or more");
    let mut spoilt = runs[0].clone();
    spoilt.points[[0, 0]] = f32::NAN;
    let message = Null::draw(&[spoilt], Anchor::Mean, 1, 1, &mut go_on).unwrap_err().to_string();
    assert!(message.contains("not finite"), "{message}");
}
