use anyhow::Result;
use atelier_data::{Dataset, Loaded};
use serde_json::{Value, json};

use crate::cli::{DataArgs, DataVerb};
use crate::dataset;
use crate::failure::DONE;
use crate::terminal::{Align, Table, Terminal, one_line, significant, thousands};

/// `data fetch|verify|info`.
pub(crate) fn run(verb: &DataVerb) -> Result<u8> {
    match verb {
        DataVerb::Fetch(arguments) => {
            let terminal = Terminal::new(arguments.output);
            files(&dataset::load(&arguments.data, terminal)?, terminal)
        }
        DataVerb::Verify(arguments) => {
            let terminal = Terminal::new(arguments.output);
            files(&dataset::load_present(&arguments.data, terminal)?, terminal)
        }
        DataVerb::Info(arguments) => info(arguments),
    }
}

/// What was found, file by file.
fn files(loaded: &Loaded, terminal: Terminal) -> Result<u8> {
    let mut table =
        Table::new(&[("file", Align::Left), ("bytes", Align::Right), ("SHA-256", Align::Left)]);
    for (name, file) in &loaded.provenance.files {
        let bytes = usize::try_from(file.bytes).map_or_else(|_| file.bytes.to_string(), thousands);
        table.row([name.clone(), bytes, file.sha256.clone()]);
    }
    terminal.text(&format!("{}\n\n{table}", headline(loaded)))?;
    terminal.object(&described(loaded)?)?;
    Ok(DONE)
}

fn info(arguments: &DataArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let loaded = dataset::load_present(&arguments.data, terminal)?;
    terminal.text(&format!("{}\n\n{}", headline(&loaded), table(&loaded)))?;
    let train = &loaded.train;
    let (mean, deviation) = pixel_moments(train);
    terminal.text(&format!(
        "\nimages: {} x {}, one byte a pixel; of the training pixels / 255 the mean is {}, the \
         standard deviation {}",
        train.height(),
        train.width(),
        significant(mean),
        significant(deviation)
    ))?;

    let mut object = described(&loaded)?;
    object["height"] = json!(train.height());
    object["width"] = json!(train.width());
    object["classes"] = json!(loaded.class_names);
    object["train"] = json!({
        "examples": train.len(),
        "per_class": train.class_counts(),
        "pixel_mean": mean,
        "pixel_standard_deviation": deviation,
    });
    object["test"] = json!({
        "examples": loaded.test.len(),
        "per_class": loaded.test.class_counts(),
    });
    terminal.object(&object)?;
    Ok(DONE)
}

fn described(loaded: &Loaded) -> Result<Value> {
    let mut object = json!({ "schema_version": 1 });
    if let (Some(fields), Value::Object(provenance)) =
        (object.as_object_mut(), serde_json::to_value(&loaded.provenance)?)
    {
        fields.extend(provenance);
    }
    Ok(object)
}

fn headline(loaded: &Loaded) -> String {
    let known = &loaded.provenance;
    let pinned = if known.pinned { "every digest as pinned" } else { "not a pinned data set" };
    format!("{} from {}: {pinned}", known.name, one_line(&known.source))
}

/// The examples of each class.
pub(crate) fn table(loaded: &Loaded) -> Table {
    let mut table = Table::new(&[
        ("label", Align::Right),
        ("class", Align::Left),
        ("train", Align::Right),
        ("test", Align::Right),
    ]);
    let counts = loaded.train.class_counts().into_iter().zip(loaded.test.class_counts());
    for (label, (name, (train, test))) in loaded.class_names.iter().zip(counts).enumerate() {
        table.row([label.to_string(), name.clone(), thousands(train), thousands(test)]);
    }
    table.row(["", "all", &thousands(loaded.train.len()), &thousands(loaded.test.len())]);
    table
}

/// Mean and standard deviation of all pixels / 255.
fn pixel_moments(dataset: &Dataset) -> (f64, f64) {
    let mut histogram = [0_u64; 256];
    for &pixel in dataset.images() {
        histogram[usize::from(pixel)] += 1;
    }
    let moment = |power: i32| {
        let sum: f64 = histogram
            .iter()
            .enumerate()
            .map(|(pixel, &count)| count as f64 * (pixel as f64 / 255.0).powi(power))
            .sum();
        sum / dataset.images().len() as f64
    };
    let mean = moment(1);
    (mean, (moment(2) - mean * mean).max(0.0).sqrt())
}
