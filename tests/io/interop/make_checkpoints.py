#!/usr/bin/env python3
"""Writes tests/io/data/checkpoints.zip: one network's weights as programs of PyTorch save them, beside all sorts of things, an input x.npy
and its output y.npy (channels first). tests/io/checkpoint_files_test.cpp reads it. Debian's /usr/bin/python3 with python3-torch 1.13."""
import argparse
import collections
import copy
import datetime
import decimal
import enum
import io
import os
import pathlib
import sys
import uuid
import zipfile

import numpy as np
import torch
from torch import nn

torch.manual_seed(3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(36, 5)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(torch.relu(self.bn1(self.conv1(x)))), 1))


class Config:
    """A class that no reader has."""

    def __init__(self):
        self.depth, self.widths = 3, [1, 2]


class Stage(enum.Enum):
    LAST = "last"


Point = collections.namedtuple("Point", "x y")

net = Net()
with torch.no_grad():
    for _ in range(3):
        net(torch.randn(8, 1, 6, 6) * 2 + 1)
net.eval()
other = copy.deepcopy(net)
with torch.no_grad():
    for p in other.parameters():
        p += 1
x = torch.randn(3, 1, 6, 6)
with torch.no_grad():
    y = net(x)
state = net.state_dict()


def prefixed(prefix, which=state):
    return collections.OrderedDict((prefix + key, value) for key, value in which.items())


def trained(make):
    """An optimizer after a step of another model of the same shapes."""
    model = copy.deepcopy(other)
    optimizer = make(model.parameters())
    model(x).sum().backward()
    optimizer.step()
    return optimizer


sgd = trained(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9))
adam = trained(lambda p: torch.optim.Adam(p, amsgrad=True))
rms = trained(lambda p: torch.optim.RMSprop(p, centered=True))
steps = torch.optim.lr_scheduler.MultiStepLR(sgd, [30, 60])
cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 10)
averaged = torch.optim.swa_utils.AveragedModel(net)
scaler = torch.cuda.amp.GradScaler(enabled=False)

transposed = collections.OrderedDict(state)
transposed["fc.weight"] = state["fc.weight"].t().contiguous().t()
storage = torch.cat([value.flatten() for value in state.values() if value.dtype == torch.float32])
shared, at = collections.OrderedDict(), 0
for key, value in state.items():
    shared[key] = value
    if value.dtype == torch.float32:
        shared[key] = storage[at:at + value.numel()].view(value.shape)
        at += value.numel()

cases = {
    "plain": state,
    "dict": dict(state),
    "module": prefixed("module."),
    "orig_mod": prefixed("_orig_mod."),
    "model_module": {"model": prefixed("module.")},
    "parameters": collections.OrderedDict(list(net.named_parameters()) + list(net.named_buffers())),
    "transposed": transposed,
    "shared_storage": shared,
    "averaged": averaged.state_dict(),
    "averaged_in_dict": {"swa_state_dict": averaged.state_dict(), "epoch": 3},
    "imagenet": {"epoch": 90, "arch": "resnet18", "state_dict": prefixed("module."), "best_acc1": torch.tensor(71.5),
                 "optimizer": sgd.state_dict(), "scheduler": steps.state_dict()},
    "net_acc_epoch": {"net": prefixed("module."), "acc": 93.1, "epoch": 199},
    "adam": {"model_state_dict": state, "optimizer_state_dict": adam.state_dict(), "loss": 0.25},
    "rmsprop_first": {"optimizer": rms.state_dict(), "model": state},
    "cosine": {"model": state, "optimizer": adam.state_dict(), "lr_scheduler": cosine.state_dict(), "scaler": scaler.state_dict()},
    "lightning": {"epoch": 3, "global_step": 12, "pytorch-lightning_version": "1.9.0", "state_dict": prefixed("model."),
                  "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5), "dirpath": "/x"}},
                  "optimizer_states": [adam.state_dict()], "lr_schedulers": [cosine.state_dict()],
                  "hyper_parameters": {"lr": 0.1, "name": "x"}, "loops": {"fit_loop": {"state_dict": {}}}},
    "ema": {"model": state, "ema": other.state_dict(), "updates": 4},
    "ema_first": {"model_ema": other.state_dict(), "model": state, "args": argparse.Namespace(lr=0.1, name="x")},
    "timm": {"epoch": 2, "arch": "x", "state_dict": state, "state_dict_ema": other.state_dict(), "version": 2, "metric": 0.5},
    "namespace": {"state_dict": state, "args": argparse.Namespace(lr=0.1, layers=[1, 2], device=torch.device("cpu"))},
    "counter": {"state_dict": state, "seen": collections.Counter([1, 2, 2])},
    "default_dict": {"state_dict": state, "log": collections.defaultdict(list, a=[1.0])},
    "deque": {"state_dict": state, "last": collections.deque([1, 2], maxlen=5)},
    "named_tuple": {"state_dict": state, "at": Point(1, 2)},
    "numpy_scalar": {"state_dict": state, "loss": np.float64(0.25), "best": np.float32(1)},
    "numpy_array": {"state_dict": state, "curve": np.arange(5.0), "names": np.array(["a", "b"])},
    "numpy_random": {"state_dict": state, "rng": np.random.RandomState(3).get_state()},
    "torch_random": {"state_dict": state, "rng": torch.get_rng_state()},
    "device": {"state_dict": state, "device": torch.device("cuda:0"), "dtype": torch.float16},
    "path": {"state_dict": state, "path": pathlib.PurePosixPath("/a/b")},
    "time": {"state_dict": state, "at": datetime.datetime(2020, 1, 2), "day": datetime.date(2020, 1, 2)},
    "sets": {"state_dict": state, "done": {1, 2}, "always": frozenset("ab")},
    "object": {"state_dict": state, "config": Config()},
    "enum": {"state_dict": state, "stage": Stage.LAST},
    "decimal_uuid": {"state_dict": state, "d": decimal.Decimal("1.5"), "u": uuid.UUID(int=5)},
    "numbers": {"state_dict": state, "big": 2**70, "z": 1 + 2j, "none": None, "flags": (True, False), "b": b"bytes", "s": slice(1, 2)},
    "integer_keys": {"state_dict": state, "history": {0: 0.5, 1: 0.25, (2, 3): "tuple"}},
    "lists": [1, state, "text"],
    "function": {"state_dict": state, "f": torch.nn.functional.relu},
    "class": {"state_dict": state, "optimizer_class": torch.optim.SGD},
    "objects_in_list": {"state_dict": state, "stages": [Config(), Stage.LAST, {"c": Config()}]},
}
cases["half"] = collections.OrderedDict((k, v.half() if v.dtype == torch.float32 else v) for k, v in state.items())
cases["bfloat16"] = collections.OrderedDict((k, v.bfloat16() if v.dtype == torch.float32 else v) for k, v in state.items())
cases["double"] = collections.OrderedDict((k, v.double() if v.dtype == torch.float32 else v) for k, v in state.items())

sys.modules["__main__"].__dict__.update(Config=Config, Stage=Stage, Point=Point)
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "checkpoints.zip")
with zipfile.ZipFile(here, "w", zipfile.ZIP_DEFLATED) as archive:

    def add(name, data):
        archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)

    def save(name, value, **options):
        buffer = io.BytesIO()
        torch.save(value, buffer, **options)
        add(name, buffer.getvalue())

    for name, value in cases.items():
        save(name + ".pt", value)
    for protocol in (3, 4, 5):
        for name in ("imagenet", "lightning", "object", "numpy_array", "sets"):
            save("%s_protocol%d.pt" % (name, protocol), cases[name], pickle_protocol=protocol)
    for name in ("plain", "imagenet", "namespace", "shared_storage", "half"):
        save(name + "_legacy.pth", cases[name], _use_new_zipfile_serialization=False)
    for name, value in (("x.npy", x), ("y.npy", y)):
        buffer = io.BytesIO()
        np.save(buffer, value.numpy())
        add(name, buffer.getvalue())
print(len(cases) + 20, "checkpoints,", os.path.getsize(here), "bytes")
