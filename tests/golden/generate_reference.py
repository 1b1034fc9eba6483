"""Golden values by Keras's published formulas in float64, where no Keras can be run.
Usage: python3 generate_reference.py [OUTPUT_FOLDER] (needs seed_data.safetensors there, from generate_torch.py)

Sources: layers/normalization/batch_normalization.py, losses/losses.py, optimizers/*.py,
optimizers/schedules/*.py and callbacks/reduce_lr_on_plateau.py of Keras 3. PyTorch differentiates the losses and
the seed's network.
"""
import math
import os

import numpy as np
import torch

from generate_torch import (OUT, SEED_WEIGHTS, STEPS, keep, keras_crossentropy, leaf, seed_forward, tensor, write)
from golden_file import Golden, Numbers, load, single

# Batch normalisation ---------------------------------------------------------------------------------------------


def normalise(x, gamma, beta, epsilon, dy, mean=None, variance=None):
    """y and the gradients. A frozen layer is given mean and variance; else they are the batch's, biased."""
    axes, n = tuple(range(x.ndim - 1)), x[..., 0].size
    frozen = mean is not None
    if not frozen:
        mean = x.mean(axes)
        variance = ((x - mean) ** 2).mean(axes)
    inverse = 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inverse
    dbeta, dgamma = dy.sum(axes), (dy * x_hat).sum(axes)
    dx = dy * gamma * inverse if frozen else gamma * inverse / n * (n * dy - dbeta - x_hat * dgamma)
    return gamma * x_hat + beta, dx, dgamma, dbeta, mean, variance


def batch_norm():
    golden, numbers = Golden(), Numbers(11)
    shapes = {"batch2_1x1": (2, 1, 1, 4), "batch1_4x4": (1, 4, 4, 3), "odd": (3, 5, 7, 5),
              "mean_1e4": (4, 3, 3, 2), "rank2": (6, 5), "rank2_batch2": (2, 3), "one_value": (1, 1, 1, 3)}
    for case, shape in shapes.items():
        for momentum in (0.99, 0.15) if case in ("odd", "rank2") else (0.99,):
            batch_norm_case(golden, numbers, case, shape, momentum, "biased")
            if len(shape) == 4 and case != "one_value":
                batch_norm_case(golden, numbers, case, shape, momentum, "bessel")
    write(golden, "batch_norm_keras")


def batch_norm_case(golden, numbers, case, shape, momentum, variance_kind, epsilon=1e-3, steps=10):
    channels, n = shape[-1], math.prod(shape[:-1])
    gamma, beta = numbers(channels, scale=0.5, shift=1.0), numbers(channels)
    far = dict(shift=1e4) if case == "mean_1e4" else dict(scale=1.5, shift=0.5)
    xs, dys = numbers(steps, *shape, **far), numbers(2, *shape)
    moving_mean, moving_variance = np.zeros(channels), np.ones(channels)
    means, variances, results = [], [], []
    for step in range(steps):
        *result, mean, variance = normalise(xs[step], gamma, beta, epsilon, dys[int(step == steps - 1)])
        if variance_kind == "bessel":  # TensorFlow's fused kernel, rank 4 only
            variance = variance * n / max(n - 1, 1)
        moving_mean = moving_mean * momentum + mean * (1 - momentum)
        moving_variance = moving_variance * momentum + variance * (1 - momentum)
        means.append(moving_mean)
        variances.append(moving_variance)
        if step in (0, steps - 1):
            results.append(result)
    frozen = normalise(xs[0], gamma, beta, epsilon, dys[0], moving_mean, moving_variance)[:4]
    names = ("y", "dx", "dgamma", "dbeta")
    name = case + ("_bessel" if variance_kind == "bessel" else "") + ("_momentum_015" if momentum == 0.15 else "")
    golden.add(name, dict(shape=shape, momentum=momentum, epsilon=epsilon, variance=variance_kind, scale=True,
                          center=True, steps=steps),
               x=single(xs), dy=single(dys), gamma=single(gamma), beta=single(beta),
               moving_mean=np.stack(means), moving_variance=np.stack(variances),
               **{name: np.stack([result[i] for result in results]) for i, name in enumerate(names)},
               **{"frozen_" + name: frozen[i] for i, name in enumerate(names)})


# Losses ----------------------------------------------------------------------------------------------------------


def clip(p):
    return p.clamp(1e-7, 1 - 1e-7)


def losses():
    golden, numbers = Golden(), Numbers(12)

    def loss(case, settings, function, prediction, target, sample_weight=None, class_weight=None):
        """function(prediction, target) -> one value a sample (Keras: the mean over the last axis)."""
        x = leaf(prediction)
        values = function(x, tensor(target))
        if class_weight is not None:
            sample_weight_used = class_weight[target if target.dtype == np.int64 else target.argmax(-1)]
        else:
            sample_weight_used = sample_weight
        if sample_weight_used is not None:
            values = values * tensor(sample_weight_used)
        value = values.sum() / (values.numel() if settings.get("reduction", "mean") == "mean" else 1)
        value.backward()
        more = {"sample_weight": sample_weight, "class_weight": class_weight}
        golden.add(case, {"reduction": "mean", **settings}, prediction=single(prediction),
                   target=target if target.dtype == np.int64 else single(target), loss=value, gradient=x.grad,
                   **{name: single(array) for name, array in more.items() if array is not None})

    a, b, weight = numbers(5, 3, scale=1.5), numbers(5, 3), numbers.uniform(5, low=0, high=2)
    weight[1] = 0

    def huber(delta):
        def function(x, t):
            e = (x - t).abs()
            return torch.where(e <= delta, 0.5 * e ** 2, delta * e - 0.5 * delta ** 2).mean(-1)
        return function

    simple = {"mse": lambda x, t: ((x - t) ** 2).mean(-1), "mae": lambda x, t: (x - t).abs().mean(-1),
              "huber": huber(1.0)}
    for name, function in simple.items():
        loss(name, dict(loss=name), function, a, b)
        loss(name + "_sample_weight", dict(loss=name), function, a, b, weight)
    loss("huber_delta05", dict(loss="huber", delta=0.5), huber(0.5), a, b, weight)

    def bce(x, t, smoothing=0.0):
        t, p = t * (1 - smoothing) + smoothing / 2, clip(x)
        return -(t * p.log() + (1 - t) * (1 - p).log()).mean(-1)

    def bce_logits(x, t, smoothing=0.0):
        t = t * (1 - smoothing) + smoothing / 2
        return torch.nn.functional.binary_cross_entropy_with_logits(x, t, reduction="none").mean(-1)

    p, t = numbers.uniform(5, 3, low=0.02, high=0.98), np.float64(numbers.labels(2, 5, 3))
    name = "binary_crossentropy"
    loss("bce", dict(loss=name, from_logits=False), bce, p, t)
    loss("bce_sample_weight", dict(loss=name, from_logits=False), bce, p, t, weight)
    loss("bce_smoothing", dict(loss=name, from_logits=False, label_smoothing=0.1), lambda x, t: bce(x, t, 0.1), p,
         t)
    loss("bce_at_0_and_1", dict(loss=name, from_logits=False), bce, np.float64([[0, 1], [1, 0]]),
         np.float64([[1, 1], [0, 0]]))
    loss("bce_logits", dict(loss=name, from_logits=True), bce_logits, 2 * a, t)
    loss("bce_logits_smoothing", dict(loss=name, from_logits=True, label_smoothing=0.1),
         lambda x, t: bce_logits(x, t, 0.1), 2 * a, t, weight)

    def cce(x, t, smoothing=0.0):
        t = t * (1 - smoothing) + smoothing / t.shape[-1]
        return -(t * clip(x / x.sum(-1, keepdim=True)).log()).sum(-1)

    def cce_logits(x, t, smoothing=0.0):
        t = t * (1 - smoothing) + smoothing / t.shape[-1]
        return -(t * torch.log_softmax(x, -1)).sum(-1)

    def sparse(function):
        return lambda x, t: function(x, torch.nn.functional.one_hot(t, x.shape[-1]).double())

    logits, classes = numbers(5, 4, scale=2), numbers.labels(4, 5)
    p = np.exp(logits)
    p = np.float64(np.float32(p / p.sum(-1, keepdims=True)))
    raw, one_hot = numbers.uniform(5, 4, low=0.1, high=2), np.eye(4)[classes]
    class_weight = numbers.uniform(4, low=0.2, high=3)
    name = "categorical_crossentropy"
    loss("cce", dict(loss=name, from_logits=False), cce, p, one_hot)
    loss("cce_not_normalised", dict(loss=name, from_logits=False), cce, raw, one_hot)
    loss("cce_smoothing", dict(loss=name, from_logits=False, label_smoothing=0.1), lambda x, t: cce(x, t, 0.1), p,
         one_hot)
    loss("cce_sample_weight", dict(loss=name, from_logits=False), cce, p, one_hot, weight)
    loss("cce_class_weight", dict(loss=name, from_logits=False), cce, p, one_hot, class_weight=class_weight)
    loss("cce_at_0_and_1", dict(loss=name, from_logits=False), cce, np.float64([[0, 1, 0], [0, 1, 0]]),
         np.float64([[1, 0, 0], [0, 1, 0]]))
    loss("cce_logits", dict(loss=name, from_logits=True), cce_logits, logits, one_hot)
    loss("cce_logits_smoothing", dict(loss=name, from_logits=True, label_smoothing=0.1),
         lambda x, t: cce_logits(x, t, 0.1), logits, one_hot, weight)
    name = "sparse_categorical_crossentropy"
    loss("sparse_cce", dict(loss=name, from_logits=False), sparse(cce), p, classes)
    loss("sparse_cce_class_weight", dict(loss=name, from_logits=False), sparse(cce), p, classes,
         class_weight=class_weight)
    loss("sparse_cce_logits", dict(loss=name, from_logits=True), sparse(cce_logits), logits, classes)
    loss("sparse_cce_logits_class_weight", dict(loss=name, from_logits=True), sparse(cce_logits), logits, classes,
         class_weight=class_weight)
    loss("sparse_cce_logits_sample_weight", dict(loss=name, from_logits=True), sparse(cce_logits), logits, classes,
         weight)
    loss("sparse_cce_logits_sum", dict(loss=name, from_logits=True, reduction="sum"), sparse(cce_logits), logits,
         classes)
    write(golden, "losses_keras")


# Optimizers ------------------------------------------------------------------------------------------------------


def sgd(o, lr, g, s, t):
    if not o["momentum"]:
        return -lr * g
    s["m"] = o["momentum"] * s["m"] - lr * g
    return o["momentum"] * s["m"] - lr * g if o.get("nesterov") else s["m"]


def adam(o, lr, g, s, t):
    beta_1, beta_2 = o["beta_1"], o["beta_2"]
    s["m"] = s["m"] + (g - s["m"]) * (1 - beta_1)
    s["v"] = s["v"] + (g * g - s["v"]) * (1 - beta_2)
    v = s["v"]
    if o.get("amsgrad"):
        v = s["v_max"] = np.maximum(s["v_max"], v)
    return -lr * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t) * s["m"] / (np.sqrt(v) + o["epsilon"])


def rmsprop(o, lr, g, s, t):
    rho = o["rho"]
    s["v"] = rho * s["v"] + (1 - rho) * g * g
    denominator = s["v"] + o["epsilon"]
    if o.get("centered"):
        s["mean"] = rho * s["mean"] + (1 - rho) * g
        denominator = denominator - s["mean"] ** 2
    increment = lr * g / np.sqrt(denominator)
    if o.get("momentum"):
        s["m"] = o["momentum"] * s["m"] + increment
        return -s["m"]
    return -increment


def adagrad(o, lr, g, s, t):
    s["accumulator"] = s["accumulator"] + g * g
    return -lr * g / np.sqrt(s["accumulator"] + o["epsilon"])


RULES = {"SGD": (sgd, dict(learning_rate=0.01, momentum=0.0)),
         "Adam": (adam, dict(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7)),
         "AdamW": (adam, dict(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=0.004)),
         "RMSprop": (rmsprop, dict(learning_rate=0.001, rho=0.9, epsilon=1e-7)),
         "Adagrad": (adagrad, dict(learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7))}


class Optimizer:
    """Keras's order: clip the gradients, decay the weights by lr * weight_decay, then the rule's update."""

    def __init__(self, name, **options):
        self.rule, defaults = RULES[name]
        self.options, self.slots, self.step = {**defaults, **options}, {}, 0

    def clipped(self, gradients):
        o = self.options
        if "clipvalue" in o:
            return {k: np.clip(g, -o["clipvalue"], o["clipvalue"]) for k, g in gradients.items()}
        if "clipnorm" in o:
            return {k: g * o["clipnorm"] / max(np.linalg.norm(g), o["clipnorm"]) for k, g in gradients.items()}
        if "global_clipnorm" in o:
            c, norm = o["global_clipnorm"], math.sqrt(sum((g * g).sum() for g in gradients.values()))
            return {k: g * c * min(1 / norm, 1 / c) for k, g in gradients.items()}
        return gradients

    def apply(self, weights, gradients, lr=None):
        o, self.step = self.options, self.step + 1
        lr = o["learning_rate"] if lr is None else lr
        for name, g in self.clipped(gradients).items():
            if name not in self.slots:
                start = dict.fromkeys(("m", "v", "v_max", "mean"), 0.0)
                self.slots[name] = {**start, "accumulator": o.get("initial_accumulator_value")}
            w = weights[name] - lr * o.get("weight_decay", 0.0) * weights[name]
            weights[name] = w + self.rule(o, lr, g, self.slots[name], self.step)


def optimizers():
    golden, numbers = Golden(), Numbers(5)  # the same problem as in optimizers_torch
    xs, labels = numbers(16, 4), numbers.labels(3, 16)
    kernel0, bias0 = numbers(4, 3), numbers(3)

    def run(case, optimizer_name, rates=None, **options):
        weights = {"kernel": kernel0, "bias": bias0}
        got = {name: [] for name in ("dkernel", "dbias", "learning_rate")}
        kernels, biases = [kernel0], [bias0]
        optimizer = Optimizer(optimizer_name, **options)
        for step in range(STEPS):
            logits = xs @ weights["kernel"] + weights["bias"]
            p = np.exp(logits - logits.max(1, keepdims=True))
            d = (p / p.sum(1, keepdims=True) - np.eye(3)[labels]) / len(labels)
            gradients = {"kernel": xs.T @ d + 0.02 * weights["kernel"], "bias": d.sum(0)}
            lr = rates[step] if rates is not None else optimizer.options["learning_rate"]
            optimizer.apply(weights, gradients, lr)
            kernels.append(weights["kernel"])
            biases.append(weights["bias"])
            for name, value in zip(got, (gradients["kernel"], gradients["bias"], lr)):
                got[name].append(value)
        golden.add(case, dict(optimizer=optimizer_name, **optimizer.options, steps=STEPS),
                   kernel=np.stack(kernels), bias=np.stack(biases),
                   **{name: np.array(values) for name, values in got.items()})

    run("sgd", "SGD", learning_rate=0.1)
    run("sgd_default", "SGD")
    run("sgd_momentum", "SGD", learning_rate=0.1, momentum=0.9)
    run("sgd_nesterov", "SGD", learning_rate=0.1, momentum=0.9, nesterov=True)
    run("sgd_weight_decay", "SGD", learning_rate=0.1, weight_decay=0.05)
    run("sgd_momentum_weight_decay", "SGD", learning_rate=0.1, momentum=0.8, weight_decay=0.05)
    steps = np.array([0.1 if step < 5 else 0.01 if step < 12 else 0.001 for step in range(STEPS)])
    run("sgd_momentum_lr_steps", "SGD", steps, learning_rate=0.1, momentum=0.9)
    run("sgd_nesterov_lr_steps", "SGD", steps, learning_rate=0.1, momentum=0.9, nesterov=True)
    run("adam", "Adam", learning_rate=0.01)
    run("adam_default", "Adam")
    run("adam_epsilon", "Adam", learning_rate=0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-2)
    run("adam_amsgrad", "Adam", learning_rate=0.1, beta_1=0.5, beta_2=0.6, amsgrad=True)
    run("adam_weight_decay", "Adam", learning_rate=0.01, weight_decay=0.05)
    run("adam_lr_steps", "Adam", steps, learning_rate=0.1)
    run("adamw", "AdamW", learning_rate=0.01)
    run("adamw_weight_decay", "AdamW", learning_rate=0.01, weight_decay=0.05)
    run("rmsprop", "RMSprop", learning_rate=0.01)
    run("rmsprop_epsilon", "RMSprop", learning_rate=0.01, rho=0.95, epsilon=1e-2)
    run("rmsprop_centered", "RMSprop", learning_rate=0.01, centered=True)
    run("rmsprop_momentum", "RMSprop", learning_rate=0.01, momentum=0.9)
    run("rmsprop_momentum_lr_steps", "RMSprop", steps, learning_rate=0.1, momentum=0.9)
    run("rmsprop_all", "RMSprop", learning_rate=0.01, momentum=0.9, centered=True, weight_decay=0.05)
    run("adagrad", "Adagrad", learning_rate=0.1)
    run("adagrad_epsilon", "Adagrad", learning_rate=0.1, initial_accumulator_value=0.3, epsilon=1e-2)
    run("adagrad_weight_decay", "Adagrad", learning_rate=0.1, weight_decay=0.05)
    run("sgd_clipnorm", "SGD", learning_rate=0.5, clipnorm=0.2)
    run("sgd_global_clipnorm", "SGD", learning_rate=0.5, global_clipnorm=0.3)
    run("sgd_clipvalue", "SGD", learning_rate=0.5, clipvalue=0.05)
    run("adam_global_clipnorm", "Adam", learning_rate=0.1, global_clipnorm=0.1, weight_decay=0.05)
    write(golden, "optimizers_keras")


# Schedules: the rate at step 0, 1, 2, ... ------------------------------------------------------------------------


def cosine(step, lr, decay_steps, alpha):
    return lr * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * min(step, decay_steps) / decay_steps)) + alpha)


def schedules():
    golden, steps = Golden(), range(30)

    def sequence(case, settings, rate):
        golden.add(case, settings, learning_rate=np.float64([rate(step) for step in steps]))

    lr = dict(initial_learning_rate=0.1)
    halves = dict(schedule="ExponentialDecay", **lr, decay_steps=7, decay_rate=0.5)
    sequence("exponential", dict(**halves, staircase=False), lambda s: 0.1 * 0.5 ** (s / 7))
    sequence("staircase", dict(**halves, staircase=True),
             lambda s: 0.1 * 0.5 ** (s // 7))
    sequence("piecewise", dict(schedule="PiecewiseConstantDecay", boundaries=(5, 11, 20),
                               values=(0.1, 0.05, 0.02, 0.003)),
             lambda s: 0.1 if s <= 5 else 0.05 if s <= 11 else 0.02 if s <= 20 else 0.003)
    sequence("cosine", dict(schedule="CosineDecay", **lr, decay_steps=12, alpha=0.1),
             lambda s: cosine(s, 0.1, 12, 0.1))
    sequence("cosine_warmup", dict(schedule="CosineDecay", initial_learning_rate=0.01, decay_steps=15, alpha=0.05,
                                   warmup_target=0.2, warmup_steps=6),
             lambda s: 0.01 + (0.2 - 0.01) * s / 6 if s < 6 else cosine(s - 6, 0.2, 15, 0.05))
    metric = load(os.path.join(OUT, "schedules_torch.safetensors"))[0]["plateau/metric"]
    for case, options in {"plateau": dict(factor=0.5, patience=2),
                          "plateau_cooldown": dict(factor=0.1, patience=1, cooldown=3, min_lr=1e-3),
                          "plateau_min_delta": dict(factor=0.5, patience=2, min_delta=0.05),
                          "plateau_max": dict(factor=0.5, patience=3, mode="max")}.items():
        golden.add(case, dict(schedule="ReduceLROnPlateau", lr=0.1, **options), metric=metric,
                   learning_rate=np.float64(plateau(metric, 0.1, **options)))
    write(golden, "schedules_keras")


def plateau(metric, lr, factor, patience, min_delta=1e-4, cooldown=0, min_lr=0.0, mode="min"):
    """keras/src/callbacks/reduce_lr_on_plateau.py: the rate after each epoch's metric was seen."""
    best, wait, cooling, rates = math.inf if mode == "min" else -math.inf, 0, 0, []
    for value in metric:
        if cooling > 0:
            cooling, wait = cooling - 1, 0
        if value < best - min_delta if mode == "min" else value > best + min_delta:
            best, wait = value, 0
        elif cooling == 0:
            wait += 1
            if wait >= patience and lr > min_lr:
                lr, cooling, wait = max(lr * factor, min_lr), cooldown, 0
        rates.append(lr)
    return rates


# The seed's network by Keras's rules -----------------------------------------------------------------------------


def seed_keras():
    golden = Golden()
    data = load(os.path.join(OUT, "seed_data.safetensors"))[0]
    for case, name, options in (("sgd_logits", "SGD", dict(learning_rate=0.005)),
                                ("sgd_softmax", "SGD", dict(learning_rate=0.005)),
                                ("momentum_softmax", "SGD", dict(learning_rate=0.002, momentum=0.9)),
                                ("adam_softmax", "Adam", dict(learning_rate=3e-4)),
                                ("rmsprop_logits", "RMSprop", dict(learning_rate=1e-4))):
        weights = {key: np.float64(data["seed/" + key]) for key in SEED_WEIGHTS}
        moving = {"batch_norm/moving_mean": np.zeros(8), "batch_norm/moving_variance": np.ones(8)}
        optimizer, curve, snapshots = Optimizer(name, **options), [], {}

        def batch_norm_layer(h, gamma, beta):
            mean = h.mean((0, 2, 3), keepdim=True)
            variance = ((h - mean) ** 2).mean((0, 2, 3), keepdim=True)
            for key, value in (("batch_norm/moving_mean", mean), ("batch_norm/moving_variance", variance)):
                moving[key] = moving[key] * 0.15 + value.detach().numpy().ravel() * (1 - 0.15)
            column = lambda v: v.view(1, -1, 1, 1)
            return column(gamma) * (h - mean) / torch.sqrt(variance + 1e-3) + column(beta)

        for step in range(STEPS):
            at = np.arange(8 * step, 8 * step + 8) % 40
            leaves = {key: leaf(value) for key, value in weights.items()}
            logits = seed_forward(leaves, batch_norm_layer, tensor(data["seed/images"][at]).double())
            labels = tensor(data["seed/labels"][at])
            loss = torch.nn.functional.cross_entropy(logits, labels) if case.endswith("logits") else \
                keras_crossentropy(torch.softmax(logits, -1), labels)
            loss.backward()
            optimizer.apply(weights, {key: value.grad.numpy() for key, value in leaves.items()})
            curve.append(loss.detach())
            keep(snapshots, step + 1, {key: tensor(value) for key, value in {**weights, **moving}.items()})
        golden.add(case, dict(optimizer=name, **optimizer.options, loss="sparse_categorical_crossentropy",
                              from_logits=case.endswith("logits"), bn_momentum=0.15, bn_epsilon=1e-3,
                              bn_variance="biased"), loss=torch.stack(curve), **snapshots)
    write(golden, "seed_keras")


if __name__ == "__main__":
    batch_norm()
    losses()
    optimizers()
    schedules()
    seed_keras()
