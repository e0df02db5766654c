//! The figures of an autoencoder that show images.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use atelier_autoencoder::Autoencoder;
use atelier_autoencoder::latent::{interpolate, nearest};
use atelier_plot::{Figure, GreyImage, ImageGrid};
use candle_core::Tensor;
use ndarray::ArrayView1;

use super::examined::{Denoised, Examined, matrix};
use super::summary::Denoising;

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
    for rows in [firsts(&seen.labels), best, worst] {
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

/// The first image of each class that is there, in the order of the classes.
fn firsts(labels: &[u32]) -> Vec<usize> {
    let mut firsts = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        firsts.entry(label).or_insert(row);
    }
    firsts.into_values().collect()
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
    let rows = firsts(&seen.labels);
    let title = "Test images, with noise, and what is made of those";
    let mut grid = ImageGrid::new(title, rows.len())
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

/// The images at both ends of up to three ways, each from one class to another; of a single class, its
/// first and its last image.
fn ways(labels: &[u32]) -> Vec<[usize; 2]> {
    let firsts = firsts(labels);
    let last = firsts.len().saturating_sub(1);
    let ways = [(0, last), (1, last / 2), (2, last.saturating_sub(1))];
    // Of few classes some of these would be the same way, or none.
    let ways = ways.into_iter().filter(|(from, to)| from < to);
    let ways: Vec<[usize; 2]> = ways.map(|(from, to)| [firsts[from], firsts[to]]).collect();
    if ways.is_empty() { vec![[0, labels.len().saturating_sub(1)]] } else { ways }
}

/// What the decoder makes of the codes between those of two test images; up to three such ways.
pub(super) fn interpolation(kind: &Kind, model: &Autoencoder, seen: &Examined) -> Result<Figure> {
    let mut grid = ImageGrid::new("Between two test images, through the code", STEPS)
        .caption("Straight lines between two codes, decoded; the images themselves are not mixed.");
    for rows in ways(&seen.labels) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_classes_that_are_there_have_a_first_image() {
        assert_eq!(firsts(&[3, 1, 3, 0, 1]), [3, 1, 0]);
    }

    #[test]
    fn ways_lead_from_one_class_to_another_where_there_are_two() {
        let all: Vec<u32> = (0..10).collect();
        assert_eq!(ways(&all), [[0, 9], [1, 4], [2, 8]]);
        assert_eq!(ways(&[7, 7, 2]), [[2, 0]]);
        assert_eq!(ways(&[5, 5, 5]), [[0, 2]]);
    }
}
