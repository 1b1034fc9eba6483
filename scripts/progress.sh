# Sourced by examples/run.sh, tests/run.sh.

# `show_progress LABEL LOG COMMAND...` runs the command, its output into LOG, and shows on standard error how long it
# has been at work: on a terminal one line that counts seconds, elsewhere a line every 30 seconds. Ends with the
# command's status.
show_progress() {
  local label=$1 log=$2 start=$SECONDS shown=0 spent status
  shift 2
  set -m # a process group of its own, which ends as a whole where the script is interrupted
  "$@" >"$log" 2>&1 &
  local job=$!
  set +m
  trap 'kill -- "-$job" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$job" 2>/dev/null; do
    spent=$((SECONDS - start))
    if [ -t 2 ]; then
      printf '\r%s: %d s ' "$label" "$spent" >&2
    elif [ "$spent" -ge $((shown + 30)) ] || [ "$shown" -eq 0 ]; then
      printf '%s: %d s\n' "$label" "$spent" >&2
      shown=$((spent > 0 ? spent : 1))
    fi
    sleep 0.5
  done
  wait "$job"
  status=$?
  trap - INT TERM
  [ ! -t 2 ] || printf '\r%s: %d s\n' "$label" $((SECONDS - start)) >&2
  return $status
}
