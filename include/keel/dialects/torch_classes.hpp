#pragma once
/// The Python classes, and a function, that `torch_code` writes where torch.nn has none.

#include <string_view>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

struct TorchClass {
  std::string_view name, code;
};

/// A module of recurrent layers on (batch, channels, steps) that gives all steps, or the last one of each direction.
#define KEEL_TORCH_STEPS(base)                                                                    \
  "class Steps" base "(nn." base                                                                  \
  "):\n"                                                                                          \
  "    \"\"\"All steps of (batch, channels, steps), or the last one of each direction.\"\"\"\n\n" \
  "    def __init__(self, features, units, sequences=False, backwards=False, **options):\n"       \
  "        super().__init__(features, units, batch_first=True, **options)\n"                      \
  "        self.sequences, self.backwards = sequences, backwards\n\n"                             \
  "    def forward(self, x):\n"                                                                   \
  "        x = x.movedim(1, -1)\n"                                                                \
  "        y, h = super().forward(x.flip(1) if self.backwards else x)\n"                          \
  "        if self.sequences:\n"                                                                  \
  "            return y.movedim(-1, 1)\n"                                                         \
  "        return (h[0] if isinstance(h, tuple) else h).movedim(0, 1).flatten(1)\n"

inline constexpr TorchClass torch_classes[] = {
    {"AdditiveAttention", R"(class AdditiveAttention(nn.Module):
    """Query, value and key (batch, channels, steps): the scores are sums of tanh(q + k)."""

    def __init__(self, features, scale=True):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(features)) if scale else None

    def forward(self, query, value, key=None):
        scores = (query.unsqueeze(3) + (value if key is None else key).unsqueeze(2)).tanh()
        if self.scale is not None:
            scores = scores * self.scale.view(-1, 1, 1)
        return value @ scores.sum(1).softmax(-1).transpose(1, 2)
)"},
    {"AveragePool", R"(class AveragePool(nn.Module):
    """The mean over the cells of each window: those of the image, with count_include_pad those of `padding` too.
    padding and beyond are (left, right, top, bottom)."""

    def __init__(self, kernel_size, stride, padding, beyond, count_include_pad=True):
        super().__init__()
        self.kernel_size, self.stride, self.padding, self.beyond = kernel_size, stride, padding, beyond
        self.count_include_pad = count_include_pad

    def sums(self, x, value):
        x = nn.functional.pad(nn.functional.pad(x, self.padding, value=value), self.beyond)
        return nn.functional.avg_pool2d(x, self.kernel_size, self.stride, divisor_override=1)

    def forward(self, x):
        image = x if x.dim() == 4 else x.unsqueeze(2)
        cells = self.sums(torch.ones_like(image[:1, :1]), 1.0 if self.count_include_pad else 0.0)
        return (self.sums(image, 0.0) / cells).view(*x.shape[:2], *([] if x.dim() == 3 else [cells.shape[2]]), -1)
)"},
    {"AutoContrast", R"(class AutoContrast(nn.Module):
    """Each channel of each image stretched from `low` to `high`."""

    def __init__(self, low, high):
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x):
        low, high = x.amin((2, 3), True), x.amax((2, 3), True)
        width = torch.where(high > low, high - low, torch.ones_like(low))
        y = ((x - low) / width).clamp(0, 1) * (self.high - self.low) + self.low
        return torch.where(high > low, y, x)
)"},
    {"AxisBatchNorm", R"(class AxisBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm of any dimension."""

    def __init__(self, dim, *arguments, **options):
        super().__init__(*arguments, **options)
        self.dim = dim

    def _check_input_dim(self, x):
        pass

    def forward(self, x):
        return super().forward(x.movedim(self.dim, 1)).movedim(1, self.dim)
)"},
    {"CenterCrop", R"(class CenterCrop(nn.Module):
    """The middle of an image, its first row and column rounded down."""

    def __init__(self, height, width):
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x):
        top, left = (x.shape[2] - self.height) // 2, (x.shape[3] - self.width) // 2
        return x[:, :, top:top + self.height, left:left + self.width]
)"},
    {"ChannelLayerNorm", R"(class ChannelLayerNorm(nn.LayerNorm):
    """nn.LayerNorm along the channels of (batch, channels, ...)."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
)"},
    {"ChannelLinear", R"(class ChannelLinear(nn.Linear):
    """nn.Linear along the channels of (batch, channels, ...)."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
)"},
    {"ChannelRMSNorm", R"(class ChannelRMSNorm(nn.Module):
    """Over the root mean square along the channels of (batch, channels, ...)."""

    def __init__(self, channels, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(channels)), eps

    def forward(self, x):
        y = x * (x.square().mean(1, True) + self.eps).rsqrt()
        return y * self.weight.view([-1] + [1] * (x.dim() - 2))
)"},
    {"ChannelsLast", R"(class ChannelsLast(nn.Module):
    """Features (batch, n) of maps, one after the other, from the order (c, h, w) to (h, w, c)."""

    def __init__(self, *maps):
        super().__init__()
        self.maps = maps

    def forward(self, x):
        parts = x.split([math.prod(sizes) for sizes in self.maps], 1)
        return torch.cat([part.unflatten(1, sizes).movedim(1, -1).flatten(1)
                          for part, sizes in zip(parts, self.maps)], 1)
)"},
    {"Dot", R"(class Dot(nn.Module):
    """The product of two tensors along an axis of each, counted in (batch, ..., channels)."""

    def __init__(self, first, second, normalize):
        super().__init__()
        self.first, self.second, self.normalize = first, second, normalize

    def forward(self, x, y):
        x, y = x.movedim(1, -1).movedim(self.first, -1), y.movedim(1, -1).movedim(self.second, -1)
        if self.normalize:
            x, y = nn.functional.normalize(x, dim=-1), nn.functional.normalize(y, dim=-1)
        z = x.reshape(len(x), -1, x.shape[-1]) @ y.reshape(len(y), -1, y.shape[-1]).transpose(1, 2)
        return z.reshape(len(x), *(x.shape[1:-1] + y.shape[1:-1] or [1])).movedim(-1, 1)
)"},
    {"EinsumDense", R"(class EinsumDense(nn.Module):
    """einsum(equation, x, kernel) + bias of (batch, channels, ...), with channels last meanwhile."""

    def __init__(self, equation, kernel, bias=None):
        super().__init__()
        self.equation = equation
        self.kernel = nn.Parameter(torch.zeros(kernel))
        self.bias = None if bias is None else nn.Parameter(torch.zeros(bias))

    def forward(self, x):
        y = torch.einsum(self.equation, x.movedim(1, -1), self.kernel)
        return (y if self.bias is None else y + self.bias).movedim(-1, 1)
)"},
    {"Exponential", R"(class Exponential(nn.Module):
    """exp(x)."""

    def forward(self, x):
        return x.exp()
)"},
    {"DotAttention", R"(class DotAttention(nn.Module):
    """Query, value and key (batch, channels, steps): the scores are products of q and k."""

    def __init__(self, scale=False):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(())) if scale else None

    def forward(self, query, value, key=None):
        scores = query.transpose(1, 2) @ (value if key is None else key)
        if self.scale is not None:
            scores = scores * self.scale
        return value @ scores.softmax(-1).transpose(1, 2)
)"},
    {"GaussianDropout", R"(class GaussianDropout(nn.Module):
    """In training times numbers of mean 1 and standard deviation sqrt(rate / (1 - rate))."""

    def __init__(self, rate):
        super().__init__()
        self.deviation = (rate / (1 - rate)) ** 0.5

    def forward(self, x):
        return x * (1 + self.deviation * torch.randn_like(x)) if self.training else x
)"},
    {"GaussianNoise", R"(class GaussianNoise(nn.Module):
    """In training plus numbers of mean 0."""

    def __init__(self, stddev):
        super().__init__()
        self.stddev = stddev

    def forward(self, x):
        return x + self.stddev * torch.randn_like(x) if self.training else x
)"},
    {"HardSigmoidKeras2", R"(class HardSigmoidKeras2(nn.Module):
    """Keras 2's hard sigmoid."""

    def forward(self, x):
        return (0.2 * x + 0.5).clamp(0, 1)
)"},
    {"HeadAttention", R"(class HeadAttention(nn.Module):
    """Attention of (batch, channels, steps) to itself, with a width of a head's own."""

    def __init__(self, channels, heads, key_dim, value_dim, output_dim, bias=True, causal=False, key_heads=None):
        super().__init__()
        self.scale, self.bias, self.causal = key_dim ** -0.5, bias, causal
        shared = key_heads or heads
        self.repeats = heads // shared
        for name, count, dim in (("query", heads, key_dim), ("key", shared, key_dim), ("value", shared, value_dim)):
            self.register_parameter(name + "_kernel", nn.Parameter(torch.zeros(channels, count, dim)))
            if bias:
                self.register_parameter(name + "_bias", nn.Parameter(torch.zeros(count, dim)))
        self.output_kernel = nn.Parameter(torch.zeros(heads, value_dim, output_dim))
        if bias:
            self.output_bias = nn.Parameter(torch.zeros(output_dim))

    def part(self, x, name):
        y = torch.einsum("bct,chd->bhtd", x, getattr(self, name + "_kernel"))
        return y + getattr(self, name + "_bias").unsqueeze(1) if self.bias else y

    def forward(self, x):
        key, value = (self.part(x, name).repeat_interleave(self.repeats, 1) for name in ("key", "value"))
        scores = self.part(x, "query") * self.scale @ key.transpose(-1, -2)
        if self.causal:
            scores = scores.masked_fill(torch.ones_like(scores).triu(1) > 0, -1e9)
        y = torch.einsum("bhtd,hdo->bto", scores.softmax(-1) @ value, self.output_kernel)
        return (y + self.output_bias if self.bias else y).movedim(-1, 1)
)"},
    {"InferenceOnly", R"(class InferenceOnly(nn.Module):
    """A layer that changes nothing in evaluation and has no code for training."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        if self.training:
            raise NotImplementedError(self.layer + " in training")
        return x
)"},
    {"JointSoftmax", R"(class JointSoftmax(nn.Module):
    """Softmax over several dimensions together."""

    def __init__(self, *dims):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        return (x - x.logsumexp(self.dims, keepdim=True)).exp()
)"},
    {"MapPReLU", R"(class MapPReLU(nn.Module):
    """PReLU with a slope for each place of (channels, ...); 1: shared along that axis."""

    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, 0.25))

    def forward(self, x):
        return torch.where(x > 0, x, self.weight * x)
)"},
    {"Merge", R"(class Merge(nn.Module):
    """A function of two tensors, applied to several one after the other, all of (batch, channels, ...): where axes are
    missing, ones stand in front of the places. With mean=True, over their number."""

    def __init__(self, function, mean=False):
        super().__init__()
        self.function, self.mean = function, mean

    def forward(self, *tensors):
        most = max(x.dim() for x in tensors)
        y, *others = [x if x.dim() < 2 else x.view(*x.shape[:2], *[1] * (most - x.dim()), *x.shape[2:])
                      for x in tensors]
        for other in others:
            y = self.function(y, other)
        return y / len(tensors) if self.mean else y
)"},
    {"Normalization", R"(class Normalization(nn.Module):
    """(x - mean) / standard deviation along one dimension, or of all values, by statistics that training does not change."""

    def __init__(self, shape, dim=1, invert=False, mean=None, variance=None):
        super().__init__()
        self.dim, self.invert = dim, invert
        given = mean is not None
        self.register_buffer("running_mean", torch.tensor(mean) if given else torch.zeros(shape), not given)
        self.register_buffer("running_var", torch.tensor(variance) if given else torch.ones(shape), not given)

    def forward(self, x):
        shape = [-1 if i == self.dim else 1 for i in range(x.dim())]
        mean, deviation = self.running_mean.view(shape), self.running_var.sqrt().clamp(min=1e-7).view(shape)
        return mean + deviation * x if self.invert else (x - mean) / deviation
)"},
    {"Pad", R"(class Pad(nn.Module):
    """nn.functional.pad: sides from the last dimension on, each before and after."""

    def __init__(self, sides, mode, value=0.0):
        super().__init__()
        self.sides, self.mode, self.value = sides, mode, value

    def forward(self, x):
        return nn.functional.pad(x, self.sides, self.mode, self.value)
)"},
    {"Permute", R"(class Permute(nn.Module):
    """The axes of (batch, channels, ...) in another order, counted from 1 with the channels last."""

    def __init__(self, *dims):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        y = x.movedim(1, -1).permute(0, *self.dims)
        return y.movedim(-1, 1) if len(self.dims) > 1 else y
)"},
    {"Rectifier", R"(class Rectifier(nn.Module):
    """x between threshold and max_value, max_value above, negative_slope (x - threshold) below."""

    def __init__(self, max_value, negative_slope, threshold):
        super().__init__()
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def forward(self, x):
        y = torch.where(x <= self.threshold, self.negative_slope * (x - self.threshold), x)
        return y if self.max_value is None else y.masked_fill(x >= self.max_value, self.max_value)
)"},
    {"RepeatVector", R"(class RepeatVector(nn.Module):
    """(batch, features) n times: (batch, features, n)."""

    def __init__(self, n):
        super().__init__()
        self.n = n

    def forward(self, x):
        return x.unsqueeze(-1).expand(-1, -1, self.n)
)"},
    {"Rescaling", R"(class Rescaling(nn.Module):
    """scale * x + offset; lists have a number for each channel"""

    def __init__(self, scale, offset):
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, x):
        def each(numbers):
            return x.new_tensor(numbers).view([-1] + [1] * (x.dim() - 2)) if isinstance(numbers, list) else numbers

        return x * each(self.scale) + each(self.offset)
)"},
    {"Reshape", R"(class Reshape(nn.Module):
    """(batch, channels, ...) in another shape, whose last axis is its channels; both with channels last meanwhile."""

    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.movedim(1, -1).reshape(len(x), *self.shape).movedim(-1, 1)
)"},
    {"Masking", R"(class Masking(nn.Module):
    """(batch, channels, steps) with 0 in the steps all of whose channels are the value."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return x * (x != self.value).any(1, True)
)"},
    {"StepMask", R"(class StepMask(nn.Module):
    """1 in the steps of (batch, channels, steps) or (batch, steps) where some channel is not the value."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        mask = x != self.value
        return (mask.any(1) if x.dim() > 2 else mask).to(x.dtype)
)"},
    {"StepsGRU", KEEL_TORCH_STEPS("GRU")},
    {"StepsLSTM", KEEL_TORCH_STEPS("LSTM")},
    {"StepsRNN", KEEL_TORCH_STEPS("RNN")},
    {"SparsePlus", R"(class SparsePlus(nn.Module):
    """0 to -1, x from 1 on, a parabola between."""

    def forward(self, x):
        return torch.where(x <= -1, 0.0, torch.where(x < 1, (x + 1) ** 2 / 4, x))
)"},
    {"SparseSigmoid", R"(class SparseSigmoid(nn.Module):
    """(x + 1) / 2 between 0 and 1."""

    def forward(self, x):
        return ((x + 1) / 2).clamp(0, 1)
)"},
    {"Sparsemax", R"(class Sparsemax(nn.Module):
    """max(x - t, 0), whose sum over the channels is 1."""

    def forward(self, x):
        order = x.sort(1, descending=True).values
        sums = order.cumsum(1) - 1
        counts = torch.arange(1, x.shape[1] + 1, device=x.device).view([-1] + [1] * (x.dim() - 2))
        above = (order * counts > sums).sum(1, keepdim=True)
        return (x - sums.gather(1, above - 1) / above).clamp(min=0)
)"},
    {"Squareplus", R"(class Squareplus(nn.Module):
    """(x + sqrt(x^2 + b)) / 2."""

    def __init__(self, b):
        super().__init__()
        self.b = b

    def forward(self, x):
        return (x + (x * x + self.b).sqrt()) / 2
)"},
    {"TokenEmbedding", R"(class TokenEmbedding(nn.Embedding):
    """Rows for token numbers, whatever their type, as the channels of (batch, channels, ...)."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1).long() if x.dim() > 2 else x.long()).movedim(-1, 1)
)"},
    {"UnitNorm", R"(class UnitNorm(nn.Module):
    """Vectors along the channels of (batch, channels, ...) with length 1."""

    def forward(self, x):
        return nn.functional.normalize(x, dim=1)
)"},
    {"frozen", R"(def frozen(module, trains=False):
    """A module in evaluation whatever the model does, and without gradients unless it trains."""
    module.requires_grad_(trains).eval().train = lambda mode=True: module
    return module
)"},
};
#undef KEEL_TORCH_STEPS

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
