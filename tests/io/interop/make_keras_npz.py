#!/usr/bin/env python3
"""Writes tests/io/data/keras_npz.zip: weights as Keras's NpzIOStore writes them, NumPy's savez of dicts of arrays.

Run with Debian's python3-numpy: tests/io/interop/make_keras_npz.py. The values are in keras_npz_test.cpp.
"""
import io
import os
import pickle
import zipfile

import numpy as np

target = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "keras_npz.zip")


def counted(shape, dtype, first):
    return (first + 0.25 * np.arange(int(np.prod(shape)))).reshape(shape).astype(dtype)


# A Conv2D of 2 filters on (4, 4, 1), a BatchNormalization and a Dense of 3 units.
weights = {
    "__root__": {},
    "layers/conv2d": {"0": counted((3, 3, 1, 2), "<f4", 1), "1": counted((2,), ">f4", 20)},
    "layers/batch_normalization": {"0": counted((2,), "<f8", 30), "1": counted((2,), ">f8", 40),
                                   "2": counted((2,), "<f2", 50), "3": counted((2,), ">f2", 60)},
    "layers/flatten": {},
    "layers/dense": {"0": np.asfortranarray(counted((8, 3), "<f4", 70)), "1": counted((3,), "<f4", 80)},
    "optimizer": {"0": np.int64(7)},
}


def renamed(data):
    """The same as NumPy 2 has it."""
    if b"cnumpy.core.multiarray\n" in data:
        return data.replace(b"cnumpy.core.multiarray\n", b"cnumpy._core.multiarray\n")
    assert data[2:3] == b"\x95"
    data = data.replace(b"\x8c\x15numpy.core.multiarray", b"\x8c\x16numpy._core.multiarray")
    return data[:3] + (int.from_bytes(data[3:11], "little") + 1).to_bytes(8, "little") + data[11:]


def npz(protocol, numpy2):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, value in weights.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(value), allow_pickle=True)
            head = member.getvalue()[:128]
            assert head.endswith(b"\n")
            data = pickle.dumps(np.asanyarray(value), protocol=protocol)
            if numpy2:
                data = renamed(data)
            elif protocol == 3:
                assert head + data == member.getvalue()  # what savez of NumPy 1 writes
            z.writestr(zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)), head + data)
    with np.load(io.BytesIO(out.getvalue()), allow_pickle=True) as f:
        if not numpy2:
            assert np.array_equal(f["layers/dense"].tolist()["0"], weights["layers/dense"]["0"])
    return out.getvalue()


with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    for protocol in (2, 3, 4, 5):
        for numpy2 in (False, True) if protocol < 5 else (False,):
            name = f"protocol{protocol}_numpy{2 if numpy2 else 1}.npz"
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), npz(protocol, numpy2), zipfile.ZIP_DEFLATED)
print(target, os.path.getsize(target), "bytes")
