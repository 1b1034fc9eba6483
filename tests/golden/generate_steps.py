"""Makes steps_torch: 20 training steps of a small network with every loss and every optimizer that PyTorch and keel both have.

    python3 generate_steps.py          # PyTorch 2.14
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

from golden_file import Golden, Numbers, single

torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
STEPS, BATCH, CLASSES = 20, 8, 4


def data():
    numbers = Numbers(14)
    parts = numbers.uniform(STEPS, BATCH, CLASSES, low=0.1)
    return {
        "x": numbers(STEPS, BATCH, 5),
        "values": numbers(STEPS, BATCH, CLASSES),
        "bits": np.float64(numbers.labels(2, STEPS, BATCH, CLASSES)),
        "labels": numbers.labels(CLASSES, STEPS, BATCH),
        "parts": np.float64(np.float32(parts / parts.sum(-1, keepdims=True))),
        "counts": np.float64(numbers.labels(5, STEPS, BATCH, CLASSES)),
    }


DATA = data()
NUMBERS = Numbers(15)
START = {"kernel_0": NUMBERS(5, 6, scale=0.4), "bias_0": NUMBERS(6, scale=0.1),
         "kernel_1": NUMBERS(6, CLASSES, scale=0.4), "bias_1": NUMBERS(CLASSES, scale=0.1)}
WEIGHTS, MANY = torch.tensor([0.5, 2.0, 1.0, 0.25]), torch.tensor([0.5, 1.0, 2.0, 3.5])


def sgd(weights):
    return torch.optim.SGD(weights, lr=0.05, momentum=0.9)


def train(golden, case, targets, loss, make=sgd, ending=lambda y: y, penalty=lambda kernel: 0.0):
    w = {name: torch.tensor(value, requires_grad=True) for name, value in START.items()}
    optimizer, curve = make(list(w.values())), []
    for x, t in zip(torch.tensor(DATA["x"]), torch.tensor(DATA[targets])):
        def closure():
            optimizer.zero_grad()
            y = ending(torch.tanh(x @ w["kernel_0"] + w["bias_0"]) @ w["kernel_1"] + w["bias_1"])
            value = loss(y, t) + penalty(w["kernel_0"])
            value.backward()
            return value
        curve.append(optimizer.step(closure).item())
    golden.add(case, {"targets": targets}, loss=np.array(curve), **w)


def main():
    golden = Golden()
    for name, array in DATA.items():
        golden.tensors[f"data/{name}"] = array if array.dtype == np.int64 else single(array)
    for name, array in START.items():
        golden.tensors[f"start/{name}"] = single(array)
    log_softmax = lambda y: torch.log_softmax(y, -1)

    train(golden, "mse", "values", F.mse_loss)
    train(golden, "mae", "values", F.l1_loss)
    train(golden, "huber", "values", lambda y, t: F.huber_loss(y, t, delta=0.7))
    train(golden, "smooth_l1", "values", lambda y, t: F.smooth_l1_loss(y, t, beta=0.5))
    train(golden, "bce", "bits", F.binary_cross_entropy, ending=torch.sigmoid)
    train(golden, "bce_logits", "bits", F.binary_cross_entropy_with_logits)
    train(golden, "bce_pos_weight", "bits",
          lambda y, t: F.binary_cross_entropy_with_logits(y, t, pos_weight=torch.tensor(2.5)))
    train(golden, "bce_pos_weights", "bits", lambda y, t: F.binary_cross_entropy_with_logits(y, t, pos_weight=MANY))
    train(golden, "ce", "labels", F.cross_entropy)
    train(golden, "ce_weights", "labels", lambda y, t: F.cross_entropy(y, t, WEIGHTS))
    train(golden, "ce_smoothing", "labels", lambda y, t: F.cross_entropy(y, t, label_smoothing=0.1))
    train(golden, "ce_ignore", "labels", lambda y, t: F.cross_entropy(y, t, ignore_index=2))
    train(golden, "ce_soft", "parts", F.cross_entropy)
    train(golden, "nll", "labels", F.nll_loss, ending=log_softmax)
    train(golden, "nll_weights", "labels", lambda y, t: F.nll_loss(y, t, WEIGHTS), ending=log_softmax)
    train(golden, "kl_divergence", "parts", lambda y, t: F.kl_div(y, t, reduction="batchmean"), ending=log_softmax)
    train(golden, "poisson_log", "counts", F.poisson_nll_loss)
    train(golden, "poisson", "counts", lambda y, t: F.poisson_nll_loss(y, t, log_input=False), ending=F.softplus)
    train(golden, "cosine_similarity", "values", lambda y, t: -F.cosine_similarity(y, t, dim=-1).mean())
    train(golden, "penalty", "values", F.mse_loss, penalty=lambda w: 0.01 * w.abs().sum() + 0.05 * w.square().sum())

    o = torch.optim
    for case, make in {
            "sgd": lambda w: o.SGD(w, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.01),
            "sgd_nesterov": lambda w: o.SGD(w, lr=0.1, momentum=0.9, nesterov=True),
            "adam": lambda w: o.Adam(w, lr=0.02),
            "adam_amsgrad": lambda w: o.Adam(w, lr=0.02, amsgrad=True, weight_decay=0.01),
            "adamw": lambda w: o.AdamW(w, lr=0.02),
            "rmsprop": lambda w: o.RMSprop(w, lr=0.01, momentum=0.5, centered=True),
            "adagrad": lambda w: o.Adagrad(w, lr=0.05, lr_decay=0.01),
            "adadelta": lambda w: o.Adadelta(w, lr=1.0),
            "adamax": lambda w: o.Adamax(w, lr=0.02),
            "nadam": lambda w: o.NAdam(w, lr=0.02),
            "radam": lambda w: o.RAdam(w, lr=0.02),
            "adafactor": lambda w: o.Adafactor(w, lr=0.05),
            "lbfgs": lambda w: o.LBFGS(w, lr=0.1, max_iter=3),
            "lbfgs_wolfe": lambda w: o.LBFGS(w, max_iter=3, line_search_fn="strong_wolfe")}.items():
        train(golden, "optimizer_" + case, "values", F.mse_loss, make)
    golden.save(os.path.join(HERE, "steps_torch.safetensors"))


if __name__ == "__main__":
    main()
