#!/usr/bin/env bash
# Prints keel as one header: what keel.hpp and io/load.hpp include, in order, comments and all.
#   scripts/bundle.sh >keel.hpp
#   scripts/bundle.sh keel/keel.hpp keel/training/losses/focal.hpp >keel.hpp   # other headers instead
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- keel/keel.hpp keel/io/load.hpp

version=$(sed -n 's/^#define KEEL_VERSION_[A-Z]* *//p' include/keel/version.hpp | paste -sd.)
printf '// keel %s, in one header. Needs Eigen 3.4 or newer and C++20. Made by scripts/bundle.sh; do not edit.\n' "$version"
sed 's/^/\/\/ /; s/ *$//' LICENSE
echo '#pragma once'

# A header stands once, behind the first #include of it; where that is under an #if, under a guard, and again at the
# next. Sources of kernels (.inl) stand at each of their #includes. KEEL_SIMD_SOURCE is what `source` holds.
printf '%s\n' "$@" | awk '
function guard(name) { gsub(/[^A-Za-z0-9]/, "_", name); return "KEEL_BUNDLED_" name }
function file(name, conditional,    line, path, depth, target, header, status) {
  header = name ~ /\.hpp$/
  if (header && name in done) return
  if (header && !conditional) done[name] = 1
  if (header) printf "\n#ifndef %s\n#define %s\n", guard(name), guard(name)
  path = "include/" name
  while ((status = (getline line < path)) > 0) {
    if (line ~ /^#pragma once/) continue
    if (line ~ /^ *# *if/) depth++
    if (line ~ /^ *# *endif/) depth--
    if (line ~ /^#define KEEL_SIMD_SOURCE </) {
      source = line; sub(/.*</, "", source); sub(/>.*/, "", source)
      print "#define KEEL_SIMD_SOURCE"
    } else if (line ~ /^ *#include KEEL_SIMD_SOURCE/) {
      file(source, 1)
    } else if (line ~ /^ *#include <keel\//) {
      target = line; sub(/.*</, "", target); sub(/>.*/, "", target)
      file(target, conditional || depth > 0)
    } else print line
  }
  if (status < 0) { print "scripts/bundle.sh: cannot read " path > "/dev/stderr"; exit failed = 1 }
  close(path)
  if (header) print "#endif"
}
{ file($0, 0) }
END { exit failed }'
