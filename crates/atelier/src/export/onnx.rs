//! A dense network as an ONNX model: opset 17, IR version 8, weights in the file.
//!
//! # Shapes
//! Input `pixels` (batch, inputs) f32 in [0, 1]; output `logits` (batch, classes) f32, or
//! `reconstructions` (batch, inputs) of an autoencoder. The batch may be of any size. Networks have at
//! most 2^28 weights, a gigabyte: no file comes near the 2 GiB that protobuf allows.
//!
//! # References
//! `onnx.proto` of the ONNX project; the numbers of the fields are its own.

use anyhow::{Result, anyhow, bail};
use atelier_core::LEAKY_SLOPE;
use atelier_core::ops::EPSILON;
use atelier_models::Layer;
use atelier_store::NamedArray;

use super::protobuf::Message;
use crate::experiment::saved::SavedNetwork;

/// The version of the operators: the first that both readers of 2022 and those of today know.
pub(crate) const OPSET: u64 = 17;
const IR_VERSION: u64 = 8;
/// `TensorProto.DataType.FLOAT`.
const FLOAT: u64 = 1;
/// `AttributeProto.AttributeType`.
const FLOAT_ATTRIBUTE: u64 = 1;
const INT_ATTRIBUTE: u64 = 2;

/// The graph in the making.
struct Graph<'a> {
    network: &'a SavedNetwork,
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    /// The name of the value that the next module takes.
    value: String,
}

/// The network in evaluation mode, as the bytes of a file.
pub(crate) fn model(network: &SavedNetwork, output: &str) -> Result<Vec<u8>> {
    let mut graph =
        Graph { network, nodes: Vec::new(), initializers: Vec::new(), value: "pixels".to_string() };
    let mut width = network.inputs;
    for layer in &network.layers {
        graph.module(layer, width)?;
        width = layer.outputs;
    }
    // The last value under its own name.
    let last = std::mem::take(&mut graph.value);
    graph.node("Identity", &[&last], output, &[]);
    let graph = Message::default()
        .messages(1, &graph.nodes)
        .text(2, "network")
        .messages(5, &graph.initializers)
        .message(11, &value_info("pixels", network.inputs))
        .message(12, &value_info(output, width));
    let opset = Message::default().text(1, "").int(2, OPSET);
    let model = Message::default()
        .int(1, IR_VERSION)
        .text(2, env!("CARGO_PKG_NAME"))
        .text(3, env!("CARGO_PKG_VERSION"))
        .text(6, "pixels: (batch, pixels) f32 in [0, 1], row by row from the top")
        .message(7, &graph)
        .message(8, &opset);
    Ok(model.into_bytes())
}

impl Graph<'_> {
    /// The operators of one module.
    fn module(&mut self, layer: &Layer, inputs: usize) -> Result<()> {
        let (name, units) = (&layer.name, layer.outputs);
        let x = self.value.clone();
        let mut weights =
            |part: &str, shape: &[usize]| self.tensor(&format!("{name}.{part}"), shape);
        match layer.module() {
            // What only training has.
            "Dropout" | "Identity" => return Ok(()),
            "Linear" => {
                let weight = weights("weight", &[units, inputs])?;
                let bias = weights("bias", &[units])?;
                self.node("Gemm", &[&x, &weight, &bias], name, &[int("transB", 1)]);
            }
            "BatchNorm1d" => {
                let parts = ["weight", "bias", "running_mean", "running_var"];
                let parts: Result<Vec<String>> =
                    parts.iter().map(|part| weights(part, &[units])).collect();
                let parts = parts?;
                let all: Vec<&str> =
                    [x.as_str()].into_iter().chain(parts.iter().map(String::as_str)).collect();
                #[expect(clippy::cast_possible_truncation, reason = "attributes are f32")]
                let epsilon = EPSILON as f32;
                self.node("BatchNormalization", &all, name, &[float("epsilon", epsilon)]);
            }
            "PReLU" => {
                let slope = weights("weight", &[1])?;
                self.node("PRelu", &[&x, &slope], name, &[]);
            }
            "ReLU" => self.node("Relu", &[&x], name, &[]),
            "LeakyReLU" => self.node("LeakyRelu", &[&x], name, &[float("alpha", LEAKY_SLOPE)]),
            "ELU" => self.node("Elu", &[&x], name, &[float("alpha", 1.0)]),
            "Tanh" => self.node("Tanh", &[&x], name, &[]),
            "Sigmoid" => self.node("Sigmoid", &[&x], name, &[]),
            "SiLU" => {
                let sigmoid = format!("{name}.sigmoid");
                self.node("Sigmoid", &[&x], &sigmoid, &[]);
                self.node("Mul", &[&x, &sigmoid], name, &[]);
            }
            // x (1 + erf(x / sqrt 2)) / 2; an operator of its own only from opset 20 on.
            "GELU" => {
                let part = |part: &str| format!("{name}.{part}");
                let constants = [std::f32::consts::FRAC_1_SQRT_2, 1.0, 0.5];
                let [root, one, half] = ["root", "one", "half"].map(part);
                for (name, value) in [&root, &one, &half].into_iter().zip(constants) {
                    self.initializer(&NamedArray::f32(name.clone(), &[], &[value]));
                }
                let [scaled, erf, raised, halved] = ["scaled", "erf", "raised", "halved"].map(part);
                self.node("Mul", &[&x, &root], &scaled, &[]);
                self.node("Erf", &[&scaled], &erf, &[]);
                self.node("Add", &[&erf, &one], &raised, &[]);
                self.node("Mul", &[&x, &half], &halved, &[]);
                self.node("Mul", &[&halved, &raised], name, &[]);
            }
            other => bail!("`{name}` is a {other}, which is not exported"),
        }
        self.value.clone_from(name);
        Ok(())
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[Message]) {
        let inputs = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = inputs.text(2, output).text(3, output).text(4, operator);
        self.nodes.push(node.messages(5, attributes));
    }

    /// Takes a tensor of the network over as an initialiser and gives its name.
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<String> {
        let found = self.network.tensors.iter().find(|array| array.name == name);
        let array = found.ok_or_else(|| anyhow!("the model file has no tensor `{name}`"))?;
        if array.shape != shape {
            bail!("`{name}` has the shape {:?}, expected {shape:?}", array.shape);
        }
        // Fails where it is not of f32.
        array.as_f32()?;
        self.initializer(array);
        Ok(name.to_string())
    }

    fn initializer(&mut self, array: &NamedArray) {
        let dims = array.shape.iter().fold(Message::default(), |m, &n| m.int(1, n as u64));
        let tensor = dims.int(2, FLOAT).text(8, &array.name).data(9, &array.bytes);
        self.initializers.push(tensor);
    }
}

fn float(name: &str, value: f32) -> Message {
    Message::default().text(1, name).float(2, value).int(20, FLOAT_ATTRIBUTE)
}

fn int(name: &str, value: u64) -> Message {
    Message::default().text(1, name).int(3, value).int(20, INT_ATTRIBUTE)
}

/// A matrix of so many columns and any number of rows.
fn value_info(name: &str, columns: usize) -> Message {
    let batch = Message::default().text(2, "batch");
    let columns = Message::default().int(1, columns as u64);
    let shape = Message::default().messages(1, [&batch, &columns]);
    let tensor = Message::default().int(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

#[cfg(test)]
mod tests {
    use atelier_core::Objective as _;
    use atelier_models::{Activation, Classifier, ModelConfig};
    use candle_core::Device;

    use super::*;

    fn network(activation: Activation) -> SavedNetwork {
        let config = ModelConfig {
            hidden: vec![5],
            activation,
            batch_norm: true,
            dropout: 0.5,
            ..ModelConfig::default()
        };
        let model = Classifier::new(9, 3, &config, 0.0, 0, &Device::Cpu).expect("a network");
        let all = model.parameters().iter().chain(model.buffers());
        let array = |p: &atelier_core::Parameter| {
            NamedArray::f32(p.name.clone(), &p.shape(), &p.values().expect("values"))
        };
        let tensors = all.map(array).collect();
        SavedNetwork { layers: model.net.layers().to_vec(), tensors, inputs: 9 }
    }

    #[test]
    fn every_activation_is_exported_and_the_same_network_gives_the_same_bytes() {
        for (activation, operator) in [
            (Activation::Relu, "Relu"),
            (Activation::LeakyRelu, "LeakyRelu"),
            (Activation::Elu, "Elu"),
            (Activation::Prelu, "PRelu"),
            (Activation::Gelu, "Erf"),
            (Activation::Silu, "Sigmoid"),
            (Activation::Tanh, "Tanh"),
            (Activation::Sigmoid, "Sigmoid"),
        ] {
            let bytes = model(&network(activation), "logits").expect("a model");
            let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(holds(operator) && holds("BatchNormalization") && !holds("Dropout"));
            assert_eq!(bytes, model(&network(activation), "logits").expect("a model"));
        }
    }

    #[test]
    fn a_tensor_that_is_missing_or_of_another_shape_is_named() {
        let mut network = network(Activation::Relu);
        network.tensors[0].shape = vec![9, 5];
        let message = model(&network, "logits").expect_err("a shape").to_string();
        assert!(
            message.contains("`net.0.weight` has the shape [9, 5], expected [5, 9]"),
            "{message}"
        );
        network.tensors.remove(0);
        let message = model(&network, "logits").expect_err("no tensor").to_string();
        assert!(message.contains("no tensor `net.0.weight`"), "{message}");
    }
}
