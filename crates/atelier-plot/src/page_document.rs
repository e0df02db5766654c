//! What every interactive page has in common: one document with its data, its style, its scripts, and a policy that
//! lets nothing else run.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::text::turns;

/// The parts of a kind of page.
pub(crate) struct Parts {
    /// HTML with a place for each of the others: `{{title}}`, say.
    pub template: &'static str,
    /// In the order in which the page reads them: a file uses what stands in those before it.
    pub scripts: &'static [&'static str],
}

pub(crate) const STYLE: &str = include_str!("../assets/page/page.css");
pub(crate) const NUMBERS: &str = include_str!("../assets/page/numbers.js");
pub(crate) const CANVAS: &str = include_str!("../assets/page/canvas_view.js");
pub(crate) const ELEMENTS: &str = include_str!("../assets/page/elements.js");
pub(crate) const THEME: &str = include_str!("../assets/page/theme.js");

/// The document with this title and these data. No text in the data can end their element or begin another, or turn
/// the text beside it.
pub(crate) fn write(parts: &Parts, title: &str, data: &Value) -> String {
    let data = data.to_string().replace(turns, "\u{FFFD}");
    let data = data.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let script = parts.scripts.join("\n");
    let values = [
        ("script-hash", hash(&script)),
        ("style-hash", hash(STYLE)),
        ("title", text(title)),
        ("style", STYLE.to_owned()),
        ("data", data),
        ("script", script),
    ];
    let length: usize = values.iter().map(|(_, value)| value.len()).sum();
    let mut document = String::with_capacity(parts.template.len() + length);
    let mut pieces = parts.template.split("{{");
    document.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or((piece, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            document.push_str(value);
        }
        document.push_str(rest);
    }
    document
}

pub(crate) fn numbers(values: &[f64]) -> Vec<Value> {
    values.iter().copied().map(number).collect()
}

/// Six significant digits, which no screen resolves; `null` for what is no number.
pub(crate) fn number(value: f64) -> Value {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    // Whole numbers without ".0": a quarter of the file otherwise.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        json!(rounded as i64)
    } else {
        json!(rounded)
    }
}

/// Text as it stands between two tags.
fn text(text: &str) -> String {
    let text = text.replace(turns, "\u{FFFD}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a Content-Security-Policy calls the content of an element: nothing else may run.
fn hash(content: &str) -> String {
    format!("sha256-{}", base64(&Sha256::digest(content.as_bytes())))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit > three.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_vectors_of_rfc_4648() {
        let written =
            ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(written, expected);
    }

    #[test]
    fn numbers_keep_six_digits_and_what_is_no_number_is_null() {
        let written =
            json!(numbers(&[1.0 / 3.0, 12_345_678.9, 2.0, -0.0, f64::NAN, f64::INFINITY]));
        assert_eq!(written.to_string(), "[0.333333,12345700,2,0,null,null]");
    }

    #[test]
    fn a_template_has_a_place_for_each_part_and_for_no_other() {
        for template in [crate::landscape_page::PARTS.template, crate::tuning_page::PARTS.template]
        {
            let names: Vec<_> = template
                .split("{{")
                .skip(1)
                .filter_map(|part| part.split_once("}}"))
                .map(|(name, _)| name)
                .collect();
            assert_eq!(names, ["script-hash", "style-hash", "title", "style", "data", "script"]);
        }
    }

    #[test]
    fn no_part_of_ours_ends_its_element() {
        for parts in [crate::landscape_page::PARTS, crate::tuning_page::PARTS] {
            let ends = |script: &&str| script.to_lowercase().contains("</script");
            assert!(!parts.scripts.iter().any(ends));
        }
        assert!(!STYLE.to_lowercase().contains("</style"));
    }
}
