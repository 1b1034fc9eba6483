#!/usr/bin/env bash
# ONNX's own tests of operators, and models that others exported: `cases.sh [DATA [MODELS]]`. DATA is the folder of Debian's
# libonnx-testdata (default /usr/share/libonnx-testdata/data); MODELS, if given, one with a folder for each model
# (fixture_cases.cpp). Prints what passed, failed and is unsupported, by operator; ends with 1 if something failed.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
data=${1:-/usr/share/libonnx-testdata/data} models=${2:-} failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -O1 -Iinclude -Itests -isystem /usr/include/eigen3)
if [ -d "$data/node" ]; then
  "${CXX:-g++}" "${flags[@]}" tests/io/onnx/operator_cases.cpp -o "$work/cases" -lz -pthread || exit 1
  folders=()
  for each in node pytorch-converted pytorch-operator simple; do folders+=("$data/$each"); done
  "$work/cases" "${folders[@]}" || failed=1
else
  echo "left out: no tests of operators in $data (Debian: libonnx-testdata)"
fi
if [ -n "$models" ]; then
  "${CXX:-g++}" "${flags[@]}" tests/io/onnx/fixture_cases.cpp -o "$work/models" -lz -pthread || exit 1
  "$work/models" "$models" || failed=1
fi
exit $failed
