//! Fits y = sin(x) with one hidden layer, written out by hand: forward, backward, update.

use atelier_core::update::{SgdStep, sgd};
use atelier_core::{Activation, Result, backward, init::Initializer, ops, seed::stream};
use candle_core::{Device, Tensor, Var};

fn main() -> Result<()> {
    let device = &Device::Cpu;
    let x: Vec<f32> = (0..64).map(|i| (i as f32 / 63.0 - 0.5) * 6.0).collect();
    let y: Vec<f32> = x.iter().map(|x| x.sin()).collect();
    let (x, y) = (Tensor::from_vec(x, (64, 1), device)?, Tensor::from_vec(y, (64, 1), device)?);

    let draw = |inputs: usize, outputs: usize, layer: u64| {
        let init = Initializer::XavierNormal;
        let values = init.weight(inputs, outputs, 1.0, &mut stream(0, "example", 0, layer));
        Var::from_vec(values, (inputs, outputs), device)
    };
    let (w1, w2) = (draw(1, 32, 0)?, draw(32, 1, 1)?);
    let (b1, b2) = (Var::new(&[0.0_f32; 32], device)?, Var::new(&[0.0_f32], device)?);

    let step = SgdStep {
        learning_rate: 0.1,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
        gradient_scale: 1.0,
    };
    for number in 0..=2000 {
        let hidden = ops::dense(&x, &w1, &b1, Activation::Tanh)?;
        let output = ops::dense(&hidden, &w2, &b2, Activation::Identity)?;
        let loss = ops::mean_squared_error(&output, &y)?;
        if number % 500 == 0 {
            println!(
                "step {number:4}: mean squared error {:.5}",
                loss.reported.to_scalar::<f32>()?
            );
        }
        let gradients = backward(&loss.objective)?;
        for parameter in [&w1, &b1, &w2, &b2] {
            if let Some(gradient) = gradients.get(parameter) {
                sgd(parameter, None, gradient, &step)?;
            }
        }
    }
    Ok(())
}
