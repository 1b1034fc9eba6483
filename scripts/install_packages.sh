# Sourced by examples/run.sh, tests/run.sh: `install_packages PACKAGE...` installs those Debian packages that
# are missing, when apt and the right to use it are there. Elsewhere it does nothing: the build then names
# what it lacks.

build_packages="g++ cmake ninja-build libeigen3-dev zlib1g-dev"

install_packages() {
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || return 0
  local package missing=() as_root=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || {
      echo "not installed, and installing needs root: ${missing[*]}" >&2
      return 0
    }
    as_root=(sudo -n)
  fi
  echo "installing ${missing[*]}" >&2
  local log
  log=$(mktemp)
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0)
  # One at a time if together fails, so that a package this release does not know keeps back only itself.
  { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null ||
    for package in "${missing[@]}"; do
      "${apt[@]}" install --no-install-recommends "$package" >>"$log" 2>&1 </dev/null || {
        echo "could not install $package:" >&2
        grep '^E:' "$log" | tail -n 2 >&2
      }
    done
  rm -f "$log"
}

# Makes CMake use ninja where it is there, in everything that is started from here.
prefer_ninja() { ! command -v ninja >/dev/null || export CMAKE_GENERATOR=Ninja; }

# Ends the script where a tool that nothing can replace is missing.
need_tools() {
  local tool
  for tool in cmake "${CXX:-c++}"; do
    command -v "$tool" >/dev/null || {
      echo "$tool was not found: install a C++20 compiler, CMake 3.20 or newer and Eigen 3.4 or newer" >&2
      exit 1
    }
  done
}
