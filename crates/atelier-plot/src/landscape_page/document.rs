//! Puts the parts of the page together: one document, whose only code and style are those of `assets/landscape`.

use sha2::{Digest, Sha256};

/// In the order in which the page reads them: a file uses what stands in those before it.
const SCRIPTS: [&str; 14] = [
    include_str!("../../assets/landscape/data.js"),
    include_str!("../../assets/landscape/numbers.js"),
    include_str!("../../assets/landscape/palette.js"),
    include_str!("../../assets/landscape/state.js"),
    include_str!("../../assets/landscape/plane.js"),
    include_str!("../../assets/landscape/canvas_view.js"),
    include_str!("../../assets/landscape/surface_view.js"),
    include_str!("../../assets/landscape/surface_things.js"),
    include_str!("../../assets/landscape/surface_frame.js"),
    include_str!("../../assets/landscape/contour_view.js"),
    include_str!("../../assets/landscape/step_view.js"),
    include_str!("../../assets/landscape/scree_view.js"),
    include_str!("../../assets/landscape/words.js"),
    include_str!("../../assets/landscape/main.js"),
];
const STYLE: &str = include_str!("../../assets/landscape/page.css");
const PAGE: &str = include_str!("../../assets/landscape/page.html");

/// The document with this title and these data, which are JSON fit for a `<script>` element.
pub(super) fn write(title: &str, data: &str) -> String {
    let script = SCRIPTS.join("\n");
    let values = [
        ("script-hash", hash(&script)),
        ("style-hash", hash(STYLE)),
        ("title", text(title)),
        ("style", STYLE.to_owned()),
        ("data", data.to_owned()),
        ("script", script),
    ];
    let mut document =
        String::with_capacity(PAGE.len() + STYLE.len() + data.len() + values[5].1.len());
    let mut parts = PAGE.split("{{");
    document.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            document.push_str(value);
        }
        document.push_str(rest);
    }
    document
}

/// Text as it stands between two tags.
fn text(text: &str) -> String {
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
    fn the_template_has_a_place_for_each_part_and_for_no_other() {
        let names: Vec<_> = PAGE
            .split("{{")
            .skip(1)
            .filter_map(|part| part.split_once("}}"))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["script-hash", "style-hash", "title", "style", "data", "script"]);
    }

    #[test]
    fn no_part_of_ours_ends_its_element() {
        assert!(SCRIPTS.iter().all(|script| !script.to_lowercase().contains("</script")));
        assert!(!STYLE.to_lowercase().contains("</style"));
    }
}
