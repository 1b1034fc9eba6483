#!/usr/bin/env bash
# What loading costs in time and memory, format by format, of files of 500 MB that it makes and removes:
#   .pt copy 0.31 s, loading 0.52 s, ratio 0.60, peak 1.002
# A copy is the file's bytes read into memory; the file is in the system's cache. Needs 1 GB of memory and of disk.
# usage: bench/loading.sh [EXTENSION...]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- .safetensors .pt .npz .weights.h5 .h5 .keras .onnx
cmake -S "$here" -B "$here/build/bench" -DCMAKE_BUILD_TYPE=Release -DKEEL_BUILD_TESTS=OFF -DKEEL_BUILD_EXAMPLES=OFF >/dev/null
cmake --build "$here/build/bench" --target loading >/dev/null
# in memory, where there is such a folder: what is measured is no disk
work=$(mktemp -d "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)/keel_loading.XXXXXX")
trap 'rm -rf "$work"' EXIT
for extension in "$@"; do
  "$here/build/bench/bench/loading" make "$work/model$extension"
  for run in 1 2 3; do echo "$extension $("$here/build/bench/bench/loading" "$work/model$extension")"; done
  rm "$work/model$extension"
done
