#!/usr/bin/env bash
# bench/'s five networks, exported by PyTorch and read: within 1e-4 of PyTorch, and their times beside those of the networks
# built by hand. `peer_networks.sh [PEERS]`: PEERS (default ~/keel-peers) has forky/, a Debian tree with PyTorch and, in
# /peers, networks.py, which has M, a dict of name: (make, channels, extent). RUN is put before what is timed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
tree=${1:-$HOME/keel-peers}/forky
work=$(mktemp -d)
trap 'rm -rf "$work" "$tree/tmp/keel_networks"' EXIT
"${CXX:-g++}" -std=c++20 -O2 -march=native -Iinclude -isystem /usr/include/eigen3 tests/io/onnx/peer_networks.cpp -o "$work/run" -lz -pthread
mkdir -p "$tree/tmp/keel_networks"
cp tests/io/onnx/peer_networks.py "$tree/tmp/keel_networks"
chroot "$tree" python3 /tmp/keel_networks/peer_networks.py /tmp/keel_networks 2>"$work/log" || { cat "$work/log"; exit 1; }
# shellcheck disable=SC2086 # a command and its arguments
${RUN:-} "$work/run" "$tree/tmp/keel_networks"
