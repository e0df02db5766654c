//! Code that the report shows, cut from the sources themselves.

use serde_json::{Value, json};

use crate::{Error, Result};

/// Items of a source file under one heading.
struct Listing {
    title: &'static str,
    /// From the root of the repository.
    path: &'static str,
    source: &'static str,
    /// How the lines begin, after their indentation, on which the items do.
    items: &'static [&'static str],
}

macro_rules! listing {
    ($title:literal, $path:literal, $items:expr) => {
        Listing {
            title: $title,
            path: concat!("crates/", $path),
            source: include_str!(concat!("../../", $path)),
            items: &$items,
        }
    };
}

const LISTINGS: [Listing; 10] = [
    listing!(
        "The network",
        "atelier-models/src/dense_net.rs",
        ["impl Module {", "pub fn new(", "fn push_dense(", "pub fn forward("]
    ),
    listing!("The loss of the network", "atelier-models/src/classifier.rs", ["fn loss("]),
    listing!("A step of training", "atelier-train/src/trainer.rs", ["pub(crate) fn step("]),
    listing!(
        "The update, with the L2 strength on weights only",
        "atelier-train/src/optimizer.rs",
        ["fn update("]
    ),
    listing!("Tuning", "atelier-tune/src/study.rs", ["pub fn hyperparam_tuning("]),
    listing!(
        "What tuning asks for a setting",
        "atelier/src/experiment/tuning/objective.rs",
        ["pub(super) fn run("]
    ),
    listing!(
        "The landscape: directions",
        "atelier-landscape/src/pca.rs",
        ["pub fn principal_components(", "fn gram("]
    ),
    listing!(
        "The landscape: grid",
        "atelier-landscape/src/grid.rs",
        ["pub fn evaluate_grid(", "fn row_of("]
    ),
    listing!(
        "The autoencoder",
        "atelier-autoencoder/src/autoencoder.rs",
        ["pub fn new(", "pub fn encode(", "pub fn decode(", "pub fn reconstruct("]
    ),
    listing!("The loss of the autoencoder", "atelier-autoencoder/src/objective.rs", ["fn loss("]),
];

/// All of them, as the report's sources read them.
///
/// # Errors
/// [`Error::Typesetting`] if an item is not in its source, or more than once.
pub(crate) fn all() -> Result<Value> {
    LISTINGS.iter().map(shown).collect()
}

fn shown(listing: &Listing) -> Result<Value> {
    let cut = |item: &&str| {
        cut(listing.source, item)
            .ok_or_else(|| Error::Typesetting(format!("{} has `{item}` not once", listing.path)))
    };
    let items: Vec<String> = listing.items.iter().map(cut).collect::<Result<_>>()?;
    Ok(json!({ "title": listing.title, "path": listing.path, "code": items.join("\n\n") }))
}

/// The only item that begins on a line so, with the comments and attributes above it, down to the brace that closes it, and
/// without its indentation. rustfmt writes that brace under the first letter of the item.
fn cut(source: &str, begins: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = (0..lines.len()).filter(|&i| lines[i].trim_start().starts_with(begins));
    let (Some(at), None) = (found.next(), found.next()) else { return None };
    let indentation = lines[at].len() - lines[at].trim_start().len();
    let closing = format!("{}}}", &lines[at][..indentation]);
    let end = at + lines[at..].iter().position(|line| *line == closing)?;
    let above =
        |line: &&&str| line.trim_start().starts_with("//") || line.trim_start().starts_with("#[");
    let start = at - lines[..at].iter().rev().take_while(above).count();
    let item = lines[start..=end].iter().map(|line| line.get(indentation..).unwrap_or_default());
    Some(item.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_found_in_its_source_and_closed() {
        for listing in &LISTINGS {
            for item in listing.items {
                let code = cut(listing.source, item).unwrap_or_default();
                assert!(code.contains(item), "{}: {item}", listing.path);
                let count = |brace| code.matches(brace).count();
                assert_eq!(count('{'), count('}'), "{}: {item}", listing.path);
            }
        }
    }

    #[test]
    fn an_item_is_cut_with_its_comment_and_without_its_indentation() {
        let source = "impl A {\n    /// Says so.\n    #[inline]\n    fn b() {\n        c();\n\n        d();\n    }\n\n    fn e() {}\n}\n";
        let expected = "/// Says so.\n#[inline]\nfn b() {\n    c();\n\n    d();\n}";
        assert_eq!(cut(source, "fn b(").as_deref(), Some(expected));
        assert_eq!(cut(source, "fn f("), None);
        assert_eq!(cut(source, "fn "), None, "two items begin so");
    }
}
