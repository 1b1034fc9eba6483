#!/usr/bin/env bash
# Models as .onnx: `round.sh [COUNT]` writes every example model and COUNT random networks of all layers (default 200), checks
# them with onnx.checker and full shape inference, runs them in ONNX Runtime within 1e-5, and reads them back for the same
# bits. Uses python3-onnx where it is there, and PEERS (default ~/keel-peers): node/ with onnxruntime-node, and forky/, a
# Debian tree whose python3-onnx knows newer opsets. MODELS are more files that `load` reads.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
peers=${PEERS:-$HOME/keel-peers} count=${1:-200}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiler=${CXX:-g++}
flags=(-std=c++20 -O1 -Iinclude -isystem /usr/include/eigen3)
mkdir "$work/models" "$work/files"
"$compiler" "${flags[@]}" tests/io/onnx/round.cpp -o "$work/round" -lz -pthread
"$compiler" "${flags[@]}" tests/io/onnx/example_models.cpp -o "$work/examples" -lz -pthread
"$work/examples" "$work/models"
# shellcheck disable=SC2086 # a list of files
"$work/round" "$work/files" "$count" "$work"/models/* ${MODELS:-}
python=/usr/bin/python3
if $python -c 'import onnx' 2>/dev/null; then $python tests/io/onnx/round_check.py "$work/files"; else echo "no python3-onnx"; fi
if [ -d "$peers/forky/usr" ]; then
  mkdir -p "$peers/forky/tmp/keel_onnx"
  cp -r "$work/files" tests/io/onnx/round_check.py "$peers/forky/tmp/keel_onnx"
  chroot "$peers/forky" python3 /tmp/keel_onnx/round_check.py /tmp/keel_onnx/files
  rm -rf "$peers/forky/tmp/keel_onnx"
fi
if [ -d "$peers/node/node_modules" ]; then
  NODE_PATH=$peers/node/node_modules node tests/io/onnx/round.js "$work/files"
else
  echo "no ONNX Runtime"
fi
