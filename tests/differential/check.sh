#!/usr/bin/env bash
# Random networks of all layers against real PyTorch: outputs, gradients and ten training steps, in float and double.
#   tests/differential/check.sh BUILD [COUNT [FIRST]]
# takes so many networks from that number on; 20 by default, whose numbers the day says. The number is the seed. Called by
# tests/run.sh with the build folder; prints `ok NAME`, `not ok NAME` and `note TEXT` lines. Uses Debian's /usr/bin/python3
# with python3-torch and, for a COUNT, where PEERS/forky is a Debian tree with a newer PyTorch, that too (PEERS defaults to
# ~/keel-peers).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$(cd "$1" && pwd) || exit 2
. tests/io/flags.sh
count=${2:-20} first=${3:-1}
[ $# -gt 1 ] || first=$((1 + 20 * ($(date +%j | sed 's/^0*//') % 25)))
peers=${PEERS:-$HOME/keel-peers}/forky
newer=
[ $# -gt 1 ] && [ -x "$peers/usr/bin/python3" ] && [ "$(id -u)" = 0 ] && newer=yes
older=
/usr/bin/python3 -c 'import torch' 2>/dev/null && older=yes
if [ -z "$older$newer" ]; then
  echo "note no python3-torch: random networks are not compared with PyTorch"
  echo "ok skipped: random networks against PyTorch"
  exit 0
fi
work=$build/differential
rm -rf "${work:?}"
mkdir -p "$work/networks"
double=() # keel's code for double that the tests have compiled already
[ ! -f "$build/tests/libkeel_test_double.a" ] ||
  double=(-include "$build/tests/double/instances.hpp" "$build/tests/libkeel_test_double.a")
compile_linked -O0 -I tests tests/differential/differential.cpp "${double[@]}" -o "$work/differential" ||
  { echo "not ok differential.cpp compiles"; exit 1; }
"$work/differential" "$work/networks" "$first" "$count" || echo "not ok differential writes its networks"
compare() { # PYTHON...
  "$@" 2>"$work/log" || { echo "not ok differential.py runs"; tail -n 5 "$work/log"; }
}
[ -z "$older" ] || compare /usr/bin/python3 tests/differential/differential.py "$work/networks"
if [ -n "$newer" ]; then
  folder=$(mktemp -d "$peers/tmp/keel_differential_XXXXXX")
  cp -r "$work/networks" tests/differential/differential.py "$folder/"
  compare chroot "$peers" python3 "${folder#"$peers"}/differential.py" "${folder#"$peers"}/networks"
  rm -rf "$folder"
fi
