#!/usr/bin/env bash
# A million predictions by eight threads on one const model, each held to the bits of one thread. For people; takes minutes.
#   tests/model/serve/run.sh [CALLS [BUILD]]    by default 1000000, build/tests
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
build=${2:-$PWD/build/tests}
. tests/io/flags.sh
mkdir -p build/serve
compile_linked tests/model/serve/serve.cpp -o build/serve/serve && build/serve/serve "${1:-1000000}"
