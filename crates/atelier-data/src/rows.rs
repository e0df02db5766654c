use crate::{Error, Result, Standardization};

/// Turns rows of bytes into rows of f32: `value / 255`, and then `(x - mean) / scale` where there
/// is a standardisation, as one multiplication and one addition.
///
/// No operation depends on the vector width, so that every processor gives the same bits.
#[derive(Debug, Clone)]
pub(crate) enum Scaling {
    Plain,
    /// For each pixel what a byte is multiplied by and what is added.
    Standardized {
        factor: Vec<f32>,
        offset: Vec<f32>,
    },
}

impl Scaling {
    pub fn new(standardization: Option<&Standardization>, pixels: usize) -> Result<Self> {
        let Some(Standardization { mean, scale }) = standardization else {
            return Ok(Self::Plain);
        };
        if mean.len() != pixels || scale.len() != pixels {
            return Err(Error::Setting {
                key: "length of the standardisation",
                expected: format!("{pixels}, the number of pixels"),
                found: format!("{} and {}", mean.len(), scale.len()),
            });
        }
        let factor: Vec<f32> = scale.iter().map(|scale| 1.0 / (255.0 * scale)).collect();
        let offset: Vec<f32> = mean.iter().zip(scale).map(|(mean, scale)| -mean / scale).collect();
        if let Some(bad) =
            factor.iter().zip(&offset).position(|(f, o)| !f.is_finite() || !o.is_finite())
        {
            return Err(Error::Setting {
                key: "standardisation",
                expected: "finite means and scales other than 0".to_string(),
                found: format!("{} and {} at pixel {bad}", mean[bad], scale[bad]),
            });
        }
        Ok(Self::Standardized { factor, offset })
    }

    /// Appends one row.
    pub fn append(&self, row: &[u8], out: &mut Vec<f32>) {
        // A batch of 64 images of 784 pixels takes 8 us this way, against 16 us with the vector
        // instructions that every processor has and 37 us with a table of 256 quotients.
        pulp::Arch::new().dispatch(|| match self {
            Self::Plain => out.extend(row.iter().map(|&value| f32::from(value) * (1.0 / 255.0))),
            Self::Standardized { factor, offset } => out.extend(
                row.iter()
                    .zip(factor)
                    .zip(offset)
                    .map(|((&value, factor), offset)| f32::from(value) * factor + offset),
            ),
        });
    }
}
