//! Every seed of every network as a dot.

use anyhow::{Context as _, Result};
use atelier_plot::{Axis, Color, DotPlot, DotRow};

use super::shown::{anew, finding, points};
use super::statistics::Spread;
use super::summary::{Compared, Summary};
use crate::dataset;
use crate::experiment::figures;
use crate::experiment::recorded::Recorded;
use crate::terminal::{counted, thousands};

/// Height of the figure with the two rows of the test, and what every other network adds.
const HEIGHT: (u32, u32) = (560, 52);

/// Writes `figures/variants`.
pub(super) fn write(recorded: &Recorded, summary: &Summary) -> Result<()> {
    let chosen = summary.contrast.as_ref().map(|contrast| contrast.variant.as_str());
    let row = |network: &Compared, spread: &Spread| {
        let percents: Vec<f64> = spread.accuracies.iter().map(|share| 100.0 * share).collect();
        let sd = spread.sd.map_or(String::new(), |sd| format!(" ± {:.2}", 100.0 * sd));
        let row = DotRow::new(network.name.as_str(), percents)
            .note(format!("{:.2}{sd}", 100.0 * spread.mean));
        if network.name == summary.baseline.name {
            row.color(Color::Grey).reference()
        } else if Some(network.name.as_str()) == chosen {
            row.color(Color::Vermillion)
        } else {
            row
        }
    };
    let rows = |of: fn(&Compared) -> Option<&Spread>| -> Vec<DotRow> {
        summary.networks().filter_map(|n| of(n).map(|spread| row(n, spread))).collect()
    };
    let data = recorded.manifest.dataset.as_ref().map_or("none", |data| data.name.as_str());
    let sizes = || summary.networks().map(|network| network.parameters);
    let (least, most) = (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0));
    let sizes = if least == most {
        thousands(least)
    } else {
        format!("{} to {}", thousands(least), thousands(most))
    };
    let title = match &summary.contrast {
        Some(of) => format!("{}: {} points of test accuracy", of.variant, points(of.difference)),
        None => "Accuracy of every seed".to_string(),
    };
    let seeds = counted(summary.baseline.seeds.len(), "seed");
    let each = if anew(summary).is_some() { "each to choose by" } else { "each" };
    let mut plot = DotPlot::new(title, Axis::linear("accuracy (%)"))
        .subtitle(format!(
            "{}, {sizes} parameters, {}, {seeds} {each}",
            dataset::title(data),
            counted(summary.epochs, "epoch")
        ))
        .caption(caption(summary));
    let validation = rows(|network| network.validation.as_ref());
    if !validation.is_empty() {
        plot = plot.group("validation", validation);
    }
    plot = plot.group("test", rows(|network| network.test.as_ref()));
    let others = u32::try_from(summary.variants.len()).unwrap_or(u32::MAX);
    let height = others.saturating_mul(HEIGHT.1).saturating_add(HEIGHT.0).clamp(1000, 4000);
    let figure = plot.size(1600, height).render().context("cannot draw the variants");
    figures::write(&recorded.dir, "variants", figure)
}

fn caption(summary: &Summary) -> String {
    let mut caption = "A dot is a seed: its own first weights, batches and validation examples, the \
                       same for every network. Bars and numbers: mean ± standard deviation; dashed: \
                       the baseline's mean."
        .to_string();
    if let Some(contrast) = &summary.contrast {
        caption.push_str(" Only what validation chose is tested");
        caption.push_str(&anew(summary).map_or(String::new(), |anew| format!(", {anew}")));
        caption.push_str(": ");
        caption.push_str(&finding(contrast));
        caption.push('.');
    }
    caption.push_str(" Not shown: what each would reach with a recipe tuned for it.");
    caption
}
