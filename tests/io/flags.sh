# Sourced by the shell checks in this folder, from the repository's root with $build set: `compile SOURCE -o PROGRAM` builds a program
# with the include folders, macros and libraries of the test build, or Debian's where there is none; `compile_linked` takes
# keel's code from the test build's keel::compiled too, where that was built.
flags=(-I include)
if [ -f "${build:-}/keel_flags.txt" ]; then
  while read -r line; do
    case $line in
      -D?*) flags+=("$line") ;;
      /usr/include | "" | -D | "$PWD"/*) ;;
      *) flags+=(-isystem "$line") ;;
    esac
  done <"$build/keel_flags.txt"
else
  flags+=(-isystem /usr/include/eigen3)
fi
compile() { "${CXX:-c++}" -std=c++20 -O1 "${flags[@]}" "$@" -lz -pthread; }
compile_linked() {
  if [ -f "${build:-}/libkeel_compiled.a" ]; then compile -DKEEL_COMPILED=linked "$@" "$build/libkeel_compiled.a"; else compile "$@"; fi
}

built=
build_once() { # SOURCE PROGRAM: at the first call only, so that nothing is built where there is nobody to exchange with
  [ -n "$built" ] || compile_linked "$1" -o "$2" || { echo "not ok ${1##*/} compiles"; exit 1; }
  built=yes
}
