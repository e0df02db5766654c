//! Files of the kept corpus, and names that mean harm, as a user meets them: a documented exit code, and nothing that
//! moves the terminal's cursor.

use std::fs;
use std::path::{Path, PathBuf};

use atelier_store::is_steering;

use crate::cli::{Output, atelier, temp_dir};
use crate::fixture::{Files, home_with_sample};

/// What a terminal, HTML and Typst would each obey, as a name of a file.
const MARKUP: &str =
    "\u{1b}[2J\u{1b}]0;x\u{7}<script>alert(1)<b>]]>#set$x$\u{9b}31m\u{202e}gnp\u{2066}\u{200f}";

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
    harmless_figures(&out);
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
