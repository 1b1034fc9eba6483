#!/usr/bin/env bash
# libFuzzer (clang) with AddressSanitizer and UBSan on each reader, from small good files. For people.
#   tests/io/fuzz/run.sh [SECONDS [READER...]]     180 seconds for each of all readers unless told otherwise
# SEED (1) is libFuzzer's. Prints `ok NAME` and `not ok NAME` lines; what a reader was given when it failed stays in build/fuzz/READER.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
build=$PWD/build/tests CXX=${CXX:-clang++}
. tests/io/flags.sh
work=$PWD/build/fuzz
seconds=${1:-180}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- safetensors npz npy torch hdf5 json keras_npz keras keel onnx
mkdir -p "$work"
flags+=(-g1 -I tests "-DKEEL_SOURCE_DIR=\"$PWD\"")
compile -DSEEDS tests/io/fuzz/fuzz.cpp -o "$work/seeds" && "$work/seeds" "$work" || exit 1
failures=0
for reader in "$@"; do
  folder=$work/$reader log=$work/$reader.log
  if ! compile "-DREADER=$reader" -fsanitize=fuzzer,address,undefined,float-cast-overflow -fno-sanitize-recover=all \
    tests/io/fuzz/fuzz.cpp -o "$work/fuzz_$reader" >"$log" 2>&1; then
    echo "not ok $reader compiles; see $log"
    failures=1
    continue
  fi
  if "$work/fuzz_$reader" -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
    -seed="${SEED:-1}" -artifact_prefix="$folder/failed_" -print_final_stats=1 "$folder" >"$log" 2>&1; then
    echo "ok $reader: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, $(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -c6-) edges"
  else
    echo "not ok $reader; see $log"
    grep -E 'ERROR|runtime error|Test unit written' "$log" | head -n 5
    failures=1
  fi
done
exit $failures
