"""Golden values from real PyTorch in float64. Usage: python3 generate_torch.py [OUTPUT_FOLDER]

Inputs are float32 numbers; results are float64. Everything is stored channels last, kernels as HWIO, dense as
(in, out).
"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from golden_file import Golden, Numbers, single

torch.set_default_dtype(torch.float64)
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
STEPS = 20


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def leaf(array):
    return tensor(array).clone().requires_grad_()


def first(t):
    """Channels last -> PyTorch's channels first, any rank."""
    return t.movedim(-1, 1) if t.dim() > 2 else t


def last(t):
    return t.movedim(1, -1) if t.dim() > 2 else t


def write(golden, name):
    golden.save(os.path.join(OUT, name + ".safetensors"))


# Batch normalisation ---------------------------------------------------------------------------------------------


def batch_norm():
    golden, numbers = Golden(), Numbers(1)
    shapes = {"batch2_1x1": (2, 1, 1, 4), "batch1_4x4": (1, 4, 4, 3), "odd": (3, 5, 7, 5), 
              "mean_1e4": (4, 3, 3, 2), "rank2": (6, 5), "rank2_batch2": (2, 3), "rank3": (3, 4, 2)}
    variants = {"": dict(), "_momentum_015": dict(momentum=0.85), "_cumulative": dict(momentum=None),
                "_no_affine": dict(affine=False)}
    for shape_name, shape in shapes.items():
        for suffix, options in variants.items():
            if suffix and shape_name not in ("batch2_1x1", "batch1_4x4", "rank2"):
                continue
            far = dict(shift=1e4) if shape_name == "mean_1e4" else dict(scale=1.5, shift=0.5)
            batch_norm_case(golden, numbers, shape_name + suffix, shape, far, options)
    write(golden, "batch_norm_torch")


def batch_norm_case(golden, numbers, case, shape, far, options):
    channels, steps = shape[-1], 10
    layer = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](channels, **options)
    affine = layer.affine
    gamma, beta = numbers(channels, scale=0.5, shift=1.0), numbers(channels)
    if affine:
        layer.weight.data, layer.bias.data = tensor(gamma), tensor(beta)
    xs, dys = numbers(steps, *shape, **far), numbers(2, *shape)
    got = {name: [] for name in ("y", "dx", "dgamma", "dbeta", "moving_mean", "moving_variance", "batches")}

    def run(x, dy):
        x = leaf(x)
        y = last(layer(first(x)))
        layer.zero_grad(set_to_none=True)
        y.backward(tensor(dy))
        got["y"].append(y.detach())
        got["dx"].append(x.grad)
        if affine:
            got["dgamma"].append(layer.weight.grad)
            got["dbeta"].append(layer.bias.grad)

    for step in range(steps):
        if step in (0, steps - 1):
            run(xs[step], dys[0 if step == 0 else 1])
        else:
            layer(first(tensor(xs[step])))
        got["moving_mean"].append(layer.running_mean.clone())
        got["moving_variance"].append(layer.running_var.clone())
        got["batches"].append(layer.num_batches_tracked.clone())
    layer.eval()
    run(xs[0], dys[0])
    stacked = {name: torch.stack(values) for name, values in got.items() if values}
    tensors = {"x": single(xs), "dy": single(dys)}
    for name in ("moving_mean", "moving_variance", "batches"):
        tensors[name] = stacked[name]
    for name in ("y", "dx") + (("dgamma", "dbeta") if affine else ()):
        tensors[name] = stacked[name][:2]
        tensors["frozen_" + name] = stacked[name][2]
    if affine:
        tensors.update(gamma=single(gamma), beta=single(beta))
    momentum = options.get("momentum", 0.1)
    settings = dict(shape=shape, torch_momentum="none" if momentum is None else momentum,
                    momentum="cumulative" if momentum is None else round(1 - momentum, 12), epsilon=1e-5,
                    variance="bessel", scale=affine, center=affine, steps=steps)
    golden.add(case, settings, **tensors)


# Layers ----------------------------------------------------------------------------------------------------------


def same_pads(size, kernel, stride, dilation):
    """Keras's `same`: the extra cell goes to the bottom and the right."""
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return total // 2, total - total // 2


def pads_of(padding, shape, kernel, strides, dilation):
    """top, bottom, left, right"""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        return (*same_pads(shape[1], kernel[0], strides[0], dilation[0]),
                *same_pads(shape[2], kernel[1], strides[1], dilation[1]))
    return padding


def pad(x, pads, value=0.0):
    return F.pad(x, (pads[2], pads[3], pads[0], pads[1]), value=value)


def backward(golden, case, settings, numbers, function, **inputs):
    """function(*inputs) -> y, all in keel's layout; stores inputs, y, dy and each input's gradient as d<name>."""
    leaves = {name: leaf(value) for name, value in inputs.items()}
    y = function(*leaves.values())
    dy = numbers(*y.shape)
    y.backward(tensor(dy))
    tensors = {name: single(value) for name, value in inputs.items()}
    tensors.update({"d" + name: value.grad for name, value in leaves.items()})
    golden.add(case, settings, y=y, dy=single(dy), **tensors)


def convolutions(golden, numbers):
    def conv(case, shape, filters, kernel, strides=(1, 1), dilation=(1, 1), groups=1, padding="valid", bias=True):
        pads = pads_of(padding, shape, kernel, strides, dilation)

        def function(x, kernel, bias=None):
            y = F.conv2d(pad(first(x), pads), kernel.permute(3, 2, 0, 1), bias, strides, 0, dilation, groups)
            return last(y)

        inputs = dict(x=numbers(*shape), kernel=numbers(*kernel, shape[3] // groups, filters, scale=0.4))
        if bias:
            inputs["bias"] = numbers(filters)
        settings = dict(layer="Conv2D", filters=filters, kernel_size=kernel, strides=strides, dilation=dilation,
                        groups=groups, padding=padding if isinstance(padding, str) else "explicit", pads=pads,
                        use_bias=bias)
        backward(golden, case, settings, numbers, function, **inputs)

    conv("conv_valid", (2, 5, 6, 3), 4, (3, 3))
    conv("conv_1x1", (2, 4, 3, 5), 3, (1, 1))
    conv("conv_same", (2, 5, 6, 3), 4, (3, 3), padding="same")
    conv("conv_same_even_kernel", (1, 5, 6, 2), 3, (2, 4), padding="same")
    conv("conv_same_stride2_even", (2, 6, 8, 2), 3, (3, 3), (2, 2), padding="same")
    conv("conv_same_stride2_odd", (2, 7, 5, 2), 3, (3, 3), (2, 2), padding="same")
    conv("conv_same_stride3_kernel5", (1, 8, 10, 2), 3, (5, 5), (3, 3), padding="same")
    conv("conv_same_stride_mixed", (1, 7, 8, 2), 3, (3, 2), (2, 1), padding="same")
    conv("conv_same_dilation", (1, 7, 8, 2), 3, (3, 3), dilation=(2, 3), padding="same")
    conv("conv_padding1_stride2", (2, 6, 8, 2), 3, (3, 3), (2, 2), padding=(1, 1, 1, 1))
    conv("conv_asymmetric", (1, 5, 6, 2), 3, (3, 3), (2, 1), padding=(0, 2, 1, 3))
    conv("conv_stride_dilation", (1, 9, 8, 2), 3, (3, 2), (2, 2), (2, 3), padding=(1, 1, 2, 2))
    conv("conv_groups2", (2, 5, 5, 4), 6, (3, 3), groups=2, padding="same")
    conv("conv_groups3_stride2", (1, 6, 5, 6), 9, (3, 2), (2, 2), groups=3, padding=(1, 1, 0, 0))
    conv("conv_no_bias", (2, 4, 4, 3), 5, (3, 3), bias=False, padding="same")
    conv("conv_wide", (1, 6, 18, 17), 33, (3, 3), padding="same")
    conv("conv_kernel_covers_input", (2, 3, 4, 2), 5, (3, 4))
    conv("conv_stride_over_kernel", (1, 7, 8, 2), 3, (1, 2), (3, 3))

    def depthwise(case, shape, multiplier, kernel, strides=(1, 1), dilation=(1, 1), padding="valid", bias=True):
        pads, channels = pads_of(padding, shape, kernel, strides, dilation), shape[3]

        def function(x, kernel, bias=None):  # (kh, kw, C, M) -> (C M, 1, kh, kw): output channel c M + m
            kh, kw = kernel.shape[:2]
            weight = kernel.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, kh, kw)
            return last(F.conv2d(pad(first(x), pads), weight, bias, strides, 0, dilation, channels))

        inputs = dict(x=numbers(*shape), kernel=numbers(*kernel, channels, multiplier, scale=0.5))
        if bias:
            inputs["bias"] = numbers(channels * multiplier)
        settings = dict(layer="DepthwiseConv2D", depth_multiplier=multiplier, kernel_size=kernel, strides=strides,
                        dilation=dilation, padding=padding if isinstance(padding, str) else "explicit", pads=pads,
                        use_bias=bias)
        backward(golden, case, settings, numbers, function, **inputs)

    depthwise("depthwise_valid", (2, 5, 6, 3), 1, (3, 3))
    depthwise("depthwise_same", (2, 5, 6, 18), 1, (3, 3), padding="same")
    depthwise("depthwise_multiplier2", (1, 5, 6, 3), 2, (3, 3), padding="same")
    depthwise("depthwise_same_stride2", (1, 6, 7, 4), 1, (3, 3), (2, 2), padding="same")
    depthwise("depthwise_asymmetric_dilation", (1, 7, 6, 2), 3, (3, 2), (1, 1), (2, 2), (2, 1, 0, 2), False)

    def transpose(case, shape, filters, kernel, strides, padding, extra, dilation=(1, 1)):
        """padding: cells cut from each side; extra: PyTorch's output_padding (bottom, right)."""

        def function(x, kernel, bias):  # (kh, kw, Cout, Cin) -> (Cin, Cout, kh, kw)
            weight = kernel.permute(3, 2, 0, 1)
            return last(F.conv_transpose2d(first(x), weight, bias, strides, padding, extra, 1, dilation))

        inputs = dict(x=numbers(*shape), kernel=numbers(*kernel, filters, shape[3], scale=0.4),
                      bias=numbers(filters))
        settings = dict(layer="Conv2DTranspose", filters=filters, kernel_size=kernel, strides=strides,
                        torch_padding=padding, output_padding=extra, dilation=dilation,
                        padding="valid" if padding == (0, 0) and extra == (0, 0) else "torch")
        backward(golden, case, settings, numbers, function, **inputs)

    transpose("transpose_valid", (2, 3, 4, 3), 2, (3, 3), (1, 1), (0, 0), (0, 0))
    transpose("transpose_valid_stride2", (1, 3, 4, 2), 3, (3, 2), (2, 2), (0, 0), (0, 0))
    transpose("transpose_padding1_stride2", (1, 3, 4, 2), 3, (3, 3), (2, 2), (1, 1), (1, 1))
    transpose("transpose_dilation", (1, 3, 3, 2), 2, (3, 2), (2, 1), (1, 0), (0, 0), (2, 2))


def dense(golden, numbers):
    for case, shape, units, bias in (("dense", (3, 7), 5, True), ("dense_batch1", (1, 19), 33, True),
                                     ("dense_rank3", (2, 4, 6), 3, True), ("dense_rank4", (2, 3, 2, 5), 4, True),
                                     ("dense_no_bias", (5, 4), 2, False)):
        inputs = dict(x=numbers(*shape), kernel=numbers(shape[-1], units, scale=0.5))
        if bias:
            inputs["bias"] = numbers(units)
        backward(golden, case, dict(layer="Dense", units=units, use_bias=bias), numbers,
                 lambda x, kernel, bias=None: F.linear(x, kernel.T, bias), **inputs)


def pools(golden, numbers):
    def pool(case, kind, shape, size, strides, padding="valid", ceil=False, include_pad=False):
        """`same` averages over real cells only; torch's symmetric padding counts the padding if include_pad."""
        pads = pads_of(padding, shape, size, strides, (1, 1))
        symmetric = pads[0] == pads[1] and pads[2] == pads[3]

        def function(x):
            x = first(x)
            if kind == "max":
                if symmetric:
                    y = F.max_pool2d(x, size, strides, (pads[0], pads[2]), ceil_mode=ceil)
                else:
                    y = F.max_pool2d(pad(x, pads, -float("inf")), size, strides)
            elif symmetric:
                y = F.avg_pool2d(x, size, strides, (pads[0], pads[2]), ceil, include_pad)
            else:
                cells = F.avg_pool2d(pad(torch.ones_like(x), pads), size, strides)
                y = F.avg_pool2d(pad(x, pads), size, strides) / cells
            return last(y)

        settings = dict(layer="MaxPool2D" if kind == "max" else "AveragePool2D", pool_size=size, strides=strides,
                        padding=padding if isinstance(padding, str) else "explicit", pads=pads, ceil_mode=ceil)
        if kind == "average":
            settings["count_include_pad"] = include_pad
        backward(golden, case, settings, numbers, function, x=numbers(*shape))

    for kind in ("max", "average"):
        pool(kind + "_pool", kind, (2, 6, 4, 3), (2, 2), (2, 2))
        pool(kind + "_pool_drops_edge", kind, (2, 5, 7, 3), (2, 2), (2, 2))
        pool(kind + "_pool_overlap", kind, (1, 6, 7, 17), (3, 2), (2, 1))
        pool(kind + "_pool_same", kind, (1, 5, 7, 2), (2, 2), (2, 2), "same")
        pool(kind + "_pool_same_3x3_stride2", kind, (1, 6, 7, 2), (3, 3), (2, 2), "same")
        pool(kind + "_pool_same_stride1", kind, (1, 4, 5, 2), (3, 2), (1, 1), "same")
        pool(kind + "_pool_padding1", kind, (1, 6, 7, 2), (3, 3), (2, 2), (1, 1, 1, 1))
        pool(kind + "_pool_ceil", kind, (1, 6, 7, 2), (3, 2), (2, 2), "valid", True)
        pool(kind + "_pool_padding1_ceil", kind, (1, 6, 7, 2), (3, 3), (2, 2), (1, 1, 1, 1), True)
    pool("average_pool_padding1_counted", "average", (1, 6, 7, 2), (3, 3), (2, 2), (1, 1, 1, 1), False, True)
    pool("average_pool_padding1_ceil_counted", "average", (1, 6, 7, 2), (3, 3), (2, 2), (1, 1, 1, 1), True, True)
    # Two equal maxima: the first in row-major order takes the gradient.
    x = np.zeros((1, 4, 4, 1))
    x[0, :2, :2, 0], x[0, 2:, 2:, 0] = [[1, 3], [3, 2]], [[-1, -1], [-1, -1]]
    backward(golden, "max_pool_ties", dict(layer="MaxPool2D", pool_size=(2, 2), strides=(2, 2), padding="valid",
                                           pads=(0, 0, 0, 0), ceil_mode=False), numbers,
             lambda x: last(F.max_pool2d(first(x), 2)), x=x)
    backward(golden, "global_average_pool", dict(layer="GlobalAveragePool2D"), numbers,
             lambda x: F.adaptive_avg_pool2d(first(x), 1).flatten(1), x=numbers(3, 5, 4, 6))
    backward(golden, "global_max_pool", dict(layer="GlobalMaxPool2D"), numbers,
             lambda x: F.adaptive_max_pool2d(first(x), 1).flatten(1), x=numbers(3, 5, 4, 6))


def others(golden, numbers):
    backward(golden, "zero_padding", dict(layer="ZeroPadding2D", pads=(1, 0, 2, 3)), numbers,
             lambda x: last(pad(first(x), (1, 0, 2, 3))), x=numbers(2, 3, 2, 2))
    shape = (2, 3, 2, 4)
    backward(golden, "add", dict(layer="Add"), numbers, lambda x, x2, x3: x + x2 + x3,
             x=numbers(*shape), x2=numbers(*shape), x3=numbers(*shape))
    backward(golden, "multiply", dict(layer="Multiply"), numbers, lambda x, x2, x3: x * x2 * x3,
             x=numbers(*shape), x2=numbers(*shape), x3=numbers(*shape))
    backward(golden, "concatenate", dict(layer="Concatenate", axis=-1), numbers,
             lambda x, x2, x3: torch.cat([x, x2, x3], -1),
             x=numbers(*shape), x2=numbers(2, 3, 2, 1), x3=numbers(2, 3, 2, 3))
    backward(golden, "concatenate_axis1", dict(layer="Concatenate", axis=1), numbers,
             lambda x, x2: torch.cat([x, x2], 1), x=numbers(*shape), x2=numbers(2, 5, 2, 4))
    for case, size, mode in (("up_sampling_nearest", (2, 3), "nearest"),
                             ("up_sampling_bilinear", (2, 2), "bilinear"),
                             ("up_sampling_bilinear_3x4", (3, 4), "bilinear")):
        backward(golden, case, dict(layer="UpSampling2D", size=size, interpolation=mode), numbers,
                 lambda x: last(F.interpolate(first(x), scale_factor=[float(n) for n in size], mode=mode)),
                 x=numbers(2, 3, 4, 2))
    backward(golden, "prelu_one_a_channel", dict(layer="PReLU", shared_axes=(1, 2)), numbers,
             lambda x, alpha: last(F.prelu(first(x), alpha)), x=numbers(*shape), alpha=numbers(4))
    backward(golden, "prelu_one", dict(layer="PReLU", shared_axes=(1, 2, 3)), numbers,
             lambda x, alpha: last(F.prelu(first(x), alpha)), x=numbers(*shape), alpha=numbers(1))
    # What PyTorch calls Flatten reads channels first; this dense layer's kernel is given for both orders.
    h, w, c, units = 2, 3, 4, 5
    kernel = numbers(h * w * c, units)
    weight = kernel.reshape(h, w, c, units).transpose(3, 2, 0, 1).reshape(units, c * h * w)
    backward(golden, "flatten_dense", dict(layer="Flatten", units=units), numbers,
             lambda x, kernel: x.flatten(1) @ kernel, x=numbers(2, h, w, c), kernel=kernel)
    x = tensor(golden.tensors["flatten_dense/x"]).double()
    y = F.linear(first(x).flatten(1), tensor(weight))
    assert np.allclose(y, golden.tensors["flatten_dense/y"], 1e-12, 1e-12)
    golden.tensors["flatten_dense/torch_weight"] = np.float32(weight)


def layers():
    golden, numbers = Golden(), Numbers(2)
    for part in (convolutions, dense, pools, others):
        part(golden, numbers)
    write(golden, "layers_torch")


def activations():
    golden, numbers = Golden(), Numbers(3)
    x = np.concatenate([numbers(40, scale=2), [-100, -30, -20.5, -9, -5.5, -3.5, -2.5, -1e-3, -1e-6],
                        [1e-6, 1e-3, 2.5, 3.5, 5.5, 9, 20.5, 30, 100]]).reshape(2, 29)
    x = np.float64(np.float32(x))
    kinds = {
        "linear": lambda x: x * 1, "relu": F.relu, "relu6": F.relu6,
        "leaky_relu": lambda x: F.leaky_relu(x, 0.2), "leaky_relu_001": lambda x: F.leaky_relu(x, 0.01),
        "elu": F.elu, "elu_05": lambda x: F.elu(x, 0.5), "selu": F.selu, "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "sigmoid": torch.sigmoid,
        "hard_sigmoid": F.hardsigmoid, "hard_swish": F.hardswish, "tanh": torch.tanh,
        "softplus": lambda x: F.softplus(x, threshold=500), "softmax": lambda x: F.softmax(x, -1),
        "log_softmax": lambda x: F.log_softmax(x, -1)}
    alphas = {"leaky_relu": 0.2, "leaky_relu_001": 0.01, "elu": 1.0, "elu_05": 0.5}
    for case, function in kinds.items():
        settings = dict(layer="Activation", activation=case.rsplit("_0", 1)[0])
        if case in alphas:
            settings["alpha"] = alphas[case]
        backward(golden, case, settings, numbers, function, x=x)
    far = np.float64([[1e4, -1e4, 0, 9999], [88, 89, 90, -1000], [1e-30, 0, -1e-30, 1], [-1e4, -1e4, -1e4, -1e4]])
    for case in ("softmax", "log_softmax"):
        backward(golden, case + "_far", dict(layer="Activation", activation=case), numbers, kinds[case],
                 x=np.float64(np.float32(far)))
    backward(golden, "softmax_rank4", dict(layer="Activation", activation="softmax"), numbers, kinds["softmax"],
             x=numbers(2, 2, 3, 5))
    more = {"mish": F.mish, "softsign": F.softsign, "hard_tanh": F.hardtanh, "hard_shrink": F.hardshrink,
            "hard_shrink_01": lambda x: F.hardshrink(x, 0.1), "soft_shrink": F.softshrink,
            "soft_shrink_01": lambda x: F.softshrink(x, 0.1), "tanh_shrink": F.tanhshrink, "celu": F.celu,
            "celu_05": lambda x: F.celu(x, 0.5), "log_sigmoid": F.logsigmoid, "exponential": torch.exp}
    for case, function in more.items():
        settings = dict(layer="Activation", activation=case.rsplit("_0", 1)[0])
        if "_0" in case:
            settings["alpha"] = {"hard_shrink_01": 0.1, "soft_shrink_01": 0.1, "celu_05": 0.5}[case]
        backward(golden, case, settings, numbers, function, x=np.clip(x, -30, 30) if case == "exponential" else x)
    write(golden, "activations_torch")


# Losses ----------------------------------------------------------------------------------------------------------


def losses():
    golden, numbers = Golden(), Numbers(4)

    def loss(case, settings, function, prediction, target, **more):
        x = leaf(prediction)
        value = function(x, tensor(target))
        value.backward()
        golden.add(case, settings, prediction=single(prediction),
                   target=target if target.dtype == np.int64 else single(target), loss=value, gradient=x.grad,
                   **{name: single(array) for name, array in more.items()})

    a, b = numbers(4, 3, scale=1.5), numbers(4, 3)
    wide = np.float64(np.float32(3 * a))
    for reduction in ("mean", "sum"):
        suffix, options = "" if reduction == "mean" else "_sum", dict(reduction=reduction)
        loss("mse" + suffix, dict(loss="mse", **options), lambda x, t: F.mse_loss(x, t, **options), a, b)
        loss("l1" + suffix, dict(loss="mae", **options), lambda x, t: F.l1_loss(x, t, **options), a, b)
        loss("huber" + suffix, dict(loss="huber", delta=1.0, **options),
             lambda x, t: F.huber_loss(x, t, delta=1.0, **options), a, b)
        loss("huber_delta2" + suffix, dict(loss="huber", delta=2.0, **options),
             lambda x, t: F.huber_loss(x, t, delta=2.0, **options), wide, b)
        loss("smooth_l1_beta2" + suffix, dict(loss="smooth_l1", beta=2.0, **options),
             lambda x, t: F.smooth_l1_loss(x, t, beta=2.0, **options), wide, b)
        p, t = numbers.uniform(4, 3, low=0.02, high=0.98), np.float64(numbers.labels(2, 4, 3))
        loss("bce" + suffix, dict(loss="binary_crossentropy", from_logits=False, **options),
             lambda x, t: F.binary_cross_entropy(x, t, **options), p, t)
        loss("bce_logits" + suffix, dict(loss="binary_crossentropy", from_logits=True, **options),
             lambda x, t: F.binary_cross_entropy_with_logits(x, t, **options), 2 * a, t)
        soft = numbers.uniform(4, 3)
        loss("bce_logits_soft" + suffix, dict(loss="binary_crossentropy", from_logits=True, **options),
             lambda x, t: F.binary_cross_entropy_with_logits(x, t, **options), 2 * a, soft)

    far = np.float64([[-1e4, 1e4, 0, 80], [100, -100, 30, -30]])
    loss("bce_logits_far", dict(loss="binary_crossentropy", from_logits=True, reduction="mean"),
         F.binary_cross_entropy_with_logits, far, np.float64([[0, 1, 1, 0], [0, 1, 1, 1]]))
    loss("bce_at_0_and_1", dict(loss="binary_crossentropy", from_logits=False, reduction="mean", clamp="torch"),
         F.binary_cross_entropy, np.float64([[0.0, 1.0], [0.5, 1.0]]), np.float64([[1, 1], [0, 0]]))
    loss("bce_logits_pos_weight",
         dict(loss="binary_crossentropy", from_logits=True, pos_weight=2.5, reduction="mean"),
         lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(2.5)), 2 * a, t)

    logits, classes = numbers(6, 5, scale=2), numbers.labels(5, 6)
    weight = numbers.uniform(5, low=0.2, high=3)
    name = "sparse_categorical_crossentropy"
    for reduction in ("mean", "sum"):
        suffix = "" if reduction == "mean" else "_sum"
        loss("ce" + suffix, dict(loss=name, from_logits=True, reduction=reduction),
             lambda x, t: F.cross_entropy(x, t, reduction=reduction), logits, classes)
        loss("ce_weights" + suffix,
             dict(loss=name, from_logits=True, reduction=reduction, divisor="class_weights"),
             lambda x, t: F.cross_entropy(x, t, tensor(weight), reduction=reduction), logits, classes,
             class_weight=weight)
        loss("ce_smoothing" + suffix, dict(loss=name, from_logits=True, label_smoothing=0.1, reduction=reduction),
             lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1, reduction=reduction), logits, classes)
        loss("ce_weights_smoothing" + suffix,
             dict(loss=name, from_logits=True, label_smoothing=0.1, reduction=reduction, divisor="class_weights"),
             lambda x, t: F.cross_entropy(x, t, tensor(weight), label_smoothing=0.1, reduction=reduction), logits,
             classes, class_weight=weight)
    one_hot = np.eye(5)[classes]
    soft = numbers.uniform(6, 5)
    soft = np.float64(np.float32(soft / soft.sum(1, keepdims=True)))
    name = "categorical_crossentropy"
    loss("ce_one_hot", dict(loss=name, from_logits=True, reduction="mean"), F.cross_entropy, logits, one_hot)
    loss("ce_soft", dict(loss=name, from_logits=True, reduction="mean"), F.cross_entropy, logits, soft)
    loss("ce_soft_smoothing", dict(loss=name, from_logits=True, label_smoothing=0.2, reduction="mean"),
         lambda x, t: F.cross_entropy(x, t, label_smoothing=0.2), logits, soft)
    loss("ce_far", dict(loss="sparse_categorical_crossentropy", from_logits=True, reduction="mean"),
         F.cross_entropy,
         np.float64([[1e4, -1e4, 0], [1e4, 9999, 0], [-1e4, -1e4, -1e4]]), np.int64([1, 1, 2]))
    loss("ce_ignore_index", dict(loss="sparse_categorical_crossentropy", from_logits=True, ignore_index=2,
                                 reduction="mean"),
         lambda x, t: F.cross_entropy(x, t, ignore_index=2), logits, np.int64([0, 2, 1, 4, 2, 3]))
    log_p = np.float64(np.float32(np.log(soft)))
    loss("nll", dict(loss="nll", reduction="mean"), F.nll_loss, log_p, classes)
    loss("nll_weights", dict(loss="nll", reduction="mean", divisor="class_weights"),
         lambda x, t: F.nll_loss(x, t, tensor(weight)), log_p, classes, class_weight=weight)
    write(golden, "losses_torch")


# Optimizers and schedules ----------------------------------------------------------------------------------------


def optimizers():
    golden, numbers = Golden(), Numbers(5)
    xs, labels = tensor(numbers(16, 4)), tensor(numbers.labels(3, 16))
    kernel0, bias0 = numbers(4, 3), numbers(3)

    def run(case, settings, make, clip=None, lr_steps=None):
        kernel, bias = leaf(kernel0), leaf(bias0)
        optimizer = make([kernel, bias])
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, lr_steps, 0.1) if lr_steps else None
        got = {"kernel": [kernel.detach().clone()], "bias": [bias.detach().clone()], "dkernel": [], "dbias": [],
               "learning_rate": [], "loss": []}
        for _ in range(STEPS):
            optimizer.zero_grad()
            value = F.cross_entropy(xs @ kernel + bias, labels) + 0.01 * (kernel ** 2).sum()
            value.backward()
            got["loss"].append(value.detach())
            got["dkernel"].append(kernel.grad.clone())
            got["dbias"].append(bias.grad.clone())
            got["learning_rate"].append(torch.tensor(optimizer.param_groups[0]["lr"]))
            if clip:
                clip([kernel, bias])
            optimizer.step()
            if schedule:
                schedule.step()
            got["kernel"].append(kernel.detach().clone())
            got["bias"].append(bias.detach().clone())
        golden.add(case, dict(settings, steps=STEPS),
                   **{name: torch.stack(values) for name, values in got.items()})

    o = torch.optim
    cases = {
        "sgd": ("SGD", dict(lr=0.1)),
        "sgd_momentum": ("SGD", dict(lr=0.1, momentum=0.9)),
        "sgd_nesterov": ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True)),
        "sgd_dampening": ("SGD", dict(lr=0.1, momentum=0.9, dampening=0.3)),
        "sgd_weight_decay": ("SGD", dict(lr=0.1, weight_decay=0.05)),
        "sgd_momentum_weight_decay": ("SGD", dict(lr=0.1, momentum=0.8, weight_decay=0.05)),
        "sgd_nesterov_weight_decay": ("SGD", dict(lr=0.1, momentum=0.8, weight_decay=0.05, nesterov=True)),
        "adam": ("Adam", dict(lr=0.01)),
        "adam_epsilon": ("Adam", dict(lr=0.01, eps=1e-2, betas=(0.8, 0.95))),
        "adam_amsgrad": ("Adam", dict(lr=0.1, amsgrad=True, betas=(0.5, 0.6))),
        "adam_weight_decay": ("Adam", dict(lr=0.01, weight_decay=0.05)),
        "adamw": ("AdamW", dict(lr=0.01, weight_decay=0.05)),
        "adamw_amsgrad": ("AdamW", dict(lr=0.1, weight_decay=0.05, amsgrad=True, betas=(0.5, 0.6))),
        "rmsprop": ("RMSprop", dict(lr=0.01)),
        "rmsprop_epsilon": ("RMSprop", dict(lr=0.01, alpha=0.9, eps=1e-2)),
        "rmsprop_centered": ("RMSprop", dict(lr=0.01, alpha=0.9, centered=True)),
        "rmsprop_momentum": ("RMSprop", dict(lr=0.01, alpha=0.9, momentum=0.9)),
        "rmsprop_all": ("RMSprop", dict(lr=0.01, alpha=0.9, momentum=0.9, centered=True, weight_decay=0.05)),
        "adagrad": ("Adagrad", dict(lr=0.1)),
        "adagrad_decay": ("Adagrad", dict(lr=0.1, lr_decay=0.1, initial_accumulator_value=0.2, eps=1e-3)),
        "adagrad_weight_decay": ("Adagrad", dict(lr=0.1, weight_decay=0.05)),
    }
    for case, (name, options) in cases.items():
        full = dict(options)
        run(case, {"optimizer": name, **full}, lambda weights: getattr(o, name)(weights, **options))
    run("sgd_momentum_lr_steps", dict(optimizer="SGD", lr=0.1, momentum=0.9, milestones=(5, 12), gamma=0.1),
        lambda weights: o.SGD(weights, lr=0.1, momentum=0.9), lr_steps=[5, 12])
    run("adam_lr_steps", dict(optimizer="Adam", lr=0.1, milestones=(5, 12), gamma=0.1),
        lambda weights: o.Adam(weights, lr=0.1), lr_steps=[5, 12])
    run("sgd_clip_norm", dict(optimizer="SGD", lr=0.5, clip_grad_norm=0.3), lambda weights: o.SGD(weights, lr=0.5),
        lambda weights: nn.utils.clip_grad_norm_(weights, 0.3))
    run("sgd_clip_value", dict(optimizer="SGD", lr=0.5, clip_grad_value=0.05),
        lambda weights: o.SGD(weights, lr=0.5),
        lambda weights: nn.utils.clip_grad_value_(weights, 0.05))
    write(golden, "optimizers_torch")


def schedules():
    golden = Golden()
    o = torch.optim.lr_scheduler

    def sequence(case, settings, make, epochs=30):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        schedule, rates = make(optimizer), []
        for _ in range(epochs):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        golden.add(case, dict(schedule=type(schedule).__name__, lr=0.1, **settings),
                   learning_rate=np.float64(rates))

    sequence("step", dict(step_size=7, gamma=0.3), lambda x: o.StepLR(x, 7, 0.3))
    sequence("multi_step", dict(milestones=(5, 11, 20), gamma=0.2), lambda x: o.MultiStepLR(x, [5, 11, 20], 0.2))
    sequence("exponential", dict(gamma=0.9), lambda x: o.ExponentialLR(x, 0.9))
    sequence("cosine", dict(T_max=12, eta_min=0.01), lambda x: o.CosineAnnealingLR(x, 12, 0.01))
    sequence("linear", dict(start_factor=1 / 3, end_factor=1.0, total_iters=5), lambda x: o.LinearLR(x))
    metric = np.float64([1, .9, .95, .96, .97, .91, .9, .89995, .7, .71, .72, .73, .74, .75, .76, .77, .6, .61,
                         .62, .63, .64, .65, .66, .67, .68, .69, .7, .71, .72, .73])
    for case, options in {"plateau": dict(factor=0.5, patience=2),
                          "plateau_cooldown": dict(factor=0.1, patience=1, cooldown=3, min_lr=1e-3),
                          "plateau_threshold": dict(factor=0.5, patience=2, threshold=0.05),
                          "plateau_max": dict(factor=0.5, patience=3, mode="max")}.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        schedule, rates = o.ReduceLROnPlateau(optimizer, **options), []
        for value in metric:
            schedule.step(value)
            rates.append(optimizer.param_groups[0]["lr"])
        golden.add(case, dict(schedule="ReduceLROnPlateau", lr=0.1, **options), metric=metric,
                   learning_rate=np.float64(rates))  # the rate after the metric was seen
    write(golden, "schedules_torch")


# Training traces -------------------------------------------------------------------------------------------------


def keep(snapshots, step, weights):
    """All weights after a step; of a kernel over 4096 values every seventh row and the mean of each column."""
    if step not in (1, 10, 20):
        return
    for name, value in weights.items():
        value = value.detach().clone()
        if value.numel() > 4096:
            snapshots[f"step{step}/{name}.rows7"] = value[::7].clone()
            snapshots[f"step{step}/{name}.mean"] = value.double().mean(0)
        else:
            snapshots[f"step{step}/{name}"] = value


def stray(case, snapshots):
    """Says how far PyTorch's own float32 run ends from its float64 run: what no tolerance can be tighter than."""
    exact, single = snapshots[torch.float64], snapshots[torch.float32]
    print(f"{case}: float32 weights differ from float64 by at most "
          f"{max(float((single[name] - value).abs().max()) for name, value in exact.items()):.1e}")
    return exact


def seed_data():
    """What every trace of the seed's network starts from: 40 images, their labels, and the first weights."""
    golden, numbers = Golden(), Numbers(6)
    labels = numbers.labels(10, 40)
    rows, columns = np.mgrid[0:16, 0:16] / 16.0
    waves = np.stack([np.sin(6.3 * ((k % 4 + 1) * rows + (k // 4) * columns)) for k in range(10)])
    images = np.float32(0.5 * waves[labels] + 0.3 * numbers(40, 16, 16) + 0.5)[..., None]
    bound = lambda *shape, fans: np.float32(numbers.uniform(*shape, low=-1, high=1) * np.sqrt(6 / fans))
    golden.add("seed", dict(batch_size=8, steps=STEPS, batches="step s, from 0, takes images 8s..8s+7 modulo 40"),
               images=images, labels=labels,
               **{"conv/kernel": bound(3, 3, 1, 8, fans=81), "conv/bias": np.float32(numbers(8, scale=0.05)),
                  "batch_norm/gamma": np.float32(numbers(8, scale=0.1, shift=1)),
                  "batch_norm/beta": np.float32(numbers(8, scale=0.1)),
                  "dense/kernel": bound(2048, 12, fans=2060), "dense/bias": np.float32(numbers(12, scale=0.05)),
                  "dense_1/kernel": bound(12, 10, fans=22), "dense_1/bias": np.float32(numbers(10, scale=0.05))})
    write(golden, "seed_data")
    return golden.tensors


SEED_LAYERS = ("conv", "batch_norm", "dense", "dense_1")
SEED_WEIGHTS = ("conv/kernel", "conv/bias", "batch_norm/gamma", "batch_norm/beta", "dense/kernel", "dense/bias",
                "dense_1/kernel", "dense_1/bias")


def seed_forward(weights, normalise, x):
    """conv 8 3x3 same, relu, batch norm, flatten (channels last), dense 12 relu, dense 10: the logits."""
    h = F.relu(F.conv2d(first(x), weights["conv/kernel"].permute(3, 2, 0, 1), weights["conv/bias"], padding=1))
    h = normalise(h, weights["batch_norm/gamma"], weights["batch_norm/beta"])
    h = F.relu(last(h).flatten(1) @ weights["dense/kernel"] + weights["dense/bias"])
    return h @ weights["dense_1/kernel"] + weights["dense_1/bias"]


def keras_crossentropy(p, labels):
    """Keras's categorical cross-entropy of probabilities: divide by the sum, clip, mean of the logarithm."""
    p = (p / p.sum(-1, keepdim=True)).clamp(1e-7, 1 - 1e-7)
    return -p.log()[torch.arange(len(labels)), labels].mean()


def seed_torch(data):
    golden = Golden()
    makers = {"sgd": lambda w: torch.optim.SGD(w, lr=0.005), "adam": lambda w: torch.optim.Adam(w, lr=3e-4)}
    settings = {"sgd": dict(optimizer="SGD", lr=0.005), "adam": dict(optimizer="Adam", lr=3e-4)}
    for optimizer_name, make in makers.items():
        for loss_name in ("logits", "softmax"):
            snapshots, curves = {torch.float64: {}, torch.float32: {}}, {}
            for dtype in (torch.float64, torch.float32):
                weights = {name: leaf(data["seed/" + name]).to(dtype).detach().requires_grad_()
                           for name in SEED_WEIGHTS}
                mean, variance = torch.zeros(8, dtype=dtype), torch.ones(8, dtype=dtype)
                normalise = lambda h, gamma, beta: F.batch_norm(h, mean, variance, gamma, beta, True, 0.85, 1e-5)
                optimizer, curve = make(list(weights.values())), []
                for step in range(STEPS):
                    at = np.arange(8 * step, 8 * step + 8) % 40
                    logits = seed_forward(weights, normalise, tensor(data["seed/images"][at]).to(dtype))
                    labels = tensor(data["seed/labels"][at])
                    loss = F.cross_entropy(logits, labels) if loss_name == "logits" else \
                        keras_crossentropy(F.softmax(logits, -1), labels)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    curve.append(loss.detach())
                    keep(snapshots[dtype], step + 1, {**weights, "batch_norm/moving_mean": mean,
                                                      "batch_norm/moving_variance": variance})
                curves[dtype] = torch.stack(curve)
            golden.add(f"{optimizer_name}_{loss_name}",
                       dict(**settings[optimizer_name], loss="sparse_categorical_crossentropy",
                            from_logits=loss_name == "logits", bn_momentum=0.15, bn_epsilon=1e-5,
                            bn_variance="bessel"),
                       loss=curves[torch.float64], loss_float32=curves[torch.float32],
                       **stray(f"{optimizer_name}_{loss_name}", snapshots))
    write(golden, "seed_torch")


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        if stride != 1:
            self.conv3 = nn.Conv2d(channels_in, channels, 1, stride, bias=False)
            self.bn3 = nn.BatchNorm2d(channels)

    def forward(self, x):
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + (self.bn3(self.conv3(x)) if hasattr(self, "conv3") else x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(6)
        self.block1, self.block2, self.block3 = Block(6, 6, 1), Block(6, 8, 2), Block(8, 10, 2)
        self.dense = nn.Linear(10, 4)

    def forward(self, x):
        h = self.block3(self.block2(self.block1(F.relu(self.bn(self.conv(x))))))
        return self.dense(F.adaptive_avg_pool2d(h, 1).flatten(1))


KEEL_NAMES = {"running_mean": "moving_mean", "running_var": "moving_variance"}


def residual_weights(model):
    """state_dict in keel's names and layouts: block2/conv1/kernel, block2/bn1/gamma, dense/bias ..."""
    weights = {}
    for key, value in model.state_dict().items():
        path, _, kind = key.replace(".", "/").rpartition("/")
        if kind == "num_batches_tracked":
            continue
        if "bn" in path.split("/")[-1]:
            kind = {"weight": "gamma", "bias": "beta"}.get(kind, KEEL_NAMES.get(kind))
        elif kind == "weight":
            kind, value = "kernel", value.permute(2, 3, 1, 0) if value.dim() == 4 else value.T
        weights[f"{path}/{kind}"] = value.detach().clone()
    return weights


def residual():
    golden, numbers = Golden(), Numbers(7)
    images, labels = np.float32(numbers(24, 12, 11, 3)), numbers.labels(4, 24)
    images += np.float32(0.4) * labels[:, None, None, None].astype(np.float32)
    options = dict(lr=0.02, momentum=0.9, weight_decay=1e-3)
    model = Residual()
    for parameter in model.parameters():
        shape = tuple(parameter.shape)
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else 0
        parameter.data = tensor(numbers(*shape, scale=np.sqrt(2 / fan) if fan else 0.1))
    for name, parameter in model.named_parameters():
        if "bn" in name and name.endswith("weight"):
            parameter.data += 1.0
            parameter.data = parameter.data.float().double()
    start = {f"start/{name}": np.float32(value.numpy()) for name, value in residual_weights(model).items()}
    state = {key: value.clone() for key, value in model.state_dict().items()}
    curves, snapshots = {}, {torch.float64: {}, torch.float32: {}}
    for dtype in (torch.float64, torch.float32):
        model = Residual()
        model.load_state_dict(state)
        model.to(dtype)
        optimizer, curve = torch.optim.SGD(model.parameters(), **options), []
        for step in range(STEPS):
            at = np.arange(6 * step, 6 * step + 6) % 24
            loss = F.cross_entropy(model(first(tensor(images[at])).to(dtype)), tensor(labels[at]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            curve.append(loss.detach())
            keep(snapshots[dtype], step + 1, residual_weights(model))
        curves[dtype] = torch.stack(curve)
        model.eval()
        snapshots[dtype]["predictions"] = model(first(tensor(images)).to(dtype)).detach()
    golden.add("residual", dict(optimizer="SGD", **options, steps=STEPS, batch_size=6, bn_momentum=0.9,
                                bn_epsilon=1e-5, bn_variance="bessel", loss="sparse_categorical_crossentropy",
                                from_logits=True,
                                batches="step s, from 0, takes images 6s..6s+5 modulo 24"),
               images=images, labels=labels, loss=curves[torch.float64], loss_float32=curves[torch.float32],
               **start, **stray("residual", snapshots))
    write(golden, "residual_torch")


if __name__ == "__main__":
    batch_norm()
    layers()
    activations()
    losses()
    optimizers()
    schedules()
    seed_torch(seed_data())
    residual()
