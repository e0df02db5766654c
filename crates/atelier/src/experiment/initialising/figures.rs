//! The figures of a study of initialisation.

use anyhow::{Context as _, Result};
use atelier_init::Histogram;
use atelier_plot::{Axis, Color, Figure, LineChart, Panel, Series, Style};

use super::signals::{IMAGES, Sent, looked_at};
use super::summary::{ByLayer, Signals, Summary, Training};
use crate::experiment::figures;
use crate::experiment::recorded::Recorded;
use crate::terminal::{counted, percent, thousands};

/// Losses above this are not drawn: chance is ln 10 = 2.3.
const HIGHEST_LOSS: f64 = 4.0;

/// Draws everything.
pub(super) fn write(
    recorded: &Recorded,
    summary: &Summary,
    sent: &[Sent],
    dataset: &str,
) -> Result<()> {
    let dir = &recorded.dir;
    figures::write(dir, "variance", variance(summary, dataset))?;
    figures::write(dir, "histograms", histograms(summary, sent, dataset))?;
    figures::write(dir, "training", training(summary, dataset))
}

/// The colour of a scheme by its position.
fn color(scheme: usize) -> Color {
    const COLORS: [Color; 6] = [
        Color::Blue,
        Color::Vermillion,
        Color::Green,
        Color::Purple,
        Color::SkyBlue,
        Color::Orange,
    ];
    COLORS[scheme % COLORS.len()]
}

/// The network, in words.
fn network(summary: &Summary) -> String {
    let network = &summary.network;
    format!(
        "{} of {} ReLU units, {} of each initialisation, seed {}",
        counted(network.layers, "layer"),
        network.width,
        counted(network.networks, "network"),
        summary.seed
    )
}

/// Mean squares by layer, of signals and of gradients.
fn variance(summary: &Summary, dataset: &str) -> Result<Figure> {
    let panel = |title: &str, quantity: &str, of: fn(&Signals) -> &ByLayer| {
        let mut panel = Panel::new(Axis::linear("layer"), Axis::logarithmic(quantity)).title(title);
        for (position, signals) in summary.propagation.iter().enumerate() {
            // A mean square of 0 cannot stand on a logarithmic axis.
            let positive = |&square: &f64| if square > 0.0 { square } else { f64::NAN };
            let ys: Vec<f64> = of(signals).median.iter().map(positive).collect();
            if ys.iter().all(|y| y.is_nan()) {
                continue;
            }
            let xs: Vec<f64> = (1..=ys.len()).map(|layer| layer as f64).collect();
            let images = signals.inputs == IMAGES;
            let (name, style) =
                if images { (signals.of.scheme, Style::Line) } else { ("", Style::Dashed) };
            panel = panel.series(Series::new(name, style, xs, ys).color(color(position / 2)));
        }
        panel
    };
    LineChart::new("Signals forward and gradients backward, before training")
        .subtitle(network(summary))
        .caption(format!(
            "Medians over the networks. Solid: {} images of {dataset}; dashed: as many inputs from N(0, 1). \
             Forward: mean square of the activations. Backward: of the gradients with respect to the \
             pre-activations, those with respect to the last activations drawn from N(0, 1). Xavier and LeCun \
             are the same from the second layer on, where a layer has as many inputs as outputs.",
            thousands(summary.network.examples)
        ))
        .panel(panel("Forward", "mean square of activations", |signals| &signals.activation))
        .panel(panel("Backward", "mean square of gradients", |signals| &signals.gradient))
        .size(2000, 1200)
        .render()
        .context("cannot draw the signals by layer")
}

/// How activations are distributed in some layers.
fn histograms(summary: &Summary, sent: &[Sent], dataset: &str) -> Result<Figure> {
    let of_images: Vec<&Sent> = sent.iter().filter(|sent| sent.inputs == IMAGES).collect();
    let mut chart =
        LineChart::new("Activations by layer, before training").subtitle(network(summary));
    let mut zeros = Vec::new();
    for layer in looked_at(summary.network.layers) {
        let axes = (Axis::logarithmic("activation"), Axis::linear("share per decade (%)"));
        let mut panel = Panel::new(axes.0, axes.1.at_least(0.0)).title(format!("Layer {layer}"));
        let mut drawn = false;
        for (position, sent) in of_images.iter().enumerate() {
            let Some(histogram) = sent.found.histograms.iter().find(|h| h.layer == layer) else {
                continue;
            };
            let (xs, ys) = per_decade(histogram);
            if xs.is_empty() {
                continue;
            }
            drawn = true;
            let series = Series::line(sent.scheme.name, xs, ys).color(color(position));
            panel = panel.series(series);
        }
        let he =
            of_images.first().and_then(|he| he.found.histograms.iter().find(|h| h.layer == layer));
        if let Some(he) = he {
            let all = he.zeros + he.counts.iter().sum::<u64>();
            zeros
                .push(format!("{} in layer {layer}", percent(he.zeros as f64 / all.max(1) as f64)));
        }
        if drawn {
            chart = chart.panel(panel);
        }
    }
    chart
        .caption(format!(
            "One network of each initialisation, {} images of {dataset}. Only activations that are not 0, \
             which are of different sizes: an area under a curve is a share of them. Spikes: units whose activation hardly depends on \
             the image, because their bias is most of it. Zeros, of He: {}.",
            thousands(summary.network.examples),
            zeros.join(", ")
        ))
        .stacked()
        .size(1600, 1800)
        .render()
        .context("cannot draw the histograms")
}

/// The density over the logarithm of the activation, in hundredths per decade, at the middle of each bin.
fn per_decade(histogram: &Histogram) -> (Vec<f64>, Vec<f64>) {
    let bins = histogram.counts.len() as f64;
    let width = (histogram.high - histogram.low) / bins;
    let all = histogram.counts.iter().sum::<u64>() as f64;
    let edge = |bin: usize| histogram.low + bin as f64 * width;
    let points = histogram.counts.iter().enumerate().filter_map(|(bin, &count)| {
        let decades = (edge(bin + 1) / edge(bin)).log10();
        let middle = (edge(bin) * edge(bin + 1)).sqrt();
        let point = (middle, 100.0 * count as f64 / all / decades);
        (middle > 0.0 && point.1.is_finite()).then_some(point)
    });
    points.unzip()
}

/// Training curves, one panel for each depth.
fn training(summary: &Summary, dataset: &str) -> Result<Figure> {
    let recipe = &summary.recipe;
    let mut chart = LineChart::new("What initialisation means for training").subtitle(format!(
        "{dataset}, {} examples, hidden layers of {} ReLU units, {}, batches of {}, SGD at {}",
        thousands(recipe.examples),
        recipe.units,
        counted(recipe.epochs, "epoch"),
        recipe.batch_size,
        recipe.learning_rate
    ));
    let mut depths: Vec<usize> = summary.training.iter().map(|of| of.layers).collect();
    depths.dedup();
    let mut missing = Vec::new();
    for layers in depths {
        let nats = Axis::linear("training cross-entropy (nats)").at_least(0.0);
        let mut panel =
            Panel::new(Axis::linear("step"), nats).title(counted(layers, "hidden layer"));
        let at_depth = summary.training.iter().filter(|of| of.layers == layers);
        for (position, of) in at_depth.enumerate() {
            let (xs, ys) = curve(of);
            if ys.iter().any(|y| y.is_finite()) {
                panel = panel.series(Series::line(of.of.scheme, xs, ys).color(color(position)));
            } else {
                missing.push(format!("{} at {layers}", of.of.scheme));
            }
        }
        chart = chart.panel(panel.horizontal(10_f64.ln(), "chance"));
    }
    let seeds = summary.training.first().map_or(0, |of| of.runs.len());
    let missing = if missing.is_empty() {
        String::new()
    } else {
        format!(" Nowhere below that: {}.", missing.join(", "))
    };
    chart
        .caption(format!(
            "Means over a tenth of an epoch, each batch before its step; medians over {}. The learning rate is \
             the same for all. Losses above {HIGHEST_LOSS} are not drawn.{missing}",
            counted(seeds, "seed")
        ))
        .size(2000, 1000)
        .render()
        .context("cannot draw the training curves")
}

fn curve(of: &Training) -> (Vec<f64>, Vec<f64>) {
    let point = |loss: Option<f64>| loss.filter(|loss| *loss <= HIGHEST_LOSS).unwrap_or(f64::NAN);
    of.curve.iter().map(|at| (at.step as f64, point(at.loss))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_under_a_histogram_is_all_of_it() {
        let counts = (1..=60).collect();
        let histogram = Histogram { layer: 1, low: 1e-3, high: 2.0, counts, zeros: 7 };
        let (xs, ys) = per_decade(&histogram);
        assert_eq!((xs.len(), ys.len()), (60, 60));
        let width = (2.0 - 1e-3) / 60.0;
        let area = ys.iter().enumerate().map(|(bin, y)| {
            let low = 1e-3 + bin as f64 * width;
            y * ((low + width) / low).log10()
        });
        assert!((area.sum::<f64>() - 100.0).abs() < 1e-9);
        let nothing = Histogram { low: 0.0, high: 0.0, counts: vec![0; 60], ..histogram };
        assert!(per_decade(&nothing).0.is_empty());
    }
}
