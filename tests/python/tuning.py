"""Reads, writes and shares a study with the real Optuna.

usage: tuning.py read JOURNAL TRIALS.json   compares a study that Atelier wrote with what it says of it
       tuning.py write JOURNAL TRIALS.json  writes a study of every kind of trial, and what it is
       tuning.py work JOURNAL N             works on N trials of a study that others work on
"""

import json
import math
import sys
import time

import optuna
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.WARNING)
command, journal, argument = sys.argv[1:]
storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(journal))


def suggest(trial):
    """The settings of the space that the test in Rust has."""
    settings = {
        "rate": trial.suggest_float("rate", 1e-4, 1.0, log=True),
        "share": trial.suggest_float("share", 0.0, 1.0, step=0.25),
        "depth": trial.suggest_int("depth", 3, 5),
        "kind": trial.suggest_categorical("kind", ["a", "b"]),
        "norm": trial.suggest_categorical("norm", [False, True]),
        "widths": trial.suggest_categorical("widths", ["[30, 30]", "[50]"]),
    }
    if settings["kind"] == "b":
        settings["momentum"] = trial.suggest_float("momentum", 0.0, 0.9)
    return settings


def describe(trial):
    """A trial as the test in Rust describes it."""
    return {
        "number": trial.number,
        "state": {TrialState.FAIL: "failed"}.get(trial.state, trial.state.name.lower()),
        "value": None if trial.values is None else trial.values[0],
        "settings": trial.params,
        "reports": {str(s): v for s, v in sorted(trial.intermediate_values.items()) if math.isfinite(v)},
    }


if command == "read":
    study = optuna.load_study(study_name="shared", storage=storage)
    with open(argument) as file:
        expected = json.load(file)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert len(study.trials) == len(expected), (len(study.trials), len(expected))
    for trial, wanted in zip(study.trials, expected):
        found = describe(trial)
        assert found == wanted, f"{found}\nis not\n{wanted}"
        assert trial.datetime_complete >= trial.datetime_start
    assert study.best_trial.number == max(
        (t for t in expected if t["state"] == "complete"), key=lambda t: (t["value"], -t["number"])
    )["number"]
    # What Optuna computes from a study works on ours.
    optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
elif command == "write":
    study = optuna.create_study(study_name="shared", storage=storage, direction="maximize")

    def objective(trial):
        settings = suggest(trial)
        trial.report(settings["rate"], 1)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            trial.report(float("nan"), 2)
            raise ValueError("a failure")
        trial.set_user_attr("note", 'NaN "in" text\n')
        return settings["rate"] + settings["depth"]

    study.optimize(objective, n_trials=6, catch=ValueError)
    # One that waits with some of its settings, and one that a dead worker left running.
    study.enqueue_trial({"depth": 4})
    optuna.create_study(study_name="another", storage=storage).optimize(lambda trial: trial.suggest_int("z", 0, 9), 3)
    with open(argument, "w") as file:
        json.dump([describe(trial) for trial in study.trials], file)
elif command == "work":
    study = optuna.load_study(study_name="shared", storage=storage, sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(int(argument)):
        trial = study.ask()
        queued = dict(trial.params)
        settings = suggest(trial)
        assert all(settings[name] == value for name, value in queued.items()), (queued, settings)
        for step in (1, 2):
            time.sleep(0.01)
            trial.report(settings["rate"] * step, step)
        study.tell(trial, settings["rate"] + settings["depth"])
        print("took" if queued else "made", trial.number, flush=True)
else:
    sys.exit(__doc__)
