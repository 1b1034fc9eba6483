#!/usr/bin/env bash
# Looks at the page that the example `report` writes: with Python's parser of XML, and in headless Chromium, where they are.
#   tests/examples/report.sh BUILD [PICTURE]    PICTURE: where the browser's picture of the page goes, such as docs/report.png
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=$(cd "$1" && pwd) || exit 2
picture=$(realpath -m "${2:-$build/report.png}")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$build/examples/report" --samples 4000 --epochs 4 --threads 1 --out "$work/report.html" >"$work/log" || exit 1

if command -v python3 >/dev/null; then
  python3 - "$work/report.html" <<'END' || { echo "not ok report is well-formed"; exit 1; }
import sys, xml.dom.minidom
page = xml.dom.minidom.parse(sys.argv[1])
count = lambda tag: len(page.getElementsByTagName(tag))
assert count("svg") == 2 and count("figure") == 24 and count("img") == 24 + 16, [count(t) for t in ("svg", "figure", "img")]
assert not [i for i in page.getElementsByTagName("img") if not i.getAttribute("src").startswith("data:image/png;base64,")]
END
else
  echo "note report: python3 is not installed"
fi

browser=$(command -v chromium) || { echo "note report: chromium is not installed"; exit 0; }
open() { timeout 120 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" "$@" 2>"$work/log"; }
# The browser itself says how many pictures it could read.
sed 's|</body>|<script>addEventListener("load", () => { document.title = "read " + [...document.images].filter(i => i.naturalWidth > 0).length + ", drawn " + [...document.querySelectorAll("svg path.curve")].filter(p => p.getBBox().width > 0).length; });</script></body>|' \
  "$work/report.html" >"$work/counted.html"
open --dump-dom "file://$work/counted.html" >"$work/dom.html"
grep -q '<title>read 40, drawn 8</title>' "$work/dom.html" || { echo "not ok report in a browser"; grep -o '<title>.*</title>' "$work/dom.html" | head -n 1; exit 1; }
open --window-size=1180,1700 --screenshot="$picture" "file://$work/report.html" && [ -s "$picture" ]
