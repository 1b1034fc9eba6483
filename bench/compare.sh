#!/usr/bin/env bash
# Times keel, ONNX Runtime and PyTorch on ten networks, network after network in turn on the same pinned cores, keel
# before and after its peers, and prints a line a case:
#   AMD EPYC, avx512, 1 thread: resnet18 infer b=1 keel 12.3 ms onnxruntime 21.0 ms ratio 1.71
# and at its end what other programs took of a core meanwhile, where that is more than a twentieth.
# usage: bench/compare.sh [PEERS_DIR [THREADS [NETWORK...]]]      NETWORK as in bench/networks.hpp and layer_networks.hpp
# PEERS_DIR (default ~/keel-peers): node/ has ONNX Runtime for Node; forky/ is a Debian tree with PyTorch and, in /peers,
# networks.py and the exported NETWORK.onnx; bench/peers/layer_networks.py is copied to it and exports its own.
# KEEL_SIMD=avx2 holds PyTorch to AVX2 too and makes it the peer in inference: ONNX Runtime cannot be held to it.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
peers=${1:-$HOME/keel-peers} threads=${2:-1}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- seed mnist resnet20 mbv1 resnet18 conv1d lstm gru encoder unet
[ -d "$peers/node" ] && [ -d "$peers/forky" ] || { echo "no peers in $peers: see the head of $0" >&2; exit 2; }
cmake -S "$here" -B "$here/build/bench" -DCMAKE_BUILD_TYPE=Release -DKEEL_BUILD_TESTS=OFF -DKEEL_BUILD_EXAMPLES=OFF >/dev/null
cmake --build "$here/build/bench" --target networks_bench >/dev/null
pin=(taskset -c "0-$((threads - 1))")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
processor=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)
best=baseline
if grep -qw avx512vl /proc/cpuinfo; then best=avx512; elif grep -qw avx2 /proc/cpuinfo; then best=avx2; fi
level=${KEEL_SIMD:-$best}
inference=onnxruntime
if [ "$level" != "$best" ]; then
  inference=torch
  [ "$level" = avx2 ] && export ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell
fi

keel() {
  KEEL_THREADS=$threads "${pin[@]}" "$here/build/bench/bench/networks_bench" --benchmark_filter="^$1/" \
    --benchmark_format=csv --benchmark_min_time=0.5 --benchmark_repetitions=3 --benchmark_report_aggregates_only=true 2>/dev/null |
    sed -n 's|^"[a-z0-9]*/\([a-z]*\)/b=\([0-9]*\)_median",[^,]*,\([^,]*\),.*|keel \1 \2 \3|p'
}
onnxruntime() {  # NETWORK BATCH EXTENT...
  (cd "$peers/node" && "${pin[@]}" node "$here/bench/peers/onnxruntime.js" "$threads" "$peers/forky/peers/$1.onnx" "${@:2}") |
    sed 's/^/onnxruntime infer /'
}
torch() {
  "${pin[@]}" chroot "$peers/forky" python3 - "$threads" "$1" "$2" <"$here/bench/peers/torch_times.py" 2>/dev/null | sed 's/^/torch /'
}
# Seconds that all processors were busy, for others (steal) included.
busy() { awk '/^cpu / { print ($2 + $3 + $4 + $7 + $8 + $9) / '"$(getconf CLK_TCK)"' }' /proc/stat; }
# Seconds of processor that this script and what it ran have taken.
own() {
  times >"$work/own"  # of this shell, so in no pipe
  awk '{ for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += 60 * t[1] + t[2] } } END { print sum }' "$work/own"
}

for network in "$@"; do
  case $network in
    seed) batch=32 extents=(1 64 64) ;;
    mnist) batch=32 extents=(1 28 28) ;;
    resnet20) batch=32 extents=(3 32 32) ;;
    mbv1 | resnet18) batch=8 extents=(3 224 224) ;;
    conv1d) batch=1 extents=(256 16384) ;;
    lstm) batch=32 extents=(100 128) ;;
    gru) batch=32 extents=(100 256) ;;
    encoder) batch=8 extents=(128 256) ;;
    unet) batch=8 extents=(3 128 128) ;;
    *) echo "no network $network" >&2; exit 2 ;;
  esac
  if [ ${#extents[@]} = 2 ] || [ "$network" = unet ]; then
    cp "$here/bench/peers/layer_networks.py" "$peers/forky/peers/"
    [ -f "$peers/forky/peers/$network.onnx" ] || chroot "$peers/forky" python3 /peers/layer_networks.py "$network" 2>/dev/null
  fi
  start=$(date +%s.%N) busy_before=$(busy)
  own >"$work/own_before"
  {
    keel "$network"
    [ $inference = torch ] || onnxruntime "$network" "$batch" "${extents[@]}"
    torch "$network" $batch
    keel "$network"
  } >"$work/times"
  own >"$work/own_after"
  others=$(echo "$busy_before $(busy) $(cat "$work/own_before" "$work/own_after" | tr '\n' ' ') $start $(date +%s.%N)" |
    awk '{ print ($2 - $1 - ($4 - $3)) / ($6 - $5) }')
  # keel ran before and after its peers: the mean counts
  awk -v head="$processor, $level, $threads thread$([ "$threads" = 1 ] || echo s): $network" -v inference=$inference -v others="$others" '
    $1 == "keel" { key = $2 " b=" $3; if (!(key in sum)) order[++n] = key; sum[key] += $4; runs[key]++ }
    $1 != "keel" { peer[$1 " " $2 " b=" $3] = $4 }
    END {
      for (i = 1; i <= n; i++) {
        key = order[i]; ours = sum[key] / runs[key]; name = key ~ /train/ ? "torch" : inference
        printf "%s %s keel %.3f ms %s %.3f ms ratio %.2f%s\n", head, key, ours, name, peer[name " " key], peer[name " " key] / ours,
               (others > 0.05 ? sprintf("; not quiet: others took %.2f of a core", others) : "")
      }
    }' "$work/times"
done
