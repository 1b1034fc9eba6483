"""The networks of bench/layer_networks.hpp in PyTorch: M is a dict of name: (make, extents of a sample...). As a program:
    python3 layer_networks.py NAME      writes NAME.onnx beside itself, of any batch
"""
import os
import sys

import torch
from torch import nn


class Last(nn.Module):
    """Of a recurrent layer the state after the last step."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0][:, -1]


class Mean(nn.Module):
    def __init__(self, axis):
        super().__init__()
        self.axis = axis

    def forward(self, x):
        return x.mean(self.axis)


def conv1d():
    convolutions = [nn.Conv1d(256, 256, 3, padding=1), nn.ReLU(), nn.Conv1d(256, 256, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*convolutions, Mean(-1), nn.Linear(256, 10))


def lstm():
    return nn.Sequential(Last(nn.LSTM(128, 128, batch_first=True)), nn.Linear(128, 10))


def gru():
    return nn.Sequential(Last(nn.GRU(256, 256, batch_first=True)), nn.Linear(256, 10))


def encoder():
    layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0, batch_first=True)
    return nn.Sequential(nn.TransformerEncoder(layer, 4, enable_nested_tensor=False), Mean(1), nn.Linear(256, 10))


def block(channels, filters):
    layers = []
    for before in (channels, filters):
        layers += [nn.Conv2d(before, filters, 3, padding=1, bias=False), nn.BatchNorm2d(filters), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([block(3, 32), block(32, 64), block(64, 128), block(128, 256)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * f, f, 2, 2) for f in (128, 64, 32)])
        self.join = nn.ModuleList([block(2 * f, f) for f in (128, 64, 32)])
        self.last = nn.Conv2d(32, 2, 1)

    def forward(self, x):
        levels = [self.down[0](x)]
        for level in self.down[1:]:
            levels.append(level(nn.functional.max_pool2d(levels[-1], 2)))
        x = levels.pop()
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([levels.pop(), up(x)], 1))
        return self.last(x)


M = dict(conv1d=(conv1d, 256, 16384), lstm=(lstm, 100, 128), gru=(gru, 100, 256), encoder=(encoder, 128, 256),
         unet=(UNet, 3, 128, 128))

if __name__ == "__main__":
    name = sys.argv[1]
    make, *extents = M[name]
    torch.backends.mha.set_fastpath_enabled(False)  # its operator is none of ONNX's
    any_batch = {"x": {0: "n"}, "y": {0: "n"}}
    torch.onnx.export(make().eval(), (torch.randn(2, *extents),), os.path.join(os.path.dirname(__file__), name + ".onnx"),
                      dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes=any_batch)
