"""Optuna on the functions of `cargo run --release -p atelier-tune --example samplers`, at the same budget.

Not part of the tests: it takes minutes. Prints the median over seeds of the distance from the minimum.

usage: tuning_samplers.py [SEEDS]
"""

import sys
from statistics import median

import numpy as np
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 30

ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A = np.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = np.array(
    [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
)


def branin(trial):
    a, b = trial.suggest_float("x0", -5, 10), trial.suggest_float("x1", 0, 15)
    return (
        (b - 5.1 / (4 * np.pi**2) * a * a + 5 / np.pi * a - 6) ** 2
        + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a)
        + 10
        - 0.3978873577297389
    )


def hartmann6(trial):
    x = np.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(6)])
    return 3.322368011415515 - (ALPHA * np.exp(-(A * (x - P) ** 2).sum(axis=1))).sum()


def rosenbrock4(trial):
    x = [trial.suggest_float(f"x{i}", -2, 2) for i in range(4)]
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(3))


def network(trial):
    rate = np.log10(trial.suggest_float("x0", 1e-5, 1, log=True))
    decay = np.log10(trial.suggest_float("x1", 1e-6, 1e-1, log=True))
    depth = trial.suggest_int("x2", 1, 8)
    kind = trial.suggest_categorical("x3", [0, 1, 2])
    best = -2 if kind < 0.5 else -3
    return (rate - best) ** 2 + 0.1 * (decay + 4) ** 2 + 0.05 * abs(depth - 4) + (0.5 if kind > 1.5 else 0)


samplers = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "tpe, multivariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
}
batches = {"one by one": 1, "batches of 8": 8}
print(f"{'function':12} {'sampler':18} {'trials':12} {'after 50':>10} {'after 100':>10}")
for function in [branin, hartmann6, rosenbrock4, network]:
    for name, sampler in samplers.items():
        for how, batch in batches.items():
            if name == "random" and batch > 1:
                continue
            half, whole = [], []
            for seed in range(seeds):
                study = optuna.create_study(sampler=sampler(seed))
                values = []
                while len(values) < 100:
                    trials = [study.ask() for _ in range(min(batch, 100 - len(values)))]
                    # All of a batch are chosen before any is told.
                    found = [function(trial) for trial in trials]
                    for trial, value in zip(trials, found):
                        study.tell(trial, value)
                    values += found
                half.append(min(values[:50]))
                whole.append(min(values))
            print(f"{function.__name__:12} {name:18} {how:12} {median(half):10.4f} {median(whole):10.4f}", flush=True)
