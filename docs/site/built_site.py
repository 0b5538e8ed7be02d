"""Follows every link of a built site, and finds what a page would load from elsewhere. Needs Python alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

REMOTE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)
STYLE_LOAD = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


class Page(HTMLParser):
    """The anchors of a page, the links that a reader may follow, and what the browser loads by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = STYLE_LOAD.findall(text)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element's anchors and references."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and "href" in given and given.get("rel") not in ("canonical", "author"):
            self.loads.append(given["href"])
        self.loads += [given[name] for name in ("src", "data", "poster") if given.get(name)]
        self.loads += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]


@cache
def read(path: Path) -> Page:
    """The page in this file."""
    return Page(path.read_text(encoding="utf-8"))


def faults(site: Path) -> list[str]:
    """One line per broken link, broken anchor, and reference that needs a network.

    >>> faults(Path("no such folder"))
    []
    """
    read.cache_clear()
    found = [
        f"{path.relative_to(site)}: {line}" for path in sorted(site.rglob("*.html")) for line in page_faults(path)
    ]
    for path in sorted(site.rglob("*.css")):
        remote = STYLE_LOAD.findall(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)}: loads {address}" for address in remote]
    return found


def page_faults(path: Path) -> Iterator[str]:
    """What is wrong with one page."""
    page = read(path)
    for address in page.loads:
        if REMOTE.match(address):
            yield f"loads {address}"
        elif not address.startswith(("data:", "#")) and not target(path, address).is_file():
            yield f"loads {address}, which is not there"
    for address in page.links:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        goal = target(path, address)
        if not goal.is_file():
            yield f"links to {address}, which is not there"
        elif parts.fragment and goal.suffix == ".html" and unquote(parts.fragment) not in read(goal).anchors:
            yield f"links to {address}, an anchor which is not there"


def target(path: Path, address: str) -> Path:
    """The file that an address on a page leads to."""
    relative = unquote(urlsplit(address).path)
    return (path.parent / relative).resolve() if relative else path
