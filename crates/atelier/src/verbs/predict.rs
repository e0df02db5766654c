use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_data::FASHION_MNIST_CLASSES;
use serde_json::{Value, json};

use crate::cli::{ConfigFlags, Invert, PredictArgs};
use crate::experiment::saved::{SavedClassifier, newest};
use crate::experiment::seen::most_probable;
use crate::failure::{DONE, Help as _};
use crate::home;
use crate::picture::{Drawing, Fitted, Ground, Picture};
use crate::terminal::{Align, Table, Terminal, columns, percent};
use crate::verbs::runs::find;

/// Inputs of the networks that the names of Fashion-MNIST's classes are assumed for.
const PIXELS: usize = 28 * 28;
/// Columns between a picture and its table.
const GAP: &str = "    ";

/// What the network says of one image file.
struct Prediction<'a> {
    file: &'a Path,
    /// Columns and rows of the image.
    size: (usize, usize),
    ground: Option<Ground>,
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
    if arguments.invert == Invert::Auto && network.ground.is_none() {
        terminal.talk(
            "the network was trained on light and dark backgrounds: images are taken as they are",
        );
    }
    // All of them are read before anything is shown; of each only what the network takes is kept.
    let mut predictions = Vec::with_capacity(arguments.images.len());
    for file in &arguments.images {
        let picture = Picture::read(file)?;
        let ground = picture.corners().ground();
        let inverted = match arguments.invert {
            Invert::Auto => network.ground.zip(ground).is_some_and(|(own, found)| own != found),
            Invert::Never => false,
            Invert::Always => true,
        };
        let fitted = Fitted::new(&picture, network.image, inverted);
        let probabilities = network.probabilities(&fitted.pixels)?;
        let size = (picture.width, picture.height);
        predictions.push(Prediction { file, size, ground, fitted, probabilities });
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
        let mut lines = vec![String::new(), home::shown(self.file)];
        lines.extend(self.made());
        lines.extend(self.beside(drawing, &table, columns()));
        let trimmed: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        terminal.drawing(&trimmed.join("\n")).context("cannot show the prediction")
    }

    /// The input beside the table, or above it, or left out, by what fits into the columns.
    fn beside(&self, drawing: Drawing, table: &str, columns: usize) -> Vec<String> {
        let image = self.fitted.image.width;
        let mut table: Vec<String> = table.lines().map(str::to_string).collect();
        let wide = table.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        if image > columns {
            return table;
        }
        let mut picture = drawing.lines(&self.fitted);
        if image + GAP.len() + wide > columns {
            picture.append(&mut table);
            return picture;
        }
        let rows = picture.len().max(table.len());
        picture.resize(rows, " ".repeat(image));
        table.resize(rows, String::new());
        picture.into_iter().zip(table).map(|(left, right)| format!("{left}{GAP}{right}")).collect()
    }

    /// What was made of the image, line by line.
    fn made(&self) -> Vec<String> {
        let (from, by) = self.size;
        let (width, height) = (self.fitted.image.width, self.fitted.image.height);
        let mut made = vec![if (from, by) == (width, height) {
            format!("{from} x {by} pixels, taken as they are")
        } else {
            format!("{from} x {by} pixels, made {width} x {height}")
        }];
        if self.fitted.inverted {
            let background = match self.ground {
                Some(Ground::Light) => "the background is light: ",
                Some(Ground::Dark) => "the background is dark: ",
                None => "",
            };
            made.push(format!("{background}dark and light were exchanged"));
        }
        made
    }

    fn object(&self, classes: &[String]) -> Value {
        let said = most_probable(&self.probabilities);
        let rows: Vec<&[u8]> = self.fitted.pixels.chunks(self.fitted.image.width.max(1)).collect();
        json!({
            "file": self.file.display().to_string(),
            "width": self.size.0,
            "height": self.size.1,
            "inverted": self.fitted.inverted,
            "label": said,
            "class": classes[said],
            "probabilities": self.probabilities,
            "input": rows,
        })
    }
}
