"""Reads and writes safetensors files (u64 header length, JSON header, data): all that the generators need."""
import json
import struct

import numpy as np

DTYPES = {"float64": "F64", "int64": "I64", "float32": "F32"}


def save(path, tensors, metadata):
    """tensors: name -> array; metadata: name -> string. In the format's order: widest type, then name."""
    arrays = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    header, offset = {"__metadata__": dict(sorted(metadata.items()))}, 0
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, DTYPES[str(arrays[name].dtype)], name))
    for name in order:
        array = arrays[name]
        header[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(arrays[name].tobytes())


def load(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata, types = header.pop("__metadata__", {}), {code: name for name, code in DTYPES.items()}
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}, metadata


def single(array):
    """The same numbers stored as float32; they must fit."""
    result = np.asarray(array, np.float32)
    assert np.array_equal(result.astype(np.float64), array), "an input is no float32 number"
    return result


class Golden:
    """Collects the tensors `case/name` and one line of settings a case, `key=value key=value`."""

    def __init__(self):
        self.tensors, self.metadata = {}, {}

    def add(self, case, settings, **tensors):
        assert case not in self.metadata, case
        self.metadata[case] = " ".join(f"{key}={text(value)}" for key, value in settings.items())
        for name, value in tensors.items():
            self.tensors[f"{case}/{name}"] = value.detach().numpy() if hasattr(value, "detach") else value

    def save(self, path):
        save(path, self.tensors, self.metadata)
        print(f"{path}: {len(self.metadata)} cases, {len(self.tensors)} tensors")


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return ",".join(text(item) for item in value)
    return repr(value) if isinstance(value, float) else str(value)


class Numbers:
    """Normal numbers that a float holds exactly, so that float and double tests start from the same values."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def __call__(self, *shape, scale=1.0, shift=0.0):
        return (self.random.standard_normal(shape) * scale + shift).astype(np.float32).astype(np.float64)

    def uniform(self, *shape, low=0.0, high=1.0):
        return self.random.uniform(low, high, shape).astype(np.float32).astype(np.float64)

    def labels(self, classes, *shape):
        return self.random.randint(0, classes, shape).astype(np.int64)
