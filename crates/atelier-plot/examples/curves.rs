//! Draws the figures of a made-up training run: `curves DIR` writes them into DIR.

use std::error::Error;
use std::path::Path;

use atelier_plot::{Axis, Color, Figure, GreyImage, ImageGrid, LineChart, Panel, Series, Style};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: curves DIR")?;
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    for (name, figure) in [
        ("curves", curves()?),
        ("last-20", last_twenty()?),
        ("learning-rate", learning_rate()?),
        ("schedules", schedules()?),
        ("images", images()?),
        ("classes", classes()?),
    ] {
        std::fs::write(dir.join(name).with_extension("png"), &figure.png)?;
        std::fs::write(dir.join(name).with_extension("svg"), &figure.svg)?;
    }
    Ok(())
}

/// Loss and accuracy of 20 epochs of 782 steps, side by side.
fn curves() -> Result<Figure, atelier_plot::Error> {
    let steps: Vec<f64> = (1..=15_640).map(f64::from).collect();
    let by_step: Vec<f64> = steps
        .iter()
        .map(|step| {
            (0.22 + 2.0 * (-step / 300.0).exp() + 0.3 * (-step / 6000.0).exp()) * noise(*step, 0.25)
        })
        .collect();
    let step_epochs: Vec<f64> = steps.iter().map(|step| step / 782.0).collect();
    let epochs: Vec<f64> = (1..=20).map(f64::from).collect();
    let training: Vec<f64> = epochs.iter().map(|e| 0.22 + 0.38 * (-e / 6.0).exp()).collect();
    let validation: Vec<f64> =
        epochs.iter().map(|e| (0.31 + 0.28 * (-e / 4.0).exp()) * noise(*e, 0.02)).collect();
    let accuracy: Vec<f64> = epochs
        .iter()
        .map(|e| 100.0 * (0.886 - 0.08 * (-e / 4.0).exp()) * noise(*e, 0.003))
        .collect();

    LineChart::new("Training and validation")
        .subtitle("baseline: 784-50-50-50-10, SGD 0.1, batch 64, seed 0")
        .caption(
            "Each step's loss is that of its own batch, before the update. \
             One run: another seed differs by about 0.25 points of accuracy.",
        )
        .panel(
            Panel::new(Axis::linear("epoch"), Axis::logarithmic("cross-entropy (nats)"))
                .series(Series::line("each step", step_epochs, by_step).color(Color::SkyBlue))
                .series(Series::line("training", epochs.clone(), training).color(Color::Blue))
                .series(
                    Series::new("validation", Style::Dashed, epochs.clone(), validation)
                        .color(Color::Vermillion),
                )
                .horizontal(10_f64.ln(), "chance"),
        )
        .panel(
            Panel::new(Axis::linear("epoch"), Axis::linear("accuracy (%)"))
                .series(
                    Series::new("validation", Style::LineWithPoints, epochs, accuracy)
                        .color(Color::Vermillion),
                )
                .horizontal(87.0, "required")
                .vertical(16.0, "best"),
        )
        .render()
}

/// The last 20 iterations, with the test accuracy in the title.
fn last_twenty() -> Result<Figure, atelier_plot::Error> {
    let steps: Vec<f64> = (15_621..=15_640).map(f64::from).collect();
    let losses: Vec<f64> = steps.iter().map(|step| 0.24 * noise(*step, 0.35)).collect();
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    LineChart::new("Loss of the last 20 iterations: test accuracy 88.42 %")
        .subtitle("784-50-50-50-10, epoch 20, batches of 64")
        .caption("Loss of each iteration's own batch; the test set was read once, after the last.")
        .panel(
            Panel::new(Axis::linear("iteration"), Axis::linear("training cross-entropy (nats)"))
                .series(Series::new("", Style::LineWithPoints, steps, losses))
                .horizontal(mean, format!("mean {mean:.3}")),
        )
        .render()
}

/// A learning-rate range test that diverges at its end.
fn learning_rate() -> Result<Figure, atelier_plot::Error> {
    let rates: Vec<f64> = (0..200).map(|i| 1e-7 * 10_f64.powf(f64::from(i) / 25.0)).collect();
    let losses: Vec<f64> = (rates.iter().enumerate())
        .map(|(i, rate)| {
            let fall = 2.35 / (1.0 + (rate * 150.0).powf(0.8)) + 0.4;
            let loss = fall * noise(i as f64, 0.04) + (rate / 0.9).powi(4);
            if *rate > 4.0 { f64::NAN } else { loss }
        })
        .collect();
    LineChart::new("Learning-rate range test")
        .subtitle("200 steps, each with a larger rate than the one before")
        .caption(
            "The loss stops where it is no longer finite. The suggestion is the steepest fall.",
        )
        .panel(
            Panel::new(
                Axis::logarithmic("learning rate (1/step)"),
                Axis::logarithmic("training cross-entropy (nats)"),
            )
            .series(Series::line("", rates, losses))
            .vertical(0.02, "suggested: 0.02"),
        )
        .render()
}

/// Stacked panels that share their x axis.
fn schedules() -> Result<Figure, atelier_plot::Error> {
    let steps: Vec<f64> = (0..=2000).map(f64::from).collect();
    let cosine: Vec<f64> =
        steps.iter().map(|s| 0.05 * (1.0 + (std::f64::consts::PI * s / 2000.0).cos())).collect();
    let halving: Vec<f64> = steps.iter().map(|s| 0.1 * 0.5_f64.powf((s / 500.0).floor())).collect();
    let warm_up: Vec<f64> =
        steps.iter().map(|s| 0.1 * (s / 200.0).min((2000.0 - s) / 1800.0)).collect();
    let norms: Vec<f64> = steps.iter().map(|s| 1.5 * (-s / 900.0).exp() * noise(*s, 0.5)).collect();
    LineChart::new("Schedules and the norm of the gradient")
        .panel(
            Panel::new(Axis::linear(""), Axis::linear("learning rate (1/step)"))
                .title("Three schedules")
                .series(Series::line("cosine", steps.clone(), cosine))
                .series(Series::new("halving", Style::Dashed, steps.clone(), halving))
                .series(Series::line("linear with warm-up", steps.clone(), warm_up)),
        )
        .panel(
            Panel::new(Axis::linear("step"), Axis::linear("gradient norm"))
                .title("Cosine schedule")
                .series(Series::line("", steps, norms))
                .horizontal(1.0, "clipped above this"),
        )
        .stacked()
        .render()
}

/// A factor around 1 that looks random and is the same every time.
fn noise(at: f64, strength: f64) -> f64 {
    let hash = (at * 12.9898).sin() * 43_758.547;
    1.0 + strength * (2.0 * (hash - hash.floor()) - 1.0)
}

/// Four grey discs, the lower two blurred.
fn images() -> Result<Figure, atelier_plot::Error> {
    let disc = |radius: f64, blur: f64| {
        let shares: Vec<f32> = (0..28 * 28)
            .map(|i| {
                let (row, column) = (f64::from(i / 28) - 13.5, f64::from(i % 28) - 13.5);
                #[expect(clippy::cast_possible_truncation, reason = "a share of white")]
                let share = (1.0 / (1.0 + ((row.hypot(column) - radius) / blur).exp())) as f32;
                share
            })
            .collect();
        GreyImage::from_shares(28, 28, &shares)
    };
    ImageGrid::new("Discs before and after a blur", 2)
        .subtitle("28 x 28 pixels")
        .image("Original 1", disc(11.0, 0.05))
        .image("Original 2", disc(6.0, 0.05))
        .image("Blurred 1", disc(11.0, 2.0))
        .image("Blurred 2", disc(6.0, 2.0))
        .size(1000, 1200)
        .render()
}

/// Ten classes of 600 points each.
fn classes() -> Result<Figure, atelier_plot::Error> {
    let mut panel = Panel::new(Axis::linear("first component"), Axis::linear("second component"));
    for class in 0..10 {
        let (angle, id) =
            (0.2 * std::f64::consts::PI * f64::from(class), f64::from(class) * 7919.0);
        let at = |offset: f64, i: i32| noise(id + offset + f64::from(i), 1.0);
        let xs: Vec<f64> = (0..600).map(|i| 2.5 * angle.cos() + at(0.0, i)).collect();
        let ys: Vec<f64> = (0..600).map(|i| 2.5 * angle.sin() + at(0.5, i)).collect();
        let class = usize::try_from(class).unwrap_or(0);
        let series = Series::new(format!("class {class}"), Style::Dots, xs, ys);
        panel = panel.series(series.color(Color::of_class(class)));
    }
    LineChart::new("Points of ten classes").panel(panel).size(1600, 1200).render()
}
