"""PyTorch, eager or with `--compiled`. rows.py says how it is asked.

How it was tuned: the fused optimisers (faster than `foreach` and the plain loop by 3 to 10 % at 3 x 50, 3 x 256 and
3 x 512 on one thread), gradients set
to None, denormals flushed to zero, data as f32 in memory in one tensor, batches by `index_select`; evaluation and grid
under `inference_mode`, in pieces of 1,000 and 2,500 images.
Compiled: forward pass, loss and backward pass as one graph, the optimiser as it is (fused). The compiler's caches are
off, so that its time is that of a first run.
"""

import os
import sys

import rows

ARGUMENTS = rows.arguments()
os.environ["OMP_NUM_THREADS"] = str(ARGUMENTS.threads)
os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
if ARGUMENTS.threads == 1:
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"

import numpy
import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(ARGUMENTS.threads)
torch.set_flush_denormal(True)


def dense(widths, regularized=False):
    layers = []
    for i, o in zip(widths[:-2], widths[1:-1]):
        layers += [nn.Linear(i, o)]
        layers += [nn.BatchNorm1d(o), nn.ReLU(), nn.Dropout(0.25)] if regularized else [nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def groups(model, decay):
    """Weights, which are decayed, and all other parameters, which are not."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def training(model, loss_of, kind):
    """A function that takes one step on a batch and returns its loss as a number."""
    optimizer = {
        "sgd": lambda: torch.optim.SGD(groups(model, rows.DECAY), lr=rows.RATE, fused=True),
        "adam": lambda: torch.optim.Adam(model.parameters(), lr=rows.RATE, fused=True),
        "adamw": lambda: torch.optim.AdamW(groups(model, rows.DECAY), lr=rows.RATE, fused=True),
    }[kind]()
    model.train()
    loss = torch.compile(loss_of, dynamic=False, fullgraph=True) if ARGUMENTS.compiled else loss_of

    def step(*batch):
        optimizer.zero_grad(set_to_none=True)
        value = loss(*batch)
        value.backward()
        optimizer.step()
        return value.item()

    return step


def classifier(widths, regularized=False):
    model = dense(widths, regularized)
    kind = "adamw" if regularized else "sgd"
    return model, training(model, lambda x, y: functional.cross_entropy(model(x), y), kind)


def autoencoder():
    a, b, c, d, e = rows.AUTOENCODER
    model = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(),
                          nn.Linear(c, d), nn.ReLU(), nn.Linear(d, e), nn.Sigmoid())
    return training(model, lambda x: functional.mse_loss(model(x), x), "adam")


def epoch(step, batch, *tensors):
    order = torch.randperm(len(tensors[0]))
    for start in range(0, len(order), batch):
        chosen = order[start:start + batch]
        step(*(tensor.index_select(0, chosen) for tensor in tensors))


def few(step, batch, *tensors):
    """The batches of an epoch in its sizes, a full one and the last, so that nothing is compiled later."""
    count = batch + len(tensors[0]) % batch
    epoch(step, batch, *(tensor[:count] for tensor in tensors))


def memory(count):
    pixels, labels = rows.images(count)
    return torch.from_numpy(pixels), torch.from_numpy(labels)


def evaluation(model, x, y, piece=1000):
    model.eval()
    with torch.inference_mode():
        loss, correct = 0.0, 0
        for start in range(0, len(x), piece):
            logits, labels = model(x[start:start + piece]), y[start:start + piece]
            loss += functional.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
    model.train()
    return loss / len(x), correct


def grid(points=41, examples=2500):
    x, y = memory(examples)
    model = dense([784, 50, 50, 50, 10])
    shapes = [p.shape for p in model.parameters()]
    origin = nn.utils.parameters_to_vector(model.parameters()).detach()
    first, second = torch.randn(2, len(origin))
    axis = torch.linspace(-1, 1, points).tolist()

    def call():
        highest = 0.0
        with torch.inference_mode():
            for b in axis:
                line = origin + b * second
                for a in axis:
                    flat = torch.add(line, first, alpha=a)
                    parts = [part.view(shape) for part, shape in
                             zip(flat.split([shape.numel() for shape in shapes]), shapes)]
                    hidden = x
                    for layer in range(4):
                        hidden = functional.linear(hidden, parts[2 * layer], parts[2 * layer + 1])
                        if layer < 3:
                            hidden = hidden.relu_()
                    highest = max(highest, functional.cross_entropy(hidden, y).item())
        return highest

    return call


def tuning(data):
    """Twelve trials of 10 epochs by Optuna's TPE: as many processes as cores, one thread each, data shared by fork.
    Also a function that tells the most memory that they had together, beside this process."""
    import math
    import multiprocessing
    import tempfile

    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    (pixels, labels), _ = rows.idx(data, "")
    x = torch.from_numpy(rows.scaled(pixels))
    y = torch.from_numpy(labels.astype(numpy.int64))
    train, validation = (x[:50_000], y[:50_000]), (x[50_000:], y[50_000:])

    def objective(trial):
        rate = trial.suggest_float("learning_rate", 1e-3, 0.05, log=True)
        momentum = trial.suggest_float("momentum", 0.0, 0.9)
        decay = trial.suggest_float("weight_decay", 1e-5, 1e-2, log=True)
        model = dense([784, 50, 50, 50, 10])
        optimizer = torch.optim.SGD(groups(model, decay), lr=rate, momentum=momentum, fused=True)

        def step(x, y):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            value = loss.item()
            if not math.isfinite(value):
                # It would have less work than the others.
                raise RuntimeError(f"a trial has diverged with learning rate {rate}, momentum {momentum}")
            return value

        for number in range(10):
            epoch(step, 64, *train)
            accuracy = evaluation(model, *validation)[1] / len(validation[0])
            trial.report(accuracy, number)
        return accuracy

    peaks = []

    def work(path, trials, seed, peak):
        torch.set_num_threads(1)
        storage = JournalStorage(JournalFileBackend(path))
        study = optuna.load_study(study_name="bench", storage=storage, sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(objective, n_trials=trials)
        peak.put(rows.own_peak_bytes())

    def call():
        with tempfile.TemporaryDirectory() as directory:
            path = f"{directory}/study.log"
            storage = JournalStorage(JournalFileBackend(path))
            optuna.create_study(study_name="bench", storage=storage, direction="maximize")
            workers = ARGUMENTS.threads
            shares = [12 // workers + (worker < 12 % workers) for worker in range(workers)]
            fork = multiprocessing.get_context("fork")
            peak = fork.SimpleQueue()
            processes = [fork.Process(target=work, args=(path, share, seed, peak)) for seed, share in enumerate(shares)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            failed = [process.exitcode for process in processes if process.exitcode]
            if failed:
                sys.exit(f"{len(failed)} of {workers} processes of the study failed")
            peaks.append(sum(peak.get() for _ in processes))

    return call, lambda: max(peaks, default=0)


def serve(row):
    if row.startswith("step-autoencoder"):
        x, _ = memory(128)
        step = autoencoder()
        rows.serve(lambda: step(x), compiles=ARGUMENTS.compiled)
    elif row.startswith("step-"):
        widths, batch, regularized = rows.network(row)
        _, step = classifier(widths, regularized)
        x, y = memory(batch)
        rows.serve(lambda: step(x, y), compiles=ARGUMENTS.compiled)
    elif row == "epochs-autoencoder":
        x, _ = memory(rows.IMAGES)
        step = autoencoder()
        rows.serve(lambda: [epoch(step, 128, x) for _ in range(20)], compiles=ARGUMENTS.compiled,
                   warm_up=lambda: few(step, 128, x))
    elif row.startswith("epoch-"):
        widths, batch, regularized = rows.network(row)
        _, step = classifier(widths, regularized)
        x, y = memory(rows.IMAGES)
        rows.serve(lambda: epoch(step, batch, x, y), compiles=ARGUMENTS.compiled,
                   warm_up=lambda: few(step, batch, x, y))
    elif row == "evaluate" and not ARGUMENTS.compiled:
        x, y = memory(rows.IMAGES)
        model = dense([784, 50, 50, 50, 10])
        rows.serve(lambda: evaluation(model, x, y))
    elif row == "grid" and not ARGUMENTS.compiled:
        rows.serve(grid())
    elif row in ("load-gzip", "load-cache") and not ARGUMENTS.compiled:
        place, suffix = ("gzip", ".gz") if row == "load-gzip" else ("cache", "")
        rows.serve(lambda: [torch.from_numpy(part.copy()) for pair in rows.idx(ARGUMENTS.work / place, suffix)
                            for part in pair])
    elif row == "tune" and not ARGUMENTS.compiled:
        call, others_peak = tuning(ARGUMENTS.work / "cache")
        rows.serve(call, warm_up=lambda: None, others_peak=others_peak)
    elif row == "predict" and not ARGUMENTS.compiled:
        from safetensors.torch import load_file
        model = dense([784, 50, 50, 50, 10])
        tensors = load_file(ARGUMENTS.work / "model.safetensors")
        model.load_state_dict({name.removeprefix("net."): tensor for name, tensor in tensors.items()})
        with torch.inference_mode():
            model(torch.from_numpy(numpy.fromfile(ARGUMENTS.work / "image.f32", numpy.float32))[None]).softmax(1)
        rows.say(done=True)
    elif row == "first-epoch":
        (pixels, labels), _ = rows.idx(ARGUMENTS.work / "cache", "")
        x = torch.from_numpy(rows.scaled(pixels))
        epoch(classifier([784, 50, 50, 50, 10])[1], 64, x, torch.from_numpy(labels.astype(numpy.int64)))
        rows.say(done=True)
    else:
        rows.say(missing="compiled as a training step only" if ARGUMENTS.compiled else "no such row")


serve(ARGUMENTS.row)
