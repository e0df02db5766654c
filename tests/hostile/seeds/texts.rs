//! Configurations, journals, and what a run writes as text.

use std::fmt::Write as _;
use std::path::Path;

use atelier::outside;

use super::{Seed, seed};

/// What a terminal, HTML and Typst would each obey.
const MARKUP: &str = "</script><b>]]>#set page(fill: red)$x$\u{202e}";

pub fn seeds() -> Vec<Seed> {
    [of_config(), of_classes(), of_journal(), of_runs()].concat()
}

fn of_config() -> Vec<Seed> {
    let config = |name: &str, text: &str| seed("config", name, text);
    let mut files = Vec::new();
    for verb in ["train", "autoencoder", "init", "landscape", "tune", "variants"] {
        // A search of nothing is refused.
        let space = "[tune.space]\n\"model.units\" = { choices = [20, 50] }\n";
        let given = if verb == "tune" { space } else { "" };
        let text = outside::config(verb, given.as_bytes(), Path::new("")).expect("the defaults");
        files.push(config(&format!("good-{verb}.toml"), &text));
    }
    let repeated = |text: &str, times: usize| text.repeat(times);
    files.extend([
        config("good-empty.toml", ""),
        config("good-inline.toml", "seed = 1\nmodel = { hidden = [3, 4], activation = \"tanh\" }\n"),
        config("good-dotted.toml", "train.epochs = 2\noptimizer.learning_rate = 1e-3\n"),
        config(
            "good-space.toml",
            "[tune.space]\n\"optimizer.learning_rate\" = { float = [1e-4, 1.0], log = true }\n\"model.hidden\" = { choices = [[10], [20, 20]] }\n",
        ),
        config("bad-deep-list.toml", &format!("a = {}", repeated("[", 5000))),
        config("bad-deep-table.toml", &format!("a = {}", repeated("{a=", 5000))),
        config("bad-deep-key.toml", &format!("a{} = 1", repeated(".a", 8000))),
        config("bad-deep-head.toml", &format!("[a{}]", repeated(".a", 8000))),
        config("bad-long-key.toml", &format!("train.{} = 1", repeated("epochs", 5000))),
        config("bad-signs.toml", &format!("seed = {}1", repeated("+", 20_000))),
        config("bad-digits.toml", &format!("seed = {}", repeated("9", 20_000))),
        config("bad-exponent.toml", "optimizer.learning_rate = 1e999999999"),
        config("bad-nan.toml", "optimizer.learning_rate = nan"),
        config("bad-infinite.toml", "train.weight_decay = -inf"),
        config("bad-negative.toml", "train.epochs = -1"),
        config("bad-large.toml", "train.epochs = 9223372036854775808"),
        config("bad-twice.toml", "seed = 1\nseed = 2\n"),
        config("bad-section-twice.toml", "[train]\nepochs = 1\n[train]\nepochs = 2\n"),
        config("bad-unknown.toml", "[train]\nepoch = 3\n"),
        config("bad-markup.toml", &format!("[train]\n\"{MARKUP}\" = 3\n")),
        config("bad-escape.toml", "\"\\u001b[2J\" = 3\n"),
        config(
            "bad-line-break.toml",
            "[[variants.list]]\nname = \"a\"\nset = [\"b=1\\nhelp: run it\"]\n",
        ),
        config("bad-section-is-value.toml", "train = 3\n"),
        config("bad-value-is-section.toml", "[train.epochs]\nx = 1\n"),
        config("bad-array-of-tables.toml", "[[train]]\nepochs = 1\n"),
        config("bad-page.toml", "<!DOCTYPE html><html></html>"),
        seed("config", "bad-utf8.toml", b"seed = 1 # \xff\n".to_vec()),
        seed("config", "bad-zero.toml", b"seed\0= 1\n".to_vec()),
        config("bad-space-name.toml", "[tune.space]\n\"a\\u0301\\u001b\" = [1, 2]\n"),
    ]);
    files
}

fn of_classes() -> Vec<Seed> {
    let classes = |name: &str, text: &str| seed("classes", name, text);
    let many = (0..257).map(|class| class.to_string()).collect::<Vec<_>>().join("\n");
    vec![
        classes("good.txt", "shirt\n  coat \r\nboot"),
        classes("good-markup.txt", &MARKUP.replace('\u{202e}', "")),
        classes("bad-turned.txt", MARKUP),
        classes("bad-escape.txt", "shirt\n\u{1b}[2J\n"),
        classes("bad-twice.txt", "shirt\ncoat\n shirt\n"),
        classes("bad-gap.txt", "shirt\n\ncoat\n"),
        classes("bad-empty.txt", ""),
        classes("bad-many.txt", &many),
        seed("classes", "bad-utf8.txt", b"shirt\n\xff\n".to_vec()),
    ]
}

fn of_journal() -> Vec<Seed> {
    let study = r#"{"op_code":0,"worker_id":"w-atelier","study_name":"s","directions":[1]}"#;
    let trial = r#"{"op_code":4,"worker_id":"w-atelier","study_id":0,"datetime_start":null,"state":4,"value":null,"values":null,"distributions":{"x":"{\"name\":\"FloatDistribution\",\"attributes\":{\"step\":null,\"low\":0.0,\"high\":1.0,\"log\":false}}","k":"{\"name\":\"CategoricalDistribution\",\"attributes\":{\"choices\":[\"relu\",3,true]}}"},"params":{"x":0.25,"k":1.0},"user_attrs":{},"system_attrs":{"atelier:slot":0},"intermediate_values":{}}"#;
    let state = |state: &str| {
        format!(
            r#"{{"op_code":6,"worker_id":"w-atelier","trial_id":0,{state},"datetime_start":"2026-01-01T00:00:00+00:00"}}"#
        )
    };
    let report = r#"{"op_code":7,"worker_id":"w","trial_id":0,"step":3,"intermediate_value":NaN}"#;
    let good = [
        study,
        trial,
        &state("\"state\":0,\"values\":null"),
        report,
        &state("\"state\":1,\"values\":[0.5]"),
        "",
    ]
    .join("\n");
    let journal = |name: &str, lines: &[&str]| seed("journal", name, lines.join("\n") + "\n");
    let with = |from: &str, to: &str| trial.replace(from, to);
    let deep =
        format!("{{\"op_code\":4,\"worker_id\":\"w\",\"study_id\":0,\"x\":{}", "[".repeat(5000));
    let deep_text = trial.replace(
        "{\\\"name\\\":\\\"Float",
        &format!("{}{{\\\"name\\\":\\\"Float", "[".repeat(5000)),
    );
    vec![
        seed("journal", "good.log", good.clone()),
        seed("journal", "good-torn.log", good[..good.len() - 20].to_string()),
        seed("journal", "good-empty.log", ""),
        journal("good-twice.log", &[study, study, trial, trial]),
        journal("good-of-no-study.log", &[trial, &state("\"state\":0")]),
        journal(
            "good-deleted.log",
            &[study, r#"{"op_code":1,"worker_id":"w","study_id":0}"#, study, trial],
        ),
        journal(
            "good-far.log",
            &[
                study,
                &state("\"state\":0")
                    .replace("\"trial_id\":0", "\"trial_id\":18446744073709551615"),
            ],
        ),
        journal("bad-operation.log", &[r#"{"op_code":99,"worker_id":"w"}"#]),
        journal("bad-no-json.log", &["<!DOCTYPE html>"]),
        journal("bad-list.log", &["[0]"]),
        journal("bad-blank.log", &[study, "", trial]),
        journal("bad-deep.log", &[study, &deep]),
        journal("bad-deep-text.log", &[study, &deep_text]),
        journal("bad-choice.log", &[study, &with("\"k\":1.0", "\"k\":3.0")]),
        journal("bad-choice-negative.log", &[study, &with("\"k\":1.0", "\"k\":-1.0")]),
        journal("bad-choice-huge.log", &[study, &with("\"k\":1.0", "\"k\":1e300")]),
        journal("bad-exponent.log", &[study, &with("0.25", "1e999")]),
        journal("bad-outside.log", &[study, &with("0.25", "-1.0")]),
        journal("bad-value.log", &[study, trial, &state("\"state\":1,\"values\":[-1e308]")]),
        journal(
            "bad-distribution.log",
            &[study, &with("FloatDistribution", "PoissonDistribution")],
        ),
        journal("bad-state.log", &[study, &with("\"state\":4", "\"state\":-1")]),
        journal("bad-directions.log", &[&study.replace("[1]", "[]")]),
        seed("journal", "bad-utf8.log", [study.as_bytes(), b"\n\xff\xfe\n"].concat()),
    ]
}

fn of_runs() -> Vec<Seed> {
    let step = r#"{"kind":"step","step":1,"epoch":1,"loss":2.5,"learning_rate":0.1}"#;
    let epoch = r#"{"kind":"epoch","epoch":1,"step":1,"train_loss":1.5,"train_accuracy":0.5,"validation_loss":null,"validation_accuracy":null,"seconds":0.5}"#;
    let lines = |reader, name: &str, lines: &[&str]| seed(reader, name, lines.join("\n") + "\n");
    let trained = r#"{"kind":"trained","network":"baseline","seed":3,"validation":{"accuracy":0.5,"cross_entropy":1.25}}"#;
    let tested =
        r#"{"kind":"tested","network":"norm","seed":3,"on":"all","images":7,"correct":"9c"}"#;
    let manifest = r#"{"schema_version":1,"program":{"name":"atelier","version":"0.1.0"},"git_commit":null,"verb":"train","command_line":["atelier","train"],"config":{"seed":1},"dataset":null,"device":"cpu","threads":2,"seed":1,"started":"2026-01-01T00:00:00Z","finished":null,"status":"running","error":null,"test_set_reads":0}"#;
    let summary = r#"{"schema_version":1,"parameters":42310,"test":{"accuracy":0.875,"cross_entropy":0.35,"correct":875,"total":1000},"last_20":[{"step":1,"epoch":1,"loss":2.5}]}"#;
    let deep = |open: &str| open.repeat(5000);
    let mut wide = "[".to_string();
    for _ in 0..8000 {
        // Writing to a string cannot fail.
        let _ = write!(wide, "0,");
    }
    wide.push_str("0]");
    let named = summary.replace("\"test\"", &format!("{:?}", MARKUP.replace('\u{202e}', "")));
    vec![
        lines("metrics", "good.jsonl", &[step, epoch]),
        seed("metrics", "good-torn.jsonl", format!("{step}\n{{\"kind\":\"st")),
        lines("metrics", "good-other.jsonl", &[r#"{"kind":"final","anything":[]}"#]),
        lines("metrics", "bad-nan.jsonl", &[&step.replace("2.5", "NaN")]),
        lines("metrics", "bad-infinite.jsonl", &[&step.replace("2.5", "1e999")]),
        lines("metrics", "bad-kind.jsonl", &[&step.replace("step\"", "step\u{1b}\"")]),
        lines(
            "metrics",
            "bad-twice.jsonl",
            &[&step.replace("\"step\":1", "\"step\":1,\"step\":2")],
        ),
        lines("metrics", "bad-negative.jsonl", &[&step.replace("\"step\":1", "\"step\":-1")]),
        lines("metrics", "bad-deep.jsonl", &[&format!("{{\"kind\":\"step\",\"x\":{}", deep("["))]),
        lines("metrics", "bad-blank.jsonl", &["", "", ""]),
        seed("metrics", "bad-newlines.jsonl", "\n".repeat(20_000)),
        seed("metrics", "bad-utf8.jsonl", b"{\"kind\":\"\xff\"}\n".to_vec()),
        lines("metrics", "bad-page.jsonl", &["<html>"]),
        lines("networks", "good.jsonl", &[trained, tested]),
        lines("networks", "bad-images.jsonl", &[&tested.replace('7', "18446744073709551615")]),
        lines("networks", "bad-digits.jsonl", &[&tested.replace("9c", "9g")]),
        lines("networks", "bad-name.jsonl", &[&tested.replace("norm", "../../norm")]),
        lines("networks", "bad-nan.jsonl", &[&trained.replace("1.25", "NaN")]),
        lines("networks", "bad-kind.jsonl", &[r#"{"kind":"burnt"}"#]),
        seed("snapshots", "good.csv", "step,epoch,training_loss\n0,0,\n5,0.5,2.25\n"),
        seed("snapshots", "bad-order.csv", "step,epoch,training_loss\n5,0,\n5,0.5,2.25\n"),
        seed("snapshots", "bad-few.csv", "step,epoch,training_loss\n0,0,\n"),
        seed("snapshots", "bad-nan.csv", "step,epoch,training_loss\n0,0,\n5,nan,2\n"),
        seed("snapshots", "bad-infinite.csv", "step,epoch,training_loss\n0,0,\n5,1,1e999\n"),
        seed("snapshots", "bad-columns.csv", "step,epoch,training_loss\n0,0,,\n5,1,2,3\n"),
        seed("snapshots", "bad-head.csv", "=cmd|' /C calc'!A0,epoch\n"),
        seed("snapshots", "bad-utf8.csv", b"step,epoch,training_loss\n0,0,\xff\n".to_vec()),
        seed("snapshots", "bad-empty.csv", ""),
        seed("manifest", "good.json", manifest),
        seed(
            "manifest",
            "bad-version.json",
            manifest.replace("\"schema_version\":1", "\"schema_version\":2"),
        ),
        seed("manifest", "bad-status.json", manifest.replace("running", "flying")),
        seed(
            "manifest",
            "bad-seed.json",
            manifest.replace("\"seed\":1,\"started\"", "\"seed\":1e3,\"started\""),
        ),
        seed("manifest", "bad-deep.json", deep("{\"a\":")),
        seed("manifest", "bad-cut.json", manifest[..manifest.len() / 2].to_string()),
        seed("manifest", "bad-behind.json", format!("{manifest}{manifest}")),
        seed("manifest", "bad-wide.json", format!("{{\"schema_version\":1,\"config\":{wide}}}")),
        seed("manifest", "bad-empty.json", ""),
        seed("summary", "good.json", summary),
        seed("summary", "good-markup.json", named),
        seed("summary", "good-wide.json", wide),
        seed("summary", "bad-nan.json", summary.replace("0.875", "NaN")),
        seed("summary", "bad-exponent.json", summary.replace("0.875", "1e400")),
        seed("summary", "bad-deep.json", deep("[")),
        seed("summary", "bad-deep-objects.json", deep("{\"a\":")),
        seed("summary", "bad-surrogate.json", "{\"a\":\"\\ud800\"}"),
        seed("summary", "bad-page.json", "<html></html>"),
    ]
}
