//! Surfaces: against theory, with any number of threads, after an interruption.

use std::ops::ControlFlow;
use std::path::Path;

use atelier_core::{Batch, Loss, Mode, Objective, Parameter, Targets, flatten, threads};
use atelier_landscape::{
    Axes, Error, GridWork, Plane, Surface, evaluate_grid, parse_rows, read_rows,
};
use candle_core::{DType, Device, Tensor, Var};
use network::{Examples, Network};
use sha2::{Digest as _, Sha256};

#[path = "objectives/network.rs"]
mod network;

/// Over the rows x of a batch the mean of the sum of c (w - x)^2 / 2 over all coordinates, c being the
/// curvature.
struct Quadratic {
    parameters: Vec<Parameter>,
    /// Whether other threads may have a copy.
    shared: bool,
}

const CURVATURE: [f32; 4] = [1.0, 4.0, 0.25, 9.0];

impl Quadratic {
    fn new(shared: bool) -> Self {
        let var = Var::new(&[0.5_f32, -1.0, 2.0, 0.1], &Device::Cpu).expect("a variable");
        let w = Parameter { name: "w".to_string(), var, decayed: false, transposed: false };
        Self { parameters: vec![w], shared }
    }
}

impl Objective for Quadratic {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn loss(&self, batch: &Batch, _mode: Mode) -> atelier_core::Result<Loss> {
        let w = self.parameters[0].var.as_tensor();
        let curvature = Tensor::new(&CURVATURE, &Device::Cpu)?;
        let rows = batch.inputs.broadcast_sub(w)?.sqr()?.broadcast_mul(&curvature)?.sum(1)?;
        let objective = (rows.mean_all()? * 0.5)?;
        Ok(Loss { reported: objective.detach(), objective, correct: None, total: batch.len() })
    }

    fn replica(&self) -> atelier_core::Result<Option<Box<dyn Objective + Send>>> {
        if !self.shared {
            return Ok(None);
        }
        let parameters = vec![self.parameters[0].replica()?];
        Ok(Some(Box::new(Self { parameters, shared: true })))
    }
}

fn batches() -> Vec<Batch> {
    let batch = |rows: &[[f32; 4]]| Batch {
        inputs: Tensor::from_vec(rows.concat(), (rows.len(), 4), &Device::Cpu).expect("inputs"),
        targets: Targets::None,
    };
    vec![
        batch(&[[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5]]),
        batch(&[[2.0, -1.0, 0.0, 0.5]]),
        batch(&[[0.0, 1.0, 0.0, -0.5], [0.0, 0.0, 3.0, 0.0]]),
    ]
}

fn plane() -> Plane {
    let origin = vec![0.1, 0.2, -0.3, 0.4];
    Plane::new(origin, &[1.0, 1.0, 0.0, 0.0], &[0.0, 0.0, 1.0, -1.0]).expect("a plane")
}

fn axes() -> Axes {
    Axes { x: vec![-2.0, -0.5, 0.0, 1.0, 3.0], y: vec![-1.0, 0.0, 0.7, 2.0] }
}

/// Stops after `rows` rows.
fn grid(
    objective: &Quadratic,
    threads: usize,
    remember: Option<&Path>,
    rows: usize,
) -> Result<Surface, Error> {
    let mut left = rows + 1;
    let watch = &mut |_, _| {
        left -= 1;
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let work = GridWork { threads, remember };
    evaluate_grid(objective, &plane(), &axes(), &batches(), work, watch)
}

#[test]
fn a_quadratic_has_the_surface_that_theory_says() {
    let objective = Quadratic::new(true);
    let surface = grid(&objective, 1, None, 100).expect("evaluated");
    let all: Vec<(Vec<Vec<f32>>, usize)> =
        batches().iter().map(|b| (b.inputs.to_vec2::<f32>().expect("read"), b.len())).collect();
    for (j, &y) in axes().y.iter().enumerate() {
        for (i, &x) in axes().x.iter().enumerate() {
            let point = plane().point(x, y);
            let loss = |row: &Vec<f32>| -> f64 {
                let terms = row.iter().zip(&point).zip(CURVATURE);
                terms.map(|((r, p), c)| 0.5 * f64::from(c) * f64::from(p - r).powi(2)).sum()
            };
            let means: Vec<f64> = all
                .iter()
                .map(|(rows, n)| rows.iter().map(loss).sum::<f64>() / *n as f64)
                .collect();
            let mean = all.iter().zip(&means).map(|((_, n), m)| *n as f64 * m).sum::<f64>() / 6.0;
            // m / (m - 1) sum of (weight (batch mean - mean))^2.
            let squares: f64 = all
                .iter()
                .zip(&means)
                .map(|((_, n), m)| (*n as f64 / 6.0 * (m - mean)).powi(2))
                .sum();
            let at = j * axes().x.len() + i;
            assert!((surface.loss[at] - mean).abs() < 1e-5 * mean.max(1.0));
            let error = surface.standard_error.as_ref().expect("three batches")[at];
            assert!((error - (squares * 1.5).sqrt()).abs() < 1e-5 * mean.max(1.0));
        }
    }
    assert!(surface.accuracy.is_none());
}

#[test]
fn threads_and_replicas_change_no_bit_and_the_objective_keeps_its_values() {
    let (alone, shared) = (Quadratic::new(false), Quadratic::new(true));
    let before = flatten(alone.parameters()).expect("read");
    let one = grid(&alone, 1, None, 100).expect("evaluated");
    assert_eq!(grid(&alone, 3, None, 100).expect("evaluated"), one);
    for threads in [1, 2, 3, 9] {
        assert_eq!(grid(&shared, threads, None, 100).expect("evaluated"), one, "{threads}");
    }
    assert_eq!(flatten(alone.parameters()).expect("read"), before);
    assert_eq!(flatten(shared.parameters()).expect("read"), before);
}

#[test]
fn several_grids_at_once_with_pools_of_several_sizes_have_equal_bits() {
    // Kernels cut large batches into pieces for the threads of whoever calls them.
    let evaluated = |pieces: usize, rows: usize| {
        threads::set(pieces);
        let network = Network::new(&[20, 50, 4], 1, 0.0);
        let batches = Examples::new(2_000, 20, 4, 2).batches(&[1_500, 500]);
        let origin = flatten(network.parameters()).expect("read");
        let direction = |sign: f64| -> Vec<f64> {
            (0..origin.len()).map(|i| sign.powi(i32::try_from(i % 2).expect("small"))).collect()
        };
        let plane = Plane::new(origin.clone(), &direction(1.0), &direction(-1.0)).expect("a plane");
        let work = GridWork { threads: rows, remember: None };
        let watch = &mut |_, _| ControlFlow::Continue(());
        let surface = evaluate_grid(&network, &plane, &axes(), &batches, work, watch);
        let quadratic = grid(&Quadratic::new(true), rows, None, 100).expect("evaluated");
        (surface.expect("evaluated"), quadratic)
    };
    let alone = evaluated(1, 1);
    let pools = [(1, 2), (2, 1), (3, 4), (5, 9), (8, 3), (2, 2), (16, 1), (4, 16)];
    std::thread::scope(|scope| {
        let grids = pools.map(|(pieces, rows)| scope.spawn(move || evaluated(pieces, rows)));
        for (grid, pool) in grids.into_iter().zip(pools) {
            assert_eq!(grid.join().expect("a grid"), alone, "{pool:?}");
        }
    });
}

/// The content of a file with another loss at the first point of the row in its second line, whose checksum fits where
/// it is asked for.
fn with_first_loss(text: &str, loss: &str, fits: bool) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    let line = lines[1].clone();
    let (before, losses) = line.split_once("\"loss\":[").expect("a row");
    let (_, others) = losses.split_once(',').expect("several losses");
    lines[1] = format!("{before}\"loss\":[{loss},{others}");
    if fits {
        let of: serde_json::Value = serde_json::from_str(&lines[0]).expect("JSON");
        let (row, sum) = lines[1].split_once(",\"sha256\":\"").expect("a checksum");
        let row = row.strip_prefix("{\"row\":").expect("a row");
        let mut digest = Sha256::new();
        digest.update(of["of"].as_str().expect("a digest"));
        digest.update(row);
        let digest: Vec<String> =
            digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        lines[1] = lines[1].replace(sum, &format!("{}\"}}", digest.concat()));
    }
    lines.join("\n") + "\n"
}

#[test]
fn an_interrupted_grid_goes_on_where_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rows.jsonl");
    let objective = Quadratic::new(false);
    let whole = grid(&objective, 1, None, 100).expect("evaluated");
    let stopped = grid(&objective, 1, Some(&file), 2).expect_err("stopped");
    assert!(matches!(stopped, Error::Stopped { done: 10, of: 20 }), "{stopped}");
    let first = std::fs::read_to_string(&file).expect("the file");
    assert_eq!(first.lines().count(), 3, "two rows behind the line that says of what");
    assert_eq!(read_rows(&file).expect("whole"), 2);
    // A value of a finished row that only the file can know.
    std::fs::write(&file, with_first_loss(&first, "12345.0", true)).expect("written");
    let resumed = grid(&objective, 2, Some(&file), 100).expect("evaluated");
    let mut expected = whole.clone();
    expected.loss[0] = 12345.0;
    assert_eq!(resumed, expected);
    // And what a torn write left is done anew.
    std::fs::write(&file, &first[..first.len() - 20]).expect("written");
    assert_eq!(grid(&objective, 1, Some(&file), 100).expect("evaluated"), whole);
}

#[test]
fn a_grid_of_several_threads_stops_and_goes_on_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rows.jsonl");
    let objective = Quadratic::new(true);
    let whole = grid(&objective, 2, None, 100).expect("evaluated");
    for rows in [0, 1] {
        let stopped = grid(&objective, 2, Some(&file), rows).expect_err("stopped");
        assert!(matches!(stopped, Error::Stopped { of: 20, .. }), "{stopped}");
    }
    let text = std::fs::read_to_string(&file).expect("the file");
    assert!(text.lines().count() > 1, "a row behind the line that says of what");
    assert_eq!(grid(&objective, 2, Some(&file), 100).expect("evaluated"), whole);
}

#[test]
fn what_a_file_remembers_of_something_else_is_not_used() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rows.jsonl");
    let objective = Quadratic::new(false);
    grid(&objective, 1, Some(&file), 100).expect("evaluated");
    let text = std::fs::read_to_string(&file).expect("the file");
    // Under its own digest the lie is believed, under another it is not.
    let lie = with_first_loss(&text, "7.0", true);
    std::fs::write(&file, &lie).expect("written");
    let believed = grid(&objective, 1, Some(&file), 100).expect("evaluated");
    assert_eq!(believed.loss[0].to_bits(), 7.0_f64.to_bits());
    let (of, rows) = text.split_once('\n').expect("two lines");
    let other = of.replace(|c: char| c.is_ascii_digit(), "e");
    assert_ne!(other, of);
    let lie = with_first_loss(&format!("{other}\n{rows}"), "7.0", true);
    std::fs::write(&file, lie).expect("written");
    let whole = grid(&objective, 1, None, 100).expect("evaluated");
    assert_eq!(grid(&objective, 1, Some(&file), 100).expect("evaluated"), whole);
}

#[test]
fn rows_before_a_damaged_line_are_kept_and_the_others_evaluated_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rows.jsonl");
    let objective = Quadratic::new(false);
    assert_eq!(read_rows(&file).expect("no file"), 0);
    let whole = grid(&objective, 1, Some(&file), 100).expect("evaluated");
    let text = std::fs::read_to_string(&file).expect("the file");
    let (head, rows) = text.split_once('\n').expect("two lines");
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!(rows.len(), 4);
    let swapped = with_first_loss(&text, "7.0", false);
    let swapped = swapped.lines().nth(1).expect("a row");
    let bare = rows[0].split_once(",\"sha256\"").expect("a checksum").0.to_string() + "}";
    let moved = rows[0].replace("\"y\":0", "\"y\":3");
    // Behind the second and the third row, which are to be kept, and before the fourth, which is not.
    for damaged in
        ["", "{\"row\":not json", "\u{fffd}", swapped, &bare, &moved, rows[1], rows[2], head]
    {
        let mut content = [head, rows[1], rows[2], damaged, rows[3], ""].join("\n").into_bytes();
        if damaged == "\u{fffd}" {
            content.retain(|&byte| byte != 0xef);
        }
        std::fs::write(&file, &content).expect("written");
        let told = parse_rows(&content, &file).expect_err(damaged).to_string();
        assert!(told.contains("rows.jsonl is damaged: line 4 is"), "{told}");
        let mut reports = Vec::new();
        let watch = &mut |done, _| {
            reports.push(done);
            ControlFlow::Continue(())
        };
        let work = GridWork { threads: 1, remember: Some(&file) };
        let again = evaluate_grid(&objective, &plane(), &axes(), &batches(), work, watch);
        assert_eq!(again.expect("evaluated"), whole, "{damaged}");
        assert_eq!(reports, [10, 15, 20], "{damaged}");
        assert_eq!(read_rows(&file).expect("whole"), 4);
    }
}

#[test]
fn bad_grids_and_losses_that_are_not_finite_are_refused_by_name() {
    let objective = Quadratic::new(true);
    let try_axes = |x: Vec<f64>, batches: &[Batch]| {
        let watch = &mut |_, _| ControlFlow::Continue(());
        let work = GridWork { threads: 2, remember: None };
        let axes = Axes { x, y: vec![0.0, 1.0] };
        let refused = evaluate_grid(&objective, &plane(), &axes, batches, work, watch);
        refused.expect_err("refused").to_string()
    };
    assert!(try_axes(vec![0.0], &batches()).contains("landscape.grid is 1 x 2"));
    assert!(try_axes(vec![1.0, 0.0], &batches()).contains("each larger than the one before"));
    assert!(try_axes(vec![0.0, f64::NAN], &batches()).contains("finite coordinates"));
    assert!(try_axes(vec![0.0, 1.0], &[]).contains("batches is none"));
    let bad = Batch {
        inputs: Tensor::full(f32::INFINITY, (2, 4), &Device::Cpu).expect("inputs"),
        targets: Targets::None,
    };
    assert!(bad.inputs.dtype() == DType::F32);
    let message = try_axes(vec![0.0, 1.0], &[bad]);
    assert!(message.contains("of the plane"), "{message}");
    assert_eq!(flatten(objective.parameters()).expect("read"), [0.5, -1.0, 2.0, 0.1]);
}
