//! The figures of an autoencoder.

use anyhow::{Context as _, Result};
use atelier_autoencoder::Autoencoder;
use atelier_autoencoder::latent::{UnitActivity, interpolate, nearest, view};
use atelier_plot::{Axis, Color, Figure, GreyImage, ImageGrid, LineChart, Panel, Series, Style};
use candle_core::Tensor;
use ndarray::{ArrayView1, s};

use super::examined::{Denoised, Examined, matrix};
use super::summary::{Denoising, Summary};
use crate::terminal::{counted, thousands};

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
/// Numbers of the codes that are looked at for it: fewer points where the codes are large, so that
/// finding their plane takes seconds and not minutes.
const NUMBERS: usize = 1 << 24;

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
    let mut order: Vec<usize> = (0..seen.errors.len()).collect();
    order.sort_by(|&a, &b| seen.errors[a].total_cmp(&seen.errors[b]));
    let best: Vec<usize> = order.iter().copied().take(columns).collect();
    let worst = order.iter().rev().copied().take(columns).collect();
    for rows in [(0..columns).map(|class| first(seen, class)).collect(), best, worst] {
        for &row in &rows {
            grid = grid.image(kind.name(seen.labels[row]), kind.grey(seen.images.row(row)));
        }
        grid = filled_up(grid, kind, columns - rows.len());
        for &row in &rows {
            grid =
                grid.image(thousandths(seen.errors[row]), kind.grey(seen.reconstructions.row(row)));
        }
        grid = filled_up(grid, kind, columns - rows.len());
    }
    grid.size(2000, 1800).render().context("cannot draw the gallery")
}

/// The first image of a class; the first of all where there is none.
fn first(seen: &Examined, class: usize) -> usize {
    let of = |&label: &u32| usize::try_from(label).is_ok_and(|label| label == class);
    seen.labels.iter().position(of).unwrap_or(0)
}

/// `missing` white images, so that the grid goes on in a new row also where there are too few.
fn filled_up(grid: ImageGrid, kind: &Kind, missing: usize) -> ImageGrid {
    let white = || GreyImage::new(kind.width, kind.height, vec![u8::MAX; kind.width * kind.height]);
    (0..missing).fold(grid, |grid, _| grid.image("", white()))
}

fn thousandths(error: f64) -> String {
    format!("{:.1}", 1000.0 * error)
}

/// The first test image of each class with noise, and what is made of it.
pub(super) fn denoising(
    kind: &Kind,
    seen: &Examined,
    denoised: &Denoised,
    measured: Denoising,
) -> Result<Figure> {
    let columns = kind.classes.len();
    let rows: Vec<usize> = (0..columns).map(|class| first(seen, class)).collect();
    let mut grid = ImageGrid::new("Test images, with noise, and what is made of those", columns)
        .subtitle(format!(
            "noise of deviation {}: error of the noisy images {:.5}, of their reconstructions {:.5}",
            measured.noise, measured.noisy_mse, measured.test_mse
        ))
        .caption(
            "Numbers are mean squared errors against the image of the first row, of pixels in \
             [0, 1], times 1000. Noisy pixels are kept within [0, 1].",
        );
    for &row in &rows {
        grid = grid.image(kind.name(seen.labels[row]), kind.grey(seen.images.row(row)));
    }
    for &row in &rows {
        let error = thousandths(denoised.noisy_errors[row]);
        grid = grid.image(error, kind.grey(denoised.noisy.row(row)));
    }
    for &row in &rows {
        let error = thousandths(denoised.errors[row]);
        grid = grid.image(error, kind.grey(denoised.reconstructions.row(row)));
    }
    grid.size(2000, 950).render().context("cannot draw the noisy images")
}

/// Said after a caption where the code has more units than an image has pixels.
fn all_components(summary: &Summary) -> String {
    if summary.pca_components == summary.latent {
        return String::new();
    }
    format!(
        " An image has no more than {} principal components.",
        thousands(summary.pca_components)
    )
}

/// The loss over the epochs, beside the error of principal components.
pub(super) fn losses(
    subtitle: &str,
    summary: &Summary,
    validation: &[Option<f64>],
) -> Result<Figure> {
    let epochs = |n: usize| (1..=n).map(|epoch| epoch as f64).collect::<Vec<f64>>();
    let losses = summary.epoch_losses.clone();
    let (name, inputs) = match &summary.denoising {
        Some(of) => {
            let errors = "errors are those against the clean images. Validation is without noise.";
            let inputs = format!(" Its inputs have noise of deviation {}; {errors}", of.noise);
            ("training, noisy", inputs)
        }
        None => ("training", String::new()),
    };
    let mut panel = Panel::new(Axis::linear("epoch"), Axis::logarithmic("mean squared error"))
        .series(Series::new(name, Style::LineWithPoints, epochs(losses.len()), losses));
    if validation.iter().any(Option::is_some) {
        let ys: Vec<f64> = validation.iter().map(|loss| loss.unwrap_or(f64::NAN)).collect();
        panel = panel.series(Series::line("validation", epochs(ys.len()), ys));
    }
    panel = panel.horizontal(summary.test_mse, "test, at the end").horizontal(
        summary.pca_test_mse,
        format!("test, {}", counted(summary.pca_components, "principal component")),
    );
    if let Some(of) = &summary.denoising {
        panel = panel.horizontal(of.test_mse, "noisy test, at the end");
    }
    LineChart::new(format!("Reconstruction: test error {:.5}", summary.test_mse))
        .subtitle(subtitle)
        .caption(format!(
            "Training: mean over the batches of an epoch, each before its step.{inputs}{}",
            all_components(summary)
        ))
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
        .caption(format!("{}.{}", names.join(", "), all_components(summary)))
        .panel(panel)
        .render()
        .context("cannot draw the errors of the classes")
}

/// How the units of the code behave over the test images, the most active first.
pub(super) fn units(subtitle: &str, summary: &Summary) -> Result<Figure> {
    let mut units: Vec<&UnitActivity> = summary.units.iter().collect();
    units.sort_by(|a, b| b.active.total_cmp(&a.active));
    let ranks: Vec<f64> = (1..=units.len()).map(|rank| rank as f64).collect();
    let of = |value: fn(&UnitActivity) -> f64| -> Vec<f64> {
        units.iter().map(|unit| value(unit)).collect()
    };
    let series = |name, ys| Series::new(name, Style::Points, ranks.clone(), ys);
    let unit = "unit, the most active first";
    let share = Axis::linear("above 0 for this share of test images (%)").at_least(0.0);
    let active = Panel::new(Axis::linear(unit), share)
        .title("Activity")
        .series(series("", of(|unit| 100.0 * unit.active)));
    let values = Panel::new(Axis::linear(unit), Axis::linear("value of the unit").at_least(0.0))
        .title("Values")
        .series(series("mean", of(|unit| unit.mean)))
        .series(series("standard deviation", of(|unit| unit.deviation)));
    let (dead, all) = (summary.dead_latent_units, summary.latent);
    LineChart::new(format!("Units of the code: {dead} of {all} dead"))
        .subtitle(subtitle)
        .caption("Over all test images. A dead unit is above 0 for none of them.")
        .panel(active)
        .panel(values)
        .render()
        .context("cannot draw the units")
}

/// The codes of test images in the plane in which they vary most.
pub(super) fn latent(kind: &Kind, subtitle: &str, seen: &Examined) -> Result<Figure> {
    let all = seen.codes.nrows();
    let drawn = all.min(POINTS).min((NUMBERS / seen.codes.ncols()).max(1));
    let view = view(seen.codes.slice(s![..drawn, ..]))?;
    let points = &view.coordinates;
    let axis = |name, share: f64| {
        Axis::linear(format!("{name} component ({:.0} % of the variance)", 100.0 * share))
    };
    let mut panel = Panel::new(axis("first", view.shares[0]), axis("second", view.shares[1]));
    for (class, name) in kind.classes.iter().enumerate() {
        let of = |label: u32| usize::try_from(label).is_ok_and(|label| label == class);
        let rows = (0..drawn).filter(|&row| of(seen.labels[row]));
        let (xs, ys): (Vec<f64>, Vec<f64>) =
            rows.map(|row| (points[[row, 0]], points[[row, 1]])).unzip();
        if !xs.is_empty() {
            let series = Series::new(name.clone(), Style::Dots, xs, ys);
            panel = panel.series(series.color(Color::of_class(class)));
        }
    }
    let which = if drawn == all {
        format!("All {} test images", thousands(all))
    } else {
        format!("The first {} of {} test images", thousands(drawn), thousands(all))
    };
    LineChart::new("Codes of test images")
        .subtitle(subtitle)
        .caption(format!("{which}, by the two principal components of their codes."))
        .panel(panel)
        .size(1600, 1300)
        .render()
        .context("cannot draw the codes")
}

/// What the decoder makes of the codes between those of two test images; three such ways.
pub(super) fn interpolation(kind: &Kind, model: &Autoencoder, seen: &Examined) -> Result<Figure> {
    let last = kind.classes.len().saturating_sub(1);
    let mut grid = ImageGrid::new("Between two test images, through the code", STEPS)
        .caption("Straight lines between two codes, decoded; the images themselves are not mixed.");
    for (from, to) in [(0, last), (1, last / 2), (2, last.saturating_sub(1))] {
        let rows = [first(seen, from), first(seen, to)];
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
        .caption(
            "Left: the image that was asked about. Then other test images, nearest code first.",
        );
    // The first images of as many classes.
    let is_first = |row: &usize| !seen.labels[..*row].contains(&seen.labels[*row]);
    for query in (0..seen.labels.len()).filter(is_first).take(QUERIES) {
        grid = grid.image(kind.name(seen.labels[query]), kind.grey(seen.images.row(query)));
        let neighbours = nearest(seen.codes.view(), query, NEIGHBOURS)?;
        for &row in &neighbours {
            grid = grid.image(kind.name(seen.labels[row]), kind.grey(seen.images.row(row)));
        }
        grid = filled_up(grid, kind, NEIGHBOURS - neighbours.len());
    }
    grid.size(2000, 1400).render().context("cannot draw the neighbours")
}
