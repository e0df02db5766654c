//! The figures of an autoencoder.

use anyhow::{Context as _, Result};
use atelier_autoencoder::Autoencoder;
use atelier_autoencoder::latent::{interpolate, nearest};
use atelier_autoencoder::pca::Moments;
use atelier_plot::{Axis, Color, Figure, GreyImage, ImageGrid, LineChart, Panel, Series, Style};
use candle_core::Tensor;
use ndarray::ArrayView1;

use super::examined::{Examined, matrix};
use super::summary::Summary;

/// The class names and the sides of an image.
pub(super) struct Kind {
    pub(super) classes: Vec<String>,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// Images along the way between two.
const STEPS: usize = 9;
/// Test images whose neighbours are looked for.
const QUERIES: usize = 4;
/// Neighbours of each.
const NEIGHBOURS: usize = 7;
/// More points in a scatter only cover each other.
const POINTS: usize = 5000;

impl Kind {
    fn grey(&self, pixels: ArrayView1<'_, f32>) -> GreyImage {
        GreyImage::from_shares(self.width, self.height, &pixels.to_vec())
    }

    fn name(&self, label: u32) -> String {
        let name = usize::try_from(label).ok().and_then(|label| self.classes.get(label));
        name.cloned().unwrap_or_else(|| format!("class {label}"))
    }
}

/// The figure that the assignment asks for: two test images of different classes above, their
/// reconstructions below.
pub(super) fn reconstructions(kind: &Kind, seen: &Examined) -> Result<Figure> {
    let first = 0;
    let other = seen.labels.iter().position(|&label| label != seen.labels[first]);
    let second = other.unwrap_or(seen.labels.len() - 1);
    let mut grid = ImageGrid::new("Autoencoder: Test Originals vs Reconstructions", 2);
    for (number, row) in [(1, first), (2, second)] {
        grid = grid.image(format!("Original {number}"), kind.grey(seen.images.row(row)));
    }
    for (number, row) in [(1, first), (2, second)] {
        let image = kind.grey(seen.reconstructions.row(row));
        grid = grid.image(format!("Reconstructed {number}"), image);
    }
    grid.size(1200, 1360).render().context("cannot draw the reconstructions")
}

/// The first test image of each class, and the best and the worst reconstructed ones of all.
pub(super) fn gallery(kind: &Kind, seen: &Examined) -> Result<Figure> {
    let columns = kind.classes.len();
    let mut grid = ImageGrid::new("Test images above, their reconstructions below", columns)
        .subtitle("one of each class; the best reconstructed of all; the worst of all")
        .caption("Numbers are mean squared errors of pixels in [0, 1], times 1000.");
    let firsts = (0..columns).map(|class| {
        let of = |&label: &u32| usize::try_from(label).is_ok_and(|label| label == class);
        seen.labels.iter().position(of).unwrap_or(0)
    });
    let mut order: Vec<usize> = (0..seen.errors.len()).collect();
    order.sort_by(|&a, &b| seen.errors[a].total_cmp(&seen.errors[b]));
    let best = order.iter().copied().take(columns).collect();
    let worst = order.iter().rev().copied().take(columns).collect();
    for rows in [firsts.collect::<Vec<usize>>(), best, worst] {
        for &row in &rows {
            grid = grid.image(kind.name(seen.labels[row]), kind.grey(seen.images.row(row)));
        }
        // The grid goes on in a new row also where there are fewer images than classes.
        for _ in rows.len()..columns {
            grid = grid.image("", GreyImage::new(kind.width, kind.height, white(kind)));
        }
        for &row in &rows {
            let error = format!("{:.1}", 1000.0 * seen.errors[row]);
            grid = grid.image(error, kind.grey(seen.reconstructions.row(row)));
        }
        for _ in rows.len()..columns {
            grid = grid.image("", GreyImage::new(kind.width, kind.height, white(kind)));
        }
    }
    grid.size(2000, 1800).render().context("cannot draw the gallery")
}

fn white(kind: &Kind) -> Vec<u8> {
    vec![u8::MAX; kind.width * kind.height]
}

/// The loss over the epochs, beside the error of principal components.
pub(super) fn losses(
    subtitle: &str,
    summary: &Summary,
    validation: &[Option<f64>],
) -> Result<Figure> {
    let epochs = |n: usize| (1..=n).map(|epoch| epoch as f64).collect::<Vec<f64>>();
    let losses = summary.epoch_losses.clone();
    let mut panel = Panel::new(Axis::linear("epoch"), Axis::logarithmic("mean squared error"))
        .series(Series::new("training", Style::LineWithPoints, epochs(losses.len()), losses));
    if validation.iter().any(Option::is_some) {
        let ys: Vec<f64> = validation.iter().map(|loss| loss.unwrap_or(f64::NAN)).collect();
        panel = panel.series(Series::line("validation", epochs(ys.len()), ys));
    }
    let panel = panel
        .horizontal(summary.test_mse, "test, at the end")
        .horizontal(summary.pca_test_mse, format!("test, {} principal components", summary.latent));
    LineChart::new(format!("Reconstruction: test error {:.5}", summary.test_mse))
        .subtitle(subtitle)
        .caption("Training: mean over the batches of an epoch, each before its step.")
        .panel(panel)
        .render()
        .context("cannot draw the losses")
}

/// The error of each class, beside that of principal components.
pub(super) fn classes(subtitle: &str, summary: &Summary) -> Result<Figure> {
    let positions: Vec<f64> = (0..summary.classes.len()).map(|class| class as f64).collect();
    let of = |value: fn(&super::summary::ClassError) -> f64| -> Vec<f64> {
        summary.classes.iter().map(value).collect()
    };
    let names: Vec<String> =
        summary.classes.iter().enumerate().map(|(i, of)| format!("{i} {}", of.class)).collect();
    let panel = Panel::new(Axis::linear("class"), Axis::linear("mean squared error, test"))
        .series(Series::new("autoencoder", Style::Points, positions.clone(), of(|c| c.mse)))
        .series(Series::new("principal components", Style::Points, positions, of(|c| c.pca_mse)));
    LineChart::new("Reconstruction error of each class")
        .subtitle(subtitle)
        .caption(names.join(", "))
        .panel(panel)
        .render()
        .context("cannot draw the errors of the classes")
}

/// The codes of test images in the plane of their two leading principal components.
pub(super) fn latent(kind: &Kind, subtitle: &str, seen: &Examined) -> Result<Figure> {
    let mut moments = Moments::new(seen.codes.ncols());
    moments.add(seen.codes.view())?;
    let components = seen.codes.ncols().min(2);
    let pca = moments.principal_components(components)?;
    let points = pca.project(seen.codes.view())?;
    let share = |i: usize| {
        pca.variances.get(i).map_or(0.0, |v| 100.0 * v / pca.total_variance.max(f64::MIN_POSITIVE))
    };
    let axis =
        |name, i| Axis::linear(format!("{name} component ({:.0} % of the variance)", share(i)));
    let mut panel = Panel::new(axis("first", 0), axis("second", 1));
    for (class, name) in kind.classes.iter().enumerate() {
        let of = |label: u32| usize::try_from(label).is_ok_and(|label| label == class);
        let rows = (0..seen.labels.len().min(POINTS)).filter(|&row| of(seen.labels[row]));
        let (xs, ys): (Vec<f64>, Vec<f64>) = rows
            .map(|row| (points[[row, 0]], points.get([row, 1]).copied().unwrap_or(0.0)))
            .unzip();
        if !xs.is_empty() {
            let series = Series::new(name.clone(), Style::Dots, xs, ys);
            panel = panel.series(series.color(Color::of_class(class)));
        }
    }
    LineChart::new("Codes of test images")
        .subtitle(subtitle)
        .panel(panel)
        .size(1600, 1300)
        .render()
        .context("cannot draw the codes")
}

/// What the decoder makes of the codes between those of two test images; three such ways.
pub(super) fn interpolation(kind: &Kind, model: &Autoencoder, seen: &Examined) -> Result<Figure> {
    let first = |class: usize| {
        let of = |&label: &u32| usize::try_from(label).is_ok_and(|label| label == class);
        seen.labels.iter().position(of).unwrap_or(0)
    };
    let last = kind.classes.len().saturating_sub(1);
    let mut grid = ImageGrid::new("Between two test images, through the code", STEPS)
        .caption("Straight lines between two codes, decoded; the images themselves are not mixed.");
    for (from, to) in [(0, last), (1, last / 2), (2, last.saturating_sub(1))] {
        let rows = [first(from), first(to)];
        let way = interpolate(seen.codes.row(rows[0]), seen.codes.row(rows[1]), STEPS)?;
        let device = model.encoder.parameters()[0].var.device();
        let codes = Tensor::from_iter(way.iter().copied(), device)?.reshape(way.dim())?;
        let decoded = matrix(&model.decode(&codes)?)?;
        for (step, image) in decoded.rows().into_iter().enumerate() {
            let label = match step {
                0 => kind.name(seen.labels[rows[0]]),
                step if step + 1 == STEPS => kind.name(seen.labels[rows[1]]),
                _ => String::new(),
            };
            grid = grid.image(label, kind.grey(image));
        }
    }
    grid.size(2000, 1000).render().context("cannot draw the interpolation")
}

/// Test images and those other test images whose codes are nearest.
pub(super) fn neighbours(kind: &Kind, seen: &Examined) -> Result<Figure> {
    let mut grid = ImageGrid::new("Test images and their neighbours by code", NEIGHBOURS + 1)
        .caption("Left: the image that was asked about. Then the others, nearest code first.");
    // The first images of as many classes.
    let first = |row: &usize| !seen.labels[..*row].contains(&seen.labels[*row]);
    for query in (0..seen.labels.len()).filter(first).take(QUERIES) {
        // Every code is its own nearest neighbour.
        for row in nearest(seen.codes.view(), seen.codes.row(query), NEIGHBOURS + 1)? {
            grid = grid.image(kind.name(seen.labels[row]), kind.grey(seen.images.row(row)));
        }
    }
    grid.size(2000, 1400).render().context("cannot draw the neighbours")
}
