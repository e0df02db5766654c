//! Points near a curve in eight dimensions: what two numbers a point can keep, by a plane
//! (principal components) and by an autoencoder.

use atelier_autoencoder::{Autoencoder, AutoencoderConfig, Result, pca::Moments};
use atelier_core::{
    Batch, Mode, Objective as _, StepAddress, Targets, backward, init::Initializer,
};
use candle_core::{Device, Tensor};
use ndarray::Array2;

const POINTS: usize = 200;
const FEATURES: usize = 8;

fn main() -> Result<()> {
    let points = Array2::from_shape_fn((POINTS, FEATURES), |(point, feature)| {
        let along = point as f32 / POINTS as f32;
        0.5 + 0.4 * (2.0 * along * (1.0 + feature as f32)).sin()
    });
    let mut moments = Moments::new(FEATURES);
    moments.add(points.view())?;
    let values = (POINTS * FEATURES) as f64;
    let linear = moments.principal_components(2)?.squared_error(points.view())? / values;

    let config = AutoencoderConfig {
        hidden: vec![32],
        latent: 2,
        init: Initializer::HeNormal,
        ..AutoencoderConfig::default()
    };
    let autoencoder = Autoencoder::new(FEATURES, &config, 3, &Device::Cpu)?;
    let inputs = Tensor::from_iter(points.iter().copied(), &Device::Cpu)?;
    let batch = Batch { inputs: inputs.reshape((POINTS, FEATURES))?, targets: Targets::None };
    for index in 0..10_000 {
        let step = Mode::Train(StepAddress { seed: 0, epoch: 0, index });
        let gradients = backward(&autoencoder.loss(&batch, step)?.objective)?;
        for parameter in autoencoder.parameters() {
            if let Some(gradient) = gradients.get(&parameter.var) {
                parameter.var.set(&(parameter.var.as_tensor() - (gradient * 0.5)?)?.detach())?;
            }
        }
    }
    let found = autoencoder.loss(&batch, Mode::Evaluate)?.reported.to_scalar::<f32>()?;
    println!("mean squared error with two numbers a point");
    println!("principal components  {linear:.5}");
    println!("autoencoder           {found:.5}");
    Ok(())
}
