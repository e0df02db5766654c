//! What the report promises, on a small run.

mod fixture;
mod refusals;

use std::fs;
use std::path::Path;

use atelier_report::{Error, Report, report};
use fixture::{FIGURES, change, run};
use serde_json::{Value, json};

/// Makes a value one that no run has.
type Spoil = fn(&mut serde_json::Value);

fn authors(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn made(run: &Path) -> Report {
    report(run, &authors(&["Ada Lovelace", "Grace Hopper"])).expect("a report")
}

#[track_caller]
fn refused(run: &Path) -> String {
    let error = report(run, &[]).expect_err("no report");
    assert!(error.help().is_some() || matches!(error, Error::Store(_)), "{error}");
    error.to_string()
}

#[test]
fn a_report_is_a_pdf_and_a_page_with_the_numbers_of_the_run() {
    let run = run();
    let report = made(run.path());
    assert!(report.pdf.starts_with(b"%PDF-"));
    for shown in [
        "Ada Lovelace and Grace Hopper",
        "88.31 %",
        "784–50–40–10; retrained, it classifies",
        "(8,831 of 10,000)",
        "(8,831 of 10,000; cross-entropy",
        "218,192",
        "+0.68 points",
        "72.3 %",
        "0.9987 ± 0.0060",
        "1.5925",
        "diverged",
        "not applicable",
        "atelier reproduce --seed 3",
        "read 20 times: once for the chosen network, 16 times for variants, 2 times for landscapes, and once for the \
         autoencoder",
        "on all 60,000 training examples with 8 seeds",
        "pub fn hyperparam_tuning(",
        "pub fn principal_components(",
    ] {
        assert!(text(&report.page).contains(shown), "the page does not say {shown:?}");
    }
}

#[test]
fn the_page_says_of_every_part_what_its_summary_says() {
    let run = run();
    let page = text(&made(run.path()).page);
    let summary = |part: &str| -> Value {
        let path = run.path().join(part).join("summary.json");
        serde_json::from_slice(&fs::read(path).expect("a summary")).expect("JSON")
    };
    let mut expected = Vec::new();
    for claim in summary("")["claims"].as_array().expect("claims") {
        expected.extend(["claim", "asked", "measured"].map(|key| word(&claim[key])));
    }
    for trial in summary("tune")["ranking"].as_array().expect("trials") {
        expected.push(percent(&trial["value"]));
    }
    let retrained = summary("tune/retrained");
    for accuracy in [&retrained["test"]["accuracy"], &retrained["train"]["accuracy"]] {
        expected.push(percent(accuracy));
    }
    expected.push(fixed(&retrained["test"]["cross_entropy"], 1.0, 4));
    let variants = summary("variants");
    for network in [&variants["baseline"], &variants["variants"][0]] {
        expected.push(word(&network["name"]));
        for of in [network, &network["test"]] {
            let (mean, sd) = (fixed(&of["mean"], 100.0, 2), fixed(&of["sd"], 100.0, 2));
            expected.push(format!("{mean} ± {sd}"));
        }
    }
    for run in summary("landscape")["runs"].as_array().expect("runs") {
        let losses = [&run["start"]["loss"], &run["end"]["loss"], &run["end"]["loss_in_plane"]];
        expected.extend(losses.map(|loss| fixed(loss, 1.0, 4)));
    }
    let coder = summary("autoencoder");
    for loss in coder["epoch_losses"].as_array().expect("losses") {
        expected.push(fixed(loss, 1.0, 4));
    }
    expected.push("easiest Trouser; the network is better in 2 of 2 classes".to_owned());
    for class in coder["classes"].as_array().expect("classes") {
        expected.push(fixed(&class["pca_mse"], 1.0, 5));
    }
    for gain in summary("init")["gains"].as_array().expect("gains") {
        expected.extend(["forward", "backward"].map(|key| fixed(&gain[key], 1.0, 4)));
    }
    for expected in expected {
        assert!(page.contains(&expected), "the page does not say {expected:?}");
    }
}

fn word(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn fixed(value: &Value, times: f64, digits: usize) -> String {
    format!("{:.digits$}", times * value.as_f64().expect("a number"))
}

fn percent(value: &Value) -> String {
    format!("{} %", fixed(value, 100.0, 2))
}

#[test]
fn no_prose_has_a_name_of_a_key_in_it() {
    let run = run();
    change(&run.path().join("variants/summary.json"), |summary| {
        summary["contrast"]["method"] = json!(
            "10000 bootstrap samples; p_value: two-sided paired t-test; sign_flip_p_value: all 4 flips"
        );
    });
    let page = text(&made(run.path()).page);
    let told =
        "10,000 bootstrap samples; t-test: two-sided and paired; flips of signs: all 4 flips";
    assert!(page.contains(told), "{page}");
    assert!(!page.contains("p_value"));
}

#[test]
fn the_same_results_give_the_same_pdf_wherever_and_whenever_they_were_computed() {
    let (one, other) = (run(), run());
    for part in ["", "init", "tune", "tune/retrained", "variants", "landscape", "autoencoder"] {
        change(&other.path().join(part).join("manifest.json"), |manifest| {
            manifest["started"] = json!("2030-12-24T18:00:00Z");
            manifest["finished"] = json!("2030-12-24T18:30:00Z");
            manifest["dataset"]["source"] = json!("there");
            manifest["command_line"] =
                json!(["atelier", "reproduce", "--out=x", "--seed", "3", "--resume"]);
        });
        change(&other.path().join(part).join("summary.json"), |summary| {
            summary["seconds"] = json!(12.5);
        });
    }
    let (one, other) = (made(one.path()), made(other.path()));
    assert!(one.pdf == other.pdf, "the documents differ");
    assert!(one.page == other.page, "the pages differ");
}

#[test]
fn other_authors_and_other_results_give_another_pdf() {
    let run = run();
    let before = made(run.path());
    assert!(report(run.path(), &[]).expect("a report").pdf != before.pdf);
    change(&run.path().join("summary.json"), |summary| {
        summary["claims"][0]["measured"] = json!("88.32 %");
    });
    assert!(made(run.path()).pdf != before.pdf);
}

#[test]
fn a_figure_that_had_no_room_is_told_where_it_would_be() {
    let run = run();
    let told = |page: &str| page.matches("This figure is not in the run").count();
    assert_eq!(told(&made(run.path()).page), 0);
    let gone = FIGURES.iter().flat_map(|(part, names)| names.iter().map(move |name| (part, name)));
    for (part, name) in gone {
        let figure = run.path().join(part).join("figures").join(format!("{name}.png"));
        fs::remove_file(figure).expect("a figure of the run");
    }
    // Two of them are shown only where they are.
    let all: usize = FIGURES.iter().map(|(_, names)| names.len()).sum();
    assert_eq!(told(&made(run.path()).page), all - 2);
}

#[test]
fn an_author_without_a_name_is_refused() {
    let run = run();
    let error = report(run.path(), &authors(&["Ada", " "])).expect_err("no report");
    assert!(matches!(error, Error::NoName), "{error}");
}

#[test]
fn what_is_optional_may_be_absent() {
    let run = run();
    change(&run.path().join("variants/summary.json"), |summary| {
        let fields = summary.as_object_mut().expect("an object");
        fields.remove("contrast");
        fields.remove("best");
        fields.insert("variants".into(), json!([]));
    });
    change(&run.path().join("landscape/summary.json"), |summary| {
        let fields = summary.as_object_mut().expect("an object");
        fields.retain(|key, _| !["paths", "null", "between_runs"].contains(&key.as_str()));
        fields.insert("explained_variance_ratio".into(), json!(null));
    });
    change(&run.path().join("manifest.json"), |manifest| {
        manifest["dataset"] = json!(null);
        manifest["git_commit"] = json!(null);
    });
    made(run.path());
}

#[test]
fn texts_of_the_run_stand_in_the_report_as_they_are() {
    let hostile =
        "*b* #panic(\"x\") $1/0$ @a <l> ]} \\ // </style></script><script>alert(1)</script>";
    let run = run();
    change(&run.path().join("variants/summary.json"), |summary| {
        for key in ["baseline", "contrast"] {
            summary[key]["name"] = json!(hostile);
        }
        summary["variants"][0]["name"] = json!(hostile);
        summary["contrast"]["variant"] = json!(format!("{hostile}\u{0}\u{1b}[2J\u{202e}\u{2066}"));
    });
    change(&run.path().join("summary.json"), |summary| {
        summary["claims"][0]["claim"] = json!(hostile);
    });
    change(&run.path().join("init/summary.json"), |summary| {
        summary["identities"][0]["statement"] = json!(hostile);
    });
    change(&run.path().join("tune/summary.json"), |summary| {
        summary["ranking"][0]["params"] = json!({ hostile: hostile });
        summary["best"]["params"] = json!({ hostile: 1 });
    });
    change(&run.path().join("landscape/summary.json"), |summary| {
        summary["runs"][0]["name"] = json!(hostile);
        summary["paths"][0]["from"] = json!(hostile);
    });
    change(&run.path().join("autoencoder/summary.json"), |summary| {
        summary["classes"][0]["class"] = json!(format!("{hostile}\u{202e}"));
    });
    let report = report(run.path(), &authors(&[hostile])).expect("a report");
    let text = text(&report.page);
    assert!(text.matches(hostile).count() >= 6, "{}", text.matches(hostile).count());
    assert!(text.contains(&format!("{hostile}??[2J??")));
    assert!(!report.page.contains("<script"), "a text became an element");
    check(&report.page);
}

#[test]
fn numbers_that_no_run_should_have_are_shown_all_the_same() {
    let run = run();
    change(&run.path().join("tune/retrained/summary.json"), |summary| {
        summary["test"] =
            json!({ "accuracy": -1e300, "cross_entropy": 1e308, "correct": 0, "total": 0 });
    });
    change(&run.path().join("init/summary.json"), |summary| {
        summary["identities"][0]["estimate"] = json!(-1e-300);
        summary["identities"][0]["standard_error"] = json!(5e-324);
    });
    made(run.path());
}

#[test]
fn the_page_is_whole_and_refers_to_nothing_but_itself_and_the_pages_beside_it() {
    let run = run();
    let page = made(run.path()).page;
    check(&page);
    assert!(page.contains("Content-Security-Policy") && page.contains("default-src 'none'"));
    for (name, value) in attributes(&page) {
        let beside = ["tune/tuning.html", "landscape/landscape.html"].contains(&value.as_str());
        let inside = value.starts_with('#') || value.starts_with("data:image/png;base64,");
        if ["src", "href"].contains(&name.as_str()) {
            assert!(beside || inside, "{name}={value}");
        }
        assert!(!name.starts_with("on"), "{name}={value}");
    }
    for url in page.split("url(").skip(1) {
        assert!(url.starts_with("data:font/otf;base64,") && url.len() > 1_000_000);
    }
}

#[test]
fn both_documents_are_written_in_place_of_the_old_ones() {
    let run = run();
    fs::write(run.path().join("report.pdf"), "old").expect("a file");
    let report = made(run.path());
    report.write(run.path()).expect("written");
    assert!(fs::read(run.path().join("report.pdf")).expect("a file") == report.pdf);
    assert!(fs::read(run.path().join("index.html")).expect("a file") == report.page.as_bytes());
    let names = fs::read_dir(run.path()).expect("a directory").flatten();
    assert!(
        !names.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().ends_with(".tmp"))
    );
}

/// The text of a page, without its elements.
fn text(page: &str) -> String {
    let body = page.split_once("</head>").map_or(page, |(_, body)| body);
    let mut text = String::new();
    for piece in body.split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_, after)| after));
    }
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&nbsp;", " "),
        ("\u{a0}", " "),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text, |text, (entity, meant)| text.replace(entity, meant))
}

/// The tags of a page, without `<` and `>`. Texts and attributes of ours have neither but as an entity.
fn tags(page: &str) -> impl Iterator<Item = &str> {
    page.split('<').skip(1).filter_map(|piece| Some(piece.split_once('>')?.0))
}

fn attributes(page: &str) -> Vec<(String, String)> {
    let of = |tag: &str| -> Vec<(String, String)> {
        let quoted: Vec<&str> = tag.split('"').collect();
        let name =
            |text: &str| text.trim().trim_end_matches('=').rsplit(' ').next().map(str::to_owned);
        quoted
            .chunks(2)
            .filter_map(|pair| Some((name(pair[0])?, (*pair.get(1)?).to_owned())))
            .collect()
    };
    tags(page).flat_map(of).collect()
}

/// Every element is closed, in order.
#[track_caller]
fn check(page: &str) {
    const VOID: [&str; 5] = ["meta", "img", "br", "hr", "link"];
    assert!(page.starts_with("<!DOCTYPE html>"));
    let mut open: Vec<&str> = Vec::new();
    for tag in tags(page).skip(1) {
        let name = tag.split([' ', '\n', '/']).find(|word| !word.is_empty()).unwrap_or_default();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "inside {open:?}");
        } else if !VOID.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
}
