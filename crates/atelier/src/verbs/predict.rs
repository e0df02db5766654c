use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_data::FASHION_MNIST_CLASSES;
use serde_json::{Value, json};

use crate::cli::{ConfigFlags, PredictArgs};
use crate::experiment::saved::{SavedClassifier, newest};
use crate::experiment::seen::most_probable;
use crate::failure::{DONE, Help as _};
use crate::home;
use crate::picture::{Drawing, Fitted, Picture};
use crate::terminal::{Align, Table, Terminal, percent, plain};
use crate::verbs::runs::find;

/// Inputs of the networks that the names of Fashion-MNIST's classes are assumed for.
const PIXELS: usize = 28 * 28;
/// Columns between a picture and its table.
const GAP: &str = "    ";

/// What the network says of one image file.
struct Prediction<'a> {
    file: &'a Path,
    picture: Picture,
    fitted: Fitted,
    probabilities: Vec<f64>,
}

/// `predict`.
pub(crate) fn run(arguments: &PredictArgs) -> Result<u8> {
    let terminal = Terminal::new(arguments.output);
    let network = match (&arguments.model, &arguments.run) {
        (Some(file), _) => SavedClassifier::of_file(file, &arguments.config)?,
        (None, run) => {
            refuse_settings(&arguments.config)?;
            let path = run.as_deref().map_or_else(newest, find)?;
            SavedClassifier::of_run(&path)?
        }
    };
    let classes = classes(&network, terminal);
    // All of them are read before anything is shown.
    let read = |file: &'_ Path| -> Result<(Picture, Fitted)> {
        let picture = Picture::read(file)?;
        let fitted = Fitted::new(&picture, network.image);
        Ok((picture, fitted))
    };
    let mut predictions = Vec::with_capacity(arguments.images.len());
    for file in &arguments.images {
        let (picture, fitted) = read(file)?;
        let probabilities = network.probabilities(&fitted.pixels)?;
        predictions.push(Prediction { file, picture, fitted, probabilities });
    }

    terminal.talk(&format!("network: {}", home::shown(&network.file)));
    let drawing = Drawing::of_stdout();
    for prediction in &predictions {
        prediction.show(&classes, drawing, terminal)?;
    }
    let objects: Vec<Value> = predictions.iter().map(|of| of.object(&classes)).collect();
    terminal.object(&json!({
        "schema_version": 1,
        "model": network.file.display().to_string(),
        "image": network.image,
        "classes": classes,
        "predictions": objects,
    }))?;
    Ok(DONE)
}

/// The network of a run is the one that it trained.
fn refuse_settings(flags: &ConfigFlags) -> Result<()> {
    let ConfigFlags { preset, config, set, seed } = flags;
    if preset.is_none() && config.is_none() && set.is_empty() && seed.is_none() {
        return Ok(());
    }
    Err(anyhow::anyhow!("the network of a run has the run's own configuration")).help(|| {
        "leave out --preset, --config, --set and --seed, or give a file with --model".to_string()
    })
}

/// The names of the classes; those of Fashion-MNIST where a file does not say and it may be, else
/// numbers.
fn classes(network: &SavedClassifier, terminal: Terminal) -> Vec<String> {
    if let Some(classes) = &network.classes {
        return classes.clone();
    }
    let (inputs, outputs) = (network.image.height * network.image.width, network.outputs());
    if (inputs, outputs) == (PIXELS, FASHION_MNIST_CLASSES.len()) {
        terminal.talk("the file names no classes: those of Fashion-MNIST are taken");
        return FASHION_MNIST_CLASSES.map(str::to_string).to_vec();
    }
    (0..outputs).map(|class| class.to_string()).collect()
}

impl Prediction<'_> {
    /// The input beside the probabilities, most probable first.
    fn show(&self, classes: &[String], drawing: Drawing, terminal: Terminal) -> Result<()> {
        let mut order: Vec<usize> = (0..self.probabilities.len()).collect();
        // The sort is stable: equal probabilities stay in the order of the classes.
        order.sort_by(|&a, &b| self.probabilities[b].total_cmp(&self.probabilities[a]));
        let mut table = Table::new(&[("class", Align::Left), ("probability", Align::Right)]);
        for class in order {
            table.row([classes[class].clone(), percent(self.probabilities[class])]);
        }
        let table = table.to_string();
        let picture = drawing.lines(&self.fitted);
        let (image, wide) = (self.fitted.image, " ".repeat(self.fitted.image.width));
        let file = plain(&home::shown(self.file));
        let made = self.made(image.width, image.height);
        let mut lines = vec![format!("\n{file}: {made}")];
        let mut beside = table.lines();
        let mut drawn = picture.iter();
        loop {
            let (left, right) = (drawn.next(), beside.next());
            if left.is_none() && right.is_none() {
                break;
            }
            let left = left.unwrap_or(&wide);
            match right {
                Some(right) => lines.push(format!("{left}{GAP}{right}")),
                None => lines.push(left.clone()),
            }
        }
        terminal.drawing(&lines.join("\n")).context("cannot show the prediction")
    }

    /// What was made of the image.
    fn made(&self, width: usize, height: usize) -> String {
        let Picture { width: from, height: by, .. } = self.picture;
        let size = if (from, by) == (width, height) {
            format!("{from} x {by} pixels, taken as they are")
        } else {
            format!("{from} x {by} pixels, made {width} x {height}")
        };
        let inverted = if self.fitted.inverted {
            "; the background is light, so dark and light were exchanged"
        } else {
            ""
        };
        format!("{size}{inverted}")
    }

    fn object(&self, classes: &[String]) -> Value {
        let said = most_probable(&self.probabilities);
        let rows: Vec<&[u8]> = self.fitted.pixels.chunks(self.fitted.image.width.max(1)).collect();
        json!({
            "file": self.file.display().to_string(),
            "width": self.picture.width,
            "height": self.picture.height,
            "inverted": self.fitted.inverted,
            "label": said,
            "class": classes[said],
            "probabilities": self.probabilities,
            "input": rows,
        })
    }
}
