"""Makes training_parts: what PyTorch 2 and Keras's formulas in float64 make of regularizers, constraints, groups of parameters,
averages of the weights, Adafactor, LBFGS, and a pos_weight for each class.

    python3 generate_training.py
"""
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel

from generate_parts import numbers
from golden_file import Golden

torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = 20


def steps_of(shape, seed):
    return numbers(seed, shape).numpy(), np.stack([numbers(100 * seed + t, shape).numpy() for t in range(STEPS)])


def adafactor_keras(w, gradients, lr=0.001, decay=-0.8, e1=1e-30, e2=1e-3, clip=1.0):
    r = np.zeros(w.shape[:-1])
    c = np.zeros(w.shape[:-2] + w.shape[-1:])
    v = np.zeros(w.shape)
    rms = lambda x: np.sqrt(np.mean(x * x))
    for t, g in enumerate(gradients, 1):
        alpha = max(e2, rms(w)) * min(lr, 1 / np.sqrt(t))
        b = 1 - t**decay
        square = g * g + e1
        if w.ndim > 1:
            r = b * r + (1 - b) * square.mean(-1)
            c = b * c + (1 - b) * square.mean(-2)
            v = (r / r.mean(-1, keepdims=True))[..., None] * c[..., None, :]
        else:
            v = b * v + (1 - b) * square
        u = g / np.sqrt(v)
        w = w - alpha * u / max(1.0, rms(u) / clip)
        yield w


def run(start, gradients, make):
    w = torch.tensor(start.copy(), requires_grad=True)
    optimizer = make([w])
    for g in gradients:
        w.grad = torch.tensor(g.copy())
        optimizer.step()
        yield w.detach().numpy().copy()


def constrain(w, kind, axes=(0,), low=0.0, high=2.0, rate=1.0):
    if kind == "non_neg":
        return w * (w >= 0)
    norm = np.sqrt((w * w).sum(axes, keepdims=True))
    wanted = {"max_norm": np.clip(norm, 0, high), "unit_norm": np.ones_like(norm),
              "min_max_norm": rate * np.clip(norm, low, high) + (1 - rate) * norm}[kind]
    return w * wanted / (1e-7 + norm)


def main():
    golden = Golden()

    def add(case, start, gradients, weights, **settings):
        golden.add(case, settings, kernel=np.stack([start, *weights]), dkernel=gradients)

    for name, shape in (("kernel", (4, 3)), ("conv", (2, 2, 3, 4)), ("bias", (5,))):
        start, gradients = steps_of(shape, 1)
        add(f"adafactor_keras_{name}", start, gradients, adafactor_keras(start, gradients, lr=0.01))
        add(f"adafactor_torch_{name}", start, gradients, run(start, gradients, torch.optim.Adafactor))
        add(f"adafactor_torch_decay_{name}", start, gradients,
            run(start, gradients, lambda w: torch.optim.Adafactor(w, lr=0.02, weight_decay=0.1, d=1.5)))

    start, gradients = steps_of((4, 3), 2)
    add("group_sgd", start, gradients, run(start, gradients, lambda w: torch.optim.SGD(
        [{"params": w, "lr": 0.1 * 0.3, "weight_decay": 0.05}], lr=0.1, momentum=0.9)))
    add("group_adamw", start, gradients, run(start, gradients, lambda w: torch.optim.AdamW(
        [{"params": w, "lr": 0.1 * 0.3, "weight_decay": 0.2}], lr=0.1)))

    start, gradients = steps_of((2, 2, 3, 4), 3)
    for case, kind, options in (("non_neg", "non_neg", {}), ("max_norm", "max_norm", {"high": 1.5}),
                                ("max_norm_conv", "max_norm", {"high": 1.0, "axes": (0, 1, 2)}),
                                ("unit_norm", "unit_norm", {"axes": (3,)}),
                                ("min_max_norm", "min_max_norm", {"low": 0.5, "high": 1.2, "rate": 0.7, "axes": (0, 1)})):
        w, weights = start, []
        for g in gradients:
            w = constrain(w - 0.1 * g, kind, **options)
            weights.append(w)
        add(case, start, gradients, weights)

    # a penalty's value and slope
    w = numbers(5, (6, 4)).clone().requires_grad_()
    penalty = 0.03 * w.abs().sum() + 0.2 * w.square().sum()
    penalty.backward()
    golden.add("penalty", {}, kernel=w, gradient=w.grad, loss=penalty.reshape(1))

    # averages after each step: Keras's exponential one, PyTorch's plain one
    start, gradients = steps_of((4, 3), 6)
    w, average, all_averages = start, None, []
    for g in gradients:
        w = w - 0.1 * g
        average = w if average is None else 0.8 * average + (1 - 0.8) * w
        all_averages.append(average)
    add("exponential_average", start, gradients, all_averages)

    class Holder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor(start))

    holder = Holder()
    averaged, optimizer, all_averages = AveragedModel(holder), torch.optim.SGD(holder.parameters(), lr=0.1), []
    for g in gradients:
        holder.w.grad = torch.tensor(g)
        optimizer.step()
        averaged.update_parameters(holder)
        all_averages.append(averaged.module.w.detach().numpy().copy())
    add("stochastic_average", start, gradients, all_averages)

    # LBFGS on a regression with a curved loss
    x, t = numbers(7, (12, 3)), numbers(8, (12, 2))
    first = numbers(9, (3, 2)).numpy()
    for case, options in (("lbfgs", {"lr": 0.5}), ("lbfgs_short", {"lr": 0.3, "max_iter": 4, "history_size": 2}),
                          ("lbfgs_wolfe", {"line_search_fn": "strong_wolfe"}),
                          ("lbfgs_wolfe_short", {"line_search_fn": "strong_wolfe", "max_iter": 3, "lr": 5.0})):
        w = torch.tensor(first.copy(), requires_grad=True)
        optimizer = torch.optim.LBFGS([w], **options)

        def closure():
            optimizer.zero_grad()
            e = torch.tanh(x @ w) - t
            loss = (e * e).mean()
            loss.backward()
            return loss

        weights, values = [first], []
        for _ in range(5):
            values.append(float(optimizer.step(closure)))
            weights.append(w.detach().numpy().copy())
        evaluations = optimizer.state[w]["func_evals"]
        golden.add(case, {"evaluations": evaluations}, x=x, target=t, kernel=np.stack(weights), loss=np.array(values))

    y, bits, weight = numbers(10, (6, 4)), (numbers(11, (6, 4)) > 0).double(), torch.tensor([0.5, 1.0, 2.0, 3.5])
    y.requires_grad_()
    loss = F.binary_cross_entropy_with_logits(y, bits, pos_weight=weight)
    loss.backward()
    golden.add("pos_weight", {}, prediction=y, target=bits, weight=weight, loss=loss.reshape(1), gradient=y.grad)
    golden.save(os.path.join(HERE, "training_parts.safetensors"))


if __name__ == "__main__":
    main()
