#!/usr/bin/env bash
# keel with other compilers, standard libraries and machines than the one at hand. Installs what Debian has, builds folders
# of tests for each cell of the table, runs them, under an emulator where need be, and prints the table. For people: the
# whole takes hours on two cores, most of it under emulation; what was built is kept in build/matrix.
#   tests/packaging/matrix.sh             all cells
#   tests/packaging/matrix.sh CELL...     some of them, as the table's first column has them
#   JOBS=1 tests/packaging/matrix.sh      a compiler at a time; all cores unless told otherwise
#   tests/packaging/matrix.sh --share N   every seventh cell from the N-th on: a rotating share, N = day of the week
# Prints `ok CELL`, `not ok CELL` or `not run CELL` with the reason, then the table. build/matrix/CELL has the logs.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
source=$PWD
work=$source/build/matrix
mkdir -p "$work/include"

# --- What Debian has.

install() { # PACKAGE...: those that are missing, where it may
  local missing=() package
  for package in "$@"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return 0
  [ "$(id -u)" = 0 ] && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
    >"$work/apt.log" 2>&1
}
# Unpacks a package beside the system, for what would replace packages there or is for another machine.
unpack() { # FOLDER ARCHITECTURE PACKAGE...
  local folder=$work/$1 state=$work/apt_$2 here=(-o "APT::Architecture=$2" -o "APT::Architectures=$2")
  local own=("${here[@]}" -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o "Dir::State::status=$state/status")
  [ -d "$folder/usr" ] && return 0
  mkdir -p "$folder" "$state/lists/partial" "$state/cache/archives/partial" && touch "$state/status" || return 1
  shift 2
  (cd "$folder" && apt-get "${own[@]}" update && apt-get "${own[@]}" download "$@" &&
    for package in *.deb; do dpkg -x "$package" .; done) >"$work/apt.log" 2>&1
}

# --- Building and running.

ln -sfn /usr/include/doctest "$work/include/doctest"
configure() { # COMPILER CMAKE_ARGUMENTS...
  local compiler=$1 launcher=()
  shift
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  cmake -S . -B "$work/$cell" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" -DKEEL_BUILD_TESTS=ON -DKEEL_BUILD_EXAMPLES=OFF -DKEEL_BUILD_BENCH=OFF \
    -DKEEL_DOCTEST_DIR="$work/include" -DEigen3_DIR=/usr/share/eigen3/cmake "${launcher[@]}" "$@"
}
# Of the test programs of these folders, each built and run; what they count stands in `passed` and `failed`.
tests() { # FOLDER...
  local folder line
  for folder in "$@"; do
    ninja -C "$work/$cell" -j "${JOBS:-$(nproc)}" "keel_test_$folder" || { broken+=" $folder"; continue; }
    "${emulator[@]}" "$work/$cell/tests/keel_test_$folder$suffix" "${left_out[@]}" >"$work/$cell/$folder.out" 2>&1
    line=$(grep -a '^\[doctest\] test cases:' "$work/$cell/$folder.out") || { broken+=" $folder"; continue; }
    passed=$((passed + $(sed 's/.*| *\([0-9]*\) passed.*/\1/' <<<"$line")))
    failed=$((failed + $(sed 's/.*| *\([0-9]*\) failed.*/\1/' <<<"$line")))
    ran+=" $folder"
  done
}
# What portable.cpp prints, and the files that it writes, against those of this machine's gcc.
alike() { # COMPILER...
  local native=$work/native file
  if [ ! -s "$native/out" ]; then
    mkdir -p "$native/files"
    g++ -std=c++20 -O1 -I include -isystem /usr/include/eigen3 -DKEEL_HAS_ZLIB=0 "$source/tests/packaging/portable.cpp" \
      -o "$native/portable" -pthread && "$native/portable" "$native/files" "$native/files" >"$native/out" || return 1
  fi
  rm -rf "$work/$cell/files" && mkdir -p "$work/$cell/files"
  "$@" -std=c++20 -O1 -I include -isystem "$work/eigen" -DKEEL_HAS_ZLIB=0 "$source/tests/packaging/portable.cpp" \
    -o "$work/$cell/portable$suffix" || return 1
  (cd "$work" && "${emulator[@]}" "$cell/portable$suffix" "$cell/files" native/files | tr -d '\r') >"$work/$cell/portable.out" || return 1
  diff "$native/out" "$work/$cell/portable.out" && diff -rq "$native/files" "$work/$cell/files"
}
note_alike() {
  if alike "$@" >"$work/$cell/alike.log" 2>&1; then ran+=" numbers-and-files"; else broken+=" numbers-and-files"; fi
}
ln -sfn /usr/include/eigen3 "$work/eigen"

# --- The cells. Each says what it is, builds and runs; `missing` says why it cannot.

describe() { compiler=$1 library=$2 level=$3 machine=$4; }
debian_clang() { # the newest of Debian's
  local version
  for version in 21 20 19 18 17 16 15; do
    apt-cache show "clang-$version" >/dev/null 2>&1 && install "clang-$version" && echo "clang++-$version" && return 0
  done
  return 1
}
cell_gcc() { # every level that this machine has
  describe "gcc $(g++ -dumpversion)" libstdc++ "baseline, avx2, avx512" x86-64
  configure g++ || return 1
  local one
  for one in baseline avx2 avx512; do
    KEEL_SIMD=$one tests kernels
  done
}
cell_gcc-off() { # the path of compilers without vector extensions
  describe "gcc $(g++ -dumpversion)" libstdc++ "off (Eigen's, -mavx2 -mfma)" x86-64
  configure g++ -DCMAKE_CXX_FLAGS="-DKEEL_SIMD_OFF -mavx2 -mfma" && tests kernels layers model
}
cell_clang() {
  install clang
  describe "clang $(clang++ -dumpversion)" libstdc++ best x86-64
  configure clang++ && tests tensor formats kernels layers io
}
cell_clang-libcxx() {
  install clang
  describe "clang $(clang++ -dumpversion)" libc++-14 best x86-64
  unpack libcxx amd64 libc++-14-dev libc++abi-14-dev libc++1-14 libc++abi1-14 libunwind-14 || { missing="no libc++-14-dev"; return; }
  local llvm=$work/libcxx/usr/lib/llvm-14
  configure clang++ -DCMAKE_CXX_FLAGS="-nostdinc++ -isystem $llvm/include/c++/v1 -stdlib=libc++" \
    -DCMAKE_EXE_LINKER_FLAGS="-nostdlib++ $llvm/lib/libc++.a $llvm/lib/libc++abi.a -lpthread" && tests tensor formats layers io
}
cell_clang-newest() {
  local newest
  newest=$(debian_clang) || { missing="no newer clang in Debian"; return; }
  describe "clang $("$newest" -dumpversion)" libstdc++ best x86-64
  configure "$newest" && tests tensor formats kernels
}
zlib_of() { # ARCHITECTURE TRIPLET: CMake's arguments
  unpack "zlib-$1" "$1" zlib1g-dev || return 1
  local usr=$work/zlib-$1/usr
  cp -n "$usr/include/$2/"*.h "$usr/include/" 2>/dev/null
  echo "-DZLIB_INCLUDE_DIR=$usr/include -DZLIB_LIBRARY=$usr/lib/$2/libz.a"
}
other_machine() { # PROCESSOR TRIPLET ARCHITECTURE COMPILER FLAGS
  local zlib
  zlib=$(zlib_of "$3" "$2") || zlib=-DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON
  # shellcheck disable=SC2086
  configure "$4" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$1" -DCMAKE_CXX_FLAGS="${5:-}" \
    -DCMAKE_EXE_LINKER_FLAGS="-static" $zlib
}
cell_aarch64-gcc() {
  install g++-aarch64-linux-gnu qemu-user || { missing="no cross compiler or qemu-user"; return; }
  describe "gcc $(aarch64-linux-gnu-g++ -dumpversion)" libstdc++ NEON aarch64
  emulator=(qemu-aarch64)
  other_machine aarch64 aarch64-linux-gnu arm64 aarch64-linux-gnu-g++ || return 1
  note_alike aarch64-linux-gnu-g++ -static -pthread
  tests tensor formats kernels layers model training io
}
cell_aarch64-clang() {
  install clang g++-aarch64-linux-gnu qemu-user || { missing="no cross compiler or qemu-user"; return; }
  describe "clang $(clang++ -dumpversion)" libstdc++ NEON aarch64
  emulator=(qemu-aarch64)
  other_machine aarch64 aarch64-linux-gnu arm64 clang++ "--target=aarch64-linux-gnu" || return 1
  note_alike clang++ --target=aarch64-linux-gnu -static -pthread
  tests tensor formats kernels layers
}
cell_s390x-gcc() { # big-endian: files
  install g++-s390x-linux-gnu qemu-user || { missing="no cross compiler or qemu-user"; return; }
  describe "gcc $(s390x-linux-gnu-g++ -dumpversion)" libstdc++ baseline "s390x (big-endian)"
  emulator=(qemu-s390x)
  other_machine s390x s390x-linux-gnu s390x s390x-linux-gnu-g++ || return 1
  note_alike s390x-linux-gnu-g++ -static -pthread
  tests tensor formats io
}
cell_i686-gcc() {
  install g++-i686-linux-gnu qemu-user || { missing="no cross compiler or qemu-user"; return; }
  describe "gcc $(i686-linux-gnu-g++ -dumpversion)" libstdc++ baseline "i686 (32 bit)"
  emulator=(qemu-i386)
  other_machine i686 i386-linux-gnu i386 i686-linux-gnu-g++ "-msse2 -mfpmath=sse" || return 1
  note_alike i686-linux-gnu-g++ -msse2 -mfpmath=sse -static -pthread
  tests tensor formats
}
cell_mingw-gcc() {
  install g++-mingw-w64-x86-64-posix libz-mingw-w64-dev wine64 || { missing="no mingw-w64 or wine"; return; }
  describe "gcc $(x86_64-w64-mingw32-g++-posix -dumpversion), mingw-w64" libstdc++ best "x86-64, Windows by wine"
  emulator=(env WINEPREFIX="$work/wine" WINEDEBUG=-all /usr/lib/wine/wine64) suffix=.exe
  configure x86_64-w64-mingw32-g++-posix -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_EXE_LINKER_FLAGS="-static" \
    -DZLIB_INCLUDE_DIR=/usr/x86_64-w64-mingw32/include -DZLIB_LIBRARY=/usr/x86_64-w64-mingw32/lib/libz.a || return 1
  note_alike x86_64-w64-mingw32-g++-posix -static -pthread
  tests tensor formats
}
cell_msvc() {
  describe "MSVC, clang-cl" Microsoft off x86-64
  missing="not to be had on Debian; read for it, and gcc-off is its path through the kernels"
}

cells=(gcc gcc-off clang clang-libcxx clang-newest aarch64-gcc aarch64-clang s390x-gcc i686-gcc mingw-gcc msvc)
if [ "${1:-}" = --share ]; then
  share=() n=0
  for cell in "${cells[@]}"; do [ $((n++ % 7)) = $(($2 % 7)) ] && share+=("$cell"); done
  set -- "${share[@]}"
fi
[ $# -gt 0 ] || set -- "${cells[@]}"

failures=0 table=
for cell in "$@"; do
  declare -F "cell_$cell" >/dev/null || { echo "no cell $cell; there are: ${cells[*]}"; exit 2; }
  compiler=? library=? level=? machine=? missing='' broken='' ran='' passed=0 failed=0 emulator=() suffix='' left_out=()
  mkdir -p "$work/$cell"
  start=$SECONDS
  "cell_$cell" >"$work/$cell/log" 2>&1 || broken+=" configure"
  seconds=$((SECONDS - start))
  if [ -n "$missing" ]; then
    result="not run: $missing"
    echo "not run $cell: $missing"
  elif [ -n "$broken" ] || [ $failed -gt 0 ]; then
    result="failed:$broken, $passed passed, $failed failed in$ran"
    echo "not ok $cell: $result; see $work/$cell"
    failures=1
  else
    result="$passed passed ($ran ), $seconds s"
    echo "ok $cell: $result"
  fi
  table+="| $cell | $compiler | $library | $level | $machine | $result |"$'\n'
done
printf '\n| Cell | Compiler | Standard library | Level | Machine | Result |\n|---|---|---|---|---|---|\n%s' "$table"
exit $failures
