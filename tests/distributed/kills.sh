#!/usr/bin/env bash
# Kills a random rank of a run at a random moment, again and again: mpirun has to end soon, the checkpoint has to load, and
# the run that goes on from it has to learn, to the last bit, what one learns that was never killed.
#   tests/distributed/kills.sh [KILLS] [BUILD]    by default 100, and build/tests; takes some 5 s a kill
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
kills=${1:-100} build=$(realpath "${2:-build/tests}")
work=$build/distributed/kills
rm -rf "$work" && mkdir -p "$work"
. tests/io/flags.sh
. tests/distributed/mpi.sh

mpis=()
for mpi in openmpi mpich; do
  has_mpi $mpi || continue
  program=$build/distributed/$mpi
  [ "$program" -nt tests/distributed/mpi_program.cpp ] ||
    compile_mpi $mpi tests/distributed/mpi_program.cpp -Itests -o "$program" || exit 1
  mpis+=("$mpi")
done
[ ${#mpis[@]} -gt 0 ] || { echo "note no MPI was found: nothing was killed"; exit 0; }

declare -A learned
for mpi in "${mpis[@]}"; do
  for ranks in 2 3; do
    learned[$mpi.$ranks]=$(with_mpi "$mpi" $ranks "$build/distributed/$mpi" run "$work/whole.$mpi.$ranks" | grep '^learned')
    [ -n "${learned[$mpi.$ranks]}" ] || { echo "not ok kills: $mpi on $ranks ranks does not train"; exit 1; }
  done
done

failures=0 done_before=0
for ((n = 1; n <= kills; n++)); do
  mpi=${mpis[n % ${#mpis[@]}]} ranks=$((2 + RANDOM % 2)) program=$build/distributed/$mpi file=$work/run.$n wrong=
  victim=$((RANDOM % ranks)) pause=$(printf '0.%03d' $((RANDOM % 1000)))
  (with_mpi "$mpi" "$ranks" "$program" run "$file") >"$work/log" 2>&1 &
  launcher=$!
  for ((i = 0; i < 600; i++)); do [ -s "$file.pid.$victim" ] && break || sleep 0.05; done
  sleep "$pause"
  kill -KILL "$(cat "$file.pid.$victim")" 2>/dev/null || done_before=$((done_before + 1))
  for ((i = 0; i < 1200; i++)); do kill -0 $launcher 2>/dev/null && sleep 0.05 || break; done
  if kill -0 $launcher 2>/dev/null; then
    wrong="mpirun still runs a minute after rank $victim was killed"
    kill -KILL $launcher
  fi
  wait $launcher 2>/dev/null
  if [ -z "$wrong" ]; then # a checkpoint that does not load is an error here
    got=$(timeout 120 bash -c '. tests/distributed/mpi.sh; with_mpi "$@"' bash "$mpi" "$ranks" "$program" run "$file" 2>"$work/log")
    [ "$(grep '^learned' <<<"$got")" = "${learned[$mpi.$ranks]}" ] || wrong="after the kill of rank $victim it learned something else: $(tail -n 3 "$work/log")"
  fi
  [ -z "$wrong" ] || { echo "not ok kill $n, $mpi, $ranks ranks, after ${pause} s: $wrong"; failures=$((failures + 1)); }
  rm -f "$file" "$file".*
done
[ $failures -eq 0 ] && echo "ok $kills kills of a rank, $done_before of them too late"
exit $((failures > 0))
