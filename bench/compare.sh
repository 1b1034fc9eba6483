#!/usr/bin/env bash
# Runs keel, ONNX Runtime and PyTorch on the five networks, in turn on the same pinned cores, and prints a line a case:
#   resnet18 infer b=1 keel 12.3 ms onnxruntime 21.0 ms ratio 1.71
# usage: bench/compare.sh [PEERS_DIR [THREADS [NETWORK]]]
# PEERS_DIR (default ~/keel-peers) holds node/onnxruntime_node.js with ONNX Runtime for Node and forky/, a Debian
# tree with PyTorch, the exported networks and torch_bench.py in /peers.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
peers=${1:-$HOME/keel-peers} threads=${2:-1} network=${3:-.}
[ -d "$peers/node" ] && [ -d "$peers/forky" ] || { echo "no peers in $peers: see the head of $0" >&2; exit 2; }
cmake -S "$here" -B "$here/build/bench" -DCMAKE_BUILD_TYPE=Release -DKEEL_BUILD_TESTS=OFF -DKEEL_BUILD_EXAMPLES=OFF >/dev/null
cmake --build "$here/build/bench" --target networks_bench >/dev/null
pin=(taskset -c "0-$((threads - 1))")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

keel() {
  KEEL_THREADS=$threads "${pin[@]}" "$here/build/bench/bench/networks_bench" --benchmark_filter="$network" \
    --benchmark_format=csv --benchmark_min_time=0.5 --benchmark_repetitions=3 --benchmark_report_aggregates_only=true 2>/dev/null |
    sed -n 's|^"\([a-z0-9]*\)/\([a-z]*\)/b=\([0-9]*\)_median",[^,]*,\([^,]*\),.*|\1 \2 \3 \4|p'
}
keel >"$work/keel"
(cd "$peers/node" && "${pin[@]}" node onnxruntime_node.js "$threads" "$peers/forky/peers") |
  sed -n 's|^ort[^ ]* th=[0-9]* \([a-z0-9]*\) *infer b=\([0-9]*\) \([0-9.]*\) ms.*|\1 infer \2 \3|p' >"$work/onnxruntime"
"${pin[@]}" chroot "$peers/forky" python3 /peers/torch_bench.py "$threads" 2>/dev/null |
  sed -n 's|^torch[^ ]* th=[0-9]* \([a-z0-9]*\) *train .* b=\([0-9]*\) \([0-9.]*\) ms|\1 train \2 \3|p' >"$work/torch"
keel >>"$work/keel"

# keel ran before and after its peers: its mean counts; PyTorch's better layout counts
awk '
  FILENAME ~ /keel$/ { key = $1 " " $2 " b=" $3; if (!(key in sum)) order[++n] = key; sum[key] += $4; runs[key]++ }
  FILENAME !~ /keel$/ { key = $1 " " $2 " b=" $3; if (!(key in peer) || $4 < peer[key]) peer[key] = $4 }
  END {
    for (i = 1; i <= n; i++) {
      key = order[i]; ours = sum[key] / runs[key]
      printf "%s keel %.3f ms %s %.3f ms ratio %.2f\n", key, ours, key ~ /train/ ? "torch" : "onnxruntime", peer[key], peer[key] / ours
    }
  }' "$work/keel" "$work/onnxruntime" "$work/torch"
