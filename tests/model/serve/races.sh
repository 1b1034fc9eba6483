#!/usr/bin/env bash
# Eight threads predict from one const model, which is saved meanwhile, under ThreadSanitizer: it must report nothing.
#   tests/model/serve/races.sh [CALLS]    by default 10000; COMPILERS ("g++ clang++")
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
# shellcheck disable=SC2034 # flags.sh reads it
build=$PWD/build/tests
. tests/io/flags.sh
work=$PWD/build/serve
mkdir -p "$work"
failures=0
for CXX in ${COMPILERS:-g++ clang++}; do
  command -v "$CXX" >/dev/null || { echo "note no $CXX"; continue; }
  name=${CXX##*/}
  # nothing from keel::compiled, which was not compiled for this
  if ! compile -g1 -fsanitize=thread tests/model/serve/serve.cpp -o "$work/races_$name" >"$work/$name.log" 2>&1; then
    echo "not ok $name: tests/model/serve/serve.cpp does not compile; see $work/$name.log"
    failures=1
  elif said=$(TSAN_OPTIONS=exitcode=66 "$work/races_$name" "${1:-10000}" "$work/races_$name.safetensors" 2>"$work/$name.log"); then
    echo "$said, $name"
  else
    echo "not ok $name: $(grep -c 'WARNING: ThreadSanitizer' "$work/$name.log") reports in $work/$name.log; $said"
    failures=1
  fi
done
exit $failures
