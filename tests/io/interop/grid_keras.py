#!/usr/bin/env python3
"""Keras 3's side of grid.cpp, where no Keras is there: its formulas in float64, on what model.keras and model.h5 say. A key that a
class of Keras does not take is an error here as there. Writes DIR/results_formulas.tsv as grid_torch.py writes its own."""
import functools
import io
import json
import math
import os
import re
import sys
import zipfile

import h5py
import numpy as np

folder = sys.argv[1]


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def function(name):
    erf = np.vectorize(math.erf)
    exp = lambda x: np.exp(np.minimum(x, 700))
    softmax = lambda x: np.exp(x - x.max(-1, keepdims=True)) / np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)
    sigmoid = lambda x: 1 / (1 + exp(-x))
    hard_sigmoid = lambda x: np.clip(x + 3, 0, 6) / 6
    elu = lambda x, alpha=1.0: np.where(x > 0, x, alpha * (exp(np.minimum(x, 0)) - 1))
    return {
        "linear": lambda x: x,
        "relu": lambda x: np.maximum(x, 0),
        "relu6": lambda x: np.clip(x, 0, 6),
        "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
        "elu": elu,
        "selu": lambda x: 1.05070098735548 * elu(x, 1.67326324235437),
        "gelu": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
        "silu": lambda x: x * sigmoid(x),
        "sigmoid": sigmoid,
        "hard_sigmoid": hard_sigmoid,
        "hard_sigmoid_keras2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
        "hard_silu": lambda x: x * hard_sigmoid(x),
        "hard_swish": lambda x: x * hard_sigmoid(x),
        "tanh": np.tanh,
        "softplus": lambda x: np.logaddexp(x, 0),
        "softmax": softmax,
        "log_softmax": lambda x: np.log(softmax(x)),
        "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
        "exponential": np.exp,
        "softsign": lambda x: x / (1 + np.abs(x)),
        "hard_tanh": lambda x: np.clip(x, -1, 1),
        "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
        "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        "tanh_shrink": lambda x: x - np.tanh(x),
        "celu": elu,
        "log_sigmoid": lambda x: -np.logaddexp(-x, 0),
        "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
        "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
        "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
        "sparsemax": sparsemax,
    }[name]


def sparsemax(x):
    order = -np.sort(-x, -1)
    sums = np.cumsum(order, -1) - 1
    counts = np.arange(1, x.shape[-1] + 1)
    above = (order * counts > sums).sum(-1, keepdims=True)
    return np.maximum(x - np.take_along_axis(sums, above - 1, -1) / above, 0)


def windows(x, size, strides, dilation=(1, 1), value=0.0, padding="valid"):
    """x as (batch, rows, columns, kernel rows, kernel columns, channels), outside of the image `value`."""
    counts, sides = [], []
    for n, k, s, d in zip(x.shape[1:3], size, strides, dilation):
        reach = (k - 1) * d + 1
        count = -(-n // s) if padding == "same" else (n - reach) // s + 1
        missing = max(0, (count - 1) * s + reach - n) if padding == "same" else 0
        counts.append(count)
        sides.append((missing // 2, missing - missing // 2))
    x = np.pad(x, ((0, 0), sides[0], sides[1], (0, 0)), constant_values=value)
    rows = np.arange(counts[0])[:, None] * strides[0] + np.arange(size[0]) * dilation[0]
    columns = np.arange(counts[1])[:, None] * strides[1] + np.arange(size[1]) * dilation[1]
    return x[:, rows][:, :, :, columns].transpose(0, 1, 3, 2, 4, 5)


def one_of_strides_and_dilation(c):
    if max(pair(c["strides"])) > 1 and max(pair(c["dilation_rate"])) > 1:
        raise ValueError("strides > 1 not supported in conjunction with dilation_rate > 1")


def conv(x, kernel, c, groups=1):
    one_of_strides_and_dilation(c)
    taken = windows(x, kernel.shape[:2], pair(c["strides"]), pair(c["dilation_rate"]), padding=c["padding"])
    taken = np.split(taken, groups, -1)
    kernels = np.split(kernel, groups, -1)
    return np.concatenate([np.einsum("bijklc,klco->bijo", t, k) for t, k in zip(taken, kernels)], -1)


def depthwise(x, kernel, c):
    one_of_strides_and_dilation(c)
    taken = windows(x, kernel.shape[:2], pair(c["strides"]), pair(c["dilation_rate"]), padding=c["padding"])
    y = np.einsum("bijklc,klcm->bijcm", taken, kernel)
    return y.reshape(y.shape[:3] + (-1,))


def conv_transpose(x, kernel, c):
    one_of_strides_and_dilation(c)
    strides, dilation = pair(c["strides"]), pair(c["dilation_rate"])
    more = None if c.get("output_padding") is None else pair(c["output_padding"])
    if more is not None and any(m >= s for m, s in zip(more, strides)):
        raise ValueError("output_padding must be less than strides")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape[:2], dilation)]
    outs, before = [], []
    for axis in (0, 1):
        n, k, s = x.shape[1 + axis], reach[axis], strides[axis]
        if more is None:
            out = n * s if c["padding"] == "same" else n * s + max(k - s, 0)
        else:
            out = (n - 1) * s + k - (2 * (k // 2) if c["padding"] == "same" else 0) + more[axis]
        outs.append(out)
        before.append(max(0, (n - 1) * s + k - out) // 2 if c["padding"] == "same" else 0)
    full = np.zeros((x.shape[0],) + tuple((n - 1) * s + k + max(outs) for n, s, k in zip(x.shape[1:3], strides, reach)) +
                    (kernel.shape[2],))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            top, left = i * dilation[0], j * dilation[1]
            full[:, top : top + (x.shape[1] - 1) * strides[0] + 1 : strides[0],
                 left : left + (x.shape[2] - 1) * strides[1] + 1 : strides[1]] += x @ kernel[i, j].T
    return full[:, before[0] : before[0] + outs[0], before[1] : before[1] + outs[1]]


def resize(x, size, interpolation):
    for axis, scale in ((1, size[0]), (2, size[1])):
        n = x.shape[axis]
        if interpolation == "nearest":
            x = np.repeat(x, scale, axis)
            continue
        at = np.clip((np.arange(n * scale) + 0.5) / scale - 0.5, 0, n - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, n - 1)
        part = (at - low).reshape([-1 if a == axis else 1 for a in range(4)])
        x = np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part
    return x


def resized(x, c, w):
    for axis, out in ((1, c["height"]), (2, c["width"])):
        n = x.shape[axis]
        center = (np.arange(out) + 0.5) * n / out
        if c["interpolation"] == "nearest":
            x = np.take(x, np.clip(np.floor(center).astype(int), 0, n - 1), axis)
            continue
        low = np.floor(center - 0.5).astype(int)
        part = (center - 0.5 - low).reshape([-1 if a == axis else 1 for a in range(4)])
        x = np.take(x, np.clip(low, 0, n - 1), axis) * (1 - part) + np.take(x, np.clip(low + 1, 0, n - 1), axis) * part
    return x


def time_distributed(x, c, w):
    formula, usual = layers[c["layer"]["class_name"]]
    inner = dict(usual, **c["layer"]["config"])
    y = formula(x.reshape((-1,) + x.shape[2:]), inner, w)
    return y.reshape(x.shape[:2] + y.shape[1:])


def average_pool(x, c):
    taken = windows(x, pair(c["pool_size"]), pair(c["strides"]), padding=c["padding"])
    inside = windows(np.ones_like(x), pair(c["pool_size"]), pair(c["strides"]), padding=c["padding"])
    return taken.sum((3, 4)) / inside.sum((3, 4))


def weighed(x, scores):
    return softmax(scores, -1) @ x[1]


def aligned(x):
    """Axes of 1 behind the batch, as many as are missing."""
    most = max(v.ndim for v in x)
    return [v.reshape(v.shape[:1] + (1,) * (most - v.ndim) + v.shape[1:]) for v in x]


def dot(x, c, w):
    axes = [c["axes"]] * 2 if isinstance(c["axes"], int) else c["axes"]
    x = [np.moveaxis(v, axis, -1) for v, axis in zip(x, axes)]
    if c["normalize"]:
        x = [v / np.maximum(np.sqrt((v * v).sum(-1, keepdims=True)), 1e-12) for v in x]
    y = np.stack([np.tensordot(a, b, (-1, -1)) for a, b in zip(*x)])
    return y if y.ndim > 1 else y[:, None]


def windows_3d(x, size, strides, dilation=(1, 1, 1), value=0.0, padding="valid"):
    """x as (batch, d, h, w, kernel d, h, w, channels), outside `value`."""
    for axis in range(3):
        n, k, s, d = x.shape[1 + axis], size[axis], strides[axis], dilation[axis]
        reach = (k - 1) * d + 1
        count = -(-n // s) if padding == "same" else (n - reach) // s + 1
        missing = max(0, (count - 1) * s + reach - n) if padding == "same" else 0
        sides = [(0, 0)] * x.ndim
        sides[1 + axis] = (missing // 2, missing - missing // 2)
        x = np.pad(x, sides, constant_values=value)
        at = np.arange(count)[:, None] * s + np.arange(k) * d
        x = np.moveaxis(np.take(x, at.reshape(-1), 1 + axis).reshape(x.shape[:1 + axis] + (count, k) + x.shape[2 + axis:]),
                        2 + axis, -2)
    return x


def conv3d(x, kernel, c):
    if max(c["strides"]) > 1 and max(c["dilation_rate"]) > 1:
        raise ValueError("strides > 1 not supported in conjunction with dilation_rate > 1")
    taken = np.split(windows_3d(x, kernel.shape[:3], c["strides"], c["dilation_rate"], padding=c["padding"]), c["groups"], -1)
    kernels = np.split(kernel, c["groups"], -1)
    return np.concatenate([np.einsum("bdijxyzc,xyzco->bdijo", t, k) for t, k in zip(taken, kernels)], -1)


def conv3d_transpose(x, kernel, c):
    """Each value spread over its window, then as much of it as Keras keeps."""
    size, extra = kernel.shape[:3], c["output_padding"]
    window = [(k - 1) * d + 1 for k, d in zip(size, c["dilation_rate"])]
    full = np.zeros((len(x),) + tuple((n - 1) * s + e for n, s, e in zip(x.shape[1:4], c["strides"], window)) + (kernel.shape[3],))
    for place in np.ndindex(*size):
        part = np.einsum("bdijc,oc->bdijo", x, kernel[place])
        at = [slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, n, s in zip(place, c["dilation_rate"], x.shape[1:4], c["strides"])]
        full[(slice(None), *at)] += part
    sides, cut = [(0, 0)], [slice(None)]
    for axis, (n, s, e) in enumerate(zip(x.shape[1:4], c["strides"], window)):
        more = None if extra is None else extra[axis]
        if c["padding"] == "same":
            out = n * s if more is None else (n - 1) * s + e % 2 + more
        else:
            out = (n - 1) * s + max(e, s) if more is None else (n - 1) * s + e + more
        before = max(0, full.shape[1 + axis] - out) // 2 if c["padding"] == "same" else 0
        sides.append((0, max(0, before + out - full.shape[1 + axis])))
        cut.append(slice(before, before + out))
    return np.pad(full, sides + [(0, 0)])[tuple(cut)]


def conv_lstm(axes):
    def of(x, c, w):
        def conv(v, kernel, **options):
            grown = v.reshape(v.shape[:1] + (1,) * (3 - axes) + v.shape[1:])
            three = lambda value: (1,) * (3 - axes) + ((value,) if isinstance(value, int) else tuple(value))
            c3 = {"strides": three(options.get("strides", 1 if axes == 1 else (1,) * axes)),
                  "dilation_rate": three(options.get("dilation_rate", 1 if axes == 1 else (1,) * axes)),
                  "padding": options["padding"], "groups": 1}
            y = conv3d(grown, kernel.reshape((1,) * (3 - axes) + kernel.shape), c3)
            return y.reshape(y.shape[:1] + y.shape[1 + 3 - axes:])
        if c["padding"] == "causal":
            raise ValueError("causal padding")
        act, gate = function(c["activation"]), function(c["recurrent_activation"])
        h = s = None
        all = []
        for t in range(x.shape[1])[::-1] if c["go_backwards"] else range(x.shape[1]):
            z = conv(x[:, t], w[0], strides=c["strides"], dilation_rate=c["dilation_rate"], padding=c["padding"])
            z = z + w[2] if c["use_bias"] else z
            z = z if h is None else z + conv(h, w[1], padding="same")
            i, f, g, o = np.split(z, 4, -1)
            s = gate(i) * act(g) + (0 if s is None else gate(f) * s)
            h = gate(o) * act(s)
            all.append(h)
        return np.stack(all, 1) if c["return_sequences"] else h
    return of


def average_pool3d(x, c, w):
    sums = [windows_3d(v, c["pool_size"], c["strides"], padding=c["padding"]).sum((4, 5, 6)) for v in (x, np.ones_like(x))]
    return sums[0] / sums[1]


def relu(x, c):
    slope, threshold, most = c["negative_slope"], c["threshold"], c["max_value"]
    above = np.where(x > threshold, x, 0)
    above = above if most is None else np.clip(above, 0, most)
    return above - slope * np.maximum(threshold - x, 0)


def batch_norm(x, c, w):
    shape = [1] * x.ndim
    shape[c["axis"]] = -1
    w = [v.reshape(shape) for v in w]
    gamma = w.pop(0) if c["scale"] else 1.0
    beta = w.pop(0) if c["center"] else 0.0
    return (x - w[0]) / np.sqrt(w[1] + c["epsilon"]) * gamma + beta


def normalization(x, c, w):
    axes = [] if c["axis"] is None else c["axis"] if isinstance(c["axis"], list) else [c["axis"]]
    shape = [n if a in axes or a - x.ndim in axes else 1 for a, n in enumerate(x.shape)]
    if c["mean"] is None:
        mean, variance = (v.reshape(shape) for v in w[:2])
    else:
        mean, variance = (np.asarray(c[key], dtype="f8") for key in ("mean", "variance"))
        if mean.ndim == 1:  # along the last of the axes, as Keras 3 has it since 2026
            last = max(a % x.ndim for a in axes)
            mean, variance = (v.reshape([-1 if a == last else 1 for a in range(x.ndim)]) for v in (mean, variance))
    deviation = np.maximum(np.sqrt(variance), 1e-7)
    return mean + x * deviation if c["invert"] else (x - mean) / deviation


def softmax(x, axis):
    axis = tuple(axis) if isinstance(axis, list) else axis
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def crop(x, c):
    top, left = (x.shape[1] - c["height"]) // 2, (x.shape[2] - c["width"]) // 2
    if top < 0 or left < 0:
        raise ValueError("CenterCrop of a smaller image resizes it")
    return x[:, top : top + c["height"], left : left + c["width"]]


def biased(y, c, w, used):
    y = y + w[used] if c["use_bias"] else y
    return activate(y, c)


def activate(y, c):
    name = c["activation"]
    if isinstance(name, dict):  # a layer, or a registered function
        kind, options = name["class_name"], name["config"]
        return layers[kind][0](y, dict(layers[kind][1], **options) if isinstance(options, dict) else {}, [])
    return function(name)(y)


def along(formula):
    """A formula of images for sequences, which are images of one row."""
    def of(x, c, w):
        c = dict(c)
        one = lambda value: value if isinstance(value, int) else value[0]
        for key in ("strides", "dilation_rate", "pool_size", "output_padding", "size"):
            if c.get(key) is not None:
                c[key] = (0 if key == "output_padding" else 1, one(c[key]))
        if c.get("padding") == "causal":
            x = np.pad(x, ((0, 0), ((len(w[0]) - 1) * c["dilation_rate"][1], 0), (0, 0)))
            c["padding"] = "valid"
        y = formula(x[:, None], c, [v[None] if v.ndim == 3 else v for v in w])
        return y[:, 0] if y.ndim == 4 else y
    return of


def not_causal(formula):
    def of(x, c, w):
        if c["padding"] == "causal":
            raise ValueError("causal padding")
        return formula(x, c, w)
    return of


def edges(x, sides, sign):
    """`sides` for each axis, added as zeros or cut off."""
    sides = [(0, 0)] + [pair(p) for p in sides] + [(0, 0)]
    if sign > 0:
        return np.pad(x, sides)
    return x[tuple(slice(before, n - after) for (before, after), n in zip(sides, x.shape))]


def recurrent(kind):
    """`kind` is Keras's class."""
    def of(x, c, w):
        u = c["units"]
        b = w[2] if c["use_bias"] else None
        act, gate = function(c["activation"]), function(c.get("recurrent_activation", "linear"))
        steps = range(x.shape[1])[::-1] if c["go_backwards"] else range(x.shape[1])
        h = s = np.zeros((len(x), u))
        all = []
        for t in steps:
            if kind == "GRU":
                after = c["reset_after"]
                first = x[:, t] @ w[0] + (0 if b is None else b[0] if after else b)
                second = h @ w[1] + (b[1] if after and b is not None else 0)
                z, r = gate(first[:, :u] + second[:, :u]), gate(first[:, u : 2 * u] + second[:, u : 2 * u])
                inner = r * second[:, 2 * u :] if after else (r * h) @ w[1][:, 2 * u :]
                h = z * h + (1 - z) * act(first[:, 2 * u :] + inner)
            else:
                a = x[:, t] @ w[0] + h @ w[1] + (0 if b is None else b)
                if kind == "LSTM":
                    i, f, g, o = np.split(a, 4, -1)
                    s = gate(f) * s + gate(i) * act(g)
                    h = gate(o) * act(s)
                else:
                    h = act(a)
            all.append(h)
        return np.stack(all, 1) if c["return_sequences"] else h
    return of


def bidirectional(x, c, w):
    inner = c["layer"]
    options = dict(inner["config"])
    formula, arguments = layers[inner["class_name"]]
    for key in list(options):
        if key in ("name", "trainable", "dtype", "activity_regularizer") or about_weights.match(key):
            del options[key]
        elif key not in arguments:
            raise TypeError("%s takes no argument %r" % (inner["class_name"], key))
    options = dict(arguments, **options)
    half = len(w) // 2
    a = formula(x, options, w[:half])
    b = formula(x, dict(options, go_backwards=not options["go_backwards"]), w[half:])
    if options["return_sequences"]:
        b = b[:, ::-1]
    return {"concat": lambda: np.concatenate([a, b], -1), "sum": lambda: a + b, "mul": lambda: a * b,
            "ave": lambda: (a + b) / 2}[c["merge_mode"]]()


def axes_of(c):
    return tuple(c["axis"]) if isinstance(c["axis"], list) else (c["axis"],)


def along_axes(v, x, axes):
    """A weight of the axes' extents, to be broadcast."""
    places = sorted(a % x.ndim for a in axes)
    return v.reshape([x.shape[a] if a in places else 1 for a in range(x.ndim)])


def layer_norm(x, c, w):
    axes = axes_of(c)
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + c["epsilon"])
    w = list(w)
    y = y * along_axes(w.pop(0), x, axes) if c["scale"] else y
    return y + along_axes(w.pop(0), x, axes) if c["center"] else y


def group_norm(x, c, w):
    groups = x.shape[-1] if c["groups"] == -1 else c["groups"]
    parts = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    y = (parts - parts.mean((1, 3), keepdims=True)) / np.sqrt(parts.var((1, 3), keepdims=True) + c["epsilon"])
    y, w = y.reshape(x.shape), list(w)
    y = y * w.pop(0) if c["scale"] else y
    return y + w.pop(0) if c["center"] else y


def rms_norm(x, c, w):
    axes = axes_of(c)
    return x / np.sqrt((x * x).mean(axes, keepdims=True) + c["epsilon"]) * along_axes(w[0], x, axes)


def attention(x, c, w):
    query, value = x[0], x[1]
    key = x[2] if len(x) > 2 else value
    w = list(w)
    parts = []
    for each in (query, key, value):
        p = np.einsum("btd,dhe->bthe", each, w.pop(0))
        parts.append(p + w.pop(0) if c["use_bias"] else p)
    a = softmax(np.einsum("bqhe,bkhe->bhqk", parts[0], parts[1]) / math.sqrt(c["key_dim"]), -1)
    y = np.einsum("bqhe,heo->bqo", np.einsum("bhqk,bkhe->bqhe", a, parts[2]), w.pop(0))
    return y + w.pop(0) if c["use_bias"] else y


def shared_attention(x, c, w):
    w = list(w)
    at = 2 if c["use_bias"] else 1
    for i in range(at, 3 * at):  # keys and values once for each head of the query
        w[i] = np.repeat(w[i], c["num_query_heads"] // c["num_key_value_heads"], w[i].ndim - 2)
    return attention(x, dict(c, key_dim=c["head_dim"]), w)


def contrast(x, c, w):
    low, high = x.min((1, 2), keepdims=True), x.max((1, 2), keepdims=True)
    start, end = c["value_range"]
    return np.where(high > low, (x - low) / np.where(high > low, high - low, 1) * (end - start) + start, x)


def pool(reduce):
    return lambda x, c, w: reduce(x, axis=(1, 2), keepdims=c["keepdims"])


def adaptive(reduce):
    def of(x, c, w):
        sizes = [c["output_size"]] if isinstance(c["output_size"], int) else c["output_size"]
        for axis, size in enumerate(sizes):  # one axis after the other: the windows are rectangles
            n = x.shape[1 + axis]
            parts = [np.take(x, range(i * n // size, -(-(i + 1) * n // size)), 1 + axis) for i in range(size)]
            x = np.stack([reduce(part, 1 + axis) for part in parts], 1 + axis)
        return x
    return of


def identity(x, c, w):
    return x


moves = {"fill_mode": "reflect", "interpolation": "bilinear", "seed": None, "fill_value": 0.0, "data_format": None}
images = {"data_format": "channels_last"}
window = dict(images, strides=(1, 1), padding="valid", dilation_rate=(1, 1), activation="linear", use_bias=True)
pools = dict(images, pool_size=(2, 2), strides=None, padding="valid")
window_1d = dict(window, strides=1, dilation_rate=1)
pools_1d = dict(images, pool_size=2, strides=None, padding="valid")
rnn = dict(units=None, activation="tanh", use_bias=True, return_sequences=False, return_state=False, go_backwards=False,
           stateful=False, unroll=False, zero_output_for_mask=False, dropout=0.0, recurrent_dropout=0.0, seed=None)
conv_rnn = dict(window, filters=None, kernel_size=None, activation="tanh", recurrent_activation="sigmoid", unit_forget_bias=True,
                return_sequences=False, return_state=False, go_backwards=False, stateful=False, dropout=0.0,
                recurrent_dropout=0.0, seed=None)
# class -> formula, the arguments that it takes with their defaults
layers = {
    "Activation": (lambda x, c, w: activate(x, c), {"activation": None}),
    "ActivityRegularization": (identity, {"l1": 0.0, "l2": 0.0}),
    "Add": (lambda x, c, w: sum(x), {}),
    "AlphaDropout": (identity, {"rate": None, "noise_shape": None, "seed": None}),
    "AdaptiveAveragePooling1D": (adaptive(np.mean), dict(images, output_size=None)),
    "AdaptiveAveragePooling2D": (adaptive(np.mean), dict(images, output_size=None)),
    "AdaptiveAveragePooling3D": (adaptive(np.mean), dict(images, output_size=None)),
    "AdaptiveMaxPooling1D": (adaptive(np.max), dict(images, output_size=None)),
    "AdaptiveMaxPooling2D": (adaptive(np.max), dict(images, output_size=None)),
    "AdaptiveMaxPooling3D": (adaptive(np.max), dict(images, output_size=None)),
    "AdditiveAttention": (lambda x, c, w: weighed(x, np.tanh(x[0][:, :, None] + x[-1][:, None]) @ (
        w[0] if c["use_scale"] else np.ones(x[0].shape[-1]))), {"use_scale": True, "dropout": 0.0, "seed": None}),
    "Attention": (lambda x, c, w: weighed(x, x[0] @ x[-1].swapaxes(1, 2) * (w[0] if c["use_scale"] else 1)), {
        "use_scale": False, "score_mode": "dot", "dropout": 0.0, "seed": None}),
    "Average": (lambda x, c, w: sum(aligned(x)) / len(x), {}),
    "AveragePooling1D": (not_causal(along(lambda x, c, w: average_pool(x, c))), pools_1d),
    "AveragePooling2D": (lambda x, c, w: average_pool(x, c), pools),
    "AveragePooling3D": (average_pool3d, pools),
    "BatchNormalization": (batch_norm, {
        "axis": -1, "momentum": 0.99, "epsilon": 1e-3, "center": True, "scale": True, "renorm": False, "synchronized": False}),
    "Bidirectional": (bidirectional, {"layer": None, "merge_mode": "concat", "backward_layer": None}),
    "CenterCrop": (lambda x, c, w: crop(x, c), {"height": None, "width": None, "data_format": None}),
    "Concatenate": (lambda x, c, w: np.concatenate(x, c["axis"]), {"axis": -1}),
    "Conv1D": (along(lambda x, c, w: biased(conv(x, w[0], c, c["groups"]), c, w, 1)),
               dict(window_1d, filters=None, kernel_size=None, groups=1)),
    "Conv1DTranspose": (not_causal(along(lambda x, c, w: biased(conv_transpose(x, w[0], c), c, w, 1))),
                        dict(window_1d, filters=None, kernel_size=None, output_padding=None)),
    "Conv2D": (lambda x, c, w: biased(conv(x, w[0], c, c["groups"]), c, w, 1),
               dict(window, filters=None, kernel_size=None, groups=1)),
    "Conv2DTranspose": (lambda x, c, w: biased(conv_transpose(x, w[0], c), c, w, 1),
                        dict(window, filters=None, kernel_size=None, output_padding=None)),
    "Conv3D": (lambda x, c, w: biased(conv3d(x, w[0], c), c, w, 1),
               dict(window, filters=None, kernel_size=None, groups=1)),
    "Conv3DTranspose": (lambda x, c, w: biased(conv3d_transpose(x, w[0], c), c, w, 1),
                        dict(window, filters=None, kernel_size=None, output_padding=None)),
    "ConvLSTM1D": (conv_lstm(1), conv_rnn),
    "ConvLSTM2D": (conv_lstm(2), conv_rnn),
    "ConvLSTM3D": (conv_lstm(3), conv_rnn),
    "Cropping1D": (lambda x, c, w: edges(x, [c["cropping"]], -1), {"cropping": (1, 1)}),
    "Cropping2D": (lambda x, c, w: edges(x, c["cropping"], -1), dict(images, cropping=((0, 0), (0, 0)))),
    "Cropping3D": (lambda x, c, w: edges(x, c["cropping"], -1), dict(images, cropping=((1, 1), (1, 1), (1, 1)))),
    "Dense": (lambda x, c, w: biased(x @ w[0], c, w, 1), {
        "units": None, "activation": "linear", "use_bias": True, "lora_rank": None}),
    "DepthwiseConv1D": (not_causal(along(lambda x, c, w: biased(depthwise(x, w[0], c), c, w, 1))),
                        dict(window_1d, kernel_size=None, depth_multiplier=1)),
    "DepthwiseConv2D": (lambda x, c, w: biased(depthwise(x, w[0], c), c, w, 1),
                        dict(window, kernel_size=None, depth_multiplier=1)),
    "Dot": (dot, {"axes": None, "normalize": False}),
    "Dropout": (identity, {"rate": None, "noise_shape": None, "seed": None}),
    "ELU": (lambda x, c, w: np.where(x > 0, x, c["alpha"] * (np.exp(np.minimum(x, 0)) - 1)), {"alpha": 1.0}),
    "EinsumDense": (lambda x, c, w: activate(np.einsum(c["equation"], x, w[0]) + (w[1] if c["bias_axes"] else 0), c),
                    {"equation": None, "output_shape": None, "activation": None, "bias_axes": None, "lora_rank": None}),
    "Embedding": (lambda x, c, w: w[0][x.astype(int)], {"input_dim": None, "output_dim": None, "mask_zero": False}),
    "Flatten": (lambda x, c, w: x.reshape(len(x), -1), images),
    "GaussianDropout": (identity, {"rate": None, "seed": None}),
    "GaussianNoise": (identity, {"stddev": None, "seed": None}),
    "GlobalAveragePooling1D": (along(pool(np.mean)), dict(images, keepdims=False)),
    "GlobalAveragePooling2D": (pool(np.mean), dict(images, keepdims=False)),
    "GlobalAveragePooling3D": (lambda x, c, w: x.mean((1, 2, 3), keepdims=c["keepdims"]), dict(images, keepdims=False)),
    "GlobalMaxPooling1D": (along(pool(np.max)), dict(images, keepdims=False)),
    "GlobalMaxPooling2D": (pool(np.max), dict(images, keepdims=False)),
    "GlobalMaxPooling3D": (lambda x, c, w: x.max((1, 2, 3), keepdims=c["keepdims"]), dict(images, keepdims=False)),
    "GRU": (recurrent("GRU"), dict(rnn, recurrent_activation="sigmoid", reset_after=True, use_cudnn="auto")),
    "GroupQueryAttention": (shared_attention, {
        "head_dim": None, "num_query_heads": None, "num_key_value_heads": None, "dropout": 0.0, "use_bias": True, "seed": None}),
    "GroupNormalization": (group_norm, {"groups": 32, "axis": -1, "epsilon": 1e-3, "center": True, "scale": True}),
    "Identity": (identity, {}),
    "LayerNormalization": (layer_norm, {"axis": -1, "epsilon": 1e-3, "center": True, "scale": True}),
    "LeakyReLU": (lambda x, c, w: np.where(x > 0, x, c["negative_slope"] * x), {"negative_slope": 0.3}),
    "LSTM": (recurrent("LSTM"), dict(rnn, recurrent_activation="sigmoid", unit_forget_bias=True, use_cudnn="auto")),
    "Masking": (lambda x, c, w: x * (x != c["mask_value"]).any(-1, keepdims=True), {"mask_value": 0.0}),
    "Maximum": (lambda x, c, w: functools.reduce(np.maximum, aligned(x)), {}),
    "MaxPooling1D": (not_causal(along(lambda x, c, w: windows(x, c["pool_size"], c["strides"], value=-np.inf,
                                                              padding=c["padding"]).max((3, 4)))), pools_1d),
    "MaxPooling2D": (lambda x, c, w: windows(x, pair(c["pool_size"]), pair(c["strides"]), value=-np.inf,
                                             padding=c["padding"]).max((3, 4)), pools),
    "Subtract": (lambda x, c, w: x[0] - x[1], {}),
    "MaxPooling3D": (lambda x, c, w: windows_3d(x, c["pool_size"], c["strides"], value=-np.inf,
                                               padding=c["padding"]).max((4, 5, 6)), pools),
    "Minimum": (lambda x, c, w: functools.reduce(np.minimum, aligned(x)), {}),
    "MultiHeadAttention": (attention, {"num_heads": None, "key_dim": None, "value_dim": None, "use_bias": True,
                                       "output_shape": None, "attention_axes": None, "dropout": 0.0, "seed": None}),
    "Multiply": (lambda x, c, w: math.prod(x[1:], start=x[0]), {}),
    "Normalization": (normalization, {
        "axis": -1, "mean": None, "variance": None, "invert": False}),
    "Permute": (lambda x, c, w: x.transpose([0] + list(c["dims"])), {"dims": None}),
    "PReLU": (lambda x, c, w: np.where(x > 0, x, w[0] * x), {"shared_axes": None}),
    "RMSNormalization": (rms_norm, {"axis": -1, "epsilon": 1e-6}),
    "RandomContrast": (identity, {"factor": None, "value_range": (0, 255), "seed": None}),
    "RandomFlip": (identity, {"mode": "horizontal_and_vertical", "seed": None, "data_format": None}),
    "RandomRotation": (identity, dict(moves, factor=None)),
    "RandomTranslation": (identity, dict(moves, height_factor=None, width_factor=None)),
    "RandomZoom": (identity, dict(moves, height_factor=None, width_factor=None)),
    "ReLU": (lambda x, c, w: relu(x, c), {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    "AutoContrast": (contrast, {"value_range": (0, 255), "data_format": None}),
    "Equalization": (identity, {"value_range": (0, 255), "bins": 256, "data_format": None}),
    "MaxNumBoundingBoxes": (identity, {"max_number": None, "fill_value": -1, "data_format": None}),
    "RandomCrop": (identity, {"height": None, "width": None, "seed": None, "data_format": None}),
    "AugMix": (identity, dict(images, seed=None, value_range=None, num_chains=None, chain_depth=None, factor=None, alpha=None, all_ops=None, interpolation=None)),
    "CutMix": (identity, dict(images, seed=None, factor=None)),
    "MixUp": (identity, dict(images, seed=None, alpha=None)),
    "RandAugment": (identity, dict(images, seed=None, value_range=None, num_ops=None, factor=None, interpolation=None)),
    "RandomBrightness": (identity, dict(images, seed=None, factor=None, value_range=None)),
    "RandomColorDegeneration": (identity, dict(images, seed=None, factor=None, value_range=None)),
    "RandomColorJitter": (identity, dict(images, seed=None, value_range=None, brightness_factor=None, contrast_factor=None, saturation_factor=None, hue_factor=None)),
    "RandomElasticTransform": (identity, dict(images, seed=None, factor=None, scale=None, interpolation=None, fill_mode=None, fill_value=None, value_range=None)),
    "RandomErasing": (identity, dict(images, seed=None, factor=None, scale=None, value_range=None)),
    "RandomGaussianBlur": (identity, dict(images, seed=None, factor=None, kernel_size=None, sigma=None, value_range=None)),
    "RandomGrayscale": (identity, dict(images, seed=None, factor=None)),
    "RandomHue": (identity, dict(images, seed=None, factor=None, value_range=None)),
    "RandomInvert": (identity, dict(images, seed=None, factor=None, value_range=None)),
    "RandomPerspective": (identity, dict(images, seed=None, factor=None, scale=None, interpolation=None, fill_value=None)),
    "RandomPosterization": (identity, dict(images, seed=None, factor=None, value_range=None)),
    "RandomSaturation": (identity, dict(images, seed=None, factor=None, value_range=None)),
    "RandomSharpness": (identity, dict(images, seed=None, factor=None, value_range=None)),
    "RandomShear": (identity, dict(images, seed=None, x_factor=None, y_factor=None, interpolation=None, fill_mode=None, fill_value=None)),
    "Solarization": (identity, dict(images, seed=None, addition_factor=None, threshold_factor=None, value_range=None)),
    "Resizing": (resized, dict(images, height=None, width=None, interpolation="bilinear", crop_to_aspect_ratio=False)),
    "RepeatVector": (lambda x, c, w: np.repeat(x[:, None], c["n"], 1), {"n": None}),
    "Rescaling": (lambda x, c, w: x * np.asarray(c["scale"]) + np.asarray(c["offset"]), {"scale": None, "offset": 0.0}),
    "Reshape": (lambda x, c, w: x.reshape((len(x),) + tuple(c["target_shape"])), {"target_shape": None}),
    "SeparableConv1D": (along(lambda x, c, w: biased(depthwise(x, w[0], c) @ w[1][0, 0], c, w, 2)),
                        dict(window_1d, filters=None, kernel_size=None, depth_multiplier=1)),
    "SeparableConv2D": (lambda x, c, w: biased(depthwise(x, w[0], c) @ w[1][0, 0], c, w, 2),
                        dict(window, filters=None, kernel_size=None, depth_multiplier=1)),
    "SimpleRNN": (recurrent("SimpleRNN"), rnn),
    "Softmax": (lambda x, c, w: softmax(x, c["axis"]), {"axis": -1}),
    "SpatialDropout1D": (identity, {"rate": None, "seed": None}),
    "SpatialDropout2D": (identity, {"rate": None, "seed": None, "data_format": None}),
    "SpatialDropout3D": (identity, {"rate": None, "seed": None, "data_format": None}),
    "TimeDistributed": (time_distributed, {"layer": None}),
    "UnitNormalization": (lambda x, c, w: x / np.sqrt(np.maximum((x * x).sum(axes_of(c), keepdims=True), 1e-24)),
                          {"axis": -1}),
    "UpSampling1D": (lambda x, c, w: np.repeat(x, c["size"], 1), {"size": 2}),
    "UpSampling3D": (lambda x, c, w: functools.reduce(lambda y, a: np.repeat(y, c["size"][a], a + 1), range(3), x),
                     dict(images, size=None)),
    "UpSampling2D": (lambda x, c, w: resize(x, pair(c["size"]), c["interpolation"]),
                     dict(images, size=(2, 2), interpolation="nearest")),
    "ZeroPadding1D": (lambda x, c, w: edges(x, [c["padding"]], 1), dict(images, padding=1)),
    "ZeroPadding3D": (lambda x, c, w: edges(x, c["padding"], 1), dict(images, padding=((1, 1), (1, 1), (1, 1)))),
    "ZeroPadding2D": (lambda x, c, w: np.pad(x, [(0, 0)] + [pair(p) for p in pair(c["padding"])] + [(0, 0)]),
                      dict(images, padding=(1, 1))),
}
# arguments about training, which classes with weights take
about_weights = re.compile("^(kernel|recurrent|embeddings|bias|depthwise|pointwise|alpha|beta|gamma|moving_mean|moving_variance|activity)_"
                           "(initializer|regularizer|constraint)$")


def keras2_names(value):
    """Keras 2's function under the name of another."""
    if isinstance(value, dict):
        return {k: keras2_names(v) for k, v in value.items()}
    return "hard_sigmoid_keras2" if value == "hard_sigmoid" else value


def run(layer, x, weights, keras2):
    kind, config = layer["class_name"], dict(layer["config"])
    formula, arguments = layers[kind]
    config = keras2_names(config) if keras2 else config
    for key in [k for k in config if k in ("name", "trainable", "dtype", "activity_regularizer") or
                (weights and about_weights.match(k))]:
        del config[key]
    if kind == "LeakyReLU" and "alpha" in config and keras2:
        config["negative_slope"] = config.pop("alpha")
    for key, value in config.items():
        if key not in arguments:
            raise TypeError("%s takes no argument %r" % (kind, key))
        if key == "data_format" and value not in ("channels_last", None):
            raise ValueError("data_format %r" % value)
    config = dict(arguments, **config)
    if config.get("strides", 0) is None:
        config["strides"] = config["pool_size"]
    return formula(x, config, weights)


def predict(model, weights_of, inputs, keras2):
    config = model["config"]
    if model["class_name"] == "Sequential":
        value = inputs[0]
        for layer in config["layers"]:
            if layer["class_name"] != "InputLayer":
                value = run(layer, value, weights_of(layer), keras2)
        return [value]
    by_name = {layer["config"]["name"]: layer for layer in config["layers"]}
    listed = lambda value: [value] if isinstance(value[0], str) else value
    values = {entry[0]: x for entry, x in zip(listed(config["input_layers"]), inputs)}

    def value_of(name):
        if name not in values:
            layer = by_name[name]
            call, = layer["inbound_nodes"]
            if isinstance(call, list):  # Keras 2
                argument = call if len(call) > 1 else call[0]
                name_of = lambda t: t[0]
                one = isinstance(argument[0], str)
            else:
                argument = call["args"] if len(call["args"]) > 1 else call["args"][0]
                name_of = lambda t: t["config"]["keras_history"][0]
                one = isinstance(argument, dict)
            x = value_of(name_of(argument)) if one else [value_of(name_of(t)) for t in argument]
            values[name] = run(layer, x, weights_of(layer), keras2)
        return values[name]

    return [value_of(entry[0]) for entry in listed(config["output_layers"])]


def snake_case(name):
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


# where layers with others inside have their weights
parts = {"TimeDistributed": ["/layer"], "LSTM": ["/cell"], "GRU": ["/cell"], "SimpleRNN": ["/cell"],
         "MultiHeadAttention": ["/query_dense", "/key_dense", "/value_dense", "/output_dense"],
         "ConvLSTM1D": ["/cell"], "ConvLSTM2D": ["/cell"], "ConvLSTM3D": ["/cell"],
         "GroupQueryAttention": ["/_query_dense", "/_key_dense", "/_value_dense", "/_output_dense"],
         "Bidirectional": ["/forward_layer/cell", "/backward_layer/cell"]}
# classes that Keras's code calls otherwise
code_names = {"GroupQueryAttention": "GroupedQueryAttention"}


def read_keras(path):
    file = zipfile.ZipFile(path)
    model = json.loads(file.read("config.json"))
    stored = h5py.File(io.BytesIO(file.read("model.weights.h5")), "r")
    places, used = {}, {}
    for layer in model["config"]["layers"]:
        name = snake_case(code_names.get(layer["class_name"], layer["class_name"]))
        if name == "input_layer" and model["class_name"] == "Sequential":
            continue
        count = used[name] = used.get(name, -1) + 1
        places[layer["config"]["name"]] = "layers/" + name + ("_%d" % count if count else "")

    def weights_of(layer):
        place = places[layer["config"]["name"]]
        weights = []
        for part in parts.get(layer["class_name"], [""]):
            group = stored.get(place + part + "/vars", {})
            weights += [np.asarray(group[str(i)], dtype="f8") for i in range(len(group))]
        return weights

    return model, weights_of, False


def read_h5(path):
    stored = h5py.File(path, "r")
    model = json.loads(stored.attrs["model_config"])

    def weights_of(layer):
        group = stored["model_weights"].get(layer["config"]["name"])
        names = [] if group is None else group.attrs.get("weight_names", [])
        return [np.asarray(group[n.decode() if isinstance(n, bytes) else n], dtype="f8") for n in names]

    version = stored.attrs["keras_version"]
    return model, weights_of, (version.decode() if isinstance(version, bytes) else version).startswith("2.")


def arrays(at, letter):
    all = []
    while os.path.exists(os.path.join(at, "%s%d.npy" % (letter, len(all)))):
        all.append(np.load(os.path.join(at, "%s%d.npy" % (letter, len(all)))).astype("f8"))
    return all


def difference(found, wanted):
    if [f.shape for f in found] != [w.shape for w in wanted]:
        raise ValueError("shapes %s for %s" % ([f.shape for f in found], [w.shape for w in wanted]))
    return max(np.abs(f - w).max() for f, w in zip(found, wanted)) / max([1.0] + [np.abs(w).max() for w in wanted])


with open(os.path.join(folder, "grid.tsv")) as list_file:
    cases = [line.rstrip("\n").split("\t") for line in list_file]
with open(os.path.join(folder, "results_formulas.tsv"), "w") as results:
    for number, kind, option, value, place, form, state, text in cases:
        if form not in ("keras", "h5") or state != "written":
            continue
        at = os.path.join(folder, number)
        try:
            model, weights_of, keras2 = {"keras": read_keras, "h5": read_h5}[form](os.path.join(at, "model." + form))
            worst = "%.3e" % difference(predict(model, weights_of, arrays(at, "x"), keras2), arrays(at, "y"))
            layer, = [l for l in model["config"]["layers"] if l["config"]["name"] == "subject"]
            # only BatchNorm goes on counting where gradients alone are frozen
            trainable = value != "layer" and kind == "BatchNormalization"
            if option == "freeze" and weights_of(layer) and layer["config"]["trainable"] != trainable:
                raise ValueError("trainable is another")
            what = ""
        except Exception as error:  # every failure is one line of the report
            worst, what = "-", " ".join(("%s: %s" % (type(error).__name__, error)).split())[:300]
        results.write("%s\t%s\t%s\t%s\n" % (number, form, worst, what))
