//! What stdout says of a finished comparison.

use std::fmt::Write as _;
use std::path::Path;

use super::super::figures;
use super::statistics::Spread;
use super::summary::{Contrast, Summary, Tested};
use crate::home;
use crate::terminal::{Align, Table, counted, percent, significant, thousands};

/// The networks, the contrast, and where everything is.
pub(super) fn shown(summary: &Summary, path: &Path) -> String {
    format!(
        "\n{}\nfigure: {}\nrun: {}",
        comparison(summary),
        figures::place(path, "variants"),
        home::shown(path)
    )
}

/// The networks and the contrast.
pub(crate) fn comparison(summary: &Summary) -> String {
    let (seeds, epochs) = (summary.baseline.seeds.len(), summary.epochs);
    let mut text = format!(
        "{} each, {}, {}; validation accuracy, and test accuracy of what was tested{}\n\n{}",
        counted(seeds, "seed"),
        counted(epochs, "epoch"),
        counted(summary.examples, "training example"),
        anew(summary).map_or(String::new(), |anew| format!(" ({anew})")),
        table(summary)
    );
    if let (Some(contrast), Some(best)) = (&summary.contrast, &summary.best) {
        let _ = write!(
            text,
            "\nbest on validation examples: {best}\non test images: {} less baseline {}\n",
            contrast.variant,
            finding(contrast)
        );
    }
    text
}

/// How the networks of the test were trained, where not for the choice.
pub(super) fn anew(summary: &Summary) -> Option<String> {
    let Tested { examples, seeds } = &summary.tested;
    (*examples != summary.examples).then(|| {
        let (examples, seeds) = (thousands(*examples), counted(seeds.len(), "seed"));
        format!("trained anew on all {examples} training examples, {seeds} each")
    })
}

/// The difference on test images, and how sure it is.
pub(super) fn finding(contrast: &Contrast) -> String {
    let [low, high] = contrast.ci95.map(points);
    format!(
        "{} points, 95 % interval {low} to {high}; paired t-test over {} p = {}, all sign flips p = {}",
        points(contrast.difference),
        counted(contrast.differences.len(), "seed"),
        significant(contrast.p_value),
        significant(contrast.sign_flip_p_value)
    )
}

/// A difference of accuracies in hundredths, with its sign.
pub(super) fn points(difference: f64) -> String {
    format!("{:+.2}", 100.0 * difference)
}

/// One line for each network.
fn table(summary: &Summary) -> Table {
    let mut table = Table::new(&[
        ("network", Align::Left),
        ("parameters", Align::Right),
        ("validation", Align::Right),
        ("sd", Align::Right),
        ("less baseline", Align::Right),
        ("test", Align::Right),
        ("sd", Align::Right),
    ]);
    let baseline = summary.baseline.validation.as_ref().map(|found| found.mean);
    for network in summary.networks() {
        let [mean, sd] = cells(network.validation.as_ref());
        let [test, test_sd] = cells(network.test.as_ref());
        let own = network.validation.as_ref().map(|found| found.mean);
        let less = match own.zip(baseline) {
            Some((own, baseline)) if network.name != summary.baseline.name => {
                points(own - baseline)
            }
            _ => String::new(),
        };
        let parameters = thousands(network.parameters);
        table.row([network.name.clone(), parameters, mean, sd, less, test, test_sd]);
    }
    table
}

/// Mean and standard deviation in hundredths.
fn cells(spread: Option<&Spread>) -> [String; 2] {
    let mean = spread.map_or(String::new(), |spread| percent(spread.mean));
    let sd = spread.and_then(|spread| spread.sd);
    [mean, sd.map_or(String::new(), |sd| format!("{:.2}", 100.0 * sd))]
}
