//! code = encoder(x), reconstruction = decoder(code), loss = mean of (reconstruction - x)^2.

use atelier_core::seed::Stream;
use atelier_core::{Activation as Core, Mode, Parameter};
use atelier_models::{Activation, DenseNet, Ends, Layer, ModelConfig, NamedTensor, state};
use candle_core::{Device, Tensor};
use rand_distr::{Distribution as _, StandardNormal};

use crate::tied::TiedDecoder;
use crate::{AutoencoderConfig, Error, Result};

/// A dense autoencoder: ReLU after every layer, the code included, and a sigmoid at the end, so that
/// it reconstructs values in [0, 1].
///
/// Its parameters carry the names of a module with two sequences, `encoder` and `decoder`:
/// `encoder.0.weight`, `encoder.0.bias`, `encoder.2.weight`, … at the positions that PyTorch gives.
/// With tied weights the decoder has biases only.
#[derive(Debug)]
pub struct Autoencoder {
    /// From inputs to codes.
    pub encoder: DenseNet,
    /// From codes to reconstructions.
    pub(crate) decoder: Decoder,
    /// Of both, for [`Objective::parameters`].
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) noise: f32,
}

#[derive(Debug)]
pub(crate) enum Decoder {
    /// With weights of its own.
    Own(DenseNet),
    /// With those of the encoder.
    Tied(TiedDecoder),
}

impl Decoder {
    pub(crate) fn forward(&self, codes: &Tensor, mode: Mode) -> atelier_core::Result<Tensor> {
        match self {
            Self::Own(net) => net.forward(codes, mode),
            Self::Tied(net) => net.forward(codes),
        }
    }
}

impl Autoencoder {
    /// An autoencoder of `inputs` features with freshly drawn weights.
    ///
    /// # Errors
    /// As [`AutoencoderConfig::check`]; [`Error::Setting`] if there are no inputs; fails if the device
    /// has no memory left.
    pub fn new(
        inputs: usize,
        config: &AutoencoderConfig,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        config.check()?;
        if inputs == 0 {
            let (key, expected) = ("features of an input", "1 or more".to_string());
            return Err(Error::Setting { key, expected, found: inputs.to_string() });
        }
        let net = |prefix, hidden: Vec<usize>, inputs, outputs, activation| {
            let model = ModelConfig {
                hidden,
                activation: Activation::Relu,
                batch_norm: false,
                dropout: 0.0,
                init: config.init,
                init_scale: 1.0,
            };
            let ends = Ends { prefix, inputs, outputs, activation };
            DenseNet::new(ends, &model, seed, device)
        };
        let reversed = config.hidden.iter().rev().copied().collect();
        let encoder = net("encoder", config.hidden.clone(), inputs, config.latent, Core::Relu)?;
        let decoder = net("decoder", reversed, config.latent, inputs, Core::Sigmoid)?;
        if let (Some(biases), true) = (encoder.parameters().last(), config.code_bias != 0.0) {
            #[expect(clippy::cast_possible_truncation, reason = "biases are f32")]
            let raised: Vec<f32> = biases
                .values()?
                .iter()
                .map(|b| (f64::from(*b) + config.code_bias) as f32)
                .collect();
            biases.assign(&raised)?;
        }
        let mut parameters = encoder.parameters().to_vec();
        let decoder = if config.tied {
            let decoder = TiedDecoder::new(&encoder, &decoder);
            parameters.extend(decoder.biases().cloned());
            Decoder::Tied(decoder)
        } else {
            parameters.extend_from_slice(decoder.parameters());
            Decoder::Own(decoder)
        };
        #[expect(clippy::cast_possible_truncation, reason = "a deviation of f32 inputs")]
        let noise = config.noise as f32;
        Ok(Self { encoder, decoder, parameters, noise })
    }

    /// The codes of `x`, without noise.
    ///
    /// # Shapes
    /// `x` (batch, inputs) to (batch, latent).
    ///
    /// # Errors
    /// Fails if `x` does not fit.
    pub fn encode(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.encoder.forward(x, Mode::Evaluate)?.detach())
    }

    /// The reconstructions that belong to `codes`.
    ///
    /// # Shapes
    /// `codes` (batch, latent) to (batch, inputs), each value in [0, 1].
    ///
    /// # Errors
    /// Fails if `codes` does not fit.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        Ok(self.decoder.forward(codes, Mode::Evaluate)?.detach())
    }

    /// `decode(encode(x))`.
    ///
    /// # Errors
    /// Fails if `x` does not fit.
    pub fn reconstruct(&self, x: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(x)?)
    }

    /// The modules of the encoder and then of the decoder, as PyTorch would list them.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        let decoder = match &self.decoder {
            Decoder::Own(net) => net.layers(),
            Decoder::Tied(net) => net.layers(),
        };
        self.encoder.layers().iter().chain(decoder)
    }

    /// All tensors of the two sequences, tied weights written out as the transposes that they are:
    /// what PyTorch's module loads.
    ///
    /// # Errors
    /// Fails if the device cannot be read.
    pub fn state(&self) -> Result<Vec<NamedTensor>> {
        let mut tensors = state(self.encoder.parameters())?;
        tensors.extend(match &self.decoder {
            Decoder::Own(net) => state(net.parameters())?,
            Decoder::Tied(net) => net.state()?,
        });
        Ok(tensors)
    }

    /// `x` with the configured noise on it, drawn from `stream`, and kept within [0, 1].
    ///
    /// # Errors
    /// Fails if the device has no memory left.
    pub fn noisy(&self, x: &Tensor, stream: &mut Stream) -> atelier_core::Result<Tensor> {
        let drawn: Vec<f32> = (0..x.elem_count())
            .map(|_| {
                let z: f32 = StandardNormal.sample(stream);
                z * self.noise
            })
            .collect();
        let noise = Tensor::from_vec(drawn, x.shape(), x.device())?;
        Ok((x + noise)?.clamp(0.0_f32, 1.0)?)
    }
}
