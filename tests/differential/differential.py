#!/usr/bin/env python3
"""PyTorch's side of differential.cpp: `differential.py FOLDER` runs every network there. Its outputs in evaluation and training, the
gradients of a first step and the weights after ten have to be keel's within 1e-5 in float and 1e-11 in double, of the largest value or
of 1. In float that is within 1e-5 of PyTorch's in float or, where training makes PyTorch's own rounding larger than that, of the same
network in double. Prints `ok`, `not ok` and `note` lines."""
import os
import sys

import numpy as np
import torch

STEPS, RATE = 10, 0.02
TOLERANCE = {"float": 1e-5, "double": 1e-11}
torch.set_num_threads(1)


def arrays(at, letter, dtype):
    """As PyTorch has them: the channels, the last axis, come first."""
    found = []
    while os.path.exists(os.path.join(at, "%s%d.npy" % (letter, len(found)))):
        value = torch.from_numpy(np.load(os.path.join(at, "%s%d.npy" % (letter, len(found))))).to(dtype)
        found.append(value.movedim(-1, 1) if value.dim() > 2 else value)
    return found


def weights(at, name, dtype):
    saved = torch.load(os.path.join(at, name), weights_only=True)
    return {key: value.to(dtype) if value.is_floating_point() else value for key, value in saved.items()}


def off(found, wanted):
    if tuple(found.shape) != tuple(wanted.shape):
        raise ValueError("shape %s for %s" % (tuple(found.shape), tuple(wanted.shape)))
    if not wanted.numel():
        return 0.0
    return float((found - wanted).abs().max()) / max(1.0, float(wanted.abs().max()))


def second_bias(model, name):
    """Of an LSTM or RNN PyTorch has two biases that are added, keel one: the second stays 0."""
    owner = model.get_submodule(name.rpartition(".")[0])
    return name.rpartition(".")[2].startswith("bias_hh") and not isinstance(owner, torch.nn.GRU)


def listed(value):
    return list(value) if isinstance(value, (tuple, list)) else [value]


def compare(at, dtype):
    """The largest deviations of keel's values from PyTorch's, computed in `dtype`."""
    torch.set_default_dtype(dtype)
    x, targets = arrays(at, "x", dtype), arrays(at, "t", dtype)
    scope = {}
    with open(os.path.join(at, "model.py")) as code:
        exec(code.read(), scope)
    model = scope["model"]
    model.load_state_dict(weights(at, "model.pt", dtype), strict=True)
    model.eval()
    worst = {"outputs": 0.0, "outputs in training": 0.0, "gradients": 0.0, "weights after training": 0.0}

    def note(what, found, wanted):
        worst[what] = max(worst[what], off(wanted, found.detach()))

    with torch.no_grad():
        for found, wanted in zip(listed(model(*x)), arrays(at, "y", dtype)):
            note("outputs", found, wanted)
    model.train()
    for name, parameter in model.named_parameters():
        if second_bias(model, name):
            parameter.requires_grad_(False)
    gradients = weights(at, "gradients.pt", dtype)
    for step in range(STEPS):
        model.zero_grad(set_to_none=True)
        y = listed(model(*x))
        if step == 0:
            for found, wanted in zip(y, arrays(at, "z", dtype)):
                note("outputs in training", found, wanted)
        loss = sum(((a - t) ** 2).mean() for a, t in zip(y, targets))
        if loss.requires_grad:
            loss.backward()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if not parameter.requires_grad:
                    continue
                gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                if step == 0:
                    note("gradients", gradient, gradients[name])
                parameter -= RATE * gradient
    trained = weights(at, "trained.pt", dtype)
    for name, value in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            note("weights after training", value, trained[name])
    return worst


def main():
    folder = sys.argv[1]
    right, largest = dict.fromkeys(TOLERANCE, 0), dict.fromkeys(TOLERANCE, 0.0)
    for name in sorted(os.listdir(folder), key=lambda name: (len(name), name)):
        number, _, kind = name.partition("_")
        if kind not in TOLERANCE:
            continue
        try:
            at = os.path.join(folder, name)
            worst = compare(at, torch.float32 if kind == "float" else torch.float64)
            wrong = {what: value for what, value in worst.items() if not value <= TOLERANCE[kind]}
            text = ", ".join("%s differ by %.2e" % item for item in wrong.items())
            if text and kind == "float":
                worst = compare(at, torch.float64)
                if all(value <= TOLERANCE[kind] for value in worst.values()):
                    print("note network %s: in float %s, from PyTorch's in double by %.2e" % (number, text, max(worst.values())))
                    text = ""
        except Exception as error:  # every failure is a line of the report
            worst, text = {}, " ".join(("%s: %s" % (type(error).__name__, error)).split())[:300]
        if text:
            print("not ok network %s in %s: %s" % (number, kind, text))
            continue
        right[kind] += 1
        largest[kind] = max([largest[kind]] + list(worst.values()))
    for kind, count in right.items():
        print("%s %d networks in %s: outputs, gradients and %d steps as PyTorch %s's within %.0e (largest %.1e)" % (
            "ok" if count else "not ok", count, kind, STEPS, torch.__version__, TOLERANCE[kind], largest[kind]))


main()
