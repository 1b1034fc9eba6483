#!/usr/bin/env bash
# What was tried to break keel, and the page about it. For people, for hosted CI and for a release.
#   scripts/reliability.sh run [NAME...]    runs them (all: an hour or more), each into docs/reliability/NAME.log
#   scripts/reliability.sh page             writes docs/reliability.md from these logs
#   scripts/reliability.sh stale            names the logs that are older than what they speak of; fails if there are any
# SECONDS_A_READER (300), KILLS (1000), CALLS (1000000) and SEED (1) say how much and which.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
logs=docs/reliability
seconds=${SECONDS_A_READER:-300} kills=${KILLS:-1000} calls=${CALLS:-1000000}
export SEED=${SEED:-1} COMPILERS=${COMPILERS:-clang++}

# NAME|what it speaks of: a change there makes a log old|seed|command|what is claimed|the aim before a release
experiments() {
  cat <<END
bad_files|include/keel/formats include/keel/io|none|tests/io/sanitize.sh bad_files|Every hand-made bad file is refused, with its error, under AddressSanitizer and UBSan|gcc and clang
mutation|include/keel/formats include/keel/io|in the test|tests/io/sanitize.sh mutation|Small good files cut off at every byte and with bits turned: refused or read, never a crash|gcc and clang
out_of_memory|include/keel/formats include/keel/io|none|tests/io/sanitize.sh out_of_memory|Loading and saving while every allocation in turn fails: an error, the model and the file as they were|gcc and clang
fuzz|include/keel/formats include/keel/io|$SEED|tests/io/fuzz/run.sh $seconds|No input makes a reader crash, hang or take memory beyond its budget|2 core-hours a reader
faults|include/keel/formats include/keel/io|none|tests/io/faults/run.sh|While a file is saved, every system call in turn fails or is the last before a kill: the old file or the new one is there, whole|every call, six formats
kills|include/keel/training include/keel/formats|$SEED|tests/training/kill/run.sh $kills|A training run that is killed at random and started again ends with the bits of one that was not|1,000 kills
load|include/keel/model include/keel/kernels|1, in the program|tests/model/serve/run.sh $calls|Eight threads on one const model: every answer has the bits of one thread's, and memory does not grow|1,000,000 calls
races|include/keel/model include/keel/kernels|1, in the program|tests/model/serve/races.sh 10000|The same while the model is saved, under ThreadSanitizer: no report|gcc and clang
coverage|include/keel/formats include/keel/io|none|scripts/coverage.sh formats io|The tests of these folders take their branches|95 % of branches in formats/ and io/, 95 % of lines elsewhere
END
}
line() { experiments | grep "^$1|"; }
part() { line "$1" | cut -d'|' -f"$2"; } # NAME NUMBER

run() { # NAME
  local name=$1 command output status start=$SECONDS commit
  command=$(part "$name" 4)
  [ -n "$command" ] || { echo "no experiment is called $name" >&2; return 1; }
  mkdir -p "$logs"
  commit=$(git rev-parse --short=12 HEAD)$(git diff --quiet HEAD -- include || echo ', with changes')
  # shellcheck disable=SC2086
  output=$(bash $command 2>&1)
  status=$?
  {
    echo "command: $command"
    echo "commit: $commit"
    echo "date: $(date -u +%Y-%m-%d)"
    echo "seed: $(part "$name" 3)"
    echo "seconds: $((SECONDS - start))"
    echo "status: $status"
    echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(${CXX:-c++} --version | head -n 1)"
    printf '%s\n' "$output" | grep -E '^(ok|not ok|note) '
  } >"$logs/$name.log"
  cat "$logs/$name.log"
  return $status
}

field() { sed -n "s/^$2: //p" "$logs/$1.log"; }
page() {
  cat <<END
# Reliability: what was tried, and what came of it

Written by \`scripts/reliability.sh page\` from the logs in \`docs/reliability/\`, which \`scripts/reliability.sh run\`
writes: a figure without a log is not here. \`scripts/reliability.sh stale\` names the logs that are older than the code
that they speak of. What is promised is in [limits](limits.md#what-is-promised-and-what-not).

| What is claimed | Aim | Result | Seed | Commit | Date |
|---|---|---|---|---|---|
END
  local name ok bad
  for name in $(experiments | cut -d'|' -f1); do
    if [ -f "$logs/$name.log" ]; then
      ok=$(grep -cE '^(ok|note) ' "$logs/$name.log") bad=$(grep -c '^not ok ' "$logs/$name.log")
      if [ "$bad" -gt 0 ] || [ "$(field "$name" status)" != 0 ]; then ok="**failed**"; else ok="held ($ok $([ "$ok" = 1 ] && echo line || echo lines) below)"; fi
      printf '| %s | %s | %s | %s | %s | %s |\n' "$(part "$name" 5)" "$(part "$name" 6)" "$ok" "$(field "$name" seed)" \
        "$(field "$name" commit)" "$(field "$name" date)"
    else
      printf '| %s | %s | not run for this version | | | |\n' "$(part "$name" 5)" "$(part "$name" 6)"
    fi
  done
  for name in $(experiments | cut -d'|' -f1); do
    printf '\n## %s\n\n' "${name//_/ }"
    if [ ! -f "$logs/$name.log" ]; then
      printf 'Not run for this version. Its command is `%s`.\n' "$(part "$name" 4)"
      continue
    fi
    printf '`%s`, %s s on %s:\n\n' "$(field "$name" command)" "$(field "$name" seconds)" "$(field "$name" machine)"
    grep -E '^(ok|not ok|note) ' "$logs/$name.log" | sed 's/^/    /'
  done
  cat <<'END'

## Not here

| What | Why |
|---|---|
| mutants of the checks that refuse files | there is no script for them yet |
| all tests under AddressSanitizer, UBSan and ThreadSanitizer | `cmake --preset asan`, `tsan`; hosted CI runs them |
| compilers and machines | [HACKING](../HACKING.md#other-compilers-and-machines) has that table |
| MSVC, Windows itself, MemorySanitizer | not to be had where this was run |
END
}
stale() {
  local name of rest commit bad=0
  while IFS='|' read -r name of rest; do
    [ -f "$logs/$name.log" ] || continue
    commit=$(field "$name" commit)
    # shellcheck disable=SC2086
    git diff --quiet "${commit%%,*}" HEAD -- $of 2>/dev/null || { echo "$logs/$name.log, of commit $commit, is older than $of"; bad=1; }
  done < <(experiments)
  return $bad
}

case ${1:-} in
  run)
    shift
    # Programs that take keel's code from there take this version's.
    [ ! -f build/tests/CMakeCache.txt ] || cmake --build build/tests --target keel_compiled >/dev/null || exit 1
    # shellcheck disable=SC2046
    [ $# -gt 0 ] || set -- $(experiments | cut -d'|' -f1)
    status=0
    for name in "$@"; do run "$name" || status=1; done
    exit $status
    ;;
  page) page >docs/reliability.md ;;
  stale) stale ;;
  *) sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2 ;;
esac
