#!/usr/bin/env bash
# Models to PyTorch and TensorFlow.js and back: same outputs within 1e-5, the same tensors, and the same running statistics after
# five steps of training; the seed's network on its journey from Keras (TensorFlow.js) to PyTorch and back; then the grid, every layer x each
# option x each format (grid.cpp). Called by tests/run.sh with the build folder; prints `ok NAME`, `not ok NAME` and `note TEXT` lines.
# Uses Debian's /usr/bin/python3 with python3-torch; where PEERS/forky is a Debian tree with a newer PyTorch, that too (PEERS
# defaults to ~/keel-peers); and the node_modules in KEEL_NODE_MODULES that has @tensorflow/tfjs and h5wasm.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
build=$(cd "$1" && pwd) || exit 2
work=$build/models
here=$PWD/tests/io/interop
mkdir -p "$work"
. tests/io/flags.sh

tfjs() { # FOLDER [PART]
  node "$here/tfjs_models.js" "$1" "$KEEL_NODE_MODULES" "${@:2}" 2>/dev/null | grep -E '^((not )?ok|note) '
}
exchange() { # NAME FOLDER_HERE FOLDER_THERE PYTHON...
  local name=$1 folder=$2 there=$3
  shift 3
  build_once "$here/models.cpp" "$work/models"
  rm -rf "${folder:?}"/*
  cp "$here/torch_models.py" "$folder/"
  "$work/models" make "$folder" | sed "s/ok /&$name: /"
  local node=${KEEL_NODE_MODULES:-}
  if [ -n "$node" ]; then
    tfjs "$folder" start
    "$work/models" out "$folder" | sed "s/ok /&$name: /"
  fi
  "$@" "$there/torch_models.py" "$there" >"$folder/torch.log" 2>&1 || { echo "not ok $name runs"; tail -n 5 "$folder/torch.log"; }
  grep -E '^(not )?ok ' "$folder/torch.log" | sed "s/ok /&$name: /" | grep . || echo "not ok $name read nothing"
  if [ -n "$node" ]; then
    tfjs "$folder" | sed "s/ok /&$name: /" | grep . || echo "not ok TensorFlow.js read nothing"
    "$work/models" back "$folder" | sed "s/ok /&$name: /"
    tfjs "$folder" end | sed "s/ok /&$name: /" | grep . || echo "not ok $name: the journey ends in Keras"
  fi
  "$work/models" check "$folder" | sed "s/ok /&$name: /"
}

grid() { # what grid.cpp writes, run by all that are there
  local folder=$work/grid
  rm -rf "${folder:?}"
  mkdir -p "$folder"
  compile_linked "$here/grid.cpp" -o "$work/grid_program" || { echo "not ok grid.cpp compiles"; return; }
  "$work/grid_program" make "$folder"
  if /usr/bin/python3 -c 'import torch' 2>/dev/null; then grid_reader /usr/bin/python3 "$here/grid_torch.py" "$folder"; fi
  if /usr/bin/python3 -c 'import h5py' 2>/dev/null; then grid_reader /usr/bin/python3 "$here/grid_keras.py" "$folder"; fi
  if [ -n "${KEEL_NODE_MODULES:-}" ]; then grid_reader node "$here/grid_tfjs.js" "$folder" "$KEEL_NODE_MODULES"; fi
  if [ -n "$newer" ]; then
    local there
    there=$(mktemp -d "$peers/tmp/keel_grid_XXXXXX")
    cp -r "$folder" "$here/grid_torch.py" "$there/"
    grid_reader chroot "$peers" python3 "${there#"$peers"}/grid_torch.py" "${there#"$peers"}/grid"
    cp "$there"/grid/results_PyTorch_* "$folder/"
    rm -rf "$there"
  fi
  "$work/grid_program" report "$folder"
}
grid_reader() { "$@" >"$work/grid.log" 2>&1 || { echo "not ok grid: ${*:1:2} runs"; tail -n 5 "$work/grid.log"; }; }

torch_layers() { # every layer and option as PyTorch code
  local folder=$work/torch_layers
  rm -rf "${folder:?}"
  compile_linked "$here/torch_layers.cpp" -o "$work/torch_layers_program" || { echo "not ok torch_layers.cpp compiles"; return; }
  "$work/torch_layers_program" "$folder" | grep '^not ok'
  /usr/bin/python3 "$here/torch_layers.py" "$folder"
}

if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
  torch_layers
  mkdir -p "$work/here"
  exchange "system" "$work/here" "$work/here" /usr/bin/python3
else
  echo "note no python3-torch: models not compared with PyTorch"
fi
[ -n "${KEEL_NODE_MODULES:-}" ] || echo "note KEEL_NODE_MODULES is not set: models not compared with TensorFlow.js"
peers=${PEERS:-$HOME/keel-peers}/forky
newer=
if [ -x "$peers/usr/bin/python3" ] && [ "$(id -u)" = 0 ]; then
  newer=yes
  folder=$(mktemp -d "$peers/tmp/keel_models_XXXXXX")
  exchange "forky" "$folder" "${folder#"$peers"}" chroot "$peers" python3
  rm -rf "$folder"
else
  echo "note no newer PyTorch in $peers"
fi
grid
true
