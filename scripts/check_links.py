#!/usr/bin/env python3
"""Checks a site's links to itself: each leads to a file, and to an anchor that is in it.

    scripts/check_links.py FOLDER
"""
import pathlib
import sys
import urllib.parse
from html.parser import HTMLParser


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append(value)


site = pathlib.Path(sys.argv[1])
pages = {path.resolve(): Page(path) for path in sorted(site.rglob("*.html"))}
checked, broken = 0, []
for path, page in pages.items():
    for link in page.links:
        parts = urllib.parse.urlsplit(link)
        if parts.scheme or parts.netloc:
            continue  # elsewhere
        target = (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
        checked += 1
        if not target.exists():
            broken.append(f"{path.relative_to(site.resolve())}: no file for {link}")
        elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].anchors:
            broken.append(f"{path.relative_to(site.resolve())}: no anchor for {link}")
print("\n".join(broken + [f"{len(pages)} pages, {checked} links, {len(broken)} broken"]))
sys.exit(bool(broken))
