#!/usr/bin/env python3
"""The summaries of small models as Keras 2 (up to 2.6), Keras 3, torchsummary 1.5.1 and torchinfo 1.8.0 print them: by the rules of
these, on PyTorch's modules, with Keras 3's tables drawn by the library rich that it draws with (12.6, installed or inside pip).
Writes summaries.txt, sections `## MODEL TOOL`.

A model of Keras is a list of calls (layer, from which calls) and its outputs; a layer is (class, shape, trainable,
non-trainable)."""
import math
import os
import sys

import torch
from torch import nn

try:
    from rich import console, markup, table
except ImportError:
    from pip._vendor.rich import console, markup, table


class Net:
    def __init__(self, name, layers, calls, outputs, sequential=False, model=None):
        self.name, self.layers, self.calls, self.outputs = name, layers, calls, outputs
        self.sequential, self.model = sequential, model

    def order(self):
        """Depth of each used call, and the layers by depth, then by when they are met from the outputs."""
        done, met, depth, deepest = [], [], {}, {}

        def visit(call):
            if call in done:
                return
            layer, sources = self.calls[call]
            if layer not in met:
                met.append(layer)
            for source in sources:
                visit(source)
            done.append(call)

        for output in self.outputs:
            visit(output)
        for call in reversed(done):
            layer, sources = self.calls[call]
            depth[call] = deepest[layer] = max(depth.get(call, 0), deepest.get(layer, 0))
            for source in sources:
                depth[source] = max(depth.get(source, 0), depth[call] + 1)
        for call, (layer, sources) in enumerate(self.calls):
            if self.layers[layer][0] == "InputLayer" and layer not in deepest:
                deepest[layer], depth[call] = 0, 0
                met.insert(0, layer)
        return depth, sorted(deepest, key=lambda layer: (-deepest[layer], met.index(layer)))

    def is_chain(self):
        depth, _ = self.order()
        used = [self.calls[call] for call in depth]
        return self.sequential or (len(set(depth.values())) == len(depth) and all(len(s) <= 1 for _, s in used)
                                   and len({layer for layer, _ in used}) == len(used))

    def rows(self):
        """(name, class, shapes of its calls, parameters, connections) of each layer."""
        depth, layers = self.order()
        index, place = {}, {}
        for call, (layer, _) in enumerate(self.calls):
            place[call] = "%s[%d][0]" % (layer, index.setdefault(layer, 0))
            index[layer] += 1
        for layer in layers:
            kind, shape, trainable, rest = self.layers[layer]
            if self.sequential and kind == "InputLayer":
                continue
            own = sorted(call for call in depth if self.calls[call][0] == layer)
            shapes = shape if isinstance(shape, list) else [shape] * len(own)
            yield layer, kind, shapes, trainable + rest, [place[s] for call in own for s in self.calls[call][1]]

    def totals(self):
        _, layers = self.order()
        trainable = sum(self.layers[layer][2] for layer in layers)
        rest = sum(self.layers[layer][3] for layer in layers)
        return trainable, rest


def text_of(shape):
    return "(" + ", ".join(["None"] + [str(n) for n in shape]) + ")"


def keras2(net):
    ends = [29, 55, 65] if net.is_chain() else [32, 53, 65, 98]
    lines = []

    def row(fields):
        text = ""
        for field, end, before in zip(fields, ends, [0] + ends):
            text = (text[: before - 1] + " " if before else "") + field
            text = text[:end].ljust(end)
        lines.append(text)

    name = net.model or ("sequential" if net.sequential else "model")
    lines += ['Model: "%s"' % name, "_" * ends[-1]]
    row(["Layer (type)", "Output Shape", "Param #", "Connected to"][: len(ends)])
    lines.append("=" * ends[-1])
    rows = list(net.rows())
    for i, (layer, kind, shapes, count, sources) in enumerate(rows):
        shape = text_of(shapes[0]) if len(set(shapes)) == 1 else "multiple"
        if kind == "InputLayer":
            shape = "[" + shape + "]"
        row(["%s (%s)" % (layer, kind), shape, str(count), (sources or [""])[0]][: len(ends)])
        if len(ends) == 4:
            for source in sources[1:]:
                row(["", "", "", source])
        lines.append(("=" if i == len(rows) - 1 else "_") * ends[-1])
    trainable, rest = net.totals()
    lines += ["Total params: {:,}".format(trainable + rest), "Trainable params: {:,}".format(trainable),
              "Non-trainable params: {:,}".format(rest), "_" * ends[-1]]
    return "\n".join(lines) + "\n"


def size_of(count):
    size, units = 4.0 * count, ["B", "KB", "MB", "GB"]
    while size >= 1024:
        size, units = size / 1024, units[1:]
    return "%.2f %s" % (size, units[0])


def keras3(net, columns):
    positions, longest = ([0.45, 0.8, 1.0], 88) if net.is_chain() else ([0.3, 0.56, 0.74, 1.0], 108)
    length = min(longest, columns - 4)
    ends = [int(p * length) for p in positions]
    widths = [end - before for end, before in zip(ends, [0] + ends)]
    heads = ["Layer (type)", "Output Shape", "Param #", "Connected to"]
    sides = ["left", "left", "right", "left"]
    shown = table.Table(*[table.Column(head, justify=side, width=width) for head, side, width in zip(heads, sides, widths)],
                        width=length, show_lines=True)
    for layer, kind, shapes, count, sources in net.rows():
        fields = [markup.escape("%s (%s)" % (layer, kind)), text_of(shapes[-1]), "{:,}".format(count),
                  markup.escape(", ".join(sources) or "-")]
        shown.add_row(*fields[: len(widths)])
    screen = console.Console(highlight=False, force_terminal=False, color_system=None, width=columns)
    screen.begin_capture()
    screen.print(markup.escape('Model: "%s"' % (net.model or ("sequential" if net.sequential else "functional"))))
    screen.print(shown)
    trainable, rest = net.totals()
    for what, count in (("Total", trainable + rest), ("Trainable", trainable), ("Non-trainable", rest)):
        screen.print(" {} params: {:,} ({})".format(what, count, size_of(count)))
    return screen.end_capture()


def chain(layers):
    names = list(layers)
    return [(name, [i - 1] if i else []) for i, name in enumerate(names)], [len(names) - 1]


def seed(sequential):
    layers = {
        "input_layer": ("InputLayer", (64, 64, 1), 0, 0),
        "conv2d": ("Conv2D", (64, 64, 32), 320, 0),
        "batch_normalization": ("BatchNormalization", (64, 64, 32), 64, 64),
        "flatten": ("Flatten", (131072,), 0, 0),
        "dense": ("Dense", (100,), 13107300, 0),
        "dense_1": ("Dense", (10,), 1010, 0),
    }
    return Net("seed" if sequential else "chain", layers, *chain(layers), sequential=sequential)


def residual():
    layers = {
        "input_layer": ("InputLayer", (12, 12, 3), 0, 0),
        "shortcut": ("Conv2D", (6, 6, 8), 32, 0),
        "conv2d": ("Conv2D", (6, 6, 8), 216, 0),
        "batch_normalization": ("BatchNormalization", (6, 6, 8), 16, 16),
        "re_lu": ("ReLU", (6, 6, 8), 0, 0),
        "add": ("Add", (6, 6, 8), 0, 0),
        "twice": ("Conv2D", (6, 6, 8), 584, 0),
        "concatenate": ("Concatenate", (6, 6, 16), 0, 0),
        "global_average_pooling2d": ("GlobalAveragePooling2D", (16,), 0, 0),
        "dense": ("Dense", (5,), 85, 0),
    }
    calls = [("input_layer", []), ("shortcut", [0]), ("conv2d", [0]), ("batch_normalization", [2]), ("re_lu", [3]),
             ("add", [4, 1]), ("twice", [5]), ("twice", [6]), ("concatenate", [7, 5]), ("global_average_pooling2d", [8]),
             ("dense", [9])]
    return Net("residual", layers, calls, [10])


def ways():
    """Inputs and outputs in an order that is not that of their making, one input that leads nowhere, layers that do, a layer at
    two sizes."""
    layers = {
        "images": ("InputLayer", (8, 8, 3), 0, 0),
        "smaller": ("InputLayer", (4, 4, 3), 0, 0),
        "nowhere": ("InputLayer", (7,), 0, 0),
        "shared": ("Conv2D", [(8, 8, 4), (4, 4, 4)], 112, 0),
        "left_out": ("Conv2D", (8, 8, 9), 333, 0),
        "left_out_norm": ("BatchNormalization", (8, 8, 9), 18, 18),
        "pool": ("GlobalMaxPooling2D", (4,), 0, 0),
        "pool_1": ("GlobalMaxPooling2D", (4,), 0, 0),
        "first": ("Dense", (2,), 10, 0),
        "both": ("Multiply", (4,), 0, 0),
        "second": ("Dense", (3,), 0, 15),
    }
    calls = [("images", []), ("smaller", []), ("nowhere", []), ("shared", [0]), ("shared", [1]), ("left_out", [3]),
             ("left_out_norm", [5]), ("pool", [3]), ("pool_1", [4]), ("first", [7]), ("both", [7, 8]), ("second", [10])]
    return Net("ways", layers, calls, [11, 9], model="two [ways] in")


def names():
    layers = {
        "input_layer": ("InputLayer", (2,), 0, 0),
        "features/first_block/a_dense_layer_with_a_name_that_goes_on_and_on": ("Dense", (3,), 9, 0),
        "\u5c64 \u5168\u7d50\u5408\u5c64\u306e\u540d\u524d\u306f\u9577\u3044\u3067\u3059\U0001f600": ("Dense", (4,), 16, 0),
        "\u00e9t\u00e9 [1] in the middle": ("Dense", (123456,), 617280, 0),
    }
    return Net("names", layers, *chain(layers), sequential=True,
               model="a model whose name does not fit into a line of eighty columns, " + "which_rich_breaks_" * 6)


def empty(sequential):
    layers = {"input_layer": ("InputLayer", (5,), 0, 0)}
    return Net("empty_" + ("sequential" if sequential else "model"), layers, [("input_layer", [])], [0], sequential=sequential)


class Call:
    """What a hook sees of one call of a module."""

    def __init__(self, module, output, repeated):
        self.kind, self.output, self.repeated = type(module).__name__, list(output.shape), repeated
        self.parameters = list(module.named_parameters())
        self.count = sum(p.numel() for _, p in self.parameters)
        self.trainable = sum(p.numel() for _, p in self.parameters if p.requires_grad)


def calls_of(model, inputs):
    """The calls of the modules inside the model, and the shape that comes out."""
    calls, seen = [], set()

    def hook(module, _, output):
        calls.append(Call(module, output, module in seen))
        seen.add(module)

    for module in model.children():
        module.register_forward_hook(hook)
    with torch.no_grad():
        y = model.eval()(*[torch.zeros(shape) for shape in inputs])
    return calls, list((y[0] if isinstance(y, tuple) else y).shape)


def torchsummary(model, inputs):
    calls, _ = calls_of(model, [(2,) + shape for shape in inputs])
    lines = ["-" * 64, "{:>20}  {:>25} {:>15}".format("Layer (type)", "Output Shape", "Param #"), "=" * 64]
    total = trainable = values = 0
    for number, call in enumerate(calls, 1):
        sizes = {name: p for name, p in call.parameters if name in ("weight", "bias")}
        count = sum(p.numel() for p in sizes.values())
        total += count
        if "weight" in sizes and sizes["weight"].requires_grad:
            trainable += count
        values += math.prod(call.output[1:])
        lines.append("{:>20}  {:>25} {:>15}".format("%s-%d" % (call.kind, number), str([-1] + call.output[1:]), "{:,}".format(count)))
    mega = 1024.0 ** 2
    sizes = [4 * math.prod(math.prod(shape) for shape in inputs) / mega, 8 * values / mega, 4 * total / mega]
    lines += ["=" * 64, "Total params: {:,}".format(total), "Trainable params: {:,}".format(trainable),
              "Non-trainable params: {:,}".format(total - trainable), "-" * 64, "Input size (MB): %.2f" % sizes[0],
              "Forward/backward pass size (MB): %.2f" % sizes[1], "Params size (MB): %.2f" % sizes[2],
              "Estimated Total Size (MB): %.2f" % sum(sizes), "-" * 64]
    return "\n".join(lines) + "\n"


def torchinfo(model, inputs, batch):
    calls, output = calls_of(model, [(batch,) + shape for shape in inputs])
    rows = [(type(model).__name__, output, "--")]
    total = trainable = work = values = 0
    for number, call in enumerate(calls, 1):
        count = "{:,}".format(call.count)
        count = "--" if not call.count else "(recursive)" if call.repeated else count if call.trainable else "(%s)" % count
        rows.append(("├─%s: 1-%d" % (call.kind, number), call.output, count))
        for name, p in call.parameters:
            if "Conv" in call.kind:
                work += p.numel() * math.prod(call.output[:1] + call.output[2:])
            else:
                work += p.numel() * call.output[0]
        values += math.prod(call.output) if call.count else 0
        if not call.repeated:
            total, trainable = total + call.count, trainable + call.trainable
    # the name without its mark, five for its depth and one more
    longest = max([len(name) - 2 + 6 if i else len(name) + 1 for i, (name, _, _) in enumerate(rows)])
    width = 40 if longest < 40 else -(-longest // 5) * 5
    line = lambda name, shape, count: ("{:<%d} {:<25} {:<25} " % width).format(name, str(shape), count).rstrip()
    rule = "=" * (width + 50)
    lines = [rule, line("Layer (type:depth-idx)", "Output Shape", "Param #"), rule] + [line(*row) for row in rows]
    unit, scale = ("T", 1e12) if work >= 1e12 else ("G", 1e9) if work >= 1e9 else ("M", 1e6)
    sizes = [4 * batch * sum(math.prod(shape) for shape in inputs) / 1e6, 8 * values / 1e6, 4 * total / 1e6]
    lines += [rule, "Total params: {:,}".format(total), "Trainable params: {:,}".format(trainable),
              "Non-trainable params: {:,}".format(total - trainable), "Total mult-adds (%s): %.2f" % (unit, work / scale), rule,
              "Input size (MB): %.2f" % sizes[0], "Forward/backward pass size (MB): %.2f" % sizes[1],
              "Params size (MB): %.2f" % sizes[2], "Estimated Total Size (MB): %.2f" % sum(sizes), rule]
    return "\n".join(lines) + "\n"


def torch_seed():
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(32), nn.Flatten(), nn.Linear(131072, 100),
                         nn.ReLU(), nn.Linear(100, 10), nn.Softmax(1))


class TorchResidual(nn.Module):
    def __init__(self):
        super().__init__()
        self.shortcut, self.conv = nn.Conv2d(3, 8, 1, stride=2), nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm, self.relu, self.twice = nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)
        self.pool, self.dense = nn.AdaptiveAvgPool2d(1), nn.Linear(16, 5)

    def forward(self, x):
        shortcut = self.shortcut(x)
        total = self.relu(self.norm(self.conv(x))) + shortcut
        y = torch.cat((self.twice(self.twice(total)), total), 1)
        return self.dense(self.pool(y).flatten(1))


class TorchWays(nn.Module):
    """Its parts that lead to no output are left out."""

    def __init__(self):
        super().__init__()
        self.shared, self.pool, self.pool_1 = nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveMaxPool2d(1), nn.AdaptiveMaxPool2d(1)
        self.first, self.second = nn.Linear(4, 2), nn.Linear(4, 3)
        self.second.requires_grad_(False)

    def forward(self, images, smaller, nowhere):
        large, small = self.shared(images), self.shared(smaller)
        a, b = self.pool(large).flatten(1), self.pool_1(small).flatten(1)
        first = self.first(a)
        return self.second(a * b), first


def torch_mobile():
    """What is several modules, a class by an option, or of one weight with a constant beside it."""
    norm, frozen = nn.BatchNorm2d(24), nn.Linear(96, 7)
    frozen.requires_grad_(False)
    return nn.Sequential(
        nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False), nn.Conv2d(3, 12, 1), nn.ReLU6(),
        nn.Conv2d(12, 24, 3, padding=1, groups=12), nn.ReLU6(), norm, nn.PReLU(24), nn.ConvTranspose2d(24, 6, 2, stride=2),
        nn.SiLU(), nn.MaxPool2d(2), nn.LeakyReLU(0.1), nn.AvgPool2d(2), nn.Flatten(), frozen, nn.BatchNorm1d(7, affine=False),
        nn.Softmax(1))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "summaries.txt"), "w", encoding="utf-8") as file:
        for net in (seed(True), seed(False), residual(), ways(), names(), empty(True), empty(False)):
            file.write("## %s keras\n%s" % (net.name, keras2(net)))
            for columns in (24, 40, 61, 80, 97, 130) if net.is_chain() else (27, 48, 80, 101, 130):
                file.write("## %s keras3 %d\n%s" % (net.name, columns, keras3(net, columns)))
        TorchResidual.__name__ = TorchWays.__name__ = "Net"
        for name, model, inputs in (("seed", torch_seed, [(1, 64, 64)]), ("residual", TorchResidual, [(3, 12, 12)]),
                                    ("ways", TorchWays, [(3, 8, 8), (3, 4, 4), (7,)]), ("mobile", torch_mobile, [(3, 8, 8)]),
                                    ("empty_sequential", nn.Sequential, [(5,)])):
            file.write("## %s torchsummary\n%s" % (name, torchsummary(model(), inputs)))
            for batch in (1, 16):
                file.write("## %s torchinfo %d\n%s" % (name, batch, torchinfo(model(), inputs, batch)))


main()
