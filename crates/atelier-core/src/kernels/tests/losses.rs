//! Losses, and the layer that ends in one.

use super::*;

#[test]
fn cross_entropy_agrees_with_and_without_smoothing_for_classes_and_distributions() {
    let mut stream = stream(5, "cross-entropy", 0, 0);
    for (batch, classes) in [(1, 2), (3, 10), (17, 7), (64, 33)] {
        let logits = random(&[batch, classes], &mut stream);
        let labels: Vec<u32> =
            (0..batch).map(|_| stream.random_range(0..u32::try_from(classes).unwrap())).collect();
        let labels = Tensor::from_vec(labels, batch, &Device::Cpu).unwrap();
        let shares = random(&[batch, classes], &mut stream).abs().unwrap();
        let shares = shares.broadcast_div(&shares.sum_keepdim(1).unwrap()).unwrap();
        for smoothing in [0.0, 0.1] {
            for targets in [Targets::Classes(labels.clone()), Targets::Distribution(shares.clone())]
            {
                let plain_targets = match &targets {
                    Targets::Classes(labels) => labels.clone(),
                    Targets::Distribution(shares) => shares.to_dtype(DType::F64).unwrap(),
                    Targets::None => unreachable!(),
                };
                let plain =
                    |a: &[Tensor]| composition::cross_entropy(&a[0], &plain_targets, smoothing);
                check(
                    &format!("cross-entropy ({batch}, {classes}), smoothing {smoothing}"),
                    std::slice::from_ref(&logits),
                    &|a| Ok(ops::cross_entropy(&a[0], &targets, smoothing)?.objective),
                    &|a| Ok(plain(a)?.get(0)?),
                );
                let found = ops::cross_entropy(&logits, &targets, smoothing).unwrap();
                let wanted = f64s(&plain(&[logits.to_dtype(DType::F64).unwrap()]).unwrap());
                assert_all_close("reported", &f64s(&found.reported), &wanted[1..2], TOLERANCE);
                assert_all_close("correct", &f64s(&found.correct.unwrap()), &wanted[2..3], 1e-9);
                assert_eq!(found.total, batch);
            }
        }
    }
}

#[test]
fn cross_entropy_is_not_upset_by_large_logits_and_shows_nan() {
    let labels = Targets::Classes(Tensor::new(&[0_u32, 1], &Device::Cpu).unwrap());
    let at = |values: [[f32; 2]; 2]| {
        let logits = Tensor::new(&values, &Device::Cpu).unwrap();
        ops::cross_entropy(&logits, &labels, 0.0).unwrap().reported.to_scalar::<f32>().unwrap()
    };
    assert!((at([[1e4, -1e4], [1e4, -1e4]]) - 1e4).abs() < 1.0);
    assert!(at([[f32::NAN, 0.0], [0.0, 0.0]]).is_nan());
    assert!(!at([[f32::INFINITY, 0.0], [0.0, 0.0]]).is_finite());
}

#[test]
fn a_class_out_of_range_is_an_error() {
    let logits = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let labels = Targets::Classes(Tensor::new(&[0_u32, 3], &Device::Cpu).unwrap());
    let message = ops::cross_entropy(&logits, &labels, 0.0).expect_err("class 3 of 3").to_string();
    assert!(message.contains("class 3 of example 1"), "{message}");
}

#[test]
fn mean_squared_error_agrees() {
    let mut stream = stream(6, "mse", 0, 0);
    for shape in [[1, 1], [3, 17], [40, 51]] {
        let targets = random(&shape, &mut stream);
        let targets64 = targets.to_dtype(DType::F64).unwrap();
        let outputs = random(&shape, &mut stream);
        check(
            &format!("mse {shape:?}"),
            std::slice::from_ref(&outputs),
            &|a| Ok(ops::mean_squared_error(&a[0], &targets)?.objective),
            &|a| Ok(composition::mean_squared_error(&a[0], &targets64)?),
        );
    }
}

#[test]
fn reconstruction_agrees_with_layer_and_loss_apart() {
    let mut stream = stream(14, "reconstruction", 0, 0);
    for (batch, inputs, outputs) in [(1, 1, 1), (7, 5, 19), (17, 3, 33)] {
        for activation in [Activation::Sigmoid, Activation::Identity, Activation::Gelu] {
            let arguments = [
                random(&[batch, inputs], &mut stream),
                (random(&[inputs, outputs], &mut stream) / (2.0 * (inputs as f64).sqrt())).unwrap(),
                random(&[outputs], &mut stream),
            ];
            let targets = random(&[batch, outputs], &mut stream);
            let targets64 = targets.to_dtype(DType::F64).unwrap();
            check(
                &format!("reconstruction {activation:?} ({batch}, {inputs}, {outputs})"),
                &arguments,
                &|a| Ok(ops::reconstruction(&a[0], &a[1], &a[2], activation, &targets)?.objective),
                &|a| {
                    let y = composition::dense(&a[0], &a[1], &a[2], activation)?;
                    Ok(composition::mean_squared_error(&y, &targets64)?)
                },
            );
        }
    }
}

#[test]
fn large_reconstructions_are_those_of_layer_and_loss_apart_with_any_number_of_threads() {
    let mut stream = stream(15, "reconstruction", 0, 0);
    let x = Var::from_tensor(&random(&[70, 41], &mut stream)).unwrap();
    let w = Var::from_tensor(&(random(&[41, 500], &mut stream) * 0.1).unwrap()).unwrap();
    let b = Var::from_tensor(&random(&[500], &mut stream)).unwrap();
    let targets = random(&[70, 500], &mut stream);
    let run = |n: usize, apart: bool| {
        threads::set(n);
        let loss = if apart {
            let y = ops::dense(&x, &w, &b, Activation::Sigmoid).unwrap();
            ops::mean_squared_error(&y, &targets).unwrap()
        } else {
            ops::reconstruction(&x, &w, &b, Activation::Sigmoid, &targets).unwrap()
        };
        let gradients = crate::backward(&loss.objective).unwrap();
        threads::set(1);
        let bits = |t: &Tensor| -> Vec<u32> {
            t.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
        };
        let of = |v: &Var| bits(gradients.get(v).unwrap());
        [bits(&loss.reported), of(&x), of(&w), of(&b)]
    };
    let apart = run(1, true);
    for n in [1, 2, 3] {
        assert!(run(n, false) == apart && run(n, true) == apart, "{n} threads");
    }
}
