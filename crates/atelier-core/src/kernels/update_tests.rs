//! Every optimiser step against its plain composition in f64.

use candle_core::{DType, Device, Tensor, Var};

use super::tests::{assert_all_close, assert_close, f64s, random};
use crate::composition;
use crate::seed::stream;
use crate::threads;
use crate::update::{self, AdamStep, SgdStep};

/// Runs `kernel` and `plain` (in f64) for some steps on the same gradients and compares all state.
fn check_update(
    what: &str,
    n_state: usize,
    kernel: &dyn Fn(&[Var], &Tensor, u64),
    plain: &dyn Fn(&[Var], &Tensor, u64),
) {
    let mut stream = stream(9, what, 0, 0);
    // The last two are shared between threads.
    for n in [1, 15, 16, 17, 1000, 65_537, 200_001] {
        let start = random(&[n], &mut stream);
        let state = |dtype: DType| -> Vec<Var> {
            let mut state = vec![Var::from_tensor(&start.to_dtype(dtype).unwrap()).unwrap()];
            for _ in 0..n_state {
                state.push(Var::zeros(n, dtype, &Device::Cpu).unwrap());
            }
            state
        };
        let (narrow, wide) = (state(DType::F32), state(DType::F64));
        for number in 1..=5 {
            let gradient = random(&[n], &mut stream);
            threads::set(1 + usize::try_from(number).unwrap() % 3);
            kernel(&narrow, &gradient, number);
            threads::set(1);
            plain(&wide, &gradient.to_dtype(DType::F64).unwrap(), number);
        }
        for (k, (found, wanted)) in narrow.iter().zip(&wide).enumerate() {
            assert_close(&format!("{what}, state {k} of {n}"), found, wanted);
        }
    }
}

#[test]
fn sgd_agrees_with_and_without_momentum() {
    for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
        let step = SgdStep {
            learning_rate: 0.1,
            momentum,
            nesterov,
            weight_decay: 0.01,
            gradient_scale: 0.5,
        };
        let velocity = |state: &[Var]| (momentum > 0.0).then(|| state[1].clone());
        check_update(
            &format!("sgd {momentum} {nesterov}"),
            1,
            &|state, g, _| update::sgd(&state[0], velocity(state).as_ref(), g, &step).unwrap(),
            &|state, g, _| composition::sgd(&state[0], velocity(state).as_ref(), g, &step).unwrap(),
        );
    }
}

#[test]
fn adam_and_adamw_agree() {
    for decoupled in [false, true] {
        let step = |number| AdamStep {
            learning_rate: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.1,
            decoupled,
            number,
            gradient_scale: 2.0,
        };
        check_update(
            &format!("adam, decoupled {decoupled}"),
            2,
            &|s, g, n| update::adam(&s[0], &s[1], &s[2], g, &step(n)).unwrap(),
            &|s, g, n| composition::adam(&s[0], &s[1], &s[2], g, &step(n)).unwrap(),
        );
    }
}

#[test]
fn averages_and_norms_agree() {
    check_update("average", 1, &|s, g, _| update::average(&s[1], g, 0.9).unwrap(), &|s, g, _| {
        composition::average(&s[1], g, 0.9).unwrap();
    });
    let g = random(&[40_001], &mut stream(10, "norm", 0, 0));
    let wanted: f64 = f64s(&g).iter().map(|x| x * x).sum();
    assert!((update::squared_norm(&g).unwrap() / wanted - 1.0).abs() < 1e-12);
}

/// The formulas of `torch.optim.SGD`'s documentation (dampening 0), in f64.
#[test]
fn nesterov_steps_follow_pytorchs_formula() {
    let gradients = [[0.5_f64, -1.0], [-0.25, 2.0]];
    let mut wanted = [1.0_f64, -2.0];
    let mut velocity = [0.0_f64; 2];
    for g in gradients {
        for i in 0..2 {
            let g = g[i] + 0.1 * wanted[i];
            velocity[i] = 0.9 * velocity[i] + g;
            wanted[i] -= 0.1 * (g + 0.9 * velocity[i]);
        }
    }
    let w = Var::new(&[1.0_f32, -2.0], &Device::Cpu).unwrap();
    let v = Var::zeros(2, DType::F32, &Device::Cpu).unwrap();
    let step = SgdStep {
        learning_rate: 0.1,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.1,
        gradient_scale: 1.0,
    };
    for g in gradients {
        let g = Tensor::new(&g, &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
        update::sgd(&w, Some(&v), &g, &step).unwrap();
    }
    assert_all_close("nesterov", &f64s(&w), &wanted, 1e-6);
}

#[test]
fn decaying_state_ends_at_zero_and_not_among_the_denormals() {
    let w = Var::ones(3, DType::F32, &Device::Cpu).unwrap();
    let v = Var::ones(3, DType::F32, &Device::Cpu).unwrap();
    let none = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
    let step = SgdStep {
        learning_rate: 0.0,
        momentum: 0.5,
        nesterov: false,
        weight_decay: 0.0,
        gradient_scale: 1.0,
    };
    for _ in 0..200 {
        update::sgd(&w, Some(&v), &none, &step).unwrap();
    }
    assert!(v.to_vec1::<f32>().unwrap().iter().all(|v| v.to_bits() == 0));
}

#[test]
fn the_number_of_threads_does_not_change_a_bit_of_a_large_update() {
    let step = AdamStep {
        learning_rate: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.1,
        decoupled: true,
        number: 3,
        gradient_scale: 1.0,
    };
    let run = |shape: &[usize], n: usize| -> Vec<u32> {
        let mut stream = stream(11, "threads", 0, 0);
        let mut var = || Var::from_tensor(&random(shape, &mut stream).abs().unwrap()).unwrap();
        let (w, m, s, g) = (var(), var(), var(), var());
        threads::set(n);
        update::adam(&w, &m, &s, &g, &step).unwrap();
        threads::set(1);
        let w = w.flatten_all().unwrap();
        w.to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
    };
    // Cut from the beginning to the end, by rows, and by columns.
    for shape in [&[200_001][..], &[300, 67], &[67, 301]] {
        let one = run(shape, 1);
        assert!(run(shape, 2) == one && run(shape, 3) == one, "{shape:?}");
    }
}

/// The formulas of the documentation of `torch.optim.Adam` and `AdamW`, in f64, written out here on
/// their own: kernel and composition share the bias correction.
#[test]
fn adam_steps_follow_pytorchs_formulas() {
    let gradients = [[0.5_f64, -1.0], [-0.25, 2.0], [3.0, 0.125]];
    let (rate, beta1, beta2, epsilon, decay) = (0.1_f64, 0.9_f64, 0.99_f64, 1e-3_f64, 0.2_f64);
    for decoupled in [false, true] {
        let mut wanted = [1.0_f64, -2.0];
        let (mut m, mut v) = ([0.0_f64; 2], [0.0_f64; 2]);
        let w = Var::new(&[1.0_f32, -2.0], &Device::Cpu).unwrap();
        let state = || Var::zeros(2, DType::F32, &Device::Cpu).unwrap();
        let (mean, square) = (state(), state());
        for (t, g) in (1..).zip(gradients) {
            for i in 0..2 {
                let g = if decoupled { g[i] } else { g[i] + decay * wanted[i] };
                if decoupled {
                    wanted[i] -= rate * decay * wanted[i];
                }
                m[i] = beta1 * m[i] + (1.0 - beta1) * g;
                v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
                let (m_hat, v_hat) = (m[i] / (1.0 - beta1.powi(t)), v[i] / (1.0 - beta2.powi(t)));
                wanted[i] -= rate * m_hat / (v_hat.sqrt() + epsilon);
            }
            let step = AdamStep {
                learning_rate: 0.1,
                beta1: 0.9,
                beta2: 0.99,
                epsilon: 1e-3,
                weight_decay: 0.2,
                decoupled,
                number: u64::try_from(t).unwrap(),
                gradient_scale: 1.0,
            };
            let g = Tensor::new(&g, &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
            update::adam(&w, &mean, &square, &g, &step).unwrap();
        }
        assert_all_close(&format!("adam, decoupled {decoupled}"), &f64s(&w), &wanted, 1e-6);
    }
}

#[test]
fn momentum_without_a_velocity_is_an_error() {
    let w = Var::ones(3, DType::F32, &Device::Cpu).unwrap();
    let step = SgdStep {
        learning_rate: 0.1,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 0.0,
        gradient_scale: 1.0,
    };
    assert!(update::sgd(&w, None, &w.as_tensor().clone(), &step).is_err());
}
