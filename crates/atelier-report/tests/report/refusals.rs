//! What of a run cannot be reported is named, and the report before stays.

use std::fs;

use serde_json::json;

use super::fixture::{self, change, run};
use super::{Spoil, refused};

#[test]
fn a_missing_file_is_named_with_what_it_holds_and_the_old_report_stays() {
    for (file, holds) in [
        ("summary.json", "what was asked"),
        ("init/summary.json", "the identities"),
        ("tune/retrained/manifest.json", "the chosen settings"),
        ("landscape/summary.json", "the loss landscape"),
    ] {
        let run = run();
        fs::write(run.path().join("report.pdf"), "old").expect("a file");
        fs::remove_file(run.path().join(file)).expect("a file of the run");
        let refused = refused(run.path());
        assert!(refused.contains(file) && refused.contains("missing"), "{refused}");
        assert!(refused.contains(holds), "{refused}");
        assert_eq!(fs::read(run.path().join("report.pdf")).expect("a file"), b"old");
        assert!(!run.path().join("index.html").exists());
    }
}

#[test]
fn a_value_that_is_not_what_it_must_be_is_named_by_file_and_key() {
    let cases: [(&str, &str, Spoil); 10] = [
        ("summary.json", "claims", |v| v["claims"] = json!([])),
        ("tune/retrained/summary.json", "last_20", |v| v["last_20"] = json!([])),
        ("tune/summary.json", "schema_version", |v| v["schema_version"] = json!(2)),
        ("tune/summary.json", "verb", |v| v["verb"] = json!("train")),
        ("variants/summary.json", "contrast.difference", |v| {
            v["contrast"]["difference"] = json!("much");
        }),
        ("tune/summary.json", "ranking[1].value", |v| v["ranking"][1]["value"] = json!(null)),
        ("autoencoder/summary.json", "epoch_losses[1]", |v| v["epoch_losses"][1] = json!({})),
        ("landscape/summary.json", "runs[0].end", |v| v["runs"][0]["end"] = json!([])),
        ("init/manifest.json", "status", |v| v["status"] = json!("interrupted")),
        ("tune/retrained/manifest.json", "config.model.hidden", |v| {
            v["config"]["model"] = json!({});
        }),
    ];
    for (file, key, spoil) in cases {
        let run = run();
        change(&run.path().join(file), spoil);
        let refused = refused(run.path());
        assert!(refused.contains(file) && refused.contains(&format!("`{key}`")), "{refused}");
    }
}

#[test]
fn damaged_files_are_named() {
    let run = run();
    let figure = run.path().join("variants/figures/variants.png");
    let mut half = fixture::png(9);
    half.truncate(half.len() / 2);
    fs::write(&figure, half).expect("a figure");
    assert!(refused(run.path()).contains("variants.png is damaged"));
    fs::write(&figure, fixture::png(9)).expect("a figure");
    fs::write(run.path().join("landscape/summary.json"), "{\"schema_version\": 1,")
        .expect("a file");
    assert!(refused(run.path()).contains("landscape/summary.json is damaged"));
    fs::write(run.path().join("manifest.json"), "{\"schema_version\": 7}").expect("a file");
    assert!(refused(run.path()).contains("schema_version 7"));
}
