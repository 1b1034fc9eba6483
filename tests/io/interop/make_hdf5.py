#!/usr/bin/env python3
"""Writes tests/io/data/hdf5.zip: small HDF5 files by h5py, good ones and ones that keel has to refuse.

Run with Debian's python3-h5py (HDF5 1.10): tests/io/interop/make_hdf5.py
"""
import os
import tempfile
import zipfile

import h5py
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
target = os.path.join(here, "..", "data", "hdf5.zip")


def fill(f, chunks):
    """The content of every good file; its sums are in hdf5_test.cpp."""
    f.attrs["model_config"] = '{"class_name": "Sequential"}' * 400
    f.attrs["layer_names"] = np.array([b"a", b"bb", b"ccc"])
    f.attrs["numbers"] = np.arange(3)
    f.attrs["list"] = ["x", "yy"]
    few = f.create_group("few")
    few["half"] = np.array([[1, 2, 3], [4, 5, 6]], dtype="f2")
    few["big_endian"] = np.arange(4, dtype=">f4")
    few["big_endian_integers"] = np.arange(4, dtype=">i8")
    few["bool"] = np.array([True, False])
    few["empty"] = np.zeros((0, 3))
    few["int8"] = np.array([-1, 2, 3], dtype="i1")
    few["scalar"] = np.float64(0.5)
    few.create_dataset("deflated", data=np.arange(200, dtype="f4").reshape(10, 20), compression="gzip",
                       chunks=(3, 7) if chunks else (10, 20))
    few.create_dataset("shuffled", data=np.arange(120, dtype="f8").reshape(4, 5, 6), compression="gzip",
                       shuffle=True, chunks=(3, 3, 4) if chunks else (4, 5, 6))
    few.create_dataset("chunked", data=np.arange(30, dtype="i4"), chunks=(7,) if chunks else (30,))
    for i in range(12):
        few.attrs[f"note{i}"] = f"text {i}"
    many = f.create_group("many")
    for i in range(60):
        many.create_group(f"{'n' * (i % 30)}{i}")


def good(name, chunks, **options):
    def write(path):
        with h5py.File(path, "w", **options) as f:
            fill(f, chunks)

    return name, write


def bad(name, body, **options):
    def write(path):
        with h5py.File(path, "w", **options) as f:
            body(f)

    return name, write


def external_storage(f):
    f.create_dataset("w", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def virtual(f):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "w", shape=(4,))
    f.create_virtual_dataset("w", layout)


def committed(f):
    f["type"] = np.dtype("f4")
    f.create_dataset("w", (4,), dtype=f["type"])


def twice(f):
    f["w"] = np.arange(4, dtype="f4")
    f["again"] = f["w"]


def cycle(f):
    f.create_group("a/b")
    f["a/b/up"] = f["a"]


def deep(f):
    f.create_group("/".join("g" for _ in range(40)))


def unwritten(f):
    f.create_dataset("w", (1000,), "f4")


def missing_chunk(f):
    f.create_dataset("w", (100,), "f4", chunks=(10,))[0:50] = 1


def link(value):
    def body(f):
        f["w"] = value

    return body


def dataset(**options):
    def body(f):
        f.create_dataset("w", **options)

    return body


numbers = np.arange(100, dtype="f4")
files = [
    good("good_earliest", True, libver="earliest"),
    good("good_v108", True, libver=("v108", "v108")),
    good("good_latest", False, libver="latest"),
    bad("soft_link", link(h5py.SoftLink("/elsewhere"))),
    bad("soft_link_new", link(h5py.SoftLink("/elsewhere")), libver="latest"),
    bad("external_link", link(h5py.ExternalLink("other.h5", "/w"))),
    bad("external_link_new", link(h5py.ExternalLink("other.h5", "/w")), libver="latest"),
    bad("external_storage", external_storage),
    bad("virtual", virtual, libver="latest"),
    bad("lzf", dataset(data=numbers, compression="lzf")),
    bad("fletcher32", dataset(data=numbers, fletcher32=True, chunks=(100,))),
    bad("scaleoffset", dataset(data=np.arange(100), scaleoffset=8)),
    bad("compound", dataset(data=np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]))),
    bad("complex", dataset(data=np.zeros(3, dtype="c8"))),
    bad("array_type", dataset(shape=(3,), dtype=np.dtype(("f4", (2, 2))))),
    bad("long_double", dataset(data=np.zeros(3, dtype="g"))),
    bad("variable_integers", dataset(shape=(3,), dtype=h5py.vlen_dtype(np.int32))),
    bad("reference", dataset(shape=(3,), dtype=h5py.ref_dtype)),
    bad("text", dataset(data=["a", "b"], dtype=h5py.string_dtype())),
    bad("fixed_text", dataset(data=np.array([b"a", b"b"]))),
    bad("opaque", dataset(data=np.zeros(3, dtype="V4"))),
    bad("enumeration", dataset(shape=(3,), dtype=h5py.enum_dtype({"A": 0, "B": 1}, basetype="i4"))),
    bad("empty_space", dataset(data=h5py.Empty("f4"))),
    bad("nine_axes", dataset(data=np.zeros((1,) * 9, dtype="f4"))),
    bad("committed", committed),
    bad("committed_new", committed, libver="latest"),
    bad("twice", twice),
    bad("cycle", cycle),
    bad("deep", deep),
    bad("unwritten", unwritten),
    bad("missing_chunk", missing_chunk),
    bad("new_chunk_index", dataset(data=numbers, chunks=(10,)), libver="latest"),
    bad("user_block", dataset(data=numbers), userblock_size=512),
]

with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    for name, write in files:
        path = os.path.join(folder, name + ".h5")
        write(path)
        with open(path, "rb") as f:
            z.writestr(zipfile.ZipInfo(name + ".h5", (1980, 1, 1, 0, 0, 0)), f.read(), zipfile.ZIP_DEFLATED)
print(target, os.path.getsize(target), "bytes,", len(files), "files")
