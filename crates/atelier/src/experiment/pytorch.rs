//! `load.py`: the few lines of Python that build a run's network and load its weights.

use std::fmt::Write as _;

use atelier_models::Layer;

/// The file in a run directory.
pub(crate) const FILE: &str = "load.py";

/// A module that loads `model.safetensors` beside it. `layers` are those of one or more sequences, in
/// the order in which they are applied; `dropout` is the probability of dropout modules.
pub(crate) fn loader(layers: &[&Layer], inputs: usize, dropout: f64) -> String {
    let sequences: Vec<&[&Layer]> = layers.chunk_by(|a, b| sequence(a) == sequence(b)).collect();
    let (mut width, mut built, mut applied) = (inputs, String::new(), "x".to_string());
    // Writing into a String cannot fail, so the results of `write!` are dropped in this function.
    for layers in &sequences {
        let name = layers.first().map_or("", |layer| sequence(layer));
        let _ = writeln!(built, "        self.{name} = nn.Sequential(");
        for layer in *layers {
            let _ = writeln!(built, "            {},", module(layer, width, dropout));
            width = layer.outputs;
        }
        built.push_str("        )\n");
        applied = format!("self.{name}({applied})");
    }
    let classifies = sequences.len() == 1;
    let (files, counts, output, test) = if classifies {
        let output = format!("logits (batch, {width})");
        ("IMAGES LABELS", 3, output, CLASSIFIED)
    } else {
        ("IMAGES", 2, format!("reconstructions (batch, {width})"), RECONSTRUCTED)
    };
    let back = if classifies { GIVEN_BACK } else { "" };
    format!(
        r#""""The network of this run in PyTorch; needs the packages torch, numpy and safetensors.

usage: python load.py [{files}]

Without files it loads the weights; with IDX files (packed by gzip or not) or NPY files it also measures on them.
In a program: `from load import load`.
{back}"""

import gzip
import pathlib
import sys

import numpy
import torch
from safetensors.torch import load_file
from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
{built}
    def forward(self, x):
        """Pixels in [0, 1], (batch, {inputs}), to {output}."""
        return {applied}


def load():
    network = Network()
    weights = load_file(pathlib.Path(__file__).parent / "model.safetensors")
    network.load_state_dict(weights, strict=True)
    return network.eval()


def read(path):
    """The content of an IDX or NPY file, one row for each example; floats up to 1 become bytes."""
    data = pathlib.Path(path).read_bytes()
    if data[:6] == b"\x93NUMPY":
        values = numpy.load(path)
        values = numpy.rint(values * 255) if values.dtype.kind == "f" and values.max() <= 1 else values
        return torch.from_numpy(values.astype(numpy.int64)).reshape(len(values), -1)
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    values = torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=4 + 4 * data[3])
    return values.reshape(int.from_bytes(data[4:8], "big"), -1)


if __name__ == "__main__":
    network = load()
    print(f"{{sum(p.numel() for p in network.parameters())}} parameters")
    if len(sys.argv) == {counts}:
        images = read(sys.argv[1]) / 255.0
        with torch.no_grad():
            output = network(images)
{test}"#
    )
}

const CLASSIFIED: &str = r#"        labels = read(sys.argv[2]).flatten()
        correct = int((output.argmax(1) == labels).sum())
        print(f"accuracy: {correct / len(labels):.4f} ({correct} of {len(labels)})")
"#;

const RECONSTRUCTED: &str = r#"        print(f"mean squared error: {((output - images) ** 2).mean():.5f}")
"#;

const GIVEN_BACK: &str = r#"
Weights of the same network go the other way too: what
`safetensors.torch.save_file(network.state_dict(), "mine.safetensors")` writes is tested by
`atelier train --config config.toml --evaluate mine.safetensors`, and training begins from it with `--from`.
"#;

/// The name of the sequence that a layer is in: `net` of `net.0`.
fn sequence(layer: &Layer) -> &str {
    layer.name.split_once('.').map_or(layer.name.as_str(), |(sequence, _)| sequence)
}

/// The call that makes the module, of so many inputs.
fn module(layer: &Layer, inputs: usize, dropout: f64) -> String {
    let arguments = match layer.module() {
        "Linear" => format!("{inputs}, {}", layer.outputs),
        "BatchNorm1d" => layer.outputs.to_string(),
        "Dropout" => dropout.to_string(),
        _ => String::new(),
    };
    format!("nn.{}({arguments})", layer.module())
}

#[cfg(test)]
mod tests {
    use atelier_models::{Activation, Classifier, ModelConfig};
    use candle_core::Device;

    use super::*;

    #[test]
    fn every_module_is_built_with_its_own_arguments_and_in_its_order() {
        let config = ModelConfig {
            hidden: vec![20, 30],
            activation: Activation::Prelu,
            batch_norm: true,
            dropout: 0.25,
            ..ModelConfig::default()
        };
        let model = Classifier::new(784, 10, &config, 0.0, 0, &Device::Cpu).expect("a network");
        let layers: Vec<&Layer> = model.net.layers().iter().collect();
        let code = loader(&layers, 784, config.dropout);
        let lines: Vec<&str> = code.lines().map(str::trim).collect();
        let first = lines.iter().position(|line| *line == "self.net = nn.Sequential(");
        let first = first.expect("a sequence") + 1;
        let modules = [
            "nn.Linear(784, 20),",
            "nn.BatchNorm1d(20),",
            "nn.PReLU(),",
            "nn.Dropout(0.25),",
            "nn.Linear(20, 30),",
            "nn.BatchNorm1d(30),",
            "nn.PReLU(),",
            "nn.Dropout(0.25),",
            "nn.Linear(30, 10),",
            ")",
        ];
        assert_eq!(lines[first..first + modules.len()], modules);
    }
}
