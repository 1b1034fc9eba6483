#!/usr/bin/env python3
"""The formats against the programs that own them: PyTorch, NumPy, h5py and safetensors, as far as installed.

interop.py make DIR   writes source_* files of the same tensors with each of them
interop.py check DIR  reads what tests/io/interop/rewrite made of these and compares every bit
Prints `ok NAME`, `not ok NAME` and `note TEXT` lines.
"""
import glob
import importlib
import os
import sys

import numpy as np


def available(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch, h5py, safetensors = available("torch"), available("h5py"), available("safetensors.numpy")


def tensors():
    """Names, types and shapes of every kind that all four formats have."""
    random = np.random.RandomState(7)
    values = {
        "layer1.0.weight": random.randn(4, 3, 3, 3).astype("f4"),
        "layer1.0.bias": random.randn(4).astype("f4"),
        "layer1.1.num_batches_tracked": np.array(12, dtype="i8"),
        "half": random.randn(5).astype("f2"),
        "double": random.randn(2, 1, 3),
        "empty": np.zeros((0, 3), dtype="f4"),
        "i32": random.randint(-9, 9, (3, 2)).astype("i4"),
        "i16": np.array([-32768, 32767], dtype="i2"),
        "i8": np.array([-128, 127], dtype="i1"),
        "u8": np.array([0, 255], dtype="u1"),
        "flags": np.array([[True, False], [False, True]]),
        "special": np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], dtype="f4"),
    }
    return values


def make(folder):
    values = tensors()
    path = lambda name: os.path.join(folder, "source_" + name)
    np.savez(path("plain.npz"), **values)
    np.savez_compressed(path("deflated.npz"), **{k: np.asfortranarray(v) if v.ndim else v for k, v in values.items()})
    if torch:
        state = {k: torch.from_numpy(np.array(v)) for k, v in values.items()}
        torch.save(state, path("zip.pt"))
        torch.save(state, path("old.pt"), _use_new_zipfile_serialization=False)
        # Views: transposed, and with an offset into a storage that is shared.
        views = dict(state)
        whole = torch.zeros(4, 3, 3, 5)
        whole[..., 1:4] = state["layer1.0.weight"]
        views["layer1.0.weight"] = whole[..., 1:4]
        views["i32"] = state["i32"].t().contiguous().t()
        torch.save(views, path("views.pt"))
    if h5py:
        for name, options in (("old.h5", {}), ("new.h5", {"libver": "latest"})):
            with h5py.File(path(name), "w", **options) as f:
                for key, value in values.items():
                    f[key] = value
    if safetensors:
        safetensors.save_file(values, path("rust.safetensors"))


def read(path):
    if path.endswith(".keras.npz"):  # as Keras's NpzIOStore reads it: a dict for each layer
        with np.load(path, allow_pickle=True) as f:
            assert all(f[k].dtype == object and f[k].shape == () for k in f)
            return {k: f[k].tolist()["0"] for k in f}
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as f:
            return {k: f[k] for k in f}
    if path.endswith(".pt"):
        return {k: v.numpy() for k, v in torch.load(path, weights_only=True).items()}
    if path.endswith(".h5"):
        with h5py.File(path, "r") as f:
            assert f.attrs["model_config"] == "{}" and list(f.attrs["layer_names"]) == [b"a", b"bbb"]
            return {k: f[k][()] for k in f}
    return safetensors.load_file(path)


def check(folder):
    expected = tensors()
    reader = {"npz": np, "pt": torch, "h5": h5py, "safetensors": safetensors}
    for path in sorted(glob.glob(os.path.join(folder, "from_*"))):
        name = os.path.basename(path)
        if not reader[name.rsplit(".", 1)[1]]:
            continue
        try:
            found = read(path)
            assert sorted(found) == sorted(expected), f"names {sorted(found)}"
            for key, value in expected.items():
                other = np.asarray(found[key])
                assert other.dtype == value.dtype, f"{key}: {other.dtype} for {value.dtype}"
                assert other.shape == value.shape, f"{key}: {other.shape} for {value.shape}"
                assert other.tobytes() == value.tobytes(), f"{key}: other values"
            print("ok", name)
        except Exception as error:  # every failure is one line of the report
            print("not ok", name, "-", type(error).__name__, error)


versions = [f"{name} {module.__version__}" for name, module in
            (("torch", torch), ("h5py", h5py), ("safetensors", available("safetensors")), ("numpy", np)) if module]
print("note", ", ".join(versions))
{"make": make, "check": check}[sys.argv[1]](sys.argv[2])
