#!/usr/bin/env bash
# Saving while the system fails: every system call of a save that has to do with files returns an error, or is the last one before the
# process is killed. The file must then be the old one or the new one, whole; no temporary file may stay but that of a killed process;
# a save that reports success has written. Needs strace. For people; takes a minute.
#   tests/io/faults/run.sh
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
command -v strace >/dev/null || { echo "note no strace"; exit 0; }
build=$PWD/build/tests
. tests/io/flags.sh
work=$PWD/build/faults
rm -rf "$work" && mkdir -p "$work"
compile tests/io/faults/save.cpp -o "$work/save" || exit 1
exec 2>"$work/stderr" # where the shell reports each kill

calls=(openat fsync close write fchmod rename,renameat,renameat2 newfstatat unlinkat)
failures=0 faults=0 killed=0
for extension in safetensors keras weights.h5 h5 pt npz; do
  old=$work/old.$extension new=$work/new.$extension folder=$work/$extension
  "$work/save" "$old" 1 && "$work/save" "$new" 2 || exit 1
  ! cmp -s "$old" "$new" || { echo "not ok $extension: seeds make no difference"; exit 1; }
  for call in "${calls[@]}"; do
    rm -rf "$folder" && mkdir "$folder" && cp "$old" "$folder/m.$extension"
    strace -qq -o "$work/trace" -e trace="$call" "$work/save" "$folder/m.$extension" 2
    count=$(wc -l <"$work/trace")
    for ((n = 1; n <= count; n++)); do
      for fault in error=EIO error=ENOSPC signal=KILL; do
        rm -rf "$folder" && mkdir "$folder" && cp "$old" "$folder/m.$extension"
        strace -qq -o "$work/trace" -e trace="$call" -e inject="$call:$fault:when=$n" "$work/save" "$folder/m.$extension" 2 2>"$work/log"
        status=$? faults=$((faults + 1)) wrong=
        if cmp -s "$folder/m.$extension" "$new"; then is=new; elif cmp -s "$folder/m.$extension" "$old"; then is=old; else is=neither; fi
        [ $is != neither ] || wrong="the file is neither the old nor the new one"
        [ $status -ne 0 ] || [ $is = new ] || wrong="success without the new file"
        [ $status -ne 0 ] || [ "$call" != fsync ] || wrong="success though the disk refused"
        if [ $fault = signal=KILL ]; then
          killed=$((killed + 1))
        elif [ "$call" != unlinkat ] && [ -n "$(ls -A "$folder" | grep -vx "m.$extension")" ]; then
          wrong="a temporary file stays"
        fi
        "$work/save" "$folder/m.$extension" || wrong="the file cannot be loaded"
        [ -z "$wrong" ] || { echo "not ok $extension, $call $n, $fault: $wrong"; failures=$((failures + 1)); }
      done
    done
  done
done
if [ $failures -eq 0 ]; then echo "ok $faults faults, $killed of them kills"; fi
exit $((failures > 0))
