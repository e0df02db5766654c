use candle_core::Device;

use crate::{Error, Result};

/// The device of a name as the command line writes it: `cpu`, `cuda` or `cuda:N`.
///
/// # Errors
/// [`Error::Device`] if the name is none of these, if the build has no CUDA support, or if the
/// machine has no such GPU.
pub fn device(name: &str) -> Result<Device> {
    let refuse = |reason: String| Error::Device { requested: name.to_string(), reason };
    if name == "cpu" {
        return Ok(Device::Cpu);
    }
    let ordinal = match name.strip_prefix("cuda") {
        Some("") => 0,
        Some(rest) => rest
            .strip_prefix(':')
            .and_then(|number| number.parse::<usize>().ok())
            .ok_or_else(|| refuse("write cpu, cuda or cuda:N".to_string()))?,
        None => return Err(refuse("write cpu, cuda or cuda:N".to_string())),
    };
    if !cfg!(feature = "cuda") {
        return Err(refuse(
            "this build has no CUDA support; use cpu, or build with the feature `cuda`".to_string(),
        ));
    }
    Device::new_cuda(ordinal).map_err(|error| refuse(format!("{error}; use cpu instead")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_or_refused_with_a_reason() {
        assert!(device("cpu").expect("cpu").is_cpu());
        for bad in ["", "gpu", "cuda:", "cuda:x", "cuda0", "CPU"] {
            let message = device(bad).expect_err(bad).to_string();
            assert!(message.contains("write cpu"), "{message}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn cuda_without_the_feature_is_a_clear_error() {
        let message = device("cuda:1").expect_err("no cuda").to_string();
        assert!(message.contains("no CUDA support"), "{message}");
    }
}
