//! The lists of a summary, as the tables that their verbs show at the end.

use atelier_store::Manifest;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::experiment::results::{class_table, last_iterations, the_last};
use crate::experiment::seen::Look;
use crate::experiment::summary::Iteration;
use crate::experiment::{autoencoding, evaluating, landscaping, reproducing, tuning, variants};
use crate::verbs::best_dense;
use crate::verbs::bottlenecks::{self, Bottleneck};

/// The tables that say something, each after an empty line. Whatever is not as this program writes it
/// is left out.
pub(super) fn tables(manifest: &Manifest, summary: &Value) -> String {
    fn part<T: DeserializeOwned>(value: &Value) -> Option<T> {
        serde_json::from_value(value.clone()).ok()
    }
    let classes = || part::<Look>(summary).map(|look| class_table(&look.classes).to_string());
    let text = match manifest.verb.as_str() {
        "reproduce" => part::<Vec<reproducing::Finding>>(&summary["claims"])
            .map(|claims| reproducing::table(&claims).to_string()),
        "bottlenecks" => part::<Vec<Bottleneck>>(&summary["sweep"])
            .map(|sweep| bottlenecks::table(&sweep).to_string()),
        "train" => {
            let last = part::<Vec<Iteration>>(&summary["last_20"]);
            let last =
                last.map(|last| format!("{}\n\n{}", the_last(last.len()), last_iterations(&last)));
            joined([last, classes()])
        }
        evaluating::VERB => classes(),
        "autoencoder" => part(summary).map(|summary| autoencoding::errors(&summary).to_string()),
        "landscape" => part::<Vec<landscaping::RunSummary>>(&summary["runs"])
            .map(|runs| landscaping::ends(&runs).to_string()),
        "variants" => part(summary).map(|summary| variants::comparison(&summary)),
        "best-dense" => part(summary).map(|summary| best_dense::table(&summary).to_string()),
        "tune" => part(&manifest.config)
            .zip(part(summary))
            .and_then(|(config, summary)| tuning::rankings(&config, &summary)),
        _ => None,
    };
    text.map(|text| format!("\n{text}")).unwrap_or_default()
}

/// Those that are there, with an empty line between them.
fn joined(parts: [Option<String>; 2]) -> Option<String> {
    let there: Vec<String> = parts.into_iter().flatten().collect();
    (!there.is_empty()).then(|| there.join("\n"))
}
