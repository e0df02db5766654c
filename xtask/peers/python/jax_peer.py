"""JAX with optax. rows.py says how it is asked.

How it was tuned: every row is one compiled call over many steps (`jit` of `lax.scan`, the state donated), so that
nothing of Python stands between steps; losses stay on the device until the call ends; data as f32 in memory, batches
gathered inside of the scan, without a second copy of them; dropout by the generator `unsafe_rbg`, which JAX has for
speed; the grid as one `lax.map`. XLA flushes denormals by itself. One thread is one core (the affinity is set before
XLA counts them). Compilation is told apart.
"""

import os

import rows

ARGUMENTS = rows.arguments()
if ARGUMENTS.threads == 1:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import numpy
import optax
from jax import lax
from jax import numpy as jnp

jax.config.update("jax_default_prng_impl", "unsafe_rbg")
STEPS = 100


def dense(widths, regularized=False):
    random = numpy.random.default_rng(0)
    layers = []
    for number, (i, o) in enumerate(zip(widths, widths[1:])):
        layer = {"w": jnp.asarray(random.normal(0, (2 / i) ** 0.5, (i, o)), jnp.float32), "b": jnp.zeros(o)}
        if regularized and number < len(widths) - 2:
            layer |= {"gamma": jnp.ones(o), "beta": jnp.zeros(o)}
        layers.append(layer)
    return layers


def forward(layers, x):
    for layer in layers[:-1]:
        x = jax.nn.relu(x @ layer["w"] + layer["b"])
    return x @ layers[-1]["w"] + layers[-1]["b"]


def cross_entropy(logits, y):
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


def decayed(layers):
    return [{name: name == "w" for name in layer} for layer in layers]


def classifier(widths, regularized):
    """State, and a step from (state, (x, y)) to (state, loss)."""
    layers = dense(widths, regularized)
    if not regularized:
        def sgd(layers, batch):
            x, y = batch
            loss, gradients = jax.value_and_grad(lambda l: cross_entropy(forward(l, x), y))(layers)
            return [{"w": l["w"] - rows.RATE * (g["w"] + rows.DECAY * l["w"]), "b": l["b"] - rows.RATE * g["b"]}
                    for l, g in zip(layers, gradients)], loss
        return layers, sgd

    optimizer = optax.adamw(rows.RATE, weight_decay=rows.DECAY, mask=decayed(layers))

    def loss_of(layers, statistics, key, x, y):
        seen = []
        for number, layer in enumerate(layers[:-1]):
            x = x @ layer["w"] + layer["b"]
            mean, variance = x.mean(0), x.var(0)
            old = statistics[number]
            seen.append((0.9 * old[0] + 0.1 * mean, 0.9 * old[1] + 0.1 * variance * len(x) / (len(x) - 1)))
            x = jax.nn.relu((x - mean) * lax.rsqrt(variance + 1e-5) * layer["gamma"] + layer["beta"])
            x = jnp.where(jax.random.bernoulli(jax.random.fold_in(key, number), 0.75, x.shape), x / 0.75, 0)
        return cross_entropy(x @ layers[-1]["w"] + layers[-1]["b"], y), seen

    def adamw(state, batch):
        layers, optimizer_state, statistics, key = state
        key, used = jax.random.split(key)
        (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(layers, statistics, used, *batch)
        updates, optimizer_state = optimizer.update(gradients, optimizer_state, layers)
        return (optax.apply_updates(layers, updates), optimizer_state, statistics, key), loss

    statistics = [(jnp.zeros(w), jnp.ones(w)) for w in widths[1:-1]]
    return (layers, optimizer.init(layers), statistics, jax.random.key(0)), adamw


def autoencoder():
    layers = dense(rows.AUTOENCODER)
    optimizer = optax.adam(rows.RATE)

    def step(state, batch):
        layers, optimizer_state = state
        (x,) = batch

        def loss_of(layers):
            return jnp.square(jax.nn.sigmoid(forward(layers, x)) - x).mean()

        loss, gradients = jax.value_and_grad(loss_of)(layers)
        updates, optimizer_state = optimizer.update(gradients, optimizer_state, layers)
        return (optax.apply_updates(layers, updates), optimizer_state), loss

    return (layers, optimizer.init(layers)), step


def memory(count):
    pixels, labels = rows.images(count)
    return jax.device_put(pixels, may_alias=True), jnp.asarray(labels.astype(numpy.int32))


def steps(state, step, *batch, count=STEPS):
    """`count` steps on one batch."""
    many = jax.jit(lambda state, *batch: lax.scan(lambda s, _: step(s, batch), state, length=count), donate_argnums=0)
    kept = [state]

    def call():
        kept[0], losses = many(kept[0], *batch)
        return numpy.asarray(losses)

    return call


def epochs(state, step, batch, *tensors, count=1):
    """Epochs over `tensors` in a random order, a last, shorter batch included."""
    n = len(tensors[0])
    full = n // batch

    def one(state, key, *tensors):
        order = jax.random.permutation(key, n)

        def at(chosen):
            return tuple(jnp.take(tensor, chosen, axis=0) for tensor in tensors)

        state, losses = lax.scan(lambda s, chosen: step(s, at(chosen)), state,
                                 order[:full * batch].reshape(full, batch))
        if n % batch:
            state, last = step(state, at(order[full * batch:]))
            losses = jnp.append(losses, last)
        return state, losses

    compiled = jax.jit(one, donate_argnums=0)
    kept = [state, jax.random.key(1)]

    def call(times=count):
        for _ in range(times):
            kept[1], key = jax.random.split(kept[1])
            kept[0], losses = compiled(kept[0], key, *tensors)
        return numpy.asarray(losses)

    return call


def evaluation(x, y, piece=1000):
    layers = dense([784, 50, 50, 50, 10])

    @jax.jit
    def evaluate(layers, x, y):
        def one(pair):
            logits = forward(layers, pair[0])
            return cross_entropy(logits, pair[1]), (logits.argmax(1) == pair[1]).sum()

        losses, correct = lax.map(one, (x.reshape(-1, piece, 784), y.reshape(-1, piece)))
        return losses.mean(), correct.sum()

    return lambda: [numpy.asarray(part) for part in evaluate(layers, x, y)]


def grid(points=41, examples=2500):
    x, y = memory(examples)
    layers = dense([784, 50, 50, 50, 10])
    random = numpy.random.default_rng(1)
    first, second = (jax.tree.map(lambda p: jnp.asarray(random.normal(size=p.shape), jnp.float32), layers)
                     for _ in range(2))
    axis = jnp.linspace(-1, 1, points)

    @jax.jit
    def surface(layers, first, second, x, y):
        def at(point):
            moved = jax.tree.map(lambda o, d, e: o + point[0] * d + point[1] * e, layers, first, second)
            return cross_entropy(forward(moved, x), y)

        return lax.map(at, jnp.stack(jnp.meshgrid(axis, axis), -1).reshape(-1, 2))

    return lambda: numpy.asarray(surface(layers, first, second, x, y))


def serve(row):
    if row == "step-autoencoder":
        state, step = autoencoder()
        rows.serve(steps(state, step, memory(128)[0]), STEPS, compiles=True)
    elif row.startswith("step-"):
        widths, batch, regularized = rows.network(row)
        state, step = classifier(widths, regularized)
        count = 10 if regularized else STEPS
        rows.serve(steps(state, step, *memory(batch), count=count), count, compiles=True)
    elif row == "epochs-autoencoder":
        call = epochs(*autoencoder(), 128, memory(rows.IMAGES)[0], count=20)
        rows.serve(call, compiles=True, warm_up=lambda: call(1))
    elif row.startswith("epoch-"):
        widths, batch, regularized = rows.network(row)
        rows.serve(epochs(*classifier(widths, regularized), batch, *memory(rows.IMAGES)), compiles=True)
    elif row == "evaluate":
        rows.serve(evaluation(*memory(rows.IMAGES)), compiles=True)
    elif row == "grid":
        rows.serve(grid(), compiles=True)
    elif row in ("load-gzip", "load-cache"):
        place, suffix = ("gzip", ".gz") if row == "load-gzip" else ("cache", "")
        rows.serve(lambda: [jnp.asarray(part).block_until_ready()
                            for pair in rows.idx(ARGUMENTS.work / place, suffix) for part in pair])
    elif row == "predict":
        from safetensors.numpy import load_file
        tensors = load_file(ARGUMENTS.work / "model.safetensors")
        x = jnp.asarray(numpy.fromfile(ARGUMENTS.work / "image.f32", numpy.float32))[None]
        for layer in (0, 2, 4, 6):
            x = x @ tensors[f"net.{layer}.weight"].T + tensors[f"net.{layer}.bias"]
            x = jax.nn.relu(x) if layer < 6 else jax.nn.softmax(x)
        x.block_until_ready()
        rows.say(done=True)
    elif row == "first-epoch":
        (pixels, labels), _ = rows.idx(ARGUMENTS.work / "cache", "")
        x = jax.device_put(rows.scaled(pixels), may_alias=True)
        epochs(*classifier([784, 50, 50, 50, 10], False), 64, x, jnp.asarray(labels.astype(numpy.int32)))()
        rows.say(done=True)
    else:
        rows.say(missing="measured with PyTorch and Optuna" if row == "tune" else "no such row")


serve(ARGUMENTS.row)
