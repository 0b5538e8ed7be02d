"""The figures of a results folder, for a page: drawn anew from their numbers, or the picture that stands there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import read_whole
from cgro_theory.report.figure_numbers import figure_from_json
from cgro_theory.report.figures import KeyEntry, legend, panel_svgs
from cgro_theory.report.html_documents import LABEL

FIGURE_BUDGET = 2_900_000
"""Bytes of pictures in one page at most; a third more once encoded, so that the page stays under 5 MB."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""Pictures with other names are none of ours, and a name becomes an address within the page."""

_PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class ReportFigure:
    """One figure: where it belongs is its name; ``claims`` are the labels it was drawn for, if it says so.

    ``pictures`` are a panel's title and a ``data:`` address each, none when the page had no room for them. They
    are ``drawn`` where the numbers were at hand: one per panel, to which ``key`` is the legend.
    """

    name: str
    title: str
    caption: str
    claims: tuple[str, ...]
    pictures: tuple[tuple[str, str], ...]
    key: tuple[KeyEntry, ...] = ()
    drawn: bool = False


def read_figures(folder: Path, captions: Mapping[str, Mapping[str, Any]]) -> tuple[ReportFigure, ...]:
    """The figures of the folder, in the order of their names; ``captions`` are their numbers and words, by name.

    A figure has a picture, PNG before SVG; where its numbers can be drawn, they are shown in its place. What does
    not fit on the page stays out, the last ones first.
    """
    files: dict[str, Path] = {}
    for suffix in _PICTURES:
        for path in sorted(folder.glob(f"*{suffix}")):
            if _NAME.fullmatch(path.stem):
                files.setdefault(path.stem, path)
    left = FIGURE_BUDGET
    figures = []
    for name, path in sorted(files.items()):
        about = captions.get(name, {})
        pictures, key = _drawn(json.dumps(about, sort_keys=True)) if about else ((), ())
        drawn = bool(pictures)
        if not drawn:
            pictures = (("", _address(_PICTURES[path.suffix], read_whole(path))),)
        size = sum(len(address) for _, address in pictures) * 3 // 4
        shown = pictures if size <= left else ()
        left -= size if shown else 0
        title = str(about.get("title") or name.replace("_", " "))
        labels = tuple(label for label in _texts(about.get("claims", ())) if LABEL.fullmatch(label))
        figures.append(ReportFigure(name, title, str(about.get("caption", "")), labels, shown, key, drawn))
    return tuple(figures)


@lru_cache(256)
def _drawn(content: str) -> tuple[tuple[tuple[str, str], ...], tuple[KeyEntry, ...]]:
    """Each panel's title and picture, and the legend; nothing where the numbers are none of a figure's."""
    try:
        figure = figure_from_json(json.loads(content))
        pictures = tuple(_address("image/svg+xml", text.encode()) for text in panel_svgs(figure))
    except Exception:  # of any kind: the file may hold anything, and the picture beside it is shown instead
        return (), ()
    titles = (panel.title for panel in figure.panels)
    return tuple(zip(titles, pictures, strict=True)), legend(figure)


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _texts(values: Any) -> Iterable[str]:
    return (value for value in values if isinstance(value, str)) if isinstance(values, (list, tuple)) else ()
