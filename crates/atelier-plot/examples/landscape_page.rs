//! Writes the interactive page of a made-up landscape: `landscape_page FILE [POINTS]` writes it into FILE, its grid
//! of POINTS x POINTS (41 unless said otherwise).

use std::error::Error;

use atelier_plot::{LandscapePage, NullPoint, PageAxis, PagePoint, PageRun};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("usage: landscape_page FILE [POINTS]")?;
    let n = arguments.next().map_or(Ok(41), |points| points.parse())?;
    std::fs::write(file, page(n).render()?)?;
    Ok(())
}

/// Two valleys, apart along x, with walls that grow steeply.
fn loss(x: f64, y: f64) -> f64 {
    let valley = |cx: f64, cy: f64, depth: f64| {
        depth * (-((x - cx).powi(2) + 1.4 * (y - cy).powi(2)) / 14.0).exp()
    };
    let walls = 0.016 * (x * x + 1.7 * y * y) + 0.0009 * (x * x + y * y).powi(2) / 4.0;
    let ripples = 0.09 * (1.3 * x).sin() * (1.1 * y + 0.4).cos();
    (2.45 + walls + ripples - valley(-5.2, 0.8, 2.35) - valley(4.6, -1.0, 2.3)).max(0.02)
}

fn page(n: u32) -> LandscapePage {
    let along = |from: f64, to: f64| -> Vec<f64> {
        (0..n).map(|i| from + (to - from) * f64::from(i) / f64::from(n - 1)).collect()
    };
    let (x, y) = (along(-9.5, 9.0), along(-6.5, 6.5));
    let grid = |value: fn(f64, f64) -> f64| -> Vec<f64> {
        y.iter().flat_map(|&y| x.iter().map(move |&x| value(x, y))).collect()
    };
    let facts = [
        ("network", "784-50-50-50-10, ReLU"),
        ("training", "SGD 0.1, batch 50, 20 epochs, 2,500 examples"),
        ("snapshots", "101 for each run: every 10 steps"),
        ("surface", "cross-entropy without regularisation, on the same 2,500 examples"),
        ("origin", "mean of all snapshots"),
        ("null", "random walks of the same lengths: 58.3 % + 14.9 %"),
    ];
    LandscapePage {
        title: "Two runs and the loss around them".into(),
        subtitle: "A made-up example: analytic surface, seeds 0 and 1".into(),
        caption: "The plane of the two principal components of all snapshots. A point on the surface is the \
                  projection of a snapshot; its stem ends at the snapshot's own loss. A two-dimensional slice: \
                  other directions may be sharper. Pure random walks put much of their variance into two \
                  components too, so that shares of variance alone are no evidence of a low-dimensional descent."
            .into(),
        facts: facts.map(|(name, value)| (name.into(), value.into())).to_vec(),
        axes: [
            PageAxis::new("first principal component").variance_share(0.621),
            PageAxis::new("second principal component").variance_share(0.187),
        ],
        loss: grid(loss),
        standard_error: grid(|x, y| 0.012 * loss(x, y).sqrt()),
        accuracy: Some(grid(|x, y| (1.0 - 0.3 * loss(x, y)).clamp(0.1, 1.0))),
        runs: vec![
            run("A", "seed 0", [-0.8, 4.6], [-5.2, 0.8], 1.0),
            run("B", "seed 1", [1.4, -4.9], [4.6, -1.0], -1.2),
        ],
        null: vec![walk([-0.8, 4.6], 0.7), walk([1.4, -4.9], 2.1)],
        scree: (0..12).map(|i| 0.621 * 0.301_f64.powi(i)).collect(),
        x,
        y,
        logarithmic: None,
    }
}

/// A spiral from one place to another.
fn run(name: &str, seed: &str, from: [f64; 2], to: [f64; 2], turn: f64) -> PageRun {
    let point = |k: u32| {
        let t = f64::from(k) / 100.0;
        let left = (-4.5 * t).exp();
        let swing = turn * 1.6 * (t * 9.0).sin() * left;
        let noise = 0.16 * ((f64::from(k) * 12.9898 + turn).sin() * 43_758.545).fract();
        let (x, y) = (
            to[0] + (from[0] - to[0]) * left + swing + noise,
            to[1] + (from[1] - to[1]) * left - 0.5 * swing + noise * 0.7,
        );
        let loss_in_plane = loss(x, y);
        PagePoint {
            step: u64::from(10 * k),
            epoch: f64::from(k) / 5.0,
            x,
            y,
            loss: loss_in_plane * (0.62 + 0.38 * left),
            loss_in_plane,
            minibatch_loss: (k > 0)
                .then_some(loss_in_plane * (0.62 + 0.38 * left) * (1.0 + 3.0 * noise)),
            distance_off_plane: (2.2 + 0.4 * turn) * (1.0 - left) * (1.0 + 0.4 * t)
                + 0.2 * noise.abs(),
        }
    };
    PageRun { name: name.into(), seed: seed.into(), points: (0..=100).map(point).collect() }
}

fn walk(from: [f64; 2], phase: f64) -> Vec<NullPoint> {
    let point = |k: u32| {
        let t = f64::from(k) / 100.0;
        let (x, y) = (
            from[0] + 5.0 * (3.1 * t + phase).sin() - 5.0 * phase.sin(),
            from[1] * (1.0 - 1.6 * t),
        );
        NullPoint { x: x + 0.3 * (f64::from(k) * 4.1).sin(), y }
    };
    (0..=100).map(point).collect()
}
