#!/usr/bin/env bash
# Follows docs/installing.md in a fresh Debian, command by command, as a new user would; each section in a folder of its own.
# Needs root and debootstrap. Prints `ok SECTION` or `not ok SECTION`; all output is in build/newcomer/log.
#   tests/packaging/newcomer.sh [SECTION...]   parts of the sections' names; by default all
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
source=$PWD work=$PWD/build/newcomer root=$PWD/build/newcomer/debian
mkdir -p "$work"
if [ ! -f "$work/debian.tar" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase bookworm "$root" >"$work/debootstrap.log" 2>&1 || { tail "$work/debootstrap.log"; exit 1; }
  tar -C "$root" -cf "$work/debian.tar" .
fi
rm -rf "$root" && mkdir -p "$root" && tar -C "$root" -xf "$work/debian.tar"
cp /etc/apt/sources.list /etc/resolv.conf "$work" 2>/dev/null
[ ! -f /etc/apt/sources.list ] || cp /etc/apt/sources.list "$root/etc/apt/"
[ ! -d /etc/apt/sources.list.d ] || cp -r /etc/apt/sources.list.d "$root/etc/apt/"
[ ! -d /etc/apt/apt.conf.d ] || cp -r /etc/apt/apt.conf.d "$root/etc/apt/"
cp /etc/resolv.conf "$root/etc/" 2>/dev/null
mkdir -p "$root/keel" "$root/proc" && git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -C "$root/keel" -xf -
mount -t proc proc "$root/proc" 2>/dev/null && trap 'umount "$root/proc"' EXIT

# The page as one script a section: a block behind "`FILE`:" is a file, a ```sh block is run.
rm -rf "$root/sections" && mkdir -p "$root/sections"
awk -v to="$root/sections/" '
  BEGIN { name = sprintf("%s%02d", to, n); print "set -ex" > name }
  /^## / { name = sprintf("%s%02d", to, ++n); print "# " substr($0, 4) > name; print "set -ex" > name; next }
  /^```$/ { if (on == "file") print "KEEL_END" > name; on = ""; next }
  /^```sh$/ { on = "sh"; next }
  /^```/ { if (file == "app.cpp") file = "/app.cpp"; if (file != "") { print "cat >" file " <<\"KEEL_END\"" > name; on = "file" } else on = "skip"; file = ""; next }
  on == "sh" || on == "file" { print > name; next }
  { file = ""; if (match($0, /`[^`]+`:$/)) file = substr($0, RSTART + 1, RLENGTH - 3) }
  /^$/ && last != "" { file = last } { last = file }' docs/installing.md
status=0
: >"$work/log"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
inside apt-get update >>"$work/log" 2>&1
for section in "$root"/sections/*; do
  title=$(sed -n '1s/^# //p' "$section") number=$(basename "$section")
  [ "$(grep -vc '^\(#\|set -ex\)' "$section")" -gt 0 ] || continue
  if [ "$number" != 00 ] && [ $# -gt 0 ]; then
    for wanted in "$@"; do [[ $title == *"$wanted"* ]] && break; done
    [[ $title == *"$wanted"* ]] || continue
  fi
  if inside sh -c "mkdir -p /work/$number && cd /work/$number && cp -r /keel . && { cp /app.cpp . || true; } && sh /sections/$number" \
    >"$work/section.log" 2>&1 && { [ "$number" = 00 ] || grep -qx '216778 parameters' "$work/section.log"; }; then
    echo "ok ${title:-what is needed}"
  else
    echo "not ok ${title:-what is needed}"
    tail -n 15 "$work/section.log"
    status=1
  fi
  cat "$work/section.log" >>"$work/log"
done
exit $status
