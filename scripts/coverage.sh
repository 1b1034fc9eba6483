#!/usr/bin/env bash
# Which lines of the headers the tests run, and which branches of the readers and writers: gcc --coverage and gcovr (Debian: gcovr).
# For people; takes some minutes a folder.
#   scripts/coverage.sh [FOLDER...]     folders of tests/, all unless told otherwise
# Prints a line for each folder of include/keel that these tests are about, `ok` where 95 % are reached (of branches in formats/ and
# io/, of lines elsewhere), and the files with most branches left. Branches that only an exception takes are not counted.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
command -v gcovr >/dev/null || { echo "note no gcovr"; exit 0; }
work=$PWD/build/coverage
build=$PWD/build/tests
. tests/io/flags.sh
mkdir -p "$work"
[ $# -gt 0 ] || { mapfile -t folders < <(printf '%s\n' tests/*/*_test.cpp | cut -d/ -f2 | sort -u | grep -vx packaging) && set -- "${folders[@]}"; }
libraries=(-lz -pthread)
for library in png jpeg; do ! pkg-config --exists "lib$library" 2>/dev/null || libraries+=("-l$library"); done
flags+=(-O0 --coverage -fprofile-update=atomic -I tests "-DKEEL_SOURCE_DIR=\"$PWD\"" -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS)
# As CMake does it, some files of a folder together; without keel::compiled, so that all is counted.
for folder in "$@"; do
  program=$work/$folder objects=()
  rm -f "$work/${folder}"_*
  printf '%s\n' "tests/$folder"/*_test.cpp | sed "s|.*|#include \"$PWD/&\"|" | split -l 13 -d - "$work/${folder}_"
  cp tests/main.cpp "$work/${folder}_main"
  for unit in "$work/${folder}"_*; do
    objects+=("$unit.o")
    g++ -std=c++20 "${flags[@]}" -x c++ -c "$unit" -o "$unit.o" >"$unit.log" 2>&1 || { echo "not ok tests/$folder does not compile; see $unit.log"; exit 1; }
  done
  g++ "${flags[@]}" "${objects[@]}" "${libraries[@]}" -o "$program" || exit 1
  "$program" >"$program.log" 2>&1 || echo "note a test of tests/$folder failed; see $program.log"
done
gcovr --root . --filter include/keel/ --gcov-ignore-parse-errors --exclude-throw-branches --json "$work/all.json" "$work" >"$work/gcovr.log" 2>&1 ||
  { echo "not ok gcovr; see $work/gcovr.log"; exit 1; }
python3 - "$work/all.json" "$@" <<'PYTHON'
import collections, json, sys
lines, branches = collections.Counter(), collections.Counter()
run, taken = collections.Counter(), collections.Counter()
left = collections.Counter()
for file in json.load(open(sys.argv[1]))["files"]:
    path = file["file"].removeprefix("include/keel/")
    folder = path.split("/")[0] if "/" in path else "."
    for line in file["lines"]:
        if line.get("gcovr/noncode"):
            continue
        lines[folder] += 1
        run[folder] += line["count"] > 0
        for branch in line.get("branches", []):
            branches[folder] += 1
            taken[folder] += branch["count"] > 0
            left[path] += branch["count"] == 0
failed = False
for folder in sorted(lines):
    if folder not in sys.argv[2:]:
        continue
    by_branch = folder in ("formats", "io")
    of, got = (branches, taken) if by_branch else (lines, run)
    met = got[folder] >= 0.95 * of[folder]
    failed = failed or not met
    print("%s %s/: %.1f %% of %d lines, %.1f %% of %d branches%s" % (
        "ok" if met else "not ok", folder, 100 * run[folder] / lines[folder], lines[folder],
        100 * taken[folder] / max(branches[folder], 1), branches[folder],
        "" if met else "; the aim is 95 %% of %s" % ("branches" if by_branch else "lines")))
for path, count in [x for x in left.most_common() if x[0].split("/")[0] in ("formats", "io")][:10]:
    if path.split("/")[0] in sys.argv[2:]:
        print("note %s: %d branches not taken" % (path, count))
sys.exit(failed)
PYTHON
