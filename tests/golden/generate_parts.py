"""Makes losses_parts, optimizers_parts and metrics_parts: Keras's formulas in float64 with PyTorch's gradients, PyTorch's own
losses and optimizers where it has them.

    python3 generate_parts.py
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

from golden_file import Golden

torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
EPSILON = 1e-7


def numbers(seed, shape, low=-2.0, high=2.0):
    values = np.random.default_rng(seed).uniform(low, high, shape)
    return torch.tensor(values.astype(np.float32).astype(np.float64))


def clip01(p):
    return p.clamp(EPSILON, 1)


def clip(p):
    return p.clamp(EPSILON, 1 - EPSILON)


def unit(x):
    return x * torch.rsqrt((x * x).sum(-1, keepdim=True).clamp(min=EPSILON**2))


def binary_entropy(t, p):
    return -(t * torch.log(p) + (1 - t) * torch.log1p(-p))


def losses():
    golden = Golden()

    def add(case, settings, function, y, t):
        y = y.clone().requires_grad_()
        value = function(y, t)
        value.backward()
        golden.add(case, settings, prediction=y, target=t, loss=value.reshape(1), gradient=y.grad)

    y, t = numbers(1, (6, 5)), numbers(2, (6, 5))
    p, q = numbers(3, (6, 5), 0.01, 0.99), numbers(4, (6, 5), 0.01, 0.99)
    labels = torch.tensor([0, 3, 1, 4, 2, 2])
    hot = F.one_hot(labels, 5).double()
    bits = (t > 0).double()
    normal = q / q.sum(-1, keepdim=True)

    add("kl_divergence", {"loss": "kl_divergence"},
        lambda y, t: (clip01(t) * torch.log(clip01(t) / clip01(y))).sum(-1).mean(), p, normal)
    add("kl_from_log", {"loss": "kl_divergence", "from_log": "true"},
        lambda y, t: F.kl_div(y, t, reduction="batchmean"), torch.log_softmax(y, -1), normal)
    add("poisson", {"loss": "poisson"}, lambda y, t: (y - t * torch.log(y + EPSILON)).mean(), p, 3 * q)
    add("poisson_torch", {"loss": "poisson", "epsilon": 1e-8},
        lambda y, t: F.poisson_nll_loss(y, t, log_input=False), p, 3 * q)
    add("poisson_log", {"loss": "poisson", "log_input": "true"}, lambda y, t: F.poisson_nll_loss(y, t), y, 3 * q)
    add("cosine_similarity", {"loss": "cosine_similarity"}, lambda y, t: -(unit(t) * unit(y)).sum(-1).mean(), y, t)
    add("hinge", {"loss": "hinge"}, lambda y, t: (1 - (2 * t - 1) * y).clamp(min=0).mean(), y, bits)
    add("hinge_signs", {"loss": "hinge"}, lambda y, t: (1 - t * y).clamp(min=0).mean(), y, 2 * bits - 1)
    add("squared_hinge", {"loss": "squared_hinge"},
        lambda y, t: (1 - (2 * t - 1) * y).clamp(min=0).square().mean(), y, bits)
    add("categorical_hinge", {"loss": "categorical_hinge"},
        lambda y, t: (((1 - t) * y).max(-1).values - (t * y).sum(-1) + 1).clamp(min=0).mean(), y, hot)
    add("log_cosh", {"loss": "log_cosh"},
        lambda y, t: (y - t + F.softplus(-2 * (y - t)) - np.log(2)).mean(), 3 * y, t)
    add("mape", {"loss": "mape"}, lambda y, t: 100 * ((t - y).abs() / t.abs().clamp(min=EPSILON)).mean(), y, t)
    add("msle", {"loss": "msle"},
        lambda y, t: (torch.log(y.clamp(min=EPSILON) + 1) - torch.log(t.clamp(min=EPSILON) + 1)).square().mean(), y, t)

    def binary_focal(y, t, gamma, alpha, smoothing=0.0, logits=False):
        t = t * (1 - smoothing) + smoothing / 2
        p = clip(torch.sigmoid(y) if logits else y)
        loss = (1 - (t * p + (1 - t) * (1 - p)))**gamma * binary_entropy(t, p)
        return ((t * alpha + (1 - t) * (1 - alpha)) * loss if alpha else loss).mean()

    add("binary_focal", {"loss": "binary_focal"}, lambda y, t: binary_focal(y, t, 2, None), p, bits)
    add("binary_focal_alpha", {"loss": "binary_focal", "gamma": 1.5, "alpha": 0.25, "label_smoothing": 0.1},
        lambda y, t: binary_focal(y, t, 1.5, 0.25, 0.1), p, bits)
    add("binary_focal_logits", {"loss": "binary_focal", "from_logits": "true"},
        lambda y, t: binary_focal(y, t, 2, None, logits=True), y, bits)

    def categorical_focal(y, t, gamma, alpha, smoothing=0.0):
        t = t * (1 - smoothing) + smoothing / 5
        q = clip(y / y.sum(-1, keepdim=True))
        return (torch.tensor(alpha) * (1 - q)**gamma * -t * torch.log(q)).sum(-1).mean()

    add("categorical_focal", {"loss": "categorical_focal"}, lambda y, t: categorical_focal(y, t, 2, 0.25), p, hot)
    add("categorical_focal_alphas", {"loss": "categorical_focal", "gamma": 0.5, "alphas": [0.1, 0.2, 0.3, 0.4, 0.5],
                                     "label_smoothing": 0.2},
        lambda y, t: categorical_focal(y, t, 0.5, [0.1, 0.2, 0.3, 0.4, 0.5], 0.2), p, hot)
    add("dice", {"loss": "dice"}, lambda y, t: 1 - 2 * (t * y).sum() / (t.sum() + y.sum() + EPSILON), p, bits)
    add("tversky", {"loss": "tversky", "alpha": 0.3, "beta": 0.7},
        lambda y, t: 1 - (t * y).sum() / ((t * y).sum() + 0.3 * ((1 - t) * y).sum() + 0.7 * (t * (1 - y)).sum() +
                                          EPSILON), p, bits)
    weights = torch.tensor([0.5, 2.0, 1.0, 0.25, 1.5])
    add("nll", {"loss": "nll"}, F.nll_loss, torch.log_softmax(y, -1), labels)
    add("nll_weights", {"loss": "nll", "alphas": weights.tolist()},
        lambda y, t: F.nll_loss(y, t, weights), torch.log_softmax(y, -1), labels)
    add("nll_ignored", {"loss": "nll"}, F.nll_loss, torch.log_softmax(y, -1), torch.tensor([0, -100, 1, 4, -100, 2]))
    golden.save(os.path.join(HERE, "losses_parts.safetensors"))


def nadam_keras(w, gradients, lr=0.01, b1=0.9, b2=0.999, epsilon=1e-7, decay=1.0):
    m, v, product = 0 * w, 0 * w, 1.0
    for t, g in enumerate(gradients, 1):
        now, following = b1 * (1 - 0.5 * 0.96**(t * decay)), b1 * (1 - 0.5 * 0.96**((t + 1) * decay))
        product *= now
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        m_hat = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
        w = w - lr * m_hat / (np.sqrt(v / (1 - b2**t)) + epsilon)
        yield w


def adamax_keras(w, gradients, lr=0.01, b1=0.9, b2=0.999, epsilon=1e-7):
    m, u = 0 * w, 0 * w
    for t, g in enumerate(gradients, 1):
        m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, np.abs(g))
        w = w - lr * m / ((1 - b1**t) * (u + epsilon))
        yield w


def adadelta_keras(w, gradients, lr=0.5, rho=0.95, epsilon=1e-7):
    a, s = 0 * w, 0 * w
    for g in gradients:
        a = rho * a + (1 - rho) * g * g
        change = -np.sqrt(s + epsilon) / np.sqrt(a + epsilon) * g
        s = rho * s + (1 - rho) * change * change
        w = w + lr * change
        yield w


def lion_keras(w, gradients, lr=0.01, b1=0.9, b2=0.99, decay=0.0):
    m = 0 * w
    for g in gradients:
        w = w - lr * decay * w
        w = w - lr * np.sign(b1 * m + (1 - b1) * g)
        m = b2 * m + (1 - b2) * g
        yield w


def lamb_keras(w, gradients, lr=0.01, b1=0.9, b2=0.999, epsilon=1e-7):
    m, v = 0 * w, 0 * w
    for t, g in enumerate(gradients, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        u = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + epsilon)
        w_norm, u_norm = np.linalg.norm(w), np.linalg.norm(u)
        w = w - lr * (w_norm / u_norm if w_norm > 0 and u_norm > 0 else 1.0) * u
        yield w


def optimizers():
    golden = Golden()
    start, gradients = numbers(7, (4, 3)).numpy(), [numbers(20 + t, (4, 3)).numpy() for t in range(20)]

    def add(case, settings, weights):
        golden.add(case, settings, kernel=np.stack([start, *weights]), dkernel=np.stack(gradients))

    def run(make):
        w = torch.tensor(start.copy(), requires_grad=True)
        optimizer = make([w])
        for g in gradients:
            w.grad = torch.tensor(g.copy())
            optimizer.step()
            yield w.detach().numpy().copy()

    add("adadelta_keras", {}, adadelta_keras(start, gradients))
    add("adamax_keras", {}, adamax_keras(start, gradients))
    add("nadam_keras", {}, nadam_keras(start, gradients))
    add("nadam_formula", {}, nadam_keras(start, gradients, epsilon=1e-8, decay=0.004))
    add("lion_keras", {}, lion_keras(start, gradients))
    add("lion_decay", {}, lion_keras(start, gradients, decay=0.1))
    add("lamb_keras", {}, lamb_keras(start, gradients))
    add("adadelta_torch", {}, run(torch.optim.Adadelta))
    add("adadelta_torch_decay", {}, run(lambda w: torch.optim.Adadelta(w, lr=0.5, weight_decay=0.1)))
    add("adamax_torch", {}, run(torch.optim.Adamax))
    add("adamax_torch_decay", {}, run(lambda w: torch.optim.Adamax(w, lr=0.01, weight_decay=0.1)))
    add("radam_torch", {}, run(torch.optim.RAdam))
    add("radam_torch_decay", {}, run(lambda w: torch.optim.RAdam(w, lr=0.01, betas=(0.8, 0.99), weight_decay=0.1)))
    if int(torch.__version__.split(".")[0]) >= 2:  # before, its second divisor is another
        add("nadam_torch", {}, run(torch.optim.NAdam))
    golden.save(os.path.join(HERE, "optimizers_parts.safetensors"))


def auc(y, t, curve, count=200):
    thresholds = [-EPSILON, *[i / (count - 1) for i in range(1, count - 1)], 1 + EPSILON]
    tp = np.array([((y > limit) & (t == 1)).sum() for limit in thresholds], float)
    fp = np.array([((y > limit) & (t == 0)).sum() for limit in thresholds], float)
    if curve == "roc":
        x, h = fp / fp[0], tp / tp[0]
        return ((x[:-1] - x[1:]) * (h[:-1] + h[1:]) / 2).sum()
    p, gained = tp + fp, tp[:-1] - tp[1:]
    with np.errstate(all="ignore"):
        slope = np.nan_to_num(gained / (p[:-1] - p[1:]), posinf=0, neginf=0)
        ratio = np.where((p[:-1] > 0) & (p[1:] > 0), p[:-1] / p[1:], 1.0)
    return (slope * (gained + (tp[1:] - slope * p[1:]) * np.log(ratio))).sum() / tp[0]


def f_beta(y, t, beta, average, threshold=None):
    said = y > threshold if threshold is not None else (y >= y.max(-1, keepdims=True)) & (np.abs(y) > 1e-9)
    there = t > 0.5
    right, yes, is_there = (said & there).sum(0), said.sum(0), there.sum(0)
    if average == "micro":
        right, yes, is_there = right.sum(), yes.sum(), is_there.sum()
    p, r = right / (yes + EPSILON), right / (is_there + EPSILON)
    scores = (1 + beta**2) * p * r / (beta**2 * p + r + EPSILON)
    return (scores * is_there).sum() / is_there.sum() if average == "weighted" else scores.mean()


def mean_iou(y, labels):
    said, parts = y.argmax(-1), []
    for c in range(y.shape[1]):
        either = ((said == c) | (labels == c)).sum()
        if either:
            parts.append(((said == c) & (labels == c)).sum() / either)
    return np.mean(parts)


def metrics():
    golden = Golden()
    y, t = numbers(40, (30, 4)).numpy(), numbers(41, (30, 4)).numpy()
    p = numbers(42, (30, 4), 0, 1).numpy()
    labels = np.random.default_rng(43).integers(0, 4, 30)
    hot, bits = np.eye(4)[labels], (t > 0).astype(float)
    p[:15] = np.round(0.6 * p[:15] + 0.4 * bits[:15], 2)

    def add(case, value, y, t):
        golden.add(case, {}, prediction=y, target=t.astype(np.float64), result=np.array([value]))

    add("auc_roc", auc(p, bits, "roc"), p, bits)
    add("auc_pr", auc(p, bits, "pr"), p, bits)
    add("auc_roc_10", auc(p, bits, "roc", 10), p, bits)
    for average in ("macro", "micro", "weighted"):
        add(f"f1_{average}", f_beta(p, hot, 1, average), p, hot)
    add("f2_threshold", f_beta(p, bits, 2, "macro", 0.605), p, bits)
    add("mean_iou", mean_iou(p, labels), p, labels)
    add("mape", 100 * (np.abs(t - y) / np.maximum(np.abs(t), EPSILON)).mean(), y, t)
    add("cosine_similarity",
        ((y * t).sum(-1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(t, axis=-1)).mean(), y, t)
    near = t + 0.1 * y
    add("r2_score", (1 - ((t - near)**2).sum(0) / ((t - t.mean(0))**2).sum(0)).mean(), near, t)
    golden.save(os.path.join(HERE, "metrics_parts.safetensors"))


if __name__ == "__main__":
    losses()
    optimizers()
    metrics()
