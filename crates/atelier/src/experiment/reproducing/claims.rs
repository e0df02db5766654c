//! Everything that the assignment asks, beside what was measured.

mod autoencoder;
mod classifier;
mod derivation;
mod landscape;
#[cfg(test)]
mod tests;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, Seen};
use crate::terminal::{Align, Table, thousands};

/// Something that the assignment asks, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) claim: String,
    pub(crate) asked: String,
    pub(crate) measured: String,
    /// `None` where the claim says nothing about this data.
    pub(crate) holds: Option<bool>,
}

impl Finding {
    fn new(
        claim: impl Into<String>,
        asked: impl Into<String>,
        measured: impl Into<String>,
        holds: bool,
    ) -> Self {
        let (claim, asked, measured) = (claim.into(), asked.into(), measured.into());
        Self { claim, asked, measured, holds: Some(holds) }
    }

    /// A claim about the whole of Fashion-MNIST, of which the sample says nothing.
    fn only_of(self, data: &Seen) -> Self {
        Self { holds: self.holds.filter(|_| data.real), ..self }
    }
}

/// Judges every claim.
///
/// # Errors
/// Fails with file and key where a result is missing.
pub(super) fn claims(evidence: &Evidence) -> Result<Vec<Finding>> {
    let mut claims = data(&evidence.data);
    claims.extend(derivation::claims(evidence)?);
    claims.extend(classifier::claims(evidence)?);
    claims.extend(landscape::claims(evidence)?);
    claims.extend(autoencoder::claims(evidence)?);
    Ok(claims)
}

fn data(data: &Seen) -> Vec<Finding> {
    let Seen { train, test, height, width, classes, .. } = data;
    let [low, high] = data.pixels;
    // Of other data than the pinned ones that is no failure: they were asked for.
    let known = if data.real { "every one is" } else { data.name.as_str() };
    vec![
        Finding::new(
            "the data is the real Fashion-MNIST",
            "every SHA-256 as pinned",
            known,
            data.real,
        )
        .only_of(data),
        Finding::new(
            "images and classes",
            "60,000 and 10,000 of 1x28x28, 10 classes",
            format!(
                "{} and {} of 1x{height}x{width}, {classes} classes",
                thousands(*train),
                thousands(*test)
            ),
            (*train, *test, *height, *width, *classes) == (60_000, 10_000, 28, 28, 10),
        )
        .only_of(data),
        Finding::new(
            "pixels, as networks get them",
            "from 0 to 1",
            format!("from {low} to {high}"),
            low >= 0.0 && high <= 1.0 && high > 0.5,
        ),
    ]
}

/// Whether a file of the reproduction is there.
fn is_there(evidence: &Evidence, name: &str) -> bool {
    evidence.files.there.iter().any(|there| there == name)
}

/// The claims, one a line.
pub(crate) fn table(claims: &[Finding]) -> Table {
    let mut table = Table::new(&[
        ("claim", Align::Left),
        ("asked", Align::Left),
        ("measured", Align::Left),
        ("holds", Align::Left),
    ]);
    for claim in claims {
        let holds = match claim.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not applicable",
        };
        table.row([&claim.claim, &claim.asked, &claim.measured, holds]);
    }
    table
}
