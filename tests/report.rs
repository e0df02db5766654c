//! The report of a reproduction by the program that typesets it, which `cargo xtask test` builds.

use std::env;
use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::chromium::Chromium;
use crate::cli::{atelier, skip};
use crate::fixture::home_with_sample;
use crate::schemas::check;

/// The run that the crate's own tests are made of.
#[path = "../crates/atelier-report/tests/report/fixture.rs"]
#[expect(dead_code, reason = "the crate's own tests also change the run")]
mod reproduction;

/// The program; nothing, and a word about it, where it is not built.
fn program() -> Option<PathBuf> {
    let program = env::var_os("ATELIER_REPORT").map(PathBuf::from);
    if program.is_none() {
        skip("no atelier-report; `cargo xtask test` builds it");
    }
    program
}

#[test]
fn without_its_program_the_verb_says_how_to_get_it() {
    let run = reproduction::run();
    let nowhere = run.path().join("nowhere");
    let verb = atelier(["report".as_ref(), run.path().as_os_str()]);
    let refused = verb.env("ATELIER_REPORT", &nowhere).run().expect_code(2);
    for text in ["which is no file", "cargo xtask report", "--profile typeset"] {
        assert!(refused.stderr.contains(text), "no {text:?}: {refused}");
    }
}

#[test]
fn what_a_reproduction_leaves_is_what_a_report_reads() {
    let Some(program) = program() else { return };
    let home = home_with_sample();
    let verb = |arguments: &[&str]| {
        atelier(arguments).env("ATELIER_HOME", home.path()).env("ATELIER_REPORT", &program)
    };
    verb(&["reproduce", "--smoke", "--quiet"]).run().expect_code(0);
    let run = home.path().join("runs/reproduce-0001");
    let pdf = fs::read(run.join("report.pdf")).expect("a report");
    assert!(pdf.starts_with(b"%PDF-"));

    let again = verb(&["report", "reproduce-0001", "--format", "json"]).run().expect_code(0).json();
    check("report", &again);
    assert_eq!(again["pdf"], json!(run.join("report.pdf").display().to_string()));
    assert!(fs::read(run.join("report.pdf")).expect("a report") == pdf, "not the same bytes");
    let page = fs::read_to_string(run.join("index.html")).expect("a page");
    assert!(page.contains("made from the small sample"));
    let told = page.replace('\u{a0}', " ").replace("&#39;", "'");
    let summary = fs::read(run.join("summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_slice(&summary).expect("JSON");
    for claim in summary["claims"].as_array().expect("claims") {
        let measured = claim["measured"].as_str().expect("a text");
        assert!(told.contains(measured), "the page does not say {measured:?}");
    }

    let author = "--author=<b>Ada</b> *Lovelace*";
    verb(&["report", "reproduce-0001", author]).run().expect_code(0);
    let page = fs::read_to_string(run.join("index.html")).expect("a page");
    assert!(page.contains("*Lovelace*") && !page.contains("<b>Ada"));

    let pdf = fs::read(run.join("report.pdf")).expect("a report");
    fs::remove_file(run.join("variants/summary.json")).expect("a summary");
    let refused = verb(&["report", "reproduce-0001"]).run().expect_code(2);
    for text in ["variants/summary.json is missing", "the comparison of variants", "help: "] {
        assert!(refused.stderr.contains(text), "no {text:?}: {refused}");
    }
    assert!(fs::read(run.join("report.pdf")).expect("a report") == pdf, "the report was touched");
}

#[test]
fn the_page_opens_without_complaint_at_every_width_and_in_both_themes() {
    let Some(program) = program() else { return };
    let run = reproduction::run();
    let verb = atelier(["report".as_ref(), run.path().as_os_str()]);
    verb.env("ATELIER_REPORT", program).run().expect_code(0);
    let page = fs::read_to_string(run.path().join("index.html")).expect("a page");
    for (width, theme) in [(1200, "light"), (390, "dark")] {
        let Some(mut browser) = Chromium::start(width) else { return };
        browser.prefer("prefers-color-scheme", theme);
        browser.open(&page);
        let shown = browser.value(
            "({ wide: document.documentElement.scrollWidth, formulas: document.querySelectorAll('math').length, \
             font: document.fonts.check('16px Formulas'), \
             broken: [...document.images].filter((image) => image.naturalWidth === 0).length, \
             pictures: document.images.length, \
             paper: getComputedStyle(document.body).backgroundColor, \
             astray: [...document.querySelectorAll('nav a')].filter((a) => !document.querySelector(a.hash)).length })",
        );
        assert!(shown["wide"].as_u64() <= Some(u64::from(width)), "{width}: {shown}");
        assert!(shown["formulas"].as_u64() > Some(100), "{shown}");
        assert_eq!(shown["font"], true, "{shown}");
        assert!(shown["pictures"].as_u64() > Some(15), "{shown}");
        assert_eq!((&shown["broken"], &shown["astray"]), (&json!(0), &json!(0)), "{shown}");
        assert_eq!(shown["paper"] == "rgb(255, 255, 255)", theme == "light", "{shown}");
        browser.expect_calm();
    }
}
