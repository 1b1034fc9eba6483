#!/usr/bin/env bash
# Runs every example, made small, and the script that runs examples. Called by tests/run.sh with the build folder.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
source=$PWD
build=$(cd "$1" && pwd) || exit 2
work=$build/examples_run
rm -rf "$work"
mkdir -p "$work"
data=/usr/share/datasets/fashion-mnist
failures=0

result() { # STATUS NAME LOG
  if [ "$1" -eq 0 ]; then
    echo "ok $2"
  else
    printf 'not ok %s\n%s\n' "$2" "$(tail -n 20 "$3")"
    failures=$((failures + 1))
  fi
}
needs_data() { grep -q 'fashion_mnist(' "$source/examples/$1.cpp"; }

small() { # what makes an example short
  case $1 in
    seed_cnn | residual | fashion_mnist | autoencoder) echo --samples 64 --epochs 1 ;;
    transfer_learning) echo --samples 64 --few 32 --epochs 1 ;;
    report) echo --samples 64 --epochs 1 --out "$work/report.html" ;;
    resume) echo --samples 128 --epochs 2 --checkpoint whole.safetensors ;;
    signal) echo --data "$source/examples/data/sunspots.csv" ;;
    gan) echo --samples 4000 --steps 800 ;;
    unet) echo --samples 32 --epochs 1 ;;
    tabular | own_parts) echo --data "$source/examples/data/cars.csv" --epochs 20 ;;
  esac
}

for file in examples/*.cpp; do
  name=$(basename "$file" .cpp)
  case $name in convert | inspect | predict) continue ;; esac # below, with a file that seed_cnn leaves
  log=$work/$name.log
  if needs_data "$name"; then
    # Missing data is answered by one sentence and a status, not by a crash.
    (cd "$work" && "$build/examples/$name" --data "$work/no_such_folder") >"$log" 2>&1
    status=$?
    [ $status -ne 0 ] && [ $status -lt 126 ] && tail -n 1 "$log" | grep -q 'apt install dataset-fashion-mnist'
    result $? "$name without data" "$log"
    [ -d "$data" ] || { echo "note $name: dataset-fashion-mnist is not installed"; continue; }
  fi
  # shellcheck disable=SC2046
  (cd "$work" && timeout 180 "$build/examples/$name" $(small "$name")) >"$log" 2>&1 && [ -s "$log" ]
  result $? "$name" "$log"
done

# What has been learned, by the last number that each prints.
sed -n 's/^off by \([0-9.]*\) in a year never seen, the year before by \([0-9.]*\)$/\1 \2/p' "$work/signal.log" |
  awk '{ good = $1 < 0.8 * $2 } END { exit !good }'
result $? "signal is better than the year before" "$work/signal.log"
if [ -d "$data" ]; then # not noise, and not one image again and again
  sed -n 's/^of 500 images .* is sure of \([0-9]*\), and finds \([0-9]*\) kinds$/\1 \2/p' "$work/gan.log" |
    awk '{ good = $1 >= 25 && $2 >= 7 } END { exit !good }'
  result $? "gan makes images of many kinds" "$work/gan.log"
fi

if [ -d "$data" ]; then # an epoch, started again for the second, ends as both in one run
  log=$work/resumed.log
  (cd "$work" && "$build/examples/resume" --samples 128 --epochs 1 --checkpoint part.safetensors &&
    "$build/examples/resume" --samples 128 --epochs 2 --checkpoint part.safetensors) >"$log" 2>&1 &&
    grep -q 'going on from part.safetensors' "$log" && [ "$(grep '^1,' "$log")" = "$(grep '^1,' "$work/resume.log")" ]
  result $? "resume goes on" "$log"
  bash tests/examples/report.sh "$build" >"$work/page.log" 2>&1
  result $? "report is well-formed and shown by a browser" "$work/page.log"
fi

if [ -f "$work/seed_cnn.safetensors" ]; then
  log=$work/files.log
  {
    status=0
    for to in pt keras h5; do "$build/examples/convert" "$work/seed_cnn.safetensors" "$work/seed.$to" || status=1; done
    [ $status -eq 0 ]
  } >"$log" 2>&1
  result $? convert "$log"
  "$build/examples/inspect" "$work/seed.keras" >"$log" 2>&1 && grep -q '13,108,758' "$log" && grep -q '13,108,694' "$log"
  result $? inspect "$log"
  "$build/examples/inspect" "$work/seed.pt" --json >"$log" 2>&1 && grep -q 'running_var' "$log" &&
    ! "$build/examples/inspect" "$work/seed.pt" --jsn >"$log" 2>&1 && grep -q 'of --json, --like' "$log"
  result $? "inspect --json" "$log"
  { # one black image, as NumPy saves it
    printf '\223NUMPY\001\000\166\000'
    printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 64, 64, 1), }"
    head -c 16384 /dev/zero
  } >"$work/image.npy"
  "$build/examples/predict" "$work/seed.h5" "$work/image.npy" "$work/classes.npy" >"$log" 2>&1 && [ "$(wc -c <"$work/classes.npy")" -eq 168 ]
  result $? predict "$log"
  "$build/examples/convert" "$work/seed.h5" "$work/proved.keras" --probe "$work/image.npy" >"$log" 2>&1 &&
    "$build/examples/inspect" "$work/proved.keras" >"$log" 2>&1 && grep -q 'probe: agrees' "$log"
  result $? "convert --probe" "$log"
fi

log=$work/cmake_project.log
{
  cmake -S examples/cmake_project -B "$work/cmake_project" -DKEEL_DIR="$source" -DCMAKE_BUILD_TYPE=Debug &&
    cmake --build "$work/cmake_project" && "$work/cmake_project/app"
} >"$log" 2>&1 && grep -q ' = 1.000' "$log"
result $? cmake_project "$log"

log=$work/unknown.log
bash examples/run.sh no_such_example >"$log" 2>&1
[ $? -eq 2 ] && grep -q 'no example is called no_such_example' "$log"
result $? "run.sh with an unknown name" "$log"

[ $failures -eq 0 ]
