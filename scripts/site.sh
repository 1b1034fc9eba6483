#!/usr/bin/env bash
# The documents and the reference as a site without scripts of its own, made by Debian's lowdown and doxygen, its links
# checked. Installs both where it may.
#   scripts/site.sh [FOLDER]    build/site by default; begin with index.html
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/install_packages.sh
install_packages lowdown doxygen python3
site=${1:-build/site}
rm -rf "$site"
mkdir -p "$site/docs"

page() { # FILE.md FILE.html UP: UP leads from the page to the site's first one
  {
    printf '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n<title>%s</title>\n' \
      "$(sed -n 's/^# //p;' "$1" | head -n 1), keel"
    printf '<meta name="viewport" content="width=device-width,initial-scale=1">\n<link rel="stylesheet" href="%s">\n</head><body>\n' "$3style.css"
    printf '<nav><a href="%s">keel</a> <a href="%s">documents</a> <a href="%s">reference</a> <a href="%s">changes</a></nav>\n' \
      "$3index.html" "$3docs/index.html" "$3reference/annotated.html" "$3CHANGELOG.html"
    # Headings get the names that code hosts give them; links between pages lead to their .html.
    lowdown -Thtml --html-no-head-ids --parse-no-intraemph --parse-no-super "$1" | awk '
      /^<h[1-6]>/ {
        id = tolower($0)
        gsub(/<[^>]*>|&[a-z#0-9]+;/, "", id)
        gsub(/[^a-z0-9_ -]/, "", id)
        gsub(/ /, "-", id)
        sub(/^<h[1-6]/, "& id=\"" id "\"")
      }
      { print }'
    printf '</body></html>\n'
  } | sed -E 's|href="([^":]*)README\.md|href="\1index.html|g; s|href="([^":#]*)\.md([#"])|href="\1.html\2|g' >"$site/$2"
}
for file in CHANGELOG CONTRIBUTING HACKING THIRD_PARTY; do page $file.md $file.html ""; done
page README.md index.html ""
for file in docs/*.md; do
  name=${file%.md}
  [ "$name" != docs/README ] || name=docs/index
  page "$file" "$name.html" ../
done
cp LICENSE "$site"
cp docs/*.png "$site/docs"
cat >"$site/style.css" <<'CSS'
body { max-width: 60rem; margin: 0 auto; padding: 0 1rem 4rem; font: 16px/1.5 sans-serif; color: #1b2733; }
nav { padding: .8rem 0; border-bottom: 1px solid #d5dde5; } nav a { margin-right: 1.2rem; }
a { color: #0b6394; } h1, h2, h3 { line-height: 1.2; } h2 { margin-top: 2.2rem; }
pre { overflow-x: auto; padding: .7rem 1rem; background: #f3f6f9; font-size: 14px; line-height: 1.35; }
code { font-family: monospace; background: #f3f6f9; } img { max-width: 100%; }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 15px; }
th, td { padding: .3rem .7rem; border: 1px solid #d5dde5; text-align: left; vertical-align: top; } th { background: #eef2f6; }
CSS
{
  cat docs/Doxyfile
  printf '%s\n' "OUTPUT_DIRECTORY = $site" 'WARN_AS_ERROR = FAIL_ON_WARNINGS'
} >"$site/Doxyfile"
doxygen "$site/Doxyfile" >/dev/null
rm "$site/Doxyfile"
# Where all nested classes are private, doxygen links to a list that it does not write.
for file in $(grep -l 'href="#nested-classes"' "$site"/reference/*.html); do
  grep -q 'name="nested-classes"' "$file" || sed -i 's|<a href="#nested-classes">[^<]*</a>\( &#124;\)\?||' "$file"
done
python3 scripts/check_links.py "$site"
