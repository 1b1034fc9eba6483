#!/usr/bin/env bash
# Which lines of the headers the tests run, and which branches of the readers and writers: gcc --coverage and gcovr (Debian: gcovr).
# For people; takes some minutes a folder.
#   scripts/coverage.sh [FOLDER...]     folders of tests/, all unless told otherwise; counts of earlier calls are added
# Prints a line for each folder of include/keel that these tests are about, `ok` where 95 % are reached (of branches in formats/ and
# io/, of lines elsewhere), and the files with most branches left. Branches that only an exception takes are not counted.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
command -v gcovr >/dev/null || { echo "note no gcovr"; exit 0; }
build=$PWD/build/coverage
folders=("$@")
if [ $# -eq 0 ]; then
  for file in tests/*/*_test.cpp; do folders+=("$(basename "$(dirname "$file")")"); done
  mapfile -t folders < <(printf '%s\n' "${folders[@]}" | sort -u | grep -vx packaging)
fi
cmake -S . -B "$build" -DCMAKE_CXX_COMPILER=g++ -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O0 --coverage" -DKEEL_BUILD_TESTS=ON \
  -DKEEL_BUILD_EXAMPLES=OFF -DKEEL_BUILD_BENCH=OFF >"$build.log" 2>&1 || { tail -n 5 "$build.log"; exit 1; }
for folder in "${folders[@]}"; do
  cmake --build "$build" --target "keel_test_$folder" >"$build.log" 2>&1 || { echo "not ok tests/$folder does not build; see $build.log"; exit 1; }
  "$build/tests/keel_test_$folder" >"$build.$folder.log" 2>&1 || echo "note tests/$folder failed; see $build.$folder.log"
done
gcovr --root . --filter include/keel/ --gcov-ignore-parse-errors --exclude-throw-branches --json "$build.json" "$build" >"$build.log" 2>&1 ||
  { echo "not ok gcovr; see $build.log"; exit 1; }
python3 - "$build.json" "${folders[@]}" <<'PYTHON'
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
