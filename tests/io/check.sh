#!/usr/bin/env bash
# The formats against PyTorch, NumPy, h5py and safetensors: each writes, keel rewrites in every format, each reads.
# Then models (interop/check.sh) and the known results of real files (fixtures/check.sh).
# Called by tests/run.sh with the build folder; prints `ok NAME`, `not ok NAME` and `note TEXT` lines.
# Uses Debian's /usr/bin/python3 and, where PEERS/forky is a Debian tree with newer ones, those too (PEERS defaults
# to ~/keel-peers). What is not installed is left out, and said.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$(cd "$1" && pwd) || exit 2
work=$build/interop
here=$PWD/tests/io/interop
mkdir -p "$work"
. tests/io/flags.sh

exchange() { # NAME FOLDER_HERE FOLDER_THERE PYTHON...
  local name=$1 folder=$2 there=$3
  shift 3
  build_once "$here/rewrite.cpp" "$work/rewrite"
  rm -f "$folder"/*.npz "$folder"/*.pt "$folder"/*.h5 "$folder"/*.safetensors
  cp "$here/interop.py" "$folder/"
  if ! "$@" "$there/interop.py" make "$there" >"$folder/make.log" 2>&1; then
    echo "not ok $name writes its files"
    tail -n 5 "$folder/make.log"
    return
  fi
  grep '^note ' "$folder/make.log"
  local source base outputs extension
  for source in "$folder"/source_*; do
    base=${source##*/source_}
    outputs=()
    for extension in pt npz keras.npz h5 safetensors; do outputs+=("$folder/from_${base/./_}.$extension"); done
    "$work/rewrite" "$source" "${outputs[@]}" || echo "not ok $name: keel reads $base"
  done
  "$@" "$there/interop.py" check "$there" >"$folder/check.log" 2>&1 || { echo "not ok $name checks"; tail "$folder/check.log"; }
  grep -E '^(not )?ok ' "$folder/check.log" | sed "s/^\(not \)\{0,1\}ok /&$name: /" | grep . || echo "not ok $name read nothing"
}

if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  mkdir -p "$work/here"
  exchange system "$work/here" "$work/here" /usr/bin/python3
else
  echo "note no /usr/bin/python3 with NumPy: formats not compared with their owners"
fi
peers=${PEERS:-$HOME/keel-peers}/forky
if [ -x "$peers/usr/bin/python3" ] && [ "$(id -u)" = 0 ]; then
  folder=$(mktemp -d "$peers/tmp/keel_interop_XXXXXX")
  exchange forky "$folder" "${folder#"$peers"}" chroot "$peers" python3
  rm -rf "$folder"
else
  echo "note no newer PyTorch in $peers"
fi
bash "$here/check.sh" "$build"
bash tests/io/fixtures/check.sh "$build"
