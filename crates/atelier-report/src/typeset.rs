//! From results to documents: one source, two targets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use typst::diag::{SourceDiagnostic, Warned};
use typst::ecow::EcoVec;
use typst::foundations::{Bytes, Output};
use typst_html::{HtmlDocument, HtmlOptions};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::results::Results;
use crate::world::{self, Memory};
use crate::{Error, Report, Result};

const MAIN: &str = "/report.typ";

/// The sources of the report, by the paths under which they import each other.
const SOURCES: [(&str, &str); 12] = [
    (MAIN, include_str!("../assets/report.typ")),
    ("/style.typ", include_str!("../assets/style.typ")),
    ("/numbers.typ", include_str!("../assets/numbers.typ")),
    ("/made.typ", include_str!("../assets/made.typ")),
    ("/theory.typ", include_str!("../assets/theory.typ")),
    ("/classifier.typ", include_str!("../assets/classifier.typ")),
    ("/network.typ", include_str!("../assets/network.typ")),
    ("/landscape.typ", include_str!("../assets/landscape.typ")),
    ("/autoencoder.typ", include_str!("../assets/autoencoder.typ")),
    ("/closing.typ", include_str!("../assets/closing.typ")),
    ("/appendix.typ", include_str!("../assets/appendix.typ")),
    ("/he-initialisation.typ", include_str!("../../../docs/theory/he-initialisation.typ")),
];

/// The style of the page, which its head holds.
const STYLE: (&str, &str) = ("/page.css", include_str!("../assets/page.css"));

/// Typesets both documents.
pub(crate) fn typeset(results: Results) -> Result<Report> {
    let text = |(path, text): (&str, &'static str)| (path.to_owned(), Bytes::from_string(text));
    let files = SOURCES.into_iter().chain([STYLE]).map(text);
    let json = ("/results.json".to_owned(), Bytes::from_string(results.json.to_string()));
    let figures = results.figures.into_iter().map(|(path, png)| (path, Bytes::new(png)));
    let formulas = ("/formulas.css".to_owned(), Bytes::from_string(formulas()));
    let world = Memory::new(MAIN, files.chain([json, formulas]).chain(figures))?;

    let document: PagedDocument = compile(&world)?;
    let pdf = typst_pdf::pdf(&document, &PdfOptions::default()).map_err(|errors| told(&errors))?;
    let document: HtmlDocument = compile(&world)?;
    let page = typst_html::html(&document, &HtmlOptions { pretty: false })
        .map_err(|errors| told(&errors))?;
    Ok(Report { pdf, page })
}

fn compile<D: Output>(world: &Memory) -> Result<D> {
    let Warned { output, warnings: _ } = typst::compile(world);
    output.map_err(|errors| told(&errors))
}

/// The font of formulas, for the page to hold: few machines have one that knows how brackets and roots grow.
fn formulas() -> String {
    let font = world::font_of_formulas().map(|font| STANDARD.encode(font)).unwrap_or_default();
    format!(
        "@font-face {{ font-family: \"Formulas\"; src: url(data:font/otf;base64,{font}) format(\"opentype\"); }}"
    )
}

/// What Typst says, in one line.
fn told(errors: &EcoVec<SourceDiagnostic>) -> Error {
    let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    Error::Typesetting(messages.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles a document that uses the sources of the report.
    fn document(text: &'static str) -> Result<HtmlDocument> {
        let files = SOURCES.into_iter().chain([("/main.typ", text)]);
        let files = files.map(|(path, text)| (path.to_owned(), Bytes::from_string(text)));
        compile(&Memory::new("/main.typ", files)?)
    }

    #[test]
    fn numbers_are_shown_as_a_reader_wants_them() {
        document(
            r#"
            #import "numbers.typ": *
            #let same(shown, expected) = assert.eq(shown, expected)
            #same(fixed(0.88314, 2), "0.88")
            #same(fixed(12, 2), "12.00")
            #same(fixed(-0.005, 2), "−0.01")
            #same(fixed(-0.0004, 2), "0.00")
            #same(fixed(0.0095, 4), "0.0095")
            #same(fixed(2.6, 0), "3")
            #same(percent(0.8831), "88.31\u{a0}%")
            #same(unbroken("97.5 % to 98 %"), "97.5\u{a0}% to 98\u{a0}%")
            #same(points(0.0068), "+0.68")
            #same(points(-0.0068), "−0.68")
            #same(thousands(218192), "218,192")
            #same(thousands(999), "999")
            #same(thousands(1000000), "1,000,000")
            #same(counted(1, "seed"), "1 seed")
            #same(counted(2000, "image"), "2,000 images")
            #same(significant(0, 3), [0])
            #same(significant(0.019753, 3), [#"0.0198"])
            #same(significant(1234.5, 2), [#"1235"])
            #same(repr(significant(0.0000149, 2)).contains("−5"), true)
            #same(repr(significant(5e-324, 2)).contains("−324"), true)
            #same(plus-minus(1.00391, 0.00481), [#"1.0039" ± #"0.0048"])
            "#,
        )
        .expect("what is asserted holds");
    }

    #[test]
    fn weights_have_the_shape_that_multiplies_inputs_from_the_left() {
        document(
            r#"
            #import "network.typ": shapes
            #assert.eq(shapes((784, 50)), ($W_#1 : #50 times #784$,))
            "#,
        )
        .expect("what is asserted holds");
    }

    #[test]
    fn statements_of_identities_are_typeset_and_other_texts_stand() {
        document(
            r#"
            #import "theory.typ": stated, Var
            #assert.eq(stated("Var[w] = 2/n"), "" + $Var[w] = 2\/n$ + "")
            #assert.eq(stated("*what* else"), "*what* else")
            "#,
        )
        .expect("what is asserted holds");
    }

    #[test]
    fn the_command_leaves_out_where_things_lie() {
        document(
            r#"
            #import "made.typ": command
            #let words = ("atelier", "reproduce", "--out", "x", "--seed", "3", "--data-dir=y", "--resume", "--author", "A B")
            #assert.eq(command(words), "atelier reproduce --seed 3")
            "#,
        )
        .expect("what is asserted holds");
    }

    #[test]
    fn what_typst_says_comes_back_as_an_error() {
        let error = document("#panic(1)").expect_err("a panic");
        assert!(error.to_string().starts_with("the report cannot be typeset: panicked"), "{error}");
    }

    #[test]
    fn the_derivation_is_a_document_by_itself() {
        let text = include_str!("../../../docs/theory/he-initialisation.typ");
        document(text).expect("a document");
    }
}
