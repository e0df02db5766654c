//! Figures that look at a trained network: what it confuses, how sure it is, its first weights, its shape.

use anyhow::{Context as _, Result};
use atelier_models::{Layer, NamedTensor};
use atelier_plot::{
    Axis, CountMatrix, DiagramLayer, Figure, GreyImage, ImageGrid, LineChart, NetworkDiagram,
    Panel, Series, Style,
};

use super::seen::{Calibration, Look, Mistake};
use crate::terminal::{counted, percent, thousands};

/// Units of the first layer whose weights are drawn.
const UNITS: usize = 60;
/// Columns of the images of weights.
const WEIGHT_COLUMNS: usize = 10;
/// Columns of the gallery of mistakes.
const MISTAKE_COLUMNS: usize = 6;

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
        "Numbers of test images. Colour: the share of all images of the row's class; a cell \
             without a number holds none.",
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
        "Above each image: its index in the test file, from 0; its class; what it was said to be, and \
         with which probability.",
    );
    for of in mistakes {
        let label = format!(
            "{}: {} said {}, {:.1} %",
            of.index,
            kind.name(of.is),
            kind.name(of.said),
            100.0 * of.probability
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
    let shares: Vec<f64> =
        all.iter().map(|of| 100.0 * of.examples as f64 / total.max(1) as f64).collect();
    let confidence = || Axis::linear("probability of the class that was said (%)");
    let reliability = Panel::new(confidence(), Axis::linear("of these, right (%)").at_least(0.0))
        .title("What it is worth")
        .series(Series::new("as it should be", Style::Dashed, [0.0, 100.0], [0.0, 100.0]))
        .series(Series::new("measured", Style::LineWithPoints, confidences.clone(), accuracies));
    let frequency = Panel::new(confidence(), Axis::linear("test images (%)").at_least(0.0))
        .title("How often it is said")
        .series(Series::new("", Style::LineWithPoints, confidences, shares));
    LineChart::new(format!("Calibration: expected error {}", percent(found.expected_error)))
        .subtitle(subtitle)
        .caption(
            "Test images in 15 intervals of confidence of equal width. Expected calibration error: \
             the mean over these of |share right - mean confidence|, weighted by images (Guo et al. \
             2017). Below the dashed line the network is too certain.",
        )
        .panel(reliability)
        .panel(frequency)
        .render()
        .context("cannot draw the calibration")
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
