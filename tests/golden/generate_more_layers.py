#!/usr/bin/env python3
"""Writes more_layers_torch.safetensors: layers of sequences, recurrent, normalising and attending layers by real PyTorch, outputs and
gradients in float64, weights and axes as keel has them. Settings: `layer=CLASS`, then its options, `units=i:3 padding=s:same`."""
import sys

import numpy as np
import torch
from torch import nn

from golden_file import Golden, Numbers

torch.set_default_dtype(torch.float64)


def option(value):
    if isinstance(value, bool):
        return "b:" + ("true" if value else "false")
    if isinstance(value, (list, tuple)):
        return "l:" + ",".join(str(v) for v in value)
    return {int: "i:", float: "d:", str: "s:"}[type(value)] + str(value)


class Cases:
    def __init__(self):
        self.golden, self.numbers = Golden(), Numbers(7)

    def add(self, name, layer, options, inputs, weights, run):
        """`weights`: keel's name -> keel's shape; run(inputs, weights), both as tensors with keel's axes, gives y."""
        x = [torch.tensor(v) for v in inputs]
        for v in x:
            v.requires_grad_(True)
        w = {k: torch.tensor(self.numbers(*shape, scale=0.5), requires_grad=True) for k, shape in weights.items()}
        y = run(x, w)
        dy = self.numbers(*y.shape)
        y.backward(torch.tensor(dy))
        tensors = {"y": y, "dy": dy}
        for i, v in enumerate(x):
            tensors["x%d" % i] = v
            tensors["dx%d" % i] = v.grad if v.grad is not None else np.zeros(v.shape)
        for k, v in w.items():
            tensors["w." + k] = v
            tensors["d." + k] = v.grad
        self.golden.add(name, dict({"layer": layer}, **{k: option(v) for k, v in options.items()}), **tensors)


def first(x):
    """Channels first."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def convolutions(cases):
    n = cases.numbers
    for i, (k, s, d, pad, groups) in enumerate([(3, 1, 1, 0, 1), (3, 2, 1, 1, 1), (2, 1, 3, 2, 2), (5, 3, 1, 0, 4)]):
        cases.add("conv1d_%d" % i, "Conv1D",
                  {"filters": 4, "kernel_size": k, "strides": s, "dilation_rate": d, "padding": [pad, pad], "groups": groups},
                  [n(3, 11, 4)], {"kernel": (k, 4 // groups, 4), "bias": (4,)},
                  lambda x, w: last(nn.functional.conv1d(first(x[0]), w["kernel"].permute(2, 1, 0), w["bias"], s, pad, d, groups)))
        cases.add("conv1d_transpose_%d" % i, "Conv1DTranspose",
                  {"filters": 3, "kernel_size": k, "strides": s, "dilation_rate": d, "padding": [pad, pad]},
                  [n(2, 7, 4)], {"kernel": (k, 3, 4), "bias": (3,)},
                  lambda x, w: last(nn.functional.conv_transpose1d(first(x[0]), w["kernel"].permute(2, 1, 0), w["bias"], s, pad,
                                                                   dilation=d)))
    cases.add("causal", "Conv1D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "causal"}, [n(2, 6, 2)],
              {"kernel": (3, 2, 3), "bias": (3,)},
              lambda x, w: last(nn.functional.conv1d(nn.functional.pad(first(x[0]), (4, 0)), w["kernel"].permute(2, 1, 0),
                                                     w["bias"], dilation=2)))
    cases.add("depthwise_1d", "DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": [1, 1]}, [n(2, 6, 3)],
              {"kernel": (3, 3, 2), "bias": (6,)},
              lambda x, w: last(nn.functional.conv1d(first(x[0]), w["kernel"].permute(1, 2, 0).reshape(6, 1, 3), w["bias"],
                                                     padding=1, groups=3)))
    for ceil in (False, True):
        cases.add("max_pool1d_%d" % ceil, "MaxPooling1D",
                  {"pool_size": 3, "strides": 2, "padding": [1, 1], "ceil_mode": ceil}, [n(2, 8, 3)], {},
                  lambda x, w: last(nn.functional.max_pool1d(first(x[0]), 3, 2, 1, ceil_mode=ceil)))
        cases.add("average_pool1d_%d" % ceil, "AveragePooling1D",
                  {"pool_size": 3, "strides": 2, "padding": [1, 1], "ceil_mode": ceil, "count_include_pad": True}, [n(2, 8, 3)], {},
                  lambda x, w: last(nn.functional.avg_pool1d(first(x[0]), 3, 2, 1, ceil_mode=ceil)))


def grouped_transposes(cases):
    n = cases.numbers
    for i, (k, s, p, op, groups) in enumerate([(3, 2, 1, 1, 2), (2, 2, 0, 0, 4), (3, 1, 1, 0, 2)]):
        cases.add("conv2d_transpose_groups_%d" % i, "Conv2DTranspose",
                  {"filters": 4, "kernel_size": [k, k], "strides": [s, s], "padding": [p, p, p, p], "output_padding": [op, op],
                   "groups": groups}, [n(2, 4, 3, 8)], {"kernel": (k, k, 4 // groups, 8), "bias": (4,)},
                  lambda x, w: last(nn.functional.conv_transpose2d(first(x[0]), w["kernel"].permute(3, 2, 0, 1), w["bias"], s, p,
                                                                   op, groups)))


def volumes(cases):
    n = cases.numbers
    convolutions = [((2, 3, 2), (1, 2, 1), (1, 1, 1), (0, 0, 0), 1), ((3, 2, 3), (2, 1, 2), (1, 2, 1), (1, 1, 1), 2)]
    for i, (k, s, d, p, groups) in enumerate(convolutions):
        cases.add("conv3d_%d" % i, "Conv3D",
                  {"filters": 4, "kernel_size": list(k), "strides": list(s), "dilation_rate": list(d),
                   "padding": [v for v in p for _ in range(2)], "groups": groups},
                  [n(2, 5, 6, 5, 4)], {"kernel": k + (4 // groups, 4), "bias": (4,)},
                  lambda x, w: last(nn.functional.conv3d(first(x[0]), w["kernel"].permute(4, 3, 0, 1, 2), w["bias"], s, p, d, groups)))
    for k, s, p, ceil in [((2, 3, 2), (2, 1, 2), (1, 1, 0), False), ((3, 3, 3), (2, 2, 2), (1, 1, 1), True)]:
        options = {"pool_size": list(k), "strides": list(s), "padding": [v for v in p for _ in range(2)], "ceil_mode": ceil}
        name = "_ceil" if ceil else ""
        cases.add("max_pool3d" + name, "MaxPooling3D", options, [n(2, 4, 6, 5, 3)], {},
                  lambda x, w: last(nn.functional.max_pool3d(first(x[0]), k, s, p, ceil_mode=ceil)))
        for counts in (False, True):
            cases.add("average_pool3d%s_%d" % (name, counts), "AveragePooling3D", dict(options, count_include_pad=counts),
                      [n(2, 4, 6, 5, 3)], {},
                      lambda x, w: last(nn.functional.avg_pool3d(first(x[0]), k, s, p, ceil, counts)))
    for size in ([3, 7], [9, 4]):
        for mode, keel in (("bilinear", "bilinear"), ("nearest-exact", "nearest")):
            cases.add("resizing_%s_%d" % (keel, size[0]), "Resizing", {"height": size[0], "width": size[1], "interpolation": keel},
                      [n(2, 5, 6, 2)], {},
                      lambda x, w: last(nn.functional.interpolate(first(x[0]), size, mode=mode)))


def scores(cases):
    n = cases.numbers
    inputs = lambda: [n(2, 3, 4), n(2, 5, 6), n(2, 5, 4)]
    cases.add("dot_attention", "Attention", {}, inputs(), {}, lambda x, w: (x[0] @ x[2].transpose(1, 2)).softmax(-1) @ x[1])
    cases.add("dot_attention_scale", "Attention", {"use_scale": True}, [n(2, 3, 4), n(2, 5, 4)], {"scale": ()},
              lambda x, w: (w["scale"] * (x[0] @ x[1].transpose(1, 2))).softmax(-1) @ x[1])
    cases.add("additive_attention", "AdditiveAttention", {}, inputs(), {"scale": (4,)},
              lambda x, w: ((x[0].unsqueeze(2) + x[2].unsqueeze(1)).tanh() * w["scale"]).sum(-1).softmax(-1) @ x[1])


def swapped(v, units):
    """Gates z, r, n to r, z, n along the last axis."""
    return torch.cat([v[..., units : 2 * units], v[..., :units], v[..., 2 * units :]], -1)


def recurrent_weights(kind, w, prefix, units):
    order = (lambda v: swapped(v, units)) if kind == "GRU" else (lambda v: v)
    biases = w[prefix + "bias"] if kind == "GRU" else torch.stack([w[prefix + "bias"], torch.zeros_like(w[prefix + "bias"])])
    return [order(w[prefix + "kernel"]).T, order(w[prefix + "recurrent_kernel"]).T, order(biases[0]), order(biases[1])]


def recurrent(cases):
    n = cases.numbers
    for kind, gates in (("SimpleRNN", 1), ("LSTM", 4), ("GRU", 3)):
        for functions in (("tanh", "relu") if kind == "SimpleRNN" else ("tanh",)):
            for both in (False, True):
                for sequences in (False, True):
                    units, features = 3, 2
                    options = {"units": units, "return_sequences": sequences, "activation": functions}
                    prefixes = ("forward_", "backward_") if both else ("",)
                    shapes = {}
                    for p in prefixes:
                        shapes[p + "kernel"] = (features, gates * units)
                        shapes[p + "recurrent_kernel"] = (units, gates * units)
                        shapes[p + "bias"] = (2, gates * units) if kind == "GRU" else (gates * units,)

                    def run(x, w):
                        flat = sum((recurrent_weights(kind, w, p, units) for p in prefixes), [])
                        function = {"SimpleRNN": torch.rnn_relu if functions == "relu" else torch.rnn_tanh,
                                    "LSTM": torch.lstm, "GRU": torch.gru}[kind]
                        zeros = torch.zeros(len(prefixes), x[0].shape[0], units)
                        start = (zeros, zeros) if kind == "LSTM" else zeros
                        y, h = function(x[0], start, flat, True, 1, 0.0, False, both, True)[:2]
                        return y if sequences else h.movedim(0, 1).reshape(len(x[0]), -1)

                    layer = kind
                    if both:
                        layer, options = "Bidirectional", dict({"inner": kind}, **options)
                    cases.add("%s_%s%s%s" % (kind, functions, "_both" if both else "", "_sequences" if sequences else ""),
                              layer, options, [n(2, 5, features)], shapes, run)


def normal(cases):
    n = cases.numbers
    functional = nn.functional
    for name, shape, axes, eps in (("row", (3, 6), [-1], 1e-5), ("steps", (2, 5, 4), [-1], 1e-3), ("map", (2, 3, 4, 5), [2, 3], 1e-5),
                                   ("all", (2, 3, 4), [1, 2], 1e-3)):
        last_shape = shape[1:] if name == "all" else shape[-len(axes):]
        cases.add("layer_norm_" + name, "LayerNormalization", {"axis": axes, "epsilon": eps}, [n(*shape)],
                  {"gamma": last_shape, "beta": last_shape},
                  lambda x, w: functional.layer_norm(x[0], last_shape, w["gamma"], w["beta"], eps))
    for groups in (1, 2, 6, -1):
        for shape in ((3, 6), (2, 5, 6), (2, 3, 4, 6)):
            cases.add("group_norm_%d_%d" % (groups, len(shape)), "GroupNormalization", {"groups": groups, "epsilon": 1e-5},
                      [n(*shape)], {"gamma": (6,), "beta": (6,)},
                      lambda x, w: last(functional.group_norm(first(x[0]), 6 if groups == -1 else groups, w["gamma"], w["beta"], 1e-5)))
    cases.add("rms_norm", "RMSNormalization", {"epsilon": 1e-6}, [n(2, 5, 4)], {"scale": (4,)},
              lambda x, w: x[0] * (x[0].square().mean(-1, True) + 1e-6).rsqrt() * w["scale"])
    cases.add("unit_norm", "UnitNormalization", {"axis": -1}, [n(2, 5, 4)], {},
              lambda x, w: functional.normalize(x[0], dim=-1, eps=1e-12))


def attention(cases):
    n = cases.numbers
    heads, dim = 2, 3
    width = heads * dim

    def run(x, w, causal=False):
        query, value = x[0], x[1]
        weight = torch.cat([w[p + "_kernel"].reshape(-1, width).T for p in ("query", "key", "value")])
        bias = torch.cat([w[p + "_bias"].reshape(-1) for p in ("query", "key", "value")])
        mask = torch.full((query.shape[1], value.shape[1]), float("-inf")).triu(1) if causal else None
        y, _ = nn.functional.multi_head_attention_forward(
            query.transpose(0, 1), value.transpose(0, 1), value.transpose(0, 1), width, heads, weight, bias, None, None, False, 0.0,
            w["output_kernel"].reshape(width, width).T, w["output_bias"], attn_mask=mask, need_weights=False)
        return y.transpose(0, 1)

    weights = {"query_kernel": (width, heads, dim), "query_bias": (heads, dim), "key_kernel": (width, heads, dim),
               "key_bias": (heads, dim), "value_kernel": (width, heads, dim), "value_bias": (heads, dim),
               "output_kernel": (heads, dim, width), "output_bias": (width,)}
    options = {"num_heads": heads, "key_dim": dim}
    cases.add("attention", "MultiHeadAttention", options, [n(2, 4, width), n(2, 5, width)], weights, run)
    cases.add("attention_causal", "MultiHeadAttention", dict(options, use_causal_mask=True), [n(2, 5, width), n(2, 5, width)],
              weights, lambda x, w: run(x, w, True))


def tokens(cases):
    table = np.array([[0.0, 3, 1], [2, 3, 3]])
    cases.add("embedding", "Embedding", {"input_dim": 5, "output_dim": 3}, [table], {"embeddings": (5, 3)},
              lambda x, w: nn.functional.embedding(x[0].long(), w["embeddings"]))


def merging(cases):
    n = cases.numbers
    shapes = [(2, 3, 4), (2, 1, 4), (2, 3, 1)]
    functions = {"Average": torch.add, "Maximum": torch.maximum, "Minimum": torch.minimum}
    for layer, function in functions.items():
        def run(x, w):
            y = function(function(x[0], x[1]), x[2])
            return y / 3 if layer == "Average" else y
        cases.add(layer.lower(), layer, {}, [n(*shape) for shape in shapes], {}, run)
    ties = [np.array([[1.0, 5, 2, 2]]), np.array([[1.0, 5, 3, 2]]), np.array([[2.0, 0, 2, 2]])]
    for layer in ("Maximum", "Minimum"):
        cases.add(layer.lower() + "_ties", layer, {}, ties, {},
                  lambda x, w: functions[layer](functions[layer](x[0], x[1]), x[2]))
    unit = lambda x, dim: nn.functional.normalize(x, dim=dim)
    cases.add("dot", "Dot", {"axes": -1}, [n(2, 3, 4), n(2, 5, 4)], {},
              lambda x, w: torch.einsum("bik,bjk->bij", x[0], x[1]))
    cases.add("dot_axes", "Dot", {"axes": [1, 2]}, [n(2, 4, 3), n(2, 5, 4)], {},
              lambda x, w: torch.einsum("bki,bjk->bij", x[0], x[1]))
    cases.add("dot_cosine", "Dot", {"axes": 1, "normalize": True}, [n(3, 4), n(3, 4)], {},
              lambda x, w: (unit(x[0], 1) * unit(x[1], 1)).sum(1, keepdim=True))
    cases.add("dot_cosines", "Dot", {"axes": [2, 1], "normalize": True}, [n(2, 3, 4), n(2, 4, 5)], {},
              lambda x, w: torch.einsum("bik,bkj->bij", unit(x[0], 2), unit(x[1], 1)))


def transposes_3d(cases):
    n = cases.numbers
    for i, (k, s, d, p, extra, groups) in enumerate([
            ((2, 3, 2), (1, 2, 1), (1, 1, 1), (0, 0, 0), (0, 0, 0), 1),
            ((3, 2, 3), (2, 1, 2), (1, 2, 1), (1, 1, 1), (1, 0, 1), 2),
            ((1, 2, 2), (2, 3, 1), (1, 1, 2), (0, 1, 0), (1, 2, 0), 1)]):
        cases.add("conv3d_transpose_%d" % i, "Conv3DTranspose",
                  {"filters": 4, "kernel_size": list(k), "strides": list(s), "dilation_rate": list(d),
                   "padding": [v for v in p for _ in range(2)], "output_padding": list(extra), "groups": groups},
                  [n(2, 3, 4, 3, 4)], {"kernel": k + (4 // groups, 4), "bias": (4,)},
                  lambda x, w: last(nn.functional.conv_transpose3d(first(x[0]), w["kernel"].permute(4, 3, 0, 1, 2),
                                                                   w["bias"], s, p, extra, groups, d)))


def conv_lstm(cases):
    """The formula with PyTorch's convolutions."""
    n = cases.numbers
    convolutions = {1: nn.functional.conv1d, 2: nn.functional.conv2d, 3: nn.functional.conv3d}
    gates = {"sigmoid": torch.sigmoid, "hard_sigmoid_keras2": lambda z: (0.2 * z + 0.5).clamp(0, 1)}
    functions = {"tanh": torch.tanh, "relu": torch.relu, "silu": nn.functional.silu}
    for name, axes, k, sides, options in [
            ("1d", 1, (3,), (5,), {"padding": "same"}),
            ("1d_backwards", 1, (2,), (6,), {"strides": 2, "go_backwards": True, "return_sequences": True}),
            ("2d", 2, (2, 3), (5, 4), {"return_sequences": True, "recurrent_activation": "hard_sigmoid_keras2"}),
            ("2d_relu", 2, (3, 3), (4, 5), {"padding": "same", "activation": "silu"}),
            ("3d", 3, (2, 1, 2), (3, 2, 3), {"padding": "same", "use_bias": False})]:
        filters = 2

        def run(x, w):
            steps = list(x[0].movedim(1, 0))
            y, h, c = [], None, None
            turn = [axes + 1, axes] + list(range(axes))
            act, gate = functions[options.get("activation", "tanh")], gates[options.get("recurrent_activation", "sigmoid")]
            for step in steps[::-1] if options.get("go_backwards") else steps:
                v = first(step)
                if options.get("padding") == "same":
                    v = nn.functional.pad(v, [side for e in k[::-1] for side in ((e - 1) // 2, e - 1 - (e - 1) // 2)])
                z = convolutions[axes](v, w["kernel"].permute(*turn), w.get("bias"), options.get("strides", 1))
                if h is not None:
                    padded = nn.functional.pad(h, [s for e in k[::-1] for s in ((e - 1) // 2, e - 1 - (e - 1) // 2)])
                    z = z + convolutions[axes](padded, w["recurrent_kernel"].permute(*turn))
                i, f, g, o = z.chunk(4, 1)
                c = gate(i) * act(g) + (gate(f) * c if c is not None else 0)
                h = gate(o) * act(c)
                y.append(last(h))
            return torch.stack(y, 1) if options.get("return_sequences") else y[-1]

        weights = {"kernel": k + (3, 4 * filters), "recurrent_kernel": k + (filters, 4 * filters)}
        if options.get("use_bias", True):
            weights["bias"] = (4 * filters,)
        cases.add("conv_lstm" + name, "ConvLSTM%dD" % axes,
                  dict(options, filters=filters, kernel_size=list(k) if axes > 1 else k[0]),
                  [n(2, 3, *sides, 3)], weights, run)


def einsum(cases):
    n = cases.numbers
    for name, equation, shape, bias_axes, x, kernel, bias in [
            ("dense", "ab,bc->ac", [4], "c", (3, 5), (5, 4), (4,)),
            ("sequence", "abc,cd->abd", [0, 4], "d", (2, 3, 5), (5, 4), (4,)),
            ("heads", "abc,cde->abde", [0, 2, 3], "de", (2, 4, 5), (5, 2, 3), (2, 3)),
            ("joined", "abde,deo->abo", [4, 3], "", (2, 4, 2, 5), (2, 5, 3), None),
            ("turned", "abc,dcb->adc", [6, 5], "d", (2, 4, 5), (6, 5, 4), (6, 1)),
            ("places", "abc,bcd->abd", [4, 3], "b", (2, 4, 5), (4, 5, 3), (4, 1)),
            ("dots", "...x,xy->...y", [4], "y", (2, 3, 2, 5), (5, 4), (4,)),
            ("dots_last", "ab...,bc->ac...", [4], "c", (2, 5, 3, 2), (5, 4), (4, 1, 1))]:
        weights = {"kernel": kernel}
        if bias:
            weights["bias"] = bias
        cases.add("einsum_" + name, "EinsumDense", {"equation": equation, "output_shape": shape, "bias_axes": bias_axes},
                  [n(*x)], weights, lambda x, w: torch.einsum(equation, x[0], w["kernel"]) + w.get("bias", 0))


def shared_heads(cases):
    n = cases.numbers
    heads, shared, dim, width = 4, 2, 3, 5

    def run(x, w):
        part = lambda v, name: torch.einsum("btc,chd->bhtd", v, w[name + "_kernel"]) + w[name + "_bias"].unsqueeze(1)
        q = part(x[0], "query")
        k, v = (part(x[1], name).repeat_interleave(heads // shared, 1) for name in ("key", "value"))
        a = (q @ k.transpose(2, 3) / dim ** 0.5).softmax(-1)
        return torch.einsum("bhtd,hdo->bto", a @ v, w["output_kernel"]) + w["output_bias"]

    weights = {"query_kernel": (width, heads, dim), "query_bias": (heads, dim), "key_kernel": (width, shared, dim),
               "key_bias": (shared, dim), "value_kernel": (width, shared, dim), "value_bias": (shared, dim),
               "output_kernel": (heads, dim, width), "output_bias": (width,)}
    cases.add("group_query_attention", "GroupQueryAttention",
              {"head_dim": dim, "num_query_heads": heads, "num_key_value_heads": shared},
              [n(2, 4, width), n(2, 6, width)], weights, run)


def contrast(cases):
    def run(x, w):
        low, high = x[0].amin((1, 2), True), x[0].amax((1, 2), True)
        return torch.where(high > low, (x[0] - low) / torch.where(high > low, high - low, torch.ones_like(low)) * 255, x[0])

    cases.add("auto_contrast", "AutoContrast", {}, [cases.numbers(2, 3, 4, 2)], {}, run)
    ties = np.array([[[[1.0, 3], [2, 3]], [[1, 3], [4, 3]], [[4, 3], [3, 3]]]])
    cases.add("auto_contrast_ties", "AutoContrast", {}, [ties], {}, run)


def adaptive_pools(cases):
    n = cases.numbers
    sizes = {1: ((7,), (3,)), 2: ((5, 7), (3, 4)), 3: ((4, 3, 5), (2, 4, 3))}
    for axes, (extents, size) in sizes.items():
        for layer, name in (("Average", "avg"), ("Max", "max")):
            pool = getattr(nn.functional, "adaptive_%s_pool%dd" % (name, axes))
            cases.add("adaptive_%s%dd" % (name, axes), "Adaptive%sPooling%dD" % (layer, axes),
                      {"output_size": list(size) if axes > 1 else size[0]}, [n(2, *extents, 3)], {},
                      lambda x, w: last(pool(first(x[0]), size)))


def gates(cases):
    n = cases.numbers
    cases.add("glu", "GLU", {}, [n(3, 4)], {}, lambda x, w: nn.functional.glu(x[0], -1))
    cases.add("glu_axis", "GLU", {"axis": 1}, [n(2, 4, 3, 2)], {}, lambda x, w: nn.functional.glu(x[0], 1))


if __name__ == "__main__":
    all_cases = Cases()
    convolutions(all_cases)
    recurrent(all_cases)
    normal(all_cases)
    attention(all_cases)
    tokens(all_cases)
    merging(all_cases)
    grouped_transposes(all_cases)
    volumes(all_cases)
    scores(all_cases)
    transposes_3d(all_cases)
    conv_lstm(all_cases)
    einsum(all_cases)
    shared_heads(all_cases)
    contrast(all_cases)
    adaptive_pools(all_cases)
    gates(all_cases)
    all_cases.golden.save((sys.argv[1] if len(sys.argv) > 1 else ".") + "/more_layers_torch.safetensors")
