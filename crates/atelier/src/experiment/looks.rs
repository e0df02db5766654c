//! Figures that look at a trained network: what it confuses, how sure it is, its first weights, its shape.

use anyhow::{Context as _, Result};
use atelier_models::{Layer, NamedTensor};
use atelier_plot::{
    Axis, Color, CountMatrix, DiagramLayer, Figure, GreyImage, ImageGrid, LineChart,
    NetworkDiagram, Panel, Series, Style,
};

use super::seen::{Calibration, Interval, Look, Mistake};
use crate::terminal::{counted, percent, thousands};

/// Units of the first layer whose weights are drawn.
const UNITS: usize = 60;
/// Columns of the images of weights.
const WEIGHT_COLUMNS: usize = 10;
/// Columns of the gallery of mistakes.
const MISTAKE_COLUMNS: usize = 6;

/// With so many layers the names of modules have no room in a diagram of the usual width.
const WIDE: usize = 6;

/// The names of classes and the sides of an image.
pub(crate) struct Kind<'a> {
    pub(crate) classes: &'a [String],
    pub(crate) height: usize,
    pub(crate) width: usize,
}

impl Kind<'_> {
    fn name(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }
}

/// What is taken for what.
pub(crate) fn confusion(kind: &Kind<'_>, subtitle: &str, look: &Look) -> Result<Figure> {
    let right: usize = (0..look.confusion.len()).map(|class| look.confusion[class][class]).sum();
    let total: usize = look.confusion.iter().flatten().sum();
    let labels: Vec<String> = (0..look.confusion.len()).map(|class| kind.name(class)).collect();
    let title = format!("Confusion matrix: {} of {} right", thousands(right), thousands(total));
    CountMatrix::new(
        title,
        "the class that it is",
        "the class that it was said to be",
        labels,
        look.confusion.clone(),
    )
    .subtitle(subtitle)
    .caption(
        "Colour: the share of all images of the row's class. Numbers: test images; zeros are left out, and so \
         are numbers that have no room in their cell.",
    )
    .render()
    .context("cannot draw the confusion matrix")
}

/// The mistakes of which the network was most certain; nothing where it made none.
pub(crate) fn mistakes(
    kind: &Kind<'_>,
    subtitle: &str,
    mistakes: &[Mistake],
) -> Result<Option<Figure>> {
    if mistakes.is_empty() {
        return Ok(None);
    }
    let title = format!("The {} it was most certain of", counted(mistakes.len(), "mistake"));
    let mut grid = ImageGrid::new(title, MISTAKE_COLUMNS).subtitle(subtitle).caption(
        "Above each image: its index in the test file, from 0, and the probability of what was said; the class \
         that it is; the class that it was said to be.",
    );
    for of in mistakes {
        let label = format!(
            "{}, {:.1} %\nis {}\nsaid {}",
            of.index,
            100.0 * of.probability,
            kind.name(of.is),
            kind.name(of.said)
        );
        grid = grid.image(label, GreyImage::from_shares(kind.width, kind.height, &of.pixels));
    }
    let grid = grid.size(2000, 1600);
    grid.render().map(Some).context("cannot draw the mistakes")
}

/// Whether probabilities mean what they say.
pub(crate) fn calibration(subtitle: &str, found: &Calibration) -> Result<Figure> {
    let all = &found.intervals;
    let total: usize = all.iter().map(|of| of.examples).sum();
    let confidences: Vec<f64> = all.iter().map(|of| 100.0 * of.confidence).collect();
    let accuracies: Vec<f64> = all.iter().map(|of| 100.0 * of.accuracy).collect();
    // Upright lines, with a gap after each.
    let (mut xs, mut bounds) = (Vec::new(), Vec::new());
    for of in all {
        let (low, high) = wilson(of.accuracy, of.examples);
        xs.extend([100.0 * of.confidence, 100.0 * of.confidence, f64::NAN]);
        bounds.extend([100.0 * low, 100.0 * high, f64::NAN]);
    }
    let confidence = || Axis::linear("probability of the class that was said (%)").at_least(0.0);
    let reliability = Panel::new(confidence(), Axis::linear("of these, right (%)").at_least(0.0))
        .title("What it is worth")
        .series(Series::new("as it should be", Style::Dashed, [0.0, 100.0], [0.0, 100.0]))
        .series(Series::line("95 % interval", xs, bounds).color(Color::Grey))
        .series(
            Series::new("measured", Style::Points, confidences, accuracies)
                .color(Color::Vermillion),
        );
    let (edges, heights) = bars(all, total);
    let frequency = Panel::new(confidence(), Axis::linear("test images (%)").at_least(0.0))
        .title("How often it is said")
        .series(Series::line("", edges, heights));
    let least = all.iter().map(|of| of.examples).min().unwrap_or(0);
    LineChart::new(format!("Calibration: expected error {}", percent(found.expected_error)))
        .subtitle(subtitle)
        .caption(format!(
            "Test images in 15 intervals of probability of equal width; the one with the fewest, of those that hold \
             any, holds {}. Grey: Wilson's interval of the share that is right. Expected calibration error: \
             the mean of |share right - mean probability|, weighted by images (Guo et al. 2017). Below the \
             dashed line the network is too certain.",
            thousands(least)
        ))
        .panel(reliability)
        .panel(frequency)
        .stacked()
        .size(1600, 1500)
        .render()
        .context("cannot draw the calibration")
}

/// The outline of a bar for every interval from 0 to 1 in per cent of all examples, without a height
/// where there are none.
fn bars(intervals: &[Interval], total: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut edges, mut heights) = (vec![0.0], vec![0.0]);
    for of in intervals {
        let (from, to) = (100.0 * of.from, 100.0 * of.to);
        let share = 100.0 * of.examples as f64 / total.max(1) as f64;
        edges.extend([from, from, to, to]);
        heights.extend([0.0, share, share, 0.0]);
    }
    edges.push(100.0);
    heights.push(0.0);
    (edges, heights)
}

/// The interval in which a share lies that was measured on `n` examples, with a confidence of 95 %
/// (Wilson, 1927): unlike a standard error it is right for few examples and for shares of 0 and 1.
fn wilson(share: f64, n: usize) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let n = n as f64;
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

/// The weights of the first layer, one image for each unit.
pub(crate) fn first_layer(kind: &Kind<'_>, subtitle: &str, weight: &NamedTensor) -> Result<Figure> {
    let pixels = kind.height * kind.width;
    let rows: Vec<&[f32]> = weight.values.chunks_exact(pixels.max(1)).collect();
    let shown = rows.len().min(UNITS);
    let bright = bright(rows[..shown].iter().copied().flatten().copied());
    let title = if shown < rows.len() {
        format!("Weights of {shown} of the {} units of the first layer", rows.len())
    } else {
        "Weights of the units of the first layer".to_string()
    };
    let columns = WEIGHT_COLUMNS.min(shown);
    let mut grid = ImageGrid::new(title, columns).subtitle(subtitle).caption(format!(
        "{}, for pixels in [0, 1], one image for each unit from 0. Mid-grey: 0; white: {bright:.3} \
         or more, black: -{bright:.3} or less. Fine grain is mostly left from the drawn start.",
        weight.name
    ));
    for (unit, row) in rows[..shown].iter().enumerate() {
        let share = |&w: &f32| 0.5 + 0.5 * w / bright.max(f32::MIN_POSITIVE);
        let shares: Vec<f32> = row.iter().map(share).collect();
        let image = GreyImage::from_shares(kind.width, kind.height, &shares);
        grid = grid.image(unit.to_string(), image);
    }
    let rows = u32::try_from(shown.div_ceil(columns)).unwrap_or(1);
    grid.size(1800, 260 + 210 * rows.max(2)).render().context("cannot draw the first layer")
}

/// What all but one in two hundred weights are no larger than, by size: of a single outlier everything
/// else would be grey.
fn bright(weights: impl Iterator<Item = f32>) -> f32 {
    let mut sizes: Vec<f32> = weights.map(f32::abs).collect();
    sizes.sort_by(f32::total_cmp);
    let at = (sizes.len() - sizes.len() / 200).saturating_sub(1);
    sizes.get(at).copied().unwrap_or_default()
}

/// The network as columns of units. `end` is what is done to its output beside its own modules.
pub(crate) fn network(
    kind: &Kind<'_>,
    subtitle: &str,
    layers: &[&Layer],
    end: &str,
) -> Result<Figure> {
    let pixels = kind.height * kind.width;
    let image = format!("{} x {} pixels", kind.width, kind.height);
    let columns: Vec<&[&Layer]> = layers.chunk_by(|_, next| next.module() != "Linear").collect();
    let parameters: usize = layers.iter().map(|layer| layer.parameters).sum();
    let title = format!("The network: {} parameters", thousands(parameters));
    let mut diagram = NetworkDiagram::new(title).subtitle(subtitle).caption(
        "Under each layer: its units, and what is done to them in turn. Dots stand for units and \
         layers that are left out. Every unit is connected with all of the layer before.",
    );
    if columns.len() >= WIDE {
        diagram = diagram.size(2000, 1000);
    }
    diagram = diagram.layer(DiagramLayer::new("input", pixels).note(image));
    let mut hidden = 0;
    for (i, column) in columns.iter().enumerate() {
        let [linear, modules @ ..] = *column else { continue };
        let last = i + 1 == columns.len();
        let sequence = |layer: &Layer| layer.name.split('.').next().map(str::to_string);
        let ends =
            |next: &[&Layer]| next.first().map(|next| sequence(next)) != Some(sequence(linear));
        let name = if last {
            "output".to_string()
        } else if columns.get(i + 1).is_some_and(|next| ends(next)) {
            "code".to_string()
        } else {
            hidden += 1;
            format!("hidden {hidden}")
        };
        let mut note: Vec<&str> = modules.iter().map(|layer| layer.module()).collect();
        if last && !end.is_empty() {
            note.push(end);
        }
        diagram = diagram.layer(DiagramLayer::new(name, linear.outputs).note(note.join(", ")));
    }
    diagram.render().context("cannot draw the network")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_share_is_wilsons_and_stays_within_0_and_1() {
        // Brown, Cai and DasGupta (2001) give the formula; 8 of 10 by hand.
        let (low, high) = wilson(0.8, 10);
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        let (low, high) = wilson(0.0, 7);
        assert!(low.abs() < 1e-12 && (0.3..0.4).contains(&high), "{low} {high}");
        assert!((wilson(1.0, 7).1 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn bars_stand_over_their_intervals_and_empty_ones_have_no_height() {
        let of =
            |from, to, examples| Interval { from, to, examples, confidence: to, accuracy: 1.0 };
        let (edges, heights) = bars(&[of(0.2, 0.3, 1), of(0.9, 1.0, 3)], 4);
        assert_eq!(edges, [0.0, 20.0, 20.0, 30.0, 30.0, 90.0, 90.0, 100.0, 100.0, 100.0]);
        assert_eq!(heights, [0.0, 0.0, 25.0, 25.0, 0.0, 0.0, 75.0, 75.0, 0.0, 0.0]);
    }
}
