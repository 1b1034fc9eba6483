#!/usr/bin/env bash
# The tests that feed readers bad files, under AddressSanitizer and UBSan with gcc and clang: nothing may be reported. For people; takes
# some 20 minutes on one core. Prints `ok NAME` and `not ok NAME` lines and ends with 1 if something failed.
#   tests/io/sanitize.sh [TEST...]     bad_files, say, for tests/io/bad_files_test.cpp
#   COMPILERS="g++ clang++"            which compilers
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$PWD/build/tests
. tests/io/flags.sh
work=$PWD/build/sanitize
mkdir -p "$work"
flags+=(-g1 -fno-omit-frame-pointer "-fsanitize=address,undefined,float-cast-overflow" -fno-sanitize-recover=all -UNDEBUG -I tests "-DKEEL_SOURCE_DIR=\"$PWD\"")
[ $# -gt 0 ] || set -- bad_files mutation formats archive bytes json keras_npz keras_nesting probe diagnose load out_of_memory
failures=0
for CXX in ${COMPILERS:-g++ clang++}; do
  name=${CXX##*/}
  if ! command -v "$CXX" >/dev/null; then
    echo "note no $CXX"
    continue
  fi
  "$CXX" -std=c++20 -O1 "${flags[@]}" -c tests/main.cpp -o "$work/main_$name.o" || exit 1
  for test in "$@"; do
    log=$work/${test}_$name.log
    if compile "tests/io/${test}_test.cpp" "$work/main_$name.o" -o "$work/${test}_$name" >"$log" 2>&1 &&
      ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 "$work/${test}_$name" --no-colors >"$log" 2>&1; then
      echo "ok $test, $name: $(sed -n 's/^\[doctest\] assertions: *\([0-9]*\).*/\1 assertions/p' "$log")"
    else
      echo "not ok $test, $name; all of the output is in $log"
      grep -E 'ERROR|error|runtime' "$log" | head -n 5
      failures=1
    fi
  done
done
exit $failures
