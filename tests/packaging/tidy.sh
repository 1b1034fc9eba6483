#!/usr/bin/env bash
# clang-tidy over the headers, by .clang-tidy and those of the folders: a translation unit a folder. For people.
#   tests/packaging/tidy.sh [FOLDER...]      all folders of include/keel unless told otherwise
# Prints `ok NAME` or `not ok NAME` and below it what clang-tidy said; all of it stays in build/tidy/FOLDER/log.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
work=$PWD/build/tidy
tidy=${CLANG_TIDY:-clang-tidy}
eigen=${EIGEN3_INCLUDE_DIR:-/usr/include/eigen3}
command -v "$tidy" >/dev/null || { echo "not ok tidy: there is no $tidy"; exit 1; }
[ $# -gt 0 ] || set -- $(cd include/keel && find . -mindepth 1 -maxdepth 1 -type d | cut -c3- | sort)
mkdir -p "$work"
cp .clang-tidy "$work"
failures=0
for folder in "$@"; do
  mkdir -p "$work/$folder"
  rm -f "$work/$folder/.clang-tidy"
  # clang-tidy takes the configuration that is nearest to the translation unit, not to the header
  [ ! -f "include/keel/$folder/.clang-tidy" ] || cp "include/keel/$folder/.clang-tidy" "$work/$folder"
  (cd include && find "keel/$folder" -name '*.hpp' | sort | sed 's/.*/#include <&>/') >"$work/$folder/headers.cpp"
  log=$work/$folder/log
  "$tidy" --quiet --header-filter="include/keel/$folder/" "$work/$folder/headers.cpp" -- \
    -std=c++20 -Iinclude -isystem "$eigen" >"$log" 2>/dev/null
  status=$?
  if [ $status -eq 0 ] && ! grep -q 'warning:' "$log"; then
    echo "ok tidy $folder"
  else
    echo "not ok tidy $folder: $(grep -c 'warning:\|error:' "$log") of it"
    grep 'warning:\|error:' "$log" | sed "s|^$PWD/||; s|^|  |" | sort -u
    failures=1
  fi
done
exit $failures
