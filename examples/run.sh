#!/usr/bin/env bash
# Builds and runs one example: examples/run.sh [NAME [ARGUMENTS]], seed_cnn unless named.
# Installs what is missing where apt and root are there. Real data: Debian's dataset-fashion-mnist, or
# `--data DIR` with the four standard files.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$here/scripts/install_packages.sh"
. "$here/scripts/progress.sh"

name=seed_cnn
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  name=$1
  shift
fi
if [ ! -f "$here/examples/$name.cpp" ]; then
  echo "no example is called $name; there are:" $(cd "$here/examples" && for f in *.cpp; do echo "${f%.cpp}"; done) >&2
  exit 2
fi

packages=$build_packages
case " $* " in
  *" --data "*) ;;
  *) if grep -q 'fashion_mnist(' "$here/examples/$name.cpp"; then packages="$packages dataset-fashion-mnist"; fi ;;
esac
install_packages $packages
need_tools
prefer_ninja

build=$here/build/examples
mkdir -p "$build"
build_example() {
  cmake -S "$here" -B "$build" -DCMAKE_BUILD_TYPE=Release -DKEEL_BUILD_TESTS=OFF -DKEEL_BUILD_BENCH=OFF &&
    cmake --build "$build" --target "$name"
}
if ! show_progress "building $name" "$build/build.log" build_example; then
  tail -n 40 "$build/build.log" >&2
  echo "building $name failed; all of the output is in $build/build.log" >&2
  exit 1
fi
exec "$build/examples/$name" "$@"
