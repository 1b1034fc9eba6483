#!/usr/bin/env bash
# A network that PyTorch exported, trained by keel and exported again, in ONNX Runtime: its outputs within 1e-5 of those that
# PyTorch has after the same steps. `fine_tune.sh [PEERS]`: PEERS (default ~/keel-peers) has forky/, a Debian tree with ONNX
# Runtime for Python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
tree=${1:-$HOME/keel-peers}/forky
work=$(mktemp -d)
trap 'rm -rf "$work" "$tree/tmp/keel_tuned"' EXIT
"${CXX:-g++}" -std=c++20 -O1 -Iinclude -Itests -isystem /usr/include/eigen3 -DKEEL_SOURCE_DIR="\"$PWD\"" \
  tests/io/onnx/fine_tune.cpp -o "$work/run" -lz -pthread
mkdir -p "$tree/tmp/keel_tuned"
"$work/run" "$tree/tmp/keel_tuned"
chroot "$tree" python3 - <<'PYTHON'
import numpy as np
import onnxruntime

folder = "/tmp/keel_tuned/"
session = onnxruntime.InferenceSession(folder + "tuned.onnx")
x = np.fromfile(folder + "x.f32", np.float32).reshape(8, 14, 14, 3)
got = session.run(None, {session.get_inputs()[0].name: x})[0]
right = np.fromfile(folder + "y.f32", np.float32).reshape(got.shape)
worst = np.abs(got - right).max() / np.abs(right).max()
print(f"ONNX Runtime {onnxruntime.__version__}: {worst:.1e} from PyTorch's outputs after 20 steps")
raise SystemExit(worst > 1e-5)
PYTHON
