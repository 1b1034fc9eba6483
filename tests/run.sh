#!/usr/bin/env bash
# Builds and runs all tests in build/tests and ends with `N passed, N failed`.
#   tests/run.sh             all
#   tests/run.sh layers io   only these folders of tests/ (packaging is one)
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/install_packages.sh
. scripts/progress.sh
# shellcheck disable=SC2086
install_packages $build_packages doctest-dev git dataset-fashion-mnist meson pkg-config
need_tools
prefer_ninja

jobs=$(nproc 2>/dev/null || echo 2)
build=$PWD/build/tests
passed=0 failed=0
wanted() { [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }
report() { # NAME PASSED FAILED SECONDS
  printf '%-28s %5d passed, %d failed, %d s\n' "$1" "$2" "$3" "$4"
  passed=$((passed + $2)) failed=$((failed + $3))
}
only=("$@") folders=()
mkdir -p "$build"

# The build goes on after an error, so that one broken folder does not hide the others. Examples too are built with
# -O1 here: that is sooner done.
start=$SECONDS
if ! cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" -DKEEL_BUILD_TESTS=ON \
  -DKEEL_BUILD_EXAMPLES=ON -DKEEL_BUILD_BENCH=OFF >"$build/configure.log" 2>&1; then
  tail -n 40 "$build/configure.log"
  report configure 0 1 $((SECONDS - start))
else
  for folder in tests/*/; do
    folder=$(basename "$folder")
    compgen -G "tests/$folder/*_test.cpp" >/dev/null && wanted "$folder" && folders+=("$folder")
  done
  targets=("${folders[@]/#/keel_test_}")
  ! wanted examples || targets=(all)
  find "$build/tests" -maxdepth 1 -type f -name "keel_test_*" -delete # an old program must not stand in for one that no longer builds
  keep_going=-k
  [ -f "$build/build.ninja" ] && keep_going=-k0
  if [ ${#targets[@]} -gt 0 ] &&
    ! show_progress "building the tests" "$build/build.log" \
      cmake --build "$build" -j "$jobs" --target "${targets[@]}" -- $keep_going; then
    { grep -B 2 -A 8 -E 'error:|undefined reference' "$build/build.log" || tail -n 40 "$build/build.log"; } | head -n 80
    echo "all of the build's output is in $build/build.log"
    report build 0 1 $((SECONDS - start))
  elif [ ${#targets[@]} -gt 0 ]; then
    report build 1 0 $((SECONDS - start))
  fi
fi

# As many at a time as there are cores, those first that take longest. Each leaves its output in NAME.log, its status and
# seconds in NAME.done. check_FOLDER is tests/FOLDER/check.sh; that of packaging keeps all cores busy itself and comes last.
tests=()
for test in check_io check_distributed check_differential kernels io check_examples check_training "${folders[@]}"; do
  case $test in
    check_*) wanted "${test#check_}" || continue ;;
    *) [[ " ${folders[*]} " == *" $test "* ]] || continue ;;
  esac
  [[ " ${tests[*]} " == *" $test "* ]] || tests+=("$test")
done
run_test() { # NAME
  local start=$SECONDS
  case $1 in
    check_*) bash "tests/${1#check_}/check.sh" "$build" ;;
    *) "$build/tests/keel_test_$1" --no-colors ;;
  esac >"$build/$1.log" 2>&1
  echo "$? $((SECONDS - start))" >"$build/$1.done"
}
run_tests() { printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c 'run_test {}'; }
export build
export -f run_test
[ ${#tests[@]} -eq 0 ] || show_progress "running the tests" "$build/tests.log" run_tests "${tests[@]}"
if wanted packaging; then
  tests+=(check_packaging)
  show_progress tests/packaging/check.sh "$build/tests.log" run_tests check_packaging
fi

for test in "${tests[@]}"; do
  log=$build/$test.log
  read -r status seconds <"$build/$test.done"
  case $test in
    check_*) # prints `ok NAME`, `not ok NAME` and `note TEXT` lines
      ok=$(grep -c '^ok ' "$log") bad=$(grep -c '^not ok ' "$log")
      ;;
    *) # doctest's line: [doctest] test cases:  29 |  29 passed | 0 failed | 0 skipped
      counts=$(sed -n 's/^\[doctest\] test cases: *[0-9]* | *\([0-9]*\) passed | *\([0-9]*\) failed.*/\1 \2/p' "$log")
      read -r ok bad <<<"${counts:-0 0}"
      ;;
  esac
  # A crash prints no counts, or counts without the case that crashed; a program that was not built neither.
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  [ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
  [ "$bad" -eq 0 ] || grep -vE '^(ok|note) ' "$log" | tail -n 120
  sed -n 's/^note /  /p' "$log"
  report "${test#check_}" "$ok" "$bad" "$seconds"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
