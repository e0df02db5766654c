//! `runs compare`: runs side by side.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use atelier_plot::Figure;
use atelier_store::{Manifest, create_dir_all, durable_write};
use serde_json::{Value, json};

use super::curves::{self, Curves};
use super::{entries, find, shown_whole, standing, summary};
use crate::cli::RunsCompareArgs;
use crate::failure::{DONE, Help as _};
use crate::home;
use crate::terminal::{Align, Table, Terminal, significant};

/// Texts that are longer are no results, such as the caption of a landscape.
const LONGEST_RESULT: usize = 32;
/// The names of the figure's files.
const FIGURE: &str = "comparison";

/// A run among those that are compared.
pub(super) struct Compared {
    /// How the run is called in tables and figures.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
    /// Of a run that has come to its end.
    pub(super) summary: Option<Value>,
}

/// A key and what each run has under it.
struct Row {
    key: String,
    values: Vec<Option<Value>>,
}

/// `runs compare`.
pub(super) fn run(arguments: &RunsCompareArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let runs = read(&arguments.runs)?;
    let (settings, results) = (settings(&runs), results(&runs));
    let curves = curves::of(&runs)?;

    let verbs: BTreeSet<&str> = runs.iter().map(|run| run.manifest.verb.as_str()).collect();
    if verbs.len() > 1 {
        let verbs: Vec<&str> = verbs.into_iter().collect();
        terminal.talk(&format!(
            "runs of different verbs ({}): what only some of them have is left out",
            verbs.join(", ")
        ));
    }
    for run in runs.iter().filter(|run| run.summary.is_none()) {
        let status = run.manifest.status.word();
        terminal.talk(&format!("{} is {status} and has no results", run.name));
    }
    let mut text = match settings.as_slice() {
        [] => "no setting differs\n".to_string(),
        differing => table("setting", differing, &runs, false).to_string(),
    };
    if !results.is_empty() {
        text = format!("{text}\n{}", table("result", &results, &runs, runs.len() == 2));
    }
    let files = match &curves {
        Curves::Drawn(figure) => Some(write(figure, arguments.out.as_deref())?),
        Curves::None(_) => None,
    };
    match (&curves, &files) {
        (_, Some([png, _])) => text = format!("{text}\nfigure: {}", home::shown(png)),
        (Curves::None(why), _) => terminal.talk(&format!("no figure: {why}")),
        _ => {}
    }
    terminal.text(&text)?;
    let objects = |rows: Vec<Row>| -> Vec<Value> {
        rows.into_iter().map(|row| json!({ "key": row.key, "values": row.values })).collect()
    };
    terminal.object(&json!({
        "schema_version": 1,
        "runs": runs.iter().map(|run| json!({
            "name": run.name,
            "path": shown_whole(&run.path),
            "verb": run.manifest.verb,
            "status": run.manifest.status.word(),
        })).collect::<Vec<Value>>(),
        "settings": objects(settings),
        "results": objects(results),
        "figures": files.iter().flatten().map(|file| shown_whole(file)).collect::<Vec<String>>(),
    }))?;
    Ok(DONE)
}

fn read(names: &[PathBuf]) -> Result<Vec<Compared>> {
    let mut runs: Vec<Compared> = Vec::new();
    for name in names {
        let path = find(name)?;
        let same = |run: &&Compared| {
            fs::canonicalize(&run.path)
                .ok()
                .zip(fs::canonicalize(&path).ok())
                .is_some_and(|(a, b)| a == b)
        };
        if runs.iter().any(|run| same(&run)) {
            return Err(anyhow!("{} is named twice", name.display()))
                .help(|| "name different runs".to_string());
        }
        let mut manifest = Manifest::read(&path.join("manifest.json"))?;
        manifest.status = standing(&path, &manifest);
        let summary = summary(&path)?;
        runs.push(Compared { name: String::new(), path, manifest, summary });
    }
    let names = short_names(&runs.iter().map(|run| run.path.as_path()).collect::<Vec<_>>());
    for (run, name) in runs.iter_mut().zip(names) {
        run.name = name;
    }
    Ok(runs)
}

/// The last parts of paths, as many of them as make all names different.
fn short_names(paths: &[&Path]) -> Vec<String> {
    let tail = |path: &Path, n: usize| {
        let parts: Vec<String> =
            path.components().map(|part| part.as_os_str().display().to_string()).collect();
        parts[parts.len().saturating_sub(n)..].join("/")
    };
    let longest = paths.iter().map(|path| path.components().count()).max().unwrap_or(1);
    let names = |n| paths.iter().map(|path| tail(path, n)).collect::<Vec<String>>();
    let differ = |names: &Vec<String>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    (1..longest).map(names).find(differ).unwrap_or_else(|| names(longest))
}

/// Settings, data and machine, where they differ.
fn settings(runs: &[Compared]) -> Vec<Row> {
    let of = |run: &Compared| {
        let manifest = &run.manifest;
        let data = manifest.dataset.as_ref();
        let mut found = vec![
            ("verb".to_string(), json!(manifest.verb)),
            ("data".to_string(), json!(data.map(|data| &data.name))),
            ("data files".to_string(), json!(data.map(|data| &data.files))),
            ("device".to_string(), json!(manifest.device)),
            ("threads".to_string(), json!(manifest.threads)),
            ("program".to_string(), json!(manifest.program.version)),
            ("commit".to_string(), json!(manifest.git_commit)),
        ];
        found.extend(values(&manifest.config, &|_| true));
        found
    };
    let all = rows(runs, of);
    let mut differing: Vec<Row> = all
        .into_iter()
        .filter(|row| row.values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect();
    for row in differing.iter_mut().filter(|row| row.key == "data files") {
        // Four digests are no cell of a table.
        for (position, value) in row.values.iter_mut().enumerate() {
            *value = Some(json!(format!("files {}", position + 1)));
        }
    }
    differing
}

/// Single values of the summaries.
fn results(runs: &[Compared]) -> Vec<Row> {
    rows(runs, |run| {
        let Some(summary) = &run.summary else { return Vec::new() };
        // What the run is, and what its data are.
        let about = ["schema_version", "verb", "seed", "config", "image", "backgrounds"];
        let mut found = values(summary, &|key| !about.contains(&key));
        found.retain(|(key, value)| {
            let long = |text: &str| text.chars().count() > LONGEST_RESULT;
            key != "test.total" && !value.is_array() && !value.as_str().is_some_and(long)
        });
        found
    })
}

/// One row for each key that any of the runs has, or all of them where they are of different verbs;
/// in the order in which the keys first come.
fn rows(runs: &[Compared], of: impl Fn(&Compared) -> Vec<(String, Value)>) -> Vec<Row> {
    let found: Vec<Vec<(String, Value)>> = runs.iter().map(of).collect();
    let same_verb = runs.windows(2).all(|pair| pair[0].manifest.verb == pair[1].manifest.verb);
    let mut rows: Vec<Row> = Vec::new();
    for (key, _) in found.iter().flatten() {
        if rows.iter().any(|row| row.key == *key) {
            continue;
        }
        let value = |of: &Vec<(String, Value)>| {
            of.iter().find(|(own, _)| own == key).map(|(_, value)| value.clone())
        };
        let values: Vec<Option<Value>> = found.iter().map(value).collect();
        if same_verb || values.iter().all(Option::is_some) {
            rows.push(Row { key: key.clone(), values });
        }
    }
    rows
}

/// The single values and the lists below an object by their dotted paths; `enters` says which fields
/// are looked at.
fn values(value: &Value, enters: &dyn Fn(&str) -> bool) -> Vec<(String, Value)> {
    let Value::Object(fields) = value else { return Vec::new() };
    let mut found = Vec::new();
    for (key, inner) in fields.iter().filter(|(key, _)| enters(key)) {
        if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
            let below = values(inner, enters).into_iter();
            found.extend(below.map(|(path, value)| (format!("{key}.{path}"), value)));
        } else {
            found.push((key.clone(), inner.clone()));
        }
    }
    found
}

/// The rows with a column for each run, and one for the difference of two.
fn table(title: &str, rows: &[Row], runs: &[Compared], difference: bool) -> Table {
    let mut columns = vec![(title, Align::Left)];
    columns.extend(runs.iter().map(|run| (run.name.as_str(), Align::Right)));
    if difference {
        columns.push(("difference", Align::Right));
    }
    let mut table = Table::new(&columns);
    for row in rows {
        let mut cells = vec![row.key.clone()];
        cells.extend(row.values.iter().map(|value| value.as_ref().map_or("-".to_string(), cell)));
        if let ([Some(a), Some(b)], true) = (row.values.as_slice(), difference) {
            cells.push(difference_of(a, b));
        }
        table.row(cells);
    }
    table
}

/// What the second number is more than the first; nothing of what are no numbers.
fn difference_of(a: &Value, b: &Value) -> String {
    let sign = |above: bool| if above { "+" } else { "" };
    let whole = |value: &Value| value.as_number().and_then(serde_json::Number::as_i128);
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return format!("{}{}", sign(b > a), b - a);
    }
    let less = a.as_f64().zip(b.as_f64()).map(|(a, b)| b - a);
    less.map_or(String::new(), |less| format!("{}{}", sign(less > 0.0), significant(less)))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            significant(number.as_f64().unwrap_or(f64::NAN))
        }
        Value::Array(list)
            if list.len() > 8 || list.iter().any(|v| v.is_object() || v.is_array()) =>
        {
            entries(list.len())
        }
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(cell).collect();
            format!("[{}]", parts.join(", "))
        }
        other => other.to_string(),
    }
}

/// Writes both forms of the figure: into a directory that the user named, where none is replaced, or
/// into the one that holds the last comparison.
fn write(figure: &Figure, out: Option<&Path>) -> Result<[PathBuf; 2]> {
    let directory = out.map_or_else(|| home::runs().join(FIGURE), Path::to_path_buf);
    let files = ["png", "svg"].map(|form| directory.join(format!("{FIGURE}.{form}")));
    if out.is_some()
        && let Some(there) = files.iter().find(|file| file.symlink_metadata().is_ok())
    {
        return Err(anyhow!("{} is there already", there.display()))
            .help(|| "name another directory with --out, or take the file away".to_string());
    }
    // Without --out it holds the last comparison, and nothing else.
    if out.is_none() && (directory.is_symlink() || directory.join("manifest.json").exists()) {
        let what = if directory.is_symlink() { "a link" } else { "a run" };
        return Err(anyhow!("{} is {what}, and comparisons go there", home::shown(&directory)))
            .help(|| "name another directory with --out".to_string());
    }
    create_dir_all(&directory)?;
    durable_write(&files[0], &figure.png)?;
    durable_write(&files[1], figure.svg.as_bytes())?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_short_as_they_can_be_and_still_differ() {
        let names = |paths: &[&str]| {
            short_names(&paths.iter().map(|path| Path::new(*path)).collect::<Vec<_>>())
        };
        assert_eq!(names(&["runs/train-0001", "runs/train-0002"]), ["train-0001", "train-0002"]);
        assert_eq!(names(&["a/x/train", "a/y/train"]), ["x/train", "y/train"]);
        assert_eq!(names(&["x", "b/x"]), ["x", "b/x"]);
    }

    #[test]
    fn values_are_listed_by_their_paths_and_fields_can_be_left_out() {
        let summary = json!({ "a": { "b": 1, "config": { "c": 2 } }, "d": [3], "e": {} });
        let found = values(&summary, &|key| key != "config");
        let expected = [("a.b", json!(1)), ("d", json!([3])), ("e", json!({}))];
        assert_eq!(found, expected.map(|(key, value)| (key.to_string(), value)));
    }

    #[test]
    fn differences_of_counts_are_counts_and_have_a_sign() {
        for (a, b, told) in [
            (json!(75), json!(39), "-36"),
            (json!(1), json!(173_359), "+173358"),
            (json!(3), json!(3), "0"),
            (json!(0.5), json!(0.25), "-0.2500"),
            (json!(1), json!(1.5), "+0.5000"),
            (json!("sgd"), json!("adam"), ""),
        ] {
            assert_eq!(difference_of(&a, &b), told, "{a} and {b}");
        }
    }
}
