//! A network that Atelier does not know, a small convolutional one written with candle-nn: trained on
//! the sample by Atelier's trainer, and drawn with the loss landscape that it descended. The
//! variables and a closure make an `Objective`; that is all.
//!
//! `cargo run --release -p atelier --example convolution -- DIR` writes `landscape.png` and
//! `landscape.html` into DIR, or into a new temporary directory without it.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use atelier_core::init::Initializer;
use atelier_core::seed::stream;
use atelier_core::{Batch, Loss, Mode, Objective, VarMapObjective, evaluate, flatten, ops};
use atelier_data::{
    AugmentConfig, Batcher, DataConfig, SAMPLE, Subset, ValidationSize, load_dir, split,
};
use atelier_landscape::{
    Anchor, Axes, AxisRange, GridWork, Null, Snapshot, Trajectory, evaluate_grid, heights_at,
    heights_in_plane, principal_components,
};
use atelier_plot::{
    Axis, Landscape, LandscapePage, PageAxis, PagePoint, PageRun, SurfaceGrid, TrajectoryPoint,
};
use atelier_store::durable_write;
use atelier_train::{Event, OptimizerKind, ScheduleKind, Settings, Source, Surroundings, Trainer};
use candle_core::{DType, Device, ModuleT};
use candle_nn::{Conv2dConfig, VarBuilder, VarMap, conv2d, linear};
use ndarray::Array2;

const SEED: u64 = 0;
const BATCH: usize = 64;
/// Steps from one snapshot to the next.
const STEPS: u64 = 5;
/// Points along each axis of the grid, and the examples that each is evaluated on.
const GRID: usize = 15;
const EXAMPLES: usize = 300;

fn main() -> Result<()> {
    let sample = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample"));
    let data = load_dir(sample, &[SAMPLE], false)?;
    let config = DataConfig { validation: ValidationSize::Count(400), ..DataConfig::default() };
    let parts = split(&data.train, &config, SEED)?;

    // With a way to make the network anew, several threads can evaluate it.
    let objective = network()?.with_replicas(network);
    initialise(&objective)?;
    let trajectory = train(&objective, &parts.train)?;
    if let Some(validation) = &parts.validation {
        let found = evaluate(&objective, validation.evaluation_batches(200, None, &Device::Cpu)?)?;
        println!("validation accuracy {:.1} %", 100.0 * found.accuracy().unwrap_or(f64::NAN));
    }

    let out = match std::env::args_os().nth(1) {
        Some(out) => PathBuf::from(out),
        None => tempfile::Builder::new().prefix("atelier-convolution-").tempdir()?.keep(),
    };
    std::fs::create_dir_all(&out)?;
    let examples = parts.train.stratified(EXAMPLES, SEED)?;
    let batches = examples.evaluation_batches(30, None, &Device::Cpu)?;
    draw(&objective, &trajectory, &batches.collect::<atelier_core::Result<Vec<_>>>()?, &out)
}

/// Two convolutions that halve the image, and a linear layer.
fn network()
-> atelier_core::Result<VarMapObjective<impl Fn(&Batch, Mode) -> atelier_core::Result<Loss>>> {
    let variables = VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
    let halving = Conv2dConfig { padding: 1, stride: 2, ..Conv2dConfig::default() };
    let first = conv2d(1, 8, 3, halving, builder.pp("0"))?;
    let second = conv2d(8, 16, 3, halving, builder.pp("2"))?;
    let output = linear(16 * 7 * 7, 10, builder.pp("5"))?;
    Ok(VarMapObjective::new(&variables, move |batch: &Batch, mode: Mode| {
        let train = matches!(mode, Mode::Train(_));
        let images = batch.inputs.reshape(((), 1, 28, 28))?;
        let h = first.forward_t(&images, train)?.relu()?;
        let h = second.forward_t(&h, train)?.relu()?;
        let logits = output.forward_t(&h.flatten_from(1)?, train)?;
        ops::cross_entropy(&logits, &batch.targets, 0.0)
    }))
}

/// candle draws its first weights anew in every process; these depend on the seed alone.
fn initialise(objective: &dyn Objective) -> Result<()> {
    for (layer, parameter) in (0..).zip(objective.parameters()) {
        let shape = parameter.shape();
        let values = if shape.len() > 1 {
            let inputs = shape[1..].iter().product();
            let stream = &mut stream(SEED, "convolution", 0, layer);
            Initializer::HeNormal.weight(inputs, shape[0], 1.0, stream)
        } else {
            vec![0.0; parameter.len()]
        };
        parameter.assign(&values)?;
    }
    Ok(())
}

/// Trains, and keeps where the parameters were every few steps.
fn train(objective: &dyn Objective, examples: &Subset) -> Result<Trajectory> {
    let mut settings = Settings::default();
    settings.train.epochs = 8;
    settings.optimizer.kind = OptimizerKind::Adam;
    settings.optimizer.learning_rate = 3e-3;
    settings.schedule.kind = ScheduleKind::Cosine;
    let augment = AugmentConfig::default();
    let mut batcher = Batcher::new(examples.clone(), BATCH, SEED, &augment, None, &Device::Cpu)?;
    let batches = batcher.batches_per_epoch();
    let mut source = Source {
        batches_per_epoch: batches,
        batch: Box::new(move |epoch, index| batcher.batch(epoch, index)),
    };
    let mut points = vec![flatten(objective.parameters())];
    let mut snapshots = vec![Snapshot { step: 0, epoch: 0.0, minibatch_loss: None }];
    let mut observer = |event: Event| match event {
        // On the CPU a step is told of before the next one is taken.
        Event::Step(report) if report.step % STEPS == 0 => {
            points.push(flatten(objective.parameters()));
            snapshots.push(Snapshot {
                step: report.step,
                epoch: report.step as f64 / batches as f64,
                minibatch_loss: Some(f64::from(report.loss)),
            });
        }
        Event::Epoch(report) => {
            println!("epoch {}: training loss {:.4}", report.epoch, report.train_loss);
        }
        _ => {}
    };
    let surroundings = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut observer,
        interrupted: &|| false,
    };
    Trainer::new(objective, &settings, SEED)?.run(&mut source, surroundings)?;
    let points = points.into_iter().collect::<atelier_core::Result<Vec<_>>>()?.concat();
    let points = Array2::from_shape_vec((snapshots.len(), points.len() / snapshots.len()), points)?;
    Ok(Trajectory::new("A", points, snapshots)?)
}

/// The loss over the plane of the two directions in which the parameters varied most.
fn draw(
    objective: &dyn Objective,
    trajectory: &Trajectory,
    batches: &[Batch],
    out: &Path,
) -> Result<()> {
    let watch = &mut |_, _| ControlFlow::Continue(());
    let runs = std::slice::from_ref(trajectory);
    let pca = principal_components(runs, Anchor::Mean, watch)?;
    let null = Null::draw(runs, Anchor::Mean, 20, SEED, watch)?.both().mean;
    let plane = pca.plane()?;
    let projections = plane.project_all(trajectory)?;
    let places: Vec<(f64, f64)> = projections.iter().map(|p| (p.x, p.y)).collect();
    let losses = heights_at(objective, trajectory.points.view(), batches, watch)?;
    let in_plane = heights_in_plane(objective, &plane, &places, batches, watch)?;
    let [x, y] = AxisRange::around(&places, 0.2)?;
    let axes = Axes { x: x.coordinates(GRID)?, y: y.coordinates(GRID)? };
    let threads = std::thread::available_parallelism()?.get();
    let work = GridWork { threads, remember: None };
    let surface = evaluate_grid(objective, &plane, &axes, batches, work, watch)?;

    let shares = pca.shares();
    let titles = [0, 1].map(|k| format!("PC {} ({:.1} % of variance)", k + 1, 100.0 * shares[k]));
    let off_plane = projections.iter().map(|p| p.distance).fold(0.0, f64::max);
    let caption = format!(
        "Mean cross-entropy of {EXAMPLES} training examples on {GRID} x {GRID} points; loss axis \
         logarithmic, nothing cut. Axes: principal directions of {} snapshots, one every {STEPS} \
         steps, seed {SEED}, counted from their mean. They hold {:.1} % of the total variance; a random \
         walk with steps as long shows {:.1} %. Points lie on the surface at the projections of the \
         snapshots, at most {off_plane:.2} off the plane; stems lead to the snapshots' own losses. A \
         two-dimensional slice: other directions may be sharper.",
        trajectory.snapshots.len(),
        100.0 * (shares[0] + shares[1]),
        100.0 * null,
    );
    println!("{caption}");

    let point = |i: usize| TrajectoryPoint {
        x: projections[i].x,
        y: projections[i].y,
        loss_in_plane: in_plane[i].loss,
        loss: losses[i].loss,
    };
    let points: Vec<TrajectoryPoint> = (0..projections.len()).map(point).collect();
    let figure = Landscape::new(
        "Loss landscape of a convolutional network",
        SurfaceGrid::new(axes.x.clone(), axes.y.clone(), surface.loss.clone()),
        titles.clone(),
        Axis::logarithmic("cross-entropy (nats)"),
    )
    .caption(&caption)
    .trajectory(atelier_plot::Trajectory::new("Adam, seed 0", points))
    .surface()?;

    let point = |(i, snapshot): (usize, &Snapshot)| PagePoint {
        step: snapshot.step,
        epoch: snapshot.epoch,
        x: projections[i].x,
        y: projections[i].y,
        loss: losses[i].loss,
        loss_in_plane: in_plane[i].loss,
        minibatch_loss: snapshot.minibatch_loss,
        distance_off_plane: projections[i].distance,
    };
    let points = trajectory.snapshots.iter().enumerate().map(point).collect();
    let page = LandscapePage {
        title: "Loss landscape of a convolutional network".to_string(),
        caption,
        axes: [0, 1].map(|k| {
            PageAxis::new(format!("principal direction {}", k + 1)).variance_share(shares[k])
        }),
        standard_error: surface.standard_error.unwrap_or_else(|| vec![f64::NAN; GRID * GRID]),
        x: axes.x,
        y: axes.y,
        loss: surface.loss,
        accuracy: surface.accuracy,
        runs: vec![PageRun { name: "A".to_string(), seed: format!("seed {SEED}"), points }],
        scree: shares,
        ..LandscapePage::default()
    };

    for (name, bytes) in
        [("landscape.png", figure.png), ("landscape.html", page.render()?.into_bytes())]
    {
        durable_write(&out.join(name), &bytes)?;
        println!("{}", out.join(name).display());
    }
    Ok(())
}
