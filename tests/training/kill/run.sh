#!/usr/bin/env bash
# Kills a training run at random times and starts it again until it gets through: what it ends with must be what a run ends with
# that was never killed, to the bit. In turn with 1 to 3 threads, from a Dataset and from a Generator.
#   tests/training/kill/run.sh [KILLS [BUILD]]    by default 1000, build/tests; SEED (1) decides the times
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
kills=${1:-1000}
RANDOM=${SEED:-1}
build=${2:-$PWD/build/tests}
# in memory, where there is such a folder: what is tested is kills, not disks
work=$(mktemp -d "$([ -d /dev/shm ] && echo /dev/shm || echo "$build")/keel_kill.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
. tests/io/flags.sh
compile_linked tests/training/kill/run.cpp -Itests -o "$work/run" || exit 1
exec 2>"$work/stderr" # where the shell reports each kill

milliseconds() { echo $(($(date +%s%N) / 1000000)); }
killed=0 runs=0 identical=0 resumed=0
while [ "$killed" -lt "$kills" ]; do
  threads=$((runs % 3 + 1))
  [ $((runs / 3 % 2)) -eq 0 ] && source=dataset || source=generator
  whole=$work/whole.$threads.$source
  if [ ! -f "$whole" ]; then
    begin=$(milliseconds)
    "$work/run" "$work/whole.safetensors" "$work/whole.csv" $threads $source >"$whole" || { echo "not ok a run that is not killed"; exit 1; }
    length=$(($(milliseconds) - begin + 1))
    mv "$work/whole.csv" "$whole.csv"
    rm "$work/whole.safetensors"
  fi
  rm -f "$work/c.safetensors" "$work/log.csv"
  starts=0 before=$killed
  while :; do
    [ -f "$work/c.safetensors" ] && [ $starts -gt 0 ] && resumed=$((resumed + 1))
    starts=$((starts + 1))
    if [ "$killed" -ge "$kills" ] || [ $starts -gt 15 ]; then # let it get through
      "$work/run" "$work/c.safetensors" "$work/log.csv" $threads $source >"$work/end"
      status=$?
      break
    fi
    "$work/run" "$work/c.safetensors" "$work/log.csv" $threads $source >"$work/end" &
    pid=$!
    sleep "$(awk -v most=$length -v seed=$((RANDOM * 32768 + RANDOM)) 'BEGIN { srand(seed); printf "%.3f", rand() * most / 1000 }')"
    if kill -KILL $pid 2>/dev/null; then
      wait $pid 2>/dev/null
      status=$?
      [ $status -eq 137 ] && killed=$((killed + 1)) && continue
    else
      wait $pid
      status=$?
    fi
    break
  done
  runs=$((runs + 1))
  if [ $status -eq 0 ] && cmp -s "$work/end" "$whole" && cmp -s "$work/log.csv" "$whole.csv"; then
    identical=$((identical + 1))
  else
    echo "not ok a run with $threads threads from a $source, killed $((killed - before)) times: status $status"
    tail -n 3 "$work/stderr"
    exit 1
  fi
done
[ "$resumed" -gt 0 ] || { echo "not ok no run was resumed"; exit 1; }
echo "ok $killed kills, $resumed times resumed, $identical of $runs runs identical to the one never killed"
