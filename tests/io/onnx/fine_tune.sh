#!/usr/bin/env bash
# A network that PyTorch exported, trained by keel and exported again, in ONNX Runtime: its outputs within 1e-5 of those that
# PyTorch has after the same steps. `fine_tune.sh [PEERS]`: PEERS (default ~/keel-peers) has node/ with onnxruntime-node.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
peers=${1:-$HOME/keel-peers}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${CXX:-g++}" -std=c++20 -O1 -Iinclude -Itests -isystem /usr/include/eigen3 -DKEEL_SOURCE_DIR="\"$PWD\"" \
  tests/io/onnx/fine_tune.cpp -o "$work/run" -lz -pthread
mkdir "$work/files"
"$work/run" "$work/files"
NODE_PATH=$peers/node/node_modules node tests/io/onnx/round.js "$work/files"
