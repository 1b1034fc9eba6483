#!/usr/bin/env bash
# Runs mpi_program.cpp with each MPI that is there (Open MPI, MPICH), on 2, 3 and 4 ranks, with ranks that fail, and on two
# hosts (hosts.sh), and the example. Prints `ok NAME`, `not ok NAME` and `note TEXT` lines.
#   tests/distributed/check.sh [BUILD]    by default build/tests
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${1:-$PWD/build/tests}
work=$build/distributed
mkdir -p "$work"
. tests/io/flags.sh
. tests/distributed/mpi.sh

report() { if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; cat "$3"; fi; }

# Every rank trains to the bits of threads, and near to one process.
run_ranks() { # MPI RANKS
  local log=$work/$1.$2.log
  with_mpi "$1" "$2" "$work/$1" train >"$log" 2>&1 && grep -q "all right on $2 ranks" "$log"
  report $? "$1_$2_ranks" "$log"
}
# Rank 1 fails; the others end with an error that names it, in less than a minute.
run_failure() { # MPI MODE TEXT
  local log=$work/$1.$2.log status
  timeout 120 bash -c '. tests/distributed/mpi.sh; with_mpi "$@"' bash "$1" 3 "$work/$1" "$2" >"$log" 2>&1
  status=$?
  # MPICH may end with the status that rank 1 exited with, and no word
  [ $status -ne 0 ] && [ $status -ne 124 ] && { grep -qE "$3" "$log" || [ "$2 $status" = "exit 3" ]; }
  report $? "$1_$2" "$log"
}

found=
for mpi in openmpi mpich; do
  has_mpi $mpi || { echo "note $mpi was not found: it is not tried"; continue; }
  found="$found $mpi"
  if ! compile_mpi $mpi tests/distributed/mpi_program.cpp -Itests -o "$work/$mpi" >"$work/$mpi.compile.log" 2>&1; then
    report 1 "${mpi}_compiles" "$work/$mpi.compile.log"
    continue
  fi
  for ranks in 2 3 4; do run_ranks $mpi $ranks; done
  run_failure $mpi model "rank 2: .*on rank 1"
  run_failure $mpi seed "rank 0: .*seed 2 on rank 1"
  run_failure $mpi data "rank 2: .*98 samples.* on rank 1"
  run_failure $mpi throw "rank 2: .*the end of rank 1: .*a fault"
  run_failure $mpi exit "Exit code: +3|[Ee]xited|EXIT STRING"
  run_failure $mpi kill "signal 9|EXIT CODE: 9"
  run_failure $mpi hang "rank [02]: .*within 5 s, got nothing from rank 1"
done
if [ "$found" = " openmpi mpich" ]; then
  for ranks in 2 3 4; do
    diff <(grep -E 'float|double' "$work/openmpi.$ranks.log") <(grep -E 'float|double' "$work/mpich.$ranks.log") >"$work/diff.log"
    report $? "same_bits_on_$ranks" "$work/diff.log"
  done
fi
if [ -n "$found" ]; then
  bash tests/distributed/kills.sh 4 "$build"
  bash tests/distributed/hosts.sh "$build"
fi
# The example on real data, where the build has it: two ranks learn, and each says what it did.
if [ -x "$build/examples/distributed" ] && [ -d /usr/share/datasets/fashion-mnist ]; then
  mpi=openmpi
  ldd "$build/examples/distributed" | grep -q libmpich && mpi=mpich
  log=$work/example.log
  with_mpi $mpi 2 "$build/examples/distributed" --samples 512 --epochs 2 --batch 16 >"$log" 2>&1 &&
    grep -qE '^ +0 .*[0-9]$' "$log" && grep -qE '^ +1 .*[0-9]$' "$log" && grep -q 'the backward pass is over' "$log"
  report $? "example_on_2_ranks" "$log"
else
  echo "note the example was not run: it was not built, or dataset-fashion-mnist is not installed"
fi
[ -n "$found" ] || echo "ok no_mpi"
