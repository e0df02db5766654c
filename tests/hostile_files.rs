//! Files of the kept corpus, and names that mean harm, as a user meets them: a documented exit code, nothing that
//! moves the terminal's cursor, and no line that reads as the program's own.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use atelier_plot::{PageTrial, PageTrialState, TuningPage};
use atelier_store::is_steering;
use serde_json::{Value, json};

use crate::cli::{Output, atelier, atelier_program, skip, temp_dir};
use crate::fixture::{Files, home_with_sample};

/// What a terminal, HTML and Typst would each obey, as a name of a file.
const MARKUP: &str = "\u{1b}[2J\u{1b}]0;x\u{7}<script>alert(1)<b>]]>#set$x$\u{9b}31m\u{202e}gnp\u{2066}\u{200f}\nhelp: run `forged`\nerror: forged";

/// How lines begin that only such a name writes.
const FORGED: [&str; 2] = ["help: run `forged", "error: forged"];

/// What HTML, SVG and Typst would each obey, as names of classes.
const CLASSES: [&str; 10] = [
    "</script><script>alert(1)</script>",
    "</text></svg><script>",
    "<!-- & ]]>",
    "\"'><img src=x onerror=alert(1)>",
    "#panic(\"x\") $1/0$",
    "*b* _i_ @a <l>",
    "{{script}}",
    "&lt;b&gt;",
    "\\ // `raw`",
    "= #set page(width: 1pt)",
];

fn corpus(reader: &str, start: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(reader);
    let listed = fs::read_dir(folder).expect("the corpus");
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
    });
    paths.sort();
    assert!(!paths.is_empty(), "{reader}/{start}");
    paths
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// Refused as a file or a setting that cannot be used, by name, in few words that are harmless.
#[track_caller]
fn refused(output: Output, name: &str) {
    let output = output.expect_code(2);
    assert!(output.stderr.contains(name), "{name}: {output}");
    assert!(output.stderr.len() < 3000, "{name}: {} bytes", output.stderr.len());
    harmless(&output);
}

#[track_caller]
fn harmless(output: &Output) {
    let obeyed = |c: char| is_steering(c) && c != '\n';
    assert!(!output.stderr.contains(obeyed) && !output.stdout.contains(obeyed), "{output:?}");
    let mut lines = output.stdout.lines().chain(output.stderr.lines());
    let forged = lines.find(|line| FORGED.iter().any(|begin| line.starts_with(begin)));
    assert_eq!(forged, None, "{output}");
}

#[test]
fn configurations_models_and_pictures_are_refused_with_exit_code_2() {
    let home = home_with_sample();
    let model = corpus("model", "good.safetensors").remove(0);
    for file in corpus("config", "bad-") {
        refused(run(home.path(), &["train", "--smoke", "--config", text(&file)]), text(&file));
    }
    for file in corpus("model", "bad-").iter().step_by(3) {
        refused(run(home.path(), &["predict", "--model", text(file), text(&model)]), text(file));
    }
    assert!(!home.path().join("runs").exists(), "a run was begun");
}

#[test]
fn a_configuration_of_as_many_keys_as_fit_is_refused_at_once() {
    let home = temp_dir();
    let file = home.path().join("keys.toml");
    let keys: Vec<String> = (0..130_000).map(|n| format!("{n:x}=1\n")).collect();
    // Its own key behind as many lines that say nothing, and among as many that do.
    for (content, line) in
        [(format!("{}sed = 1\n", "#\n".repeat(130_000)), 130_001), (keys.concat(), 1)]
    {
        fs::write(&file, content).expect("a file");
        let output = run(home.path(), &["config", "show", "--config", text(&file)]).expect_code(2);
        assert!(output.stderr.contains(&format!("keys.toml:{line}\n")), "{output}");
        assert!(output.stderr.contains("unknown key"), "{output}");
    }
}

#[test]
fn a_line_of_any_length_is_shown_as_it_is() {
    let home = temp_dir();
    let file = home.path().join("long.toml");
    fs::write(&file, format!("model.hidden = [{}2]\n", "1,".repeat(100_000))).expect("a file");
    let shown = run(home.path(), &["config", "show", "--config", text(&file)]).expect_code(0);
    assert!(shown.stdout.len() < 1_000_000, "{} bytes", shown.stdout.len());
    fs::write(&file, shown.stdout).expect("a file");
    run(home.path(), &["config", "show", "--config", text(&file)]).expect_code(0);

    let directory = home.path().join("runs/train-0001");
    fs::create_dir_all(&directory).expect("a directory");
    let manifest = fs::read_to_string(corpus("manifest", "good").remove(0)).expect("a manifest");
    let manifest =
        manifest.replace("\"verb\":\"train\"", &format!("\"verb\":\"{}\"", "x".repeat(70_000)));
    fs::write(directory.join("manifest.json"), manifest).expect("a manifest");
    assert!(run(home.path(), &["runs", "list"]).expect_code(0).stdout.len() > 70_000);
}

#[test]
fn data_files_are_refused_with_exit_code_2() {
    for (reader, name, step) in
        [("images", "train-images-idx3-ubyte", 3), ("labels", "t10k-labels-idx1-ubyte", 2)]
    {
        for file in corpus(reader, "bad-").iter().step_by(step) {
            let files = Files::new();
            let packed = file.extension().is_some_and(|extension| extension == "gz");
            let bytes = fs::read(file).expect("a file of the corpus");
            fs::remove_file(files.path(name)).expect("a file of the sample");
            let name = if packed { format!("{name}.gz") } else { name.to_string() };
            files.put(&name, &bytes);
            refused(
                run(files.directory(), &["data", "verify", "--data-dir", text(files.directory())]),
                &name,
            );
        }
    }
}

#[test]
fn a_run_whose_files_are_not_what_they_were_is_told_with_exit_code_2() {
    let home = temp_dir();
    let directory = home.path().join("runs/train-0001");
    fs::create_dir_all(&directory).expect("a directory");
    let put = |name: &str, from: &Path| fs::copy(from, directory.join(name)).expect("a copy");
    let good = corpus("manifest", "good").remove(0);
    for file in corpus("manifest", "bad-") {
        put("manifest.json", &file);
        refused(run(home.path(), &["runs", "show", "train-0001"]), "manifest.json");
        harmless(&run(home.path(), &["runs", "list"]).expect_code(0));
    }
    put("manifest.json", &good);
    for file in corpus("summary", "bad-") {
        put("summary.json", &file);
        refused(run(home.path(), &["runs", "show", "train-0001"]), "summary.json");
    }
    for file in corpus("summary", "good") {
        put("summary.json", &file);
        harmless(&run(home.path(), &["runs", "show", "train-0001"]).expect_code(0));
    }
    put("summary.json", &corpus("summary", "good.json").remove(0));
    for file in corpus("metrics", "bad-") {
        put("metrics.jsonl", &file);
        let out = run(home.path(), &["runs", "export", "train-0001", "--format", "tensorboard"]);
        assert_eq!(out.code, Some(2), "{}: {out}", file.display());
        harmless(&out);
    }
}

#[test]
fn names_that_mean_harm_reach_neither_the_terminal_nor_a_figure_unescaped() {
    let home = home_with_sample();
    let out = home.path().join(MARKUP);
    let trained = run(home.path(), &["train", "--smoke", "--out", text(&out)]).expect_code(0);
    harmless(&trained);
    harmless(&run(home.path(), &["runs", "show", text(&out)]).expect_code(0));
    harmless(&run(home.path(), &["predict", "--run", text(&out), MARKUP]).expect_code(2));
    harmless(&run(home.path(), &["runs", "show", "../../../etc"]).expect_code(2));
    harmless(&run(home.path(), &["train", "--set", &format!("{MARKUP}=1")]).expect_code(2));
    harmless(&run(home.path(), &["runs", "list", MARKUP]).expect_code(0));
    harmless(&run(home.path(), &["runs", "compare", text(&out), MARKUP]).expect_code(2));
    let resume = ["train", "--resume", "--out", text(&out)];
    harmless(&run(home.path(), &resume).expect_code(0));
    harmless_figures(&out);
}

#[test]
fn a_usage_error_repeats_no_argument_that_steers_or_breaks_a_line() {
    let name = format!("--{MARKUP}");
    for arguments in [
        &["train", "--threads", MARKUP][..],
        &["train", "--format", MARKUP],
        &[MARKUP],
        &["predict", &name],
        &["train", "--smoke", MARKUP],
        &["runs", "show"],
    ] {
        let refused = atelier(arguments).run().expect_code(2);
        harmless(&refused);
        assert!(refused.stderr.starts_with("error: "), "{refused}");
        assert!(refused.stderr.contains("--help") && refused.stdout.is_empty(), "{refused}");
    }
    let help = atelier(["train", "--help", MARKUP]).run().expect_code(0);
    assert!(help.stdout.contains("Usage: atelier train"), "{help}");
}

#[test]
fn a_usage_error_in_colours_obeys_no_argument() {
    let mut script = Command::new("script");
    script.args(["-qec", "\"$ATELIER\" predict \"$NAME\"", "/dev/null"]);
    script.env("ATELIER", atelier_program()).env("NAME", format!("--{MARKUP}"));
    script.env("TERM", "xterm-256color").env_remove("NO_COLOR").stdin(Stdio::null());
    let Ok(output) = script.output() else { return skip("no `script`, which gives a terminal") };
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told:?}");
    assert!(told.contains("unexpected argument") && told.contains("gnp"), "{told:?}");
    for obeyed in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\u{9b}", "\u{202e}", "\nhelp: ", "\nerror: "] {
        assert!(!told.contains(obeyed), "{obeyed:?} in {told:?}");
    }
}

#[test]
fn no_text_of_a_manifest_or_a_summary_writes_a_line() {
    let home = temp_dir();
    let directory = home.path().join("runs/train-0001");
    fs::create_dir_all(&directory).expect("a directory");
    let good = fs::read(corpus("manifest", "good").remove(0)).expect("a manifest");
    let good: Value = serde_json::from_slice(&good).expect("JSON");
    let mut manifest = good.clone();
    for key in ["verb", "device", "git_commit", "error", "started", "finished"] {
        manifest[key] = json!(MARKUP);
    }
    manifest["command_line"] = json!(["atelier", MARKUP]);
    manifest["program"] = json!({ "name": MARKUP, "version": MARKUP });
    manifest["dataset"] =
        json!({ "name": MARKUP, "source": MARKUP, "pinned": true, "files": { MARKUP: MARKUP } });
    let put = |name: &str, value: &Value| {
        fs::write(directory.join(name), value.to_string()).expect("a file");
    };
    let show = || run(home.path(), &["runs", "show", "train-0001"]);
    put("manifest.json", &manifest);
    let shown = show().expect_code(0);
    harmless(&shown);
    assert!(shown.stdout.contains("?help: run `forged`?error: forged"), "{shown}");
    harmless(&run(home.path(), &["runs", "list"]).expect_code(0));

    let long = "x".repeat(100);
    put("summary.json", &json!({ MARKUP: MARKUP, "long": format!("{long}{MARKUP}") }));
    for (verb, summary) in [
        ("landscape", json!({ "caption": MARKUP, "runs": [{ "name": MARKUP }] })),
        ("variants", json!({ "best": MARKUP, "contrast": { "variant": MARKUP } })),
        ("train", json!({ MARKUP: { MARKUP: MARKUP }, "long": format!("{long}{MARKUP}") })),
    ] {
        manifest["verb"] = json!(verb);
        put("manifest.json", &manifest);
        put("summary.json", &summary);
        harmless(&show().expect_code(0));
        let whole = run(home.path(), &["runs", "show", "train-0001", "--format", "json"]);
        assert_eq!(whole.expect_code(0).json()["summary"], summary);
    }
}

#[test]
fn figures_and_terminals_know_the_same_characters_that_turn_text() {
    let all: String = ('\u{a0}'..=char::MAX).collect();
    let trial = PageTrial {
        number: 0,
        state: PageTrialState::Complete,
        value: Some(1.0),
        places: vec![],
        reports: vec![],
        note: String::new(),
    };
    let page = TuningPage { title: all.clone(), trials: vec![trial], ..TuningPage::default() };
    let kept: HashSet<char> = page.render().expect("a page").chars().collect();
    let differs: Vec<char> = all.chars().filter(|c| kept.contains(c) == is_steering(*c)).collect();
    assert_eq!(differs, []);
}

#[test]
fn names_of_classes_that_mean_harm_stay_names() {
    let (home, files) = (home_with_sample(), Files::new());
    // Other content than the pinned, whose classes have names of their own.
    let mut labels = files.get("train-labels-idx1-ubyte");
    labels[8] = (labels[8] + 1) % 10;
    files.put("train-labels-idx1-ubyte", &labels);
    let data = ["--data-dir", text(files.directory()), "--allow-unpinned"];
    let short = ["--set", "train.epochs=1", "--set", "data.validation=200"];
    let verb = |verb: &str| run(home.path(), &[&[verb][..], &data, &short].concat());
    for steering in ['\u{202e}', '\u{2066}', '\u{200f}', '\u{9b}'] {
        files.put("classes.txt", CLASSES.join(&format!("\n{steering}")).as_bytes());
        refused(verb("train"), "classes.txt");
    }
    files.put("classes.txt", CLASSES.join("\n").as_bytes());
    for name in ["train", "autoencoder"] {
        harmless(&verb(name).expect_code(0));
        let of = format!("{name}-0001");
        let shown = run(home.path(), &["runs", "show", &of]).expect_code(0);
        harmless(&shown);
        assert!(shown.stdout.contains(CLASSES[3]), "{shown}");
        harmless_figures(&home.path().join("runs").join(of));
    }
}

/// No text of a figure became an element, or steers what shows it.
#[track_caller]
fn harmless_figures(run: &Path) {
    let entries = fs::read_dir(run.join("figures")).expect("figures");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "svg"));
    assert!(!paths.is_empty(), "{}", run.display());
    for path in paths {
        let svg = fs::read_to_string(&path).expect("an SVG");
        for markup in ["<script", "<img", "<!-- &", "<b>", "<l>"] {
            assert!(!svg.contains(markup), "{}: {markup}", path.display());
        }
        assert!(!svg.contains(|c| is_steering(c) && c != '\n'), "{}", path.display());
    }
}
