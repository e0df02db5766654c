//! Batch norm and dropout.

use super::*;

#[test]
fn batch_norm_agrees_and_keeps_running_statistics() {
    let mut stream = stream(7, "batch-norm", 0, 0);
    // Not a batch of two: its normalised values are always +-1, and their gradient a difference of
    // nearly equal numbers.
    for (batch, features) in [(3, 1), (3, 5), (17, 16), (33, 19)] {
        let arguments = [
            random(&[batch, features], &mut stream),
            random(&[features], &mut stream),
            random(&[features], &mut stream),
        ];
        let layer = |a: &[Tensor]| ops::BatchNorm {
            gamma: Var::from_tensor(&a[1]).unwrap(),
            beta: Var::from_tensor(&a[2]).unwrap(),
            mean: Var::zeros(features, DType::F32, &Device::Cpu).unwrap(),
            variance: Var::ones(features, DType::F32, &Device::Cpu).unwrap(),
        };
        for activation in ACTIVATIONS {
            check(
                &format!("batch norm and {activation:?} ({batch}, {features})"),
                &arguments,
                &|a| {
                    let (mean, variance) = super::super::with_elements(&a[0], |x| {
                        super::super::batch_norm::statistics(x, features)
                    })?;
                    let inverse_deviation =
                        variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
                    let kernel = super::super::batch_norm::BatchNorm {
                        mean,
                        inverse_deviation,
                        activation,
                        dropout: None,
                    };
                    Ok(a[0].apply_op3(&a[1], &a[2], kernel)?)
                },
                &|a| {
                    let y = composition::batch_norm(&a[0], &a[1], &a[2], 1e-5)?.0;
                    Ok(composition::activate(&y, activation)?)
                },
            );
        }
        let layer = layer(&arguments);
        let y = layer.train(&arguments[0]).unwrap();
        let (plain, mean, variance) =
            composition::batch_norm(&arguments[0], &arguments[1], &arguments[2], 1e-5).unwrap();
        assert_close("batch norm through the layer", &y, &plain);
        assert_close("running mean", &layer.mean, &(mean * 0.1).unwrap());
        let n = batch as f64;
        let expected = ((variance * (0.1 * n / (n - 1.0))).unwrap() + 0.9).unwrap();
        assert_close("running variance", &layer.variance, &expected);
    }
}

#[test]
fn a_batch_of_one_leaves_the_running_statistics_alone() {
    let layer = ops::BatchNorm {
        gamma: Var::ones(3, DType::F32, &Device::Cpu).unwrap(),
        beta: Var::zeros(3, DType::F32, &Device::Cpu).unwrap(),
        mean: Var::zeros(3, DType::F32, &Device::Cpu).unwrap(),
        variance: Var::ones(3, DType::F32, &Device::Cpu).unwrap(),
    };
    let x = Tensor::new(&[[1.0_f32, -2.0, 3.0]], &Device::Cpu).unwrap();
    assert_close(
        "a single example",
        &layer.train(&x).unwrap(),
        &(x / (1.0_f64 + 1e-5).sqrt()).unwrap(),
    );
    assert_close("mean", &layer.mean, &Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap());
}

#[test]
fn dropout_keeps_the_mean_and_masks_the_gradient_alike() {
    let x = Var::ones((100, 200), DType::F32, &Device::Cpu).unwrap();
    let y = ops::dropout(&x, 0.3, &mut stream(8, "dropout", 0, 0)).unwrap();
    let values = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let dropped = values.iter().filter(|&&v| v.abs() < 1e-9).count() as f64 / 20_000.0;
    assert!((dropped - 0.3).abs() < 0.02, "{dropped}");
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 20_000.0;
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert_close("dropout's gradient", gradients.get(&x).unwrap(), &y);
    assert!(ops::dropout(&x, 1.0, &mut stream(8, "dropout", 0, 0)).is_err());
}
