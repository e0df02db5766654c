use atelier_core::plane::{self, DenseLoss, DenseModule};
use atelier_core::{
    Batch, HiddenUnits, Loss, Mode, Objective, Parameter, PlaneEvaluator, PlaneOfParameters,
    Signal, curvature, ops,
};

use crate::Autoencoder;
use crate::autoencoder::Decoder;

impl Autoencoder {
    /// Encoder and decoder as one plain dense network; `None` with tied weights, which make it none.
    fn modules(&self) -> Option<Vec<DenseModule>> {
        let Decoder::Own(decoder) = &self.decoder else { return None };
        let mut modules = self.encoder.plane_modules(0)?;
        modules.extend(decoder.plane_modules(self.encoder.parameters().len())?);
        Some(modules)
    }
}

impl Objective for Autoencoder {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The mean squared error between inputs and reconstructions; targets are not looked at.
    fn loss(&self, batch: &Batch, mode: Mode) -> atelier_core::Result<Loss> {
        let clean = batch.matrix()?;
        let seen = match mode {
            Mode::Train(step) if self.noise > 0.0 => {
                self.noisy(&clean, &mut step.stream("noise", 0))?
            }
            _ => clean.clone(),
        };
        let codes = self.encoder.signal(Signal::new(seen), mode)?;
        match &self.decoder {
            Decoder::Own(net) => net.mean_squared_error(codes, &clean, mode),
            Decoder::Tied(net) => {
                ops::mean_squared_error(&net.forward(&codes.into_tensor()?)?, &clean)
            }
        }
    }

    fn replica(&self) -> atelier_core::Result<Option<Box<dyn Objective + Send>>> {
        let encoder = self.encoder.replica()?;
        let mut parameters = encoder.parameters().to_vec();
        let decoder = match &self.decoder {
            Decoder::Own(net) => {
                let net = net.replica()?;
                parameters.extend_from_slice(net.parameters());
                Decoder::Own(net)
            }
            Decoder::Tied(net) => {
                let net = net.replica(&encoder)?;
                parameters.extend(net.biases().cloned());
                Decoder::Tied(net)
            }
        };
        Ok(Some(Box::new(Self { encoder, decoder, parameters, noise: self.noise })))
    }

    /// With tied weights there is none: the last layers are not those of a plain dense network.
    fn plane(
        &self,
        plane: PlaneOfParameters,
        batches: &[Batch],
    ) -> atelier_core::Result<Option<Box<dyn PlaneEvaluator>>> {
        let Some(modules) = self.modules() else { return Ok(None) };
        plane::dense_network(&self.parameters, &modules, DenseLoss::Reconstruction, plane, batches)
    }

    /// With tied weights there is none.
    fn hessian_product(
        &self,
        vector: &[f32],
        batch: &Batch,
    ) -> atelier_core::Result<Option<Vec<f32>>> {
        let Some(modules) = self.modules() else { return Ok(None) };
        let loss = DenseLoss::Reconstruction;
        curvature::dense_network(&self.parameters, &modules, loss, vector, batch).map(Some)
    }

    /// The hidden layers and the code. With tied weights a layer of the encoder and its mirror in the
    /// decoder are reordered together.
    fn hidden_units(&self) -> Vec<HiddenUnits> {
        // Weights and biases take turns; tied decoders have biases only.
        let encoder = self.encoder.parameters().len();
        let layers = match &self.decoder {
            Decoder::Own(_) => self.parameters.len() / 2 - 1,
            Decoder::Tied(_) => encoder / 2,
        };
        let tied = matches!(self.decoder, Decoder::Tied(_));
        (0..layers)
            .map(|layer| {
                let weight = 2 * layer;
                let mut axes = vec![(weight, 0), (weight + 1, 0)];
                let last = weight + 2 >= encoder;
                if !tied || !last {
                    axes.push((weight + 2, 1));
                }
                if tied && !last {
                    // The decoder's biases are in the reverse order of the layers they mirror.
                    axes.push((encoder + layers - 2 - layer, 0));
                }
                HiddenUnits { units: self.parameters[weight].shape()[0], axes }
            })
            .collect()
    }
}
