#!/usr/bin/env bash
# Checks of keel as a package: consumers, headers, what must not compile, what must not link, the README's code.
# Called by tests/run.sh with the build folder. Each check prints `ok NAME` or `not ok NAME` with the reason below;
# `note TEXT` lines are shown in either case.
#   tests/packaging/check.sh BUILD              all; of the headers one in sixteen alone, of what must not compile a third: which,
#                                               the day says
#   tests/packaging/check.sh BUILD all_headers  every header alone; CXX=clang++ for another compiler
#   tests/packaging/check.sh BUILD CHECK...     some, as listed at the end of this file; "must_not_compile all"
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
source=$PWD
build=$(cd "$1" && pwd) || exit 2
shift
work=$build/packaging
here=$source/tests/packaging
cxx=${CXX:-c++}
mkdir -p "$work"

warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wdouble-promotion)
flags=() libraries=()
read_flags() { # the include folders and macros that the test build uses
  local line
  while read -r line; do
    case $line in
      -D*) [ "$line" = -D ] || flags+=("$line") ;;
      "$source"/include) flags+=(-I "$line") ;;
      "$source"/* | /usr/include | "") ;;
      *) flags+=(-isystem "$line") ;;
    esac
  done <"$build/keel_flags.txt"
}
[ -f "$build/keel_flags.txt" ] && read_flags
compile() { "$cxx" -std=c++20 "${flags[@]}" "$@"; }
cpu_seconds() { # of a command, to a tenth
  local TIMEFORMAT='%U %S' spent
  spent=$({ time "$@" >/dev/null 2>"$work/cpu_seconds.log"; } 2>&1) || { cat "$work/cpu_seconds.log" >&2; return 1; }
  awk -v t="$spent" 'BEGIN { split(t, s, " "); printf "%.1f", s[1] + s[2] }'
}
# The header of keel::mpi needs MPI's.
if mpi_folder=$(dirname "$(find /usr/lib/*/openmpi/include /usr/include/*/mpich /usr/include -maxdepth 1 -name mpi.h -print -quit 2>/dev/null)") &&
  [ -f "$mpi_folder/mpi.h" ]; then
  flags+=(-isystem "$mpi_folder")
  no_mpi='^$'
else
  no_mpi='^keel/distributed/mpi.hpp$'
fi
headers() { (cd include && find keel -name '*.hpp' | sort | grep -v "$no_mpi"); }

# --- Consumers: a small project builds and runs with keel, in each of the ways that CMake offers. All of keel is compiled once
# from headers and once as keel::compiled; the other ways are about folders, macros and libraries, for which a small program will do.

consumer() { # NAME CMAKE_ARGUMENTS...
  local dir=$work/consumer_$1
  shift
  rm -rf "$dir"
  cmake -S "$here/consumer" -B "$dir" "$@" &&
    cmake --build "$dir" -j 2 && "$dir/consumer"
}
install_into() { # NAME: keel configured alone in $work/NAME, installed in $work/NAME/prefix
  rm -rf "${work:?}/$1"
  cmake -S . -B "$work/$1" -DKEEL_BUILD_TESTS=OFF -DKEEL_BUILD_EXAMPLES=OFF -DKEEL_BUILD_BENCH=OFF \
    -DCMAKE_INSTALL_PREFIX="$work/$1/prefix" && cmake --install "$work/$1"
}
check_find_package() {
  install_into install || return 1
  local prefix=$work/install/prefix
  # As many headers as in the repository, and nothing that refers to the repository.
  [ "$(find "$prefix/include" -type f | wc -l)" = "$(find include -type f | wc -l)" ] || return 1
  if grep -rnF "$source/include" "$prefix" --include='*.cmake' --include='*.pc'; then return 1; fi
  [ -f "$prefix/share/licenses/keel/LICENSE" ] && [ -f "$prefix/share/licenses/keel/THIRD_PARTY.md" ] || return 1
  local components="zlib;compiled"
  [ ! -f /usr/include/protozero/pbf_reader.hpp ] || components+=";protobuf"
  consumer find_package -DPROGRAM=small.cpp -DHOW=find_package -DCMAKE_PREFIX_PATH="$prefix" -DKEEL_COMPONENT="$components" || return 1
  # -O0, since the question is whether its files are there: what keel::compiled does at -O2 all other tests show
  consumer compiled -DHOW=find_package -DCMAKE_PREFIX_PATH="$prefix" -DKEEL_TARGETS=keel::compiled \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O0 || return 1
  # A later minor version or an unknown component is refused.
  ! consumer refused -DHOW=find_package -DKEEL_WANTED=99.0 -DCMAKE_PREFIX_PATH="$prefix" || return 1
  ! consumer refused -DHOW=find_package -DKEEL_COMPONENT=nonsense -DCMAKE_PREFIX_PATH="$prefix"
}
# What `pkg-config --cflags --libs keel` says is all that a compiler needs, wherever the installed tree is.
with_pkg_config() { # NAME PREFIX
  local flags
  flags=$(PKG_CONFIG_PATH=$2/share/pkgconfig pkg-config --cflags --libs keel) || return 1
  # shellcheck disable=SC2086
  "$cxx" -std=c++20 "$here/consumer/small.cpp" -o "$work/$1_program" $flags && "$work/$1_program"
}
check_pkg_config() {
  if ! command -v pkg-config >/dev/null; then echo "note pkg-config was not found: keel.pc is not tried"; return 0; fi
  install_into pkg_config && mv "$work/pkg_config/prefix" "$work/pkg_config/moved" || return 1
  with_pkg_config pkg_config "$work/pkg_config/moved" || return 1
  local file
  for file in $(PKG_CONFIG_PATH=$work/pkg_config/moved/share/pkgconfig pkg-config --variable=compiled keel); do
    [ -f "$file" ] || { echo "keel.pc names $file"; return 1; }
  done
}
# The Debian package and the archive that cpack makes: unpacked, each is a prefix that works.
check_cpack() {
  if ! command -v dpkg-deb >/dev/null; then echo "note dpkg-deb was not found: cpack is not tried"; return 0; fi
  install_into cpack && (cd "$work/cpack" && cpack) || return 1
  dpkg-deb -x "$work"/cpack/libkeel-dev_*_all.deb "$work/cpack/root" &&
    tar -xzf "$work"/cpack/keel-*.tar.gz -C "$work/cpack" --one-top-level=archive --strip-components=1 || return 1
  dpkg-deb -f "$work"/cpack/libkeel-dev_*_all.deb Depends | grep -q 'libeigen3-dev' || return 1
  diff -r "$work/cpack/root/usr" "$work/cpack/archive" || return 1
  consumer deb -DPROGRAM=small.cpp -DHOW=find_package -DCMAKE_PREFIX_PATH="$work/cpack/root/usr"
}
# One header that needs nothing beside it, in two units of a program.
check_bundle() {
  rm -rf "$work/bundle" && mkdir -p "$work/bundle" && scripts/bundle.sh >"$work/bundle/keel.hpp" || return 1
  sed 's/#include <keel.*/#include "keel.hpp"/' "$here/consumer/small.cpp" >"$work/bundle/small.cpp"
  printf '%s\n' '#include "keel.hpp"' 'keel::Model<float> loaded() { return keel::load("m.keras"); }' >"$work/bundle/other.cpp"
  local only=() flag
  for flag in "${flags[@]}"; do case $flag in "$source"* | -I) ;; *) only+=("$flag") ;; esac; done
  "$cxx" -std=c++20 -O0 "${only[@]}" "${warnings[@]}" -Werror "$work/bundle/small.cpp" "$work/bundle/other.cpp" \
    -o "$work/bundle/program" -pthread "${libraries[@]}" && "$work/bundle/program"
}
check_meson() {
  if ! command -v meson >/dev/null; then echo "note meson was not found: meson.build is not tried"; return 0; fi
  rm -rf "$work/meson" && mkdir -p "$work/meson/subprojects/keel" || return 1
  cp -r meson.build include "$work/meson/subprojects/keel" &&
    cp "$here/consumer/meson.build" "$here/consumer/small.cpp" "$work/meson" || return 1
  (cd "$work/meson" && meson setup build && ninja -C build && build/consumer)
}
# The port's own steps, with a stand-in for vcpkg.
check_vcpkg_port() {
  rm -rf "$work/vcpkg"
  cmake -DPORT="$source/packaging/vcpkg/keel" -DPACKAGE="$work/vcpkg/package" -DBUILD="$work/vcpkg/build" \
    -P "$here/vcpkg_functions.cmake" || return 1
  consumer vcpkg -DPROGRAM=small.cpp -DHOW=find_package -DCMAKE_PREFIX_PATH="$work/vcpkg/package"
}
check_versions() { # one version everywhere, and a section of the changelog for it
  local version file
  version=$(sed -n 's/^#define KEEL_VERSION_[A-Z]* *//p' include/keel/version.hpp | paste -sd.)
  grep -q "version: '$version'" meson.build && grep -q "\"version\": \"$version\"" packaging/vcpkg/keel/vcpkg.json &&
    grep -q "^## $version\b" CHANGELOG.md || { echo "not everywhere $version"; return 1; }
}
# Without Eigen a QUIET find_package says not found and the project goes on; keel itself says what is missing.
check_without_eigen() {
  local log
  mkdir -p "$work/quiet_project"
  cmake -S . -B "$work/quiet_install" -DKEEL_BUILD_TESTS=OFF -DKEEL_BUILD_EXAMPLES=OFF -DKEEL_BUILD_BENCH=OFF \
    -DCMAKE_INSTALL_PREFIX="$work/quiet_prefix" && cmake --install "$work/quiet_install" || return 1
  printf '%s\n' 'cmake_minimum_required(VERSION 3.20)' 'project(quiet LANGUAGES CXX)' 'find_package(keel QUIET)' \
    'message(STATUS "found=${keel_FOUND}")' >"$work/quiet_project/CMakeLists.txt"
  log=$(cmake -S "$work/quiet_project" -B "$work/quiet" -DCMAKE_PREFIX_PATH="$work/quiet_prefix" \
    -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON 2>&1) && grep -qE 'found=(0|FALSE)' <<<"$log" || { echo "$log"; return 1; }
  if log=$(cmake -S . -B "$work/no_eigen" -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON 2>&1); then return 1; fi
  tr -s ' \n' ' ' <<<"$log" | grep -q 'keel needs Eigen 3.4 or newer, which was not found' || { echo "$log"; return 1; }
}
# Where nothing but Eigen is there, tests and benchmarks switch themselves off with a line that says so.
check_eigen_alone() {
  local log
  rm -rf "$work/eigen_alone"
  log=$(cmake -S . -B "$work/eigen_alone" -DCMAKE_DISABLE_FIND_PACKAGE_benchmark=ON -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON \
    -DCMAKE_IGNORE_PATH="/usr/include;/usr/local/include" 2>&1) || { echo "$log"; return 1; }
  grep -q 'doctest was not found' <<<"$log" && grep -q 'Google Benchmark was not found' <<<"$log" || { echo "$log"; return 1; }
}
check_add_subdirectory() { consumer add_subdirectory -DPROGRAM=small.cpp -DHOW=add_subdirectory -DKEEL_DIR="$source"; }
check_fetch_content() {
  tar -czf "$work/keel.tar.gz" CMakeLists.txt cmake include || return 1
  consumer fetch_content -DPROGRAM=small.cpp -DHOW=FetchContent -DKEEL_URL="file://$work/keel.tar.gz"
}

# --- Compiling.

precompile() { # COMPILER HEADER
  local out=$work/precompiled_$1
  mkdir -p "$out"
  echo "#include <keel/$2.hpp>" >"$out/${2##*/}.hpp"
  "$1" -std=c++20 "${flags[@]}" -x c++-header "$out/${2##*/}.hpp" -o "$out/${2##*/}.hpp.gch"
}
precompiled() { # COMPILER HEADER: checks the syntax of what follows it
  local compiler=$1 header=$work/precompiled_$1/$2.hpp
  shift 2
  "$compiler" -std=c++20 -include "$header" "${flags[@]}" -fsyntax-only "$@"
}
# Each header alone and twice, with every warning an error. What every header includes first is precompiled.
check_header() { # COMPILER HEADER
  printf '#include <%s>\n#include <%s>\n' "$2" "$2" | precompiled "$1" abi "${warnings[@]}" -Werror -x c++ -
}
# All of them in one unit: what two headers define twice, and warnings in those whose turn it is not today.
check_headers_together() { headers | sed 's/.*/#include <&>/' | compile "${warnings[@]}" -Werror -fsyntax-only -x c++ -; }
headers_of_today() { headers | awk -v day="$((10#$(date +%j)))" 'NR % 16 == day % 16'; }

# Everything keel includes, first; then names that other headers define as macros; then keel.
check_macros() {
  {
    grep -rhE '^ *#include <' include | sed 's/^ *//' | grep -v '<keel/' | sort -u | while read -r line; do
      echo "#if __has_include(${line#\#include })"
      echo "$line"
      echo "#endif"
    done
    for macro in 'min(a, b) poison' 'max(a, b) poison' 'small char' 'near poison' 'far poison' 'interface struct' \
      'ERROR 0' 'IN poison' 'OUT poison' 'B0 0' 'I _Complex_I' 'major(x) poison' 'minor(x) poison' \
      'Success 0' 'None 0L' 'Bool int' 'Status int' 'CHECK(x) poison' 'LOG(x) poison' 'assert(x) poison' 'DEBUG 1' \
      'INFO poison' 'WARNING poison' 'FATAL poison' 'DELETE poison' 'IGNORE poison' 'OPTIONAL' 'STRICT 1' 'TRUE 1' \
      'FALSE 0' 'OK 0' 'Complex 1' 'DOMAIN 1' 'VOID void' 'PI 3.14' 'EPSILON 1e-5' 'VERSION "1"' 'TEXT(x) poison'; do
      echo "#undef ${macro%%[( ]*}"
      echo "#define $macro"
    done
    headers | sed 's/.*/#include <&>/'
  } >"$work/macros.cpp"
  compile -fsyntax-only "$work/macros.cpp"
}

check_umbrella() {
  [ -f include/keel/keel.hpp ] || { echo "include/keel/keel.hpp is missing"; return 1; }
  if grep -vE '^(#pragma once|#include <keel/.*>|///?.*|)$' include/keel/keel.hpp; then
    echo "keel.hpp does more than include"
    return 1
  fi
  local reached missing
  reached=$(echo '#include <keel/keel.hpp>' | compile -M -x c++ - | tr ' \\' '\n\n')
  # Losses, metrics and optimizers of the rarer kind are a header each, so that who does not name them pays nothing.
  # Formats are left to load.hpp, which takes those it needs; layers.hpp is a list itself.
  missing=$(headers | grep -v -e '^keel/io/' -e '^keel/formats/' -e '^keel/testing/' -e '^keel/layers/layers.hpp' \
    -e '^keel/kernels/simd/eigen_vector.hpp' -e '^keel/kernels/kernels.hpp' -e '^keel/tensor/eigen_tensor.hpp' -e '^keel/dialects/\(torch_classes\|onnx.*\).hpp' \
    -e '^keel/training/losses/\(cosine_similarity\|dice\|focal\|hinge\|kl_divergence\|log_cosh\|negative_log_likelihood\|poisson\|relative_errors\).hpp' \
    -e '^keel/training/metrics/\(auc\|f_score\|mean_iou\|regression\).hpp' \
    -e '^keel/training/optimizers/\(adadelta\|adafactor\|adamax\|lamb\|lbfgs\|lion\|nadam\|radam\).hpp' \
    -e '^keel/distributed/' -e '^keel/training/shard.hpp' -e '^keel/model/any_extents.hpp' \
    -e '^keel/training/\(curves\|tensorboard\|image_transforms\|keep_state\|prefetch\|report\|weight_average\).hpp' | while read -r header; do
    grep -q "/$header\$" <<<"$reached" || echo "$header"
  done)
  [ -z "$missing" ] || { echo "not reached from keel.hpp: $missing"; return 1; }
}
# Only Eigen, where the formats' readers say what they lack, and no RTTI.
check_bare() {
  local only=() flag
  for flag in "${flags[@]}"; do case $flag in -DKEEL_HAS*) ;; *) only+=("$flag") ;; esac; done
  "$cxx" -std=c++20 "${only[@]}" -DKEEL_HAS_ZLIB=0 -fno-rtti "${warnings[@]}" -Werror -O0 "$here/consumer/main.cpp" \
    "$here/consumer/other.cpp" -o "$work/bare" -pthread && "$work/bare"
}
check_fast_math() { # a warning unless asked for
  local log flag
  for flag in -ffast-math -ffinite-math-only; do
    log=$(echo '#include <keel/tensor/tensor.hpp>' | compile $flag -fsyntax-only -x c++ - 2>&1) || return 1
    grep -q KEEL_ALLOW_FAST_MATH <<<"$log" || return 1
  done
  echo '#include <keel/tensor/tensor.hpp>' | compile -ffast-math -DKEEL_ALLOW_FAST_MATH -Werror -fsyntax-only -x c++ -
}
check_refused_flags() { # with a sentence that says what is wrong, before anything else
  local flag log
  for flag in -fno-exceptions -std=c++17 -DKEEL_COMPILED; do
    if log=$(echo '#include <keel/tensor/tensor.hpp>' | compile $flag -fsyntax-only -x c++ - 2>&1); then
      echo "$flag compiles"
      return 1
    fi
    grep 'error:' <<<"$log" | head -n 1 | grep -q 'keel needs' || { echo "$flag: $log"; return 1; }
  done
}

check_must_not_compile() {
  local cases case log says
  precompiled "$cxx" keel -DCASE=0 "$here/must_not_compile.cpp" || { echo "the case that must compile does not"; return 1; }
  cases=$(sed -n 's/^#\(el\)\?if CASE == \([1-9][0-9]*\).*/\2/p' "$here/must_not_compile.cpp")
  [ -n "$cases" ] || return 1
  [ "${1:-}" = all ] || cases=$(awk -v day="$((10#$(date +%j)))" 'NR % 3 == day % 3' <<<"$cases")
  for case in $cases; do
    if log=$(precompiled "$cxx" keel -DCASE="$case" "$here/must_not_compile.cpp" 2>&1); then
      echo "case $case compiles"
      return 1
    fi
    # The error is the intended one: it is about must_not_compile.cpp, not a missing header or name.
    if grep -qE 'No such file|was not declared|is not a member' <<<"$log"; then
      echo "case $case fails for another reason: $log"
      return 1
    fi
    says=$(sed -n "s/^#elif CASE == $case .*says //p" "$here/must_not_compile.cpp")
    head -n 5 <<<"$log" | grep -v '^ *[0-9]* |' | grep -qF -- "$says" || { echo "case $case does not say $says: $log"; return 1; }
  done
}

# The first five lines of what both compilers say of each mistake name its cause.
check_compile_mistakes() {
  local compiler limit log=$work/compile_mistakes
  for compiler in g++ clang++; do
    command -v $compiler >/dev/null || continue
    limit=-fmax-errors=0
    [ $compiler = g++ ] || limit=-ferror-limit=0
    $compiler -std=c++20 "${flags[@]}" -fsyntax-only $limit "$here/compile_mistakes.cpp" 2>&1 | sed 's/v[0-9]*_eigen[0-9]*_align[0-9]*:://g' >"$log.$compiler"
    awk -v source="$here/compile_mistakes.cpp" '
      BEGIN { while ((getline line < source) > 0) { ++n; if (match(line, /\/\/ says /) && line !~ /^\/\//) says[n] = substr(line, RSTART + 8) } }
      function place(text) { return match(text, /compile_mistakes\.cpp:[0-9]+:[0-9]+: (error|warning)/) ? substr(text, RSTART + 21) + 0 : 0 }
      { text[NR] = $0; at = place($0); if (at && !(at in first)) first[at] = NR }
      END {
        for (line in says) {
          if (!(line in first)) { print "line " line " compiles"; bad = 1; continue }
          from = to = first[line]
          if (text[from - 1] ~ /: In .*function/) --from
          found = 0
          wanted = split(says[line], any, " or ")
          for (k = from; k < from + 5; ++k) {
            if (k > to && (text[k] ~ /: In .*function/ || (place(text[k]) && place(text[k]) != line))) break
            for (w = 1; w <= wanted; ++w) if (text[k] !~ /\/\/ says / && index(text[k], any[w])) found = 1
          }
          if (!found) { print "line " line " does not say " says[line] ": " text[to]; bad = 1 }
        }
        exit bad
      }' "$log.$compiler" || { echo "by $compiler"; return 1; }
    printf '#include <keel/keel.hpp>\n' | $compiler -std=c++17 "${flags[@]}" -fsyntax-only -x c++ - 2>&1 | head -n 5 | grep -q 'keel needs C++20' || { echo "$compiler: C++17"; return 1; }
    printf '#include <keel/model/sequential.hpp>\nvoid f(keel::Sequential<float>& m) { (void)m.summary(); }\n' |
      $compiler -std=c++20 "${flags[@]}" -fsyntax-only -x c++ - 2>&1 | head -n 5 | grep -q 'incomplete .*Summary' || { echo "$compiler: a missing include"; return 1; }
  done
}

# --- Linking.

# Eigen's alignment follows the -m flags, so units with different ones disagree on keel's types, and a unit with
# -ffast-math has other functions of the same names: the link must fail.
check_mixed_flags() {
  local how other others=("-ffast-math -DKEEL_ALLOW_FAST_MATH")
  case $(uname -m) in x86_64 | amd64) others+=(-mavx) ;; esac
  # shellcheck disable=SC2086
  compile_unit() { compile -O1 -D$how "-DUNIT=$1" -c "$here/mixed_flags.cpp" -o "$work/$how$2.o" $3; }
  for how in ARGUMENT RETURNED; do
    compile_unit 1 1 "" && compile_unit 2 2 "" || return 1
    "$cxx" "$work/${how}1.o" "$work/${how}2.o" -o "$work/same_flags" && "$work/same_flags" || return 1
    for other in "${others[@]}"; do
      compile_unit 2 mixed "$other" || return 1
      if "$cxx" "$work/${how}1.o" "$work/${how}mixed.o" -o "$work/mixed_flags" 2>"$work/mixed_flags.log"; then
        [ $how = RETURNED ] || { echo "units with and without $other link"; return 1; }
        if [ "$other" != -mavx ] || grep -q -w avx /proc/cpuinfo; then "$work/mixed_flags" || return 1; fi
      else
        grep -q 'undefined reference' "$work/mixed_flags.log" || return 1
      fi
    done
  done
}

# --- The text of the headers.

check_folder_direction() { # tensor -> {kernels, formats} -> layers -> dialects -> model -> training -> {testing, io} -> distributed
  grep -rnE '^ *#include ["<]' include/keel --include='*.hpp' --include='*.inl' | awk -F: '
    BEGIN {
      split("tensor kernels layers dialects model training io distributed", order, " "); for (i in order) rank[order[i]] = i
      rank["formats"] = rank["kernels"]; rank["testing"] = rank["io"]
      apart["kernels formats"] = apart["formats kernels"] = apart["testing io"] = apart["io testing"] = 1
    }
    {
      split($1, path, "/")
      if (!match($3, /["<].*[">]/)) next
      name = substr($3, RSTART + 1, RLENGTH - 2)
      if ($3 ~ /"/) { print $1 ":" $2 ": quotes instead of <keel/...>"; bad = 1; next }
      if (name !~ /^keel\//) next
      split(name, to, "/")
      if (path[3] == "keel.hpp") next
      if (!(path[3] in rank) || !(to[2] in rank) && name != "keel/version.hpp") {
        print $1 ":" $2 ": outside the folders of the flow: " name; bad = 1
      } else if (rank[to[2]] > rank[path[3]] || (path[3] " " to[2]) in apart) { print $1 ":" $2 ": " path[3] " may not include " name; bad = 1 }
    }
    END { exit bad }'
}
check_heavy_includes() { # <iostream> and the like only where bytes and text are the business
  local found
  found=$(grep -rnE '#include <(iostream|regex|filesystem|random|iomanip)>' include/keel |
    grep -vE '^include/keel/(io/|formats/|model/summary/)')
  [ -z "$found" ] || { echo "$found"; return 1; }
}
check_forbidden_words() {
  local found
  found=$(grep -rnE '\b(dynamic_cast|typeid|std::abort|assert|rand|thread_local)\(|std::(min|max)\(|using namespace std|std::cout|std::cerr' \
    include/keel --include='*.hpp' --include='*.inl' | grep -vE ':\s*//|static_assert')
  [ -z "$found" ] || { echo "$found"; return 1; }
}
check_header_form() { # #pragma once, no long lines, and a report of the long headers
  local header bad=0
  while read -r header; do
    grep -q '^#pragma once' "include/$header" || { echo "include/$header: no #pragma once"; bad=1; }
    [ "$header" = keel/version.hpp ] || grep -q '#include <keel/' "include/$header" ||
      [ "$header" = keel/tensor/abi.hpp ] || grep -q 'keel/tensor/abi.hpp' "include/$header" ||
      { echo "include/$header: includes nothing of keel, so that KEEL_ABI is not defined"; bad=1; }
  done < <(headers)
  find include -type f -exec wc -l {} + | awk '$2 != "total" { lines += $1; files++; if ($1 > 400) long = long " " $2 " (" $1 ")" }
    END { printf "note headers: %d files, %d lines; over 400 lines:%s\n", files, lines, long == "" ? " none" : long }'
  find include/keel/layers -name '*.hpp' -exec wc -l {} + | awk '$2 != "total" && $1 > 200 { long = long " " $2 " (" $1 ")" }
    END { if (long != "") printf "note layer headers over 200 lines:%s\n", long }'
  return $bad
}

# --- The code in the documents.

# Blocks fenced with ```cpp: one with a main is a program; another is the body of a function, with a model, datasets and a
# tensor at hand. A block with indented lines right behind it is run and has to print them; there, `...` stands for
# anything. All blocks of a document are one program, each in a namespace.
check_document() { # FILE.md
  local dir block text number actual expected images=()
  dir=$work/document_$(basename "$1" .md)
  rm -rf "$dir" && mkdir -p "$dir"
  awk -v to="$dir/" '
    /^```cpp$/ { n++; on = 1; next }
    /^```/ { behind = on; on = 0; next }
    on { print > (to n ".txt"); next }
    behind && /^    / { for (; blank > 0; blank--) print "" > (to n ".says"); print substr($0, 5) > (to n ".says"); said = n; next }
    behind && /^$/ { blank += said == n; next }
    { behind = blank = 0 }' "$1"
  [ -f "$dir/1.txt" ] || { echo "$1 has no C++ code"; return 1; }
  {
    printf '#include <%s>\n' keel/keel.hpp cstdio iostream
    cat "$dir"/*.txt | grep '^#include'
    echo 'using namespace keel;'
    for block in "$dir"/*.txt; do
      number=$(basename "$block" .txt)
      text=$(grep -vE '^#include|^using namespace keel;' "$block")
      echo "namespace block_$number {"
      if grep -q 'int main' "$block"; then
        sed 's/^int main()/void block_main()/' <<<"$text"
      elif [ -f "$dir/$number.says" ]; then
        printf 'void block_main() {{\n%s\n}}\n' "$text"
      else
        echo '[[maybe_unused]] void block([[maybe_unused]] Sequential<float>& model, [[maybe_unused]] Dataset<float>& train,'
        printf '[[maybe_unused]] Dataset<float>& test, [[maybe_unused]] Tensor<float>& x) {{\n%s\n}}\n' "$text"
      fi
      echo '}'
    done
    echo 'int main(int, char** argv) try { switch (std::atoi(argv[1])) {'
    for block in "$dir"/*.says; do
      [ ! -f "$block" ] || printf 'case %d: block_%d::block_main();break;\n' "$(basename "$block" .says)" "$(basename "$block" .says)"
    done
    echo '}} catch (const std::exception& error) { std::cout << error.what(); }'
  } >"$dir/program.cpp"
  if grep -q image_folder "$dir/program.cpp"; then
    mapfile -t images < <(sed -n 's/^\(PNG\|JPEG\)_LIBRARY_RELEASE:FILEPATH=\//\//p' "$build/CMakeCache.txt")
  fi
  compile -O0 -Wall -Wextra -include "$work/precompiled_linked/keel.hpp" -DKEEL_COMPILED=linked "$dir/program.cpp" \
    "$build/libkeel_compiled.a" -o "$dir/program" -pthread "${libraries[@]}" "${images[@]}" || return 1
  for block in "$dir"/*.says; do
    [ -f "$block" ] || break
    actual=$(cd "$dir" && ./program "$(basename "$block" .says)" 2>&1 | tr -s ' \n' ' ') # a document may break lines
    expected=$(tr -s ' \n' ' ' <"$block" | sed 's/[][\\*?]/\\&/g; s/\.\.\./*/g')
    # shellcheck disable=SC2053
    [[ $actual == $expected ]] || { printf '%s: block %s prints\n%s\nnot\n%s\n' "$1" "$block" "$actual" "$(cat "$block")"; return 1; }
  done
}
prepare_documents() { # what programs of documents are linked with
  local out=$work/precompiled_linked
  mkdir -p "$out" && echo '#include <keel/keel.hpp>' >"$out/keel.hpp"
  compile -O0 -DKEEL_COMPILED=linked -x c++-header "$out/keel.hpp" -o "$out/keel.hpp.gch" &&
    cmake --build "$build" --target keel_compiled >"$work/keel_compiled.log" 2>&1 && [ -f "$build/libkeel_compiled.a" ]
}
# The messages that troubleshooting.md quotes are keel's: in the table of mistakes, or in the headers.
check_quoted_messages() {
  local part bad=0 texts
  texts=$(cat tests/mistakes/table.inl include/keel/*/*.hpp include/keel/*/*/*.hpp)
  while read -r part; do
    grep -qF -- "$part" <<<"$texts" || { echo "docs/troubleshooting.md quotes what keel does not say: $part"; bad=1; }
  done < <(sed -n 's/^| `\([^`]* [^`]*\)` |.*/\1/p' docs/troubleshooting.md)
  return $bad
}
# Links between the pages lead to files and headings that are there; no line is over 120 characters, no paragraph over 120 words.
check_pages() {
  local page link target anchor bad=0
  for page in *.md docs/*.md; do
    while read -r link; do
      target=${link%%#*} anchor=
      [ "$target" = "$link" ] || anchor=${link#*#}
      case $link in http*) continue ;; esac
      [ -n "$target" ] && target=$(dirname "$page")/$target || target=$page
      [ -e "$target" ] || { echo "$page: a link to $link"; bad=1; continue; }
      [ -z "$anchor" ] || grep '^#' "$target" | sed 's/^#* //' | tr 'A-Z ' 'a-z-' | sed 's/[^a-z0-9_-]//g' | grep -qx "$anchor" ||
        { echo "$page: no heading for $link"; bad=1; }
    done < <(awk '/^```/ { code = !code } !code' "$page" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//')
    LC_ALL=C.UTF-8 grep -nE '^.{121,}$' "$page" | grep -vE '^[0-9]+:(    | *\|)' | sed "s|^|$page: over 120 characters: |" | grep . && bad=1
    awk -v page="$page" '
      function done() { if (words > 120) { print page ":" from ": a paragraph of " words " words"; bad = 1 } words = 0 }
      /^```/ { done(); code = !code; next }
      code || /^(    | *\||#)/ { done(); next }
      /^ *$/ { done(); next }
      /^ *([-*]|[0-9]+\.) / { done() }
      { if (!words) from = NR; words += NF }
      END { done(); exit bad }' "$page" || bad=1
  done
  return $bad
}
# The jobs of from_keras_and_pytorch.md: the page's table has the lines of each that hold more than brackets, and keel needs at
# most 1.5 times as many as Keras.
check_side_by_side() {
  local counted
  counted=$(awk '
    /^## / { on = $0 == "## The same jobs" }
    !on { next }
    /^### / { title[++n] = substr($0, 5); next }
    /^(Keras|PyTorch|keel)[:,]/ { world = $1; sub(/[:,]$/, "", world); next }
    /^```/ { code = !code; next }
    code && !/^#include/ && /[^ ]/ { lines[n, world]++ }
    END {
      for (i = 1; i <= n; i++) {
        keras = lines[i, "Keras"]; torch = lines[i, "PyTorch"]; keel = lines[i, "keel"]
        printf "| %s | %d | %d | %d |\n", title[i], keras, torch, keel
        bad = bad || !keras || !torch || !keel || keel > 1.5 * keras
      }
      exit bad || n < 9
    }' docs/from_keras_and_pytorch.md) || { printf 'fewer than nine jobs, or more than 1.5 times the lines:\n%s\n' "$counted"; return 1; }
  diff <(grep -E '^\| [0-9]+\. .*\|$' docs/from_keras_and_pytorch.md) - <<<"$counted"
}
# Every name that the reference has (docs/Doxyfile says which) is documented, and no comment is wrong in form.
check_reference() {
  if ! command -v doxygen >/dev/null; then echo "note doxygen was not found: the reference is not made"; return 0; fi
  {
    cat docs/Doxyfile
    printf '%s\n' "OUTPUT_DIRECTORY = $work/reference" 'GENERATE_HTML = NO' 'GENERATE_XML = YES' \
      'WARN_AS_ERROR = FAIL_ON_WARNINGS'
  } >"$work/Doxyfile"
  rm -rf "$work/reference" && mkdir -p "$work/reference" && doxygen "$work/Doxyfile" >/dev/null || return 1
  [ -f "$work/reference/xml/classkeel_1_1Conv2D.xml" ] || { echo "the reference has no keel::Conv2D"; return 1; }
}
# CPU time in units of what Eigen/Core takes beside it. The bounds are growth beyond what was reached, with a margin for the
# machine's load (HACKING.md, Compile cost, has what was reached and the targets, 16, 4, 8 and 3), and the size of today, 1,739
# KiB: load_safetensors has all layers in it, of which the recurrent, attending and general ones took 236, the 31 classes
# after them (volumes, merges, TimeDistributed, Resizing, image changes) with thirteen activations 104, adaptive pools,
# grouped queries, AutoContrast, GLU, products of matrices and the choices of ONNX 68, and Conv3DTranspose, ConvLSTM in
# three ranks and EinsumDense 48.
check_compile_cost() {
  [ -f README.md ] || return 1
  awk '/^```cpp$/ { on = 1; next } /^```/ && on { exit } on' README.md >"$work/readme.cpp"
  cp "$here/predict.cpp" "$work/predict.cpp"
  local name how bound seconds size unit bad=0
  while read -r name how bound; do
    unit=$(echo '#include <Eigen/Core>' | cpu_seconds compile -O2 -fsyntax-only -x c++ -) || return 1
    # with warnings, some of which only the optimizer finds
    # shellcheck disable=SC2086
    seconds=$(cpu_seconds compile -O2 "${warnings[@]}" -Werror ${how#headers} -c "$work/$name.cpp" -o "$work/$name$how.o") || return 1
    echo "note $name.cpp, ${how/-DKEEL_COMPILED*/keel::compiled}: $seconds s of CPU time to compile at -O2, Eigen/Core $unit s"
    awk -v s="$seconds" -v unit="$unit" -v bound="$bound" 'BEGIN { exit !(s < bound * unit) }' ||
      { echo "more than $bound times Eigen/Core"; bad=1; }
  done <<'BOUNDS'
readme headers 60
readme -DKEEL_COMPILED=linked 10
predict headers 45
predict -DKEEL_COMPILED=linked 6
BOUNDS
  compile -O2 "$work/readmeheaders.o" -o "$work/readme_program" -pthread "${libraries[@]}" || return 1
  strip -o "$work/readme_stripped" "$work/readme_program" && size=$(wc -c <"$work/readme_stripped")
  echo "note README program: $((size / 1024)) KiB stripped"
  [ "$size" -lt 1802240 ] && [ $bad -eq 0 ]
}

# --- Running them: one check a line, two at a time (or as many as there are cores).

for flag in "${flags[@]}"; do
  case $flag in
    -DKEEL_HAS_ZLIB*) libraries+=(-lz) ;;
  esac
done

if [ "${1:-}" = --one ]; then
  shift
  log=$("check_$1" "${@:2}" 2>&1)
  if [ $? -eq 0 ]; then
    printf '%s\n' "$(grep '^note ' <<<"$log")" "ok $*" | sed '/^$/d'
  else
    printf 'not ok %s\n%s\n' "$*" "$(tail -n 40 <<<"$log")"
    exit 1
  fi
  exit
fi

checks=(compile_cost find_package pkg_config cpack bundle meson vcpkg_port versions without_eigen eigen_alone add_subdirectory fetch_content bare macros umbrella
  must_not_compile compile_mistakes headers_together refused_flags mixed_flags fast_math folder_direction heavy_includes forbidden_words header_form
  quoted_messages pages side_by_side reference)
header_checks() { while read -r header; do checks+=("header $cxx $header"); done; }
precompile "$cxx" keel || echo "not ok precompile keel.hpp"
if [ "${1:-}" = all_headers ]; then
  checks=()
  precompile "$cxx" tensor/abi || echo "not ok precompile tensor/abi.hpp"
  header_checks < <(headers)
elif [ $# -gt 0 ]; then
  checks=("$@")
else
  while read -r document; do checks+=("document $document"); done < <(grep -l '^```cpp$' README.md docs/*.md)
  precompile "$cxx" tensor/abi || echo "not ok precompile tensor/abi.hpp"
  header_checks < <(headers_of_today)
fi
if [[ " ${checks[*]} " == *" document "* ]]; then prepare_documents || echo "not ok prepare_documents"; fi
printf '%s\n' "${checks[@]}" | xargs -P "$(nproc 2>/dev/null || echo 2)" -I{} sh -c 'exec bash "$0" "$1" --one {}' "$0" "$build"
status=$?
[ $status -eq 0 ]
