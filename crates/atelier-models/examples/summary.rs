//! Prints the layers of a network with batch norm and dropout.

use atelier_models::{Activation, Classifier, ModelConfig, Result};
use candle_core::Device;

fn main() -> Result<()> {
    let config = ModelConfig {
        hidden: vec![512, 256],
        activation: Activation::LeakyRelu,
        batch_norm: true,
        dropout: 0.25,
        ..ModelConfig::default()
    };
    let classifier = Classifier::new(784, 10, &config, 0.0, 0, &Device::Cpu)?;
    println!("{:<8} {:<22} {:>8} {:>12} {:>12}", "name", "layer", "outputs", "parameters", "bytes");
    for layer in classifier.net.layers() {
        let (parameters, bytes) = (layer.parameters, layer.bytes());
        println!(
            "{:<8} {:<22} {:>8} {parameters:>12} {bytes:>12}",
            layer.name, layer.kind, layer.outputs
        );
    }
    Ok(())
}
