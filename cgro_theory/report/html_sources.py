"""What a report is made of: the result files and the figures of one folder, read strictly or not at all."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from cgro_theory.errors import InvalidFile
from cgro_theory.report.html_documents import LABEL, read_document

FIGURE_BUDGET = 3_400_000
"""Bytes of pictures in one page at most; a third more once encoded, so that the page stays under 5 MB."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""Pictures with other names are none of ours, and a name becomes an address within the page."""

_PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class ReportFigure:
    """One picture: where it belongs is its name; ``claims`` are the labels it was drawn for, if it says so.

    ``address`` is a ``data:`` address, or empty when the page had no room for the picture.
    """

    name: str
    title: str
    caption: str
    claims: tuple[str, ...]
    address: str


@dataclass(frozen=True)
class ReportSources:
    """Everything of a results folder that the page shows: (file name, document) pairs, figures, the rest."""

    folder: str
    documents: tuple[tuple[str, Mapping[str, Any]], ...]
    figures: tuple[ReportFigure, ...]
    unused: tuple[str, ...] = ()


def read_sources(folder: Path) -> ReportSources:
    """Read a folder that ``cgro verify --out`` wrote.

    JSON files are results, numbers of figures, or documents of other commands (named on the page as not shown).
    Raises :class:`InvalidFile` when the folder is missing or holds no result, and for the first file that is
    malformed, of another schema, or whose verdicts do not follow from its own numbers.
    """
    if not folder.is_dir():
        raise InvalidFile(folder, "no such folder of results; make one with `cgro verify all --out results`")
    documents: list[tuple[str, Mapping[str, Any]]] = []
    captions: dict[str, Mapping[str, Any]] = {}
    unused: list[str] = []
    for path in sorted(folder.glob("*.json")):
        content = _read_json(path)
        schema = content.get("schema")
        if schema is None and {"name", "title", "panels"} <= content.keys():
            captions[path.stem] = content
        elif isinstance(schema, str) and schema.startswith("cgro-") and not schema.startswith("cgro-result/"):
            unused.append(path.name)
        else:
            documents.append((path.name, read_document(path)))
    if not documents:
        raise InvalidFile(folder, "holds no result; make some with `cgro verify all --out results`")
    return ReportSources(str(folder), tuple(documents), _read_figures(folder, captions), tuple(unused))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidFile(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidFile(path, f"not valid JSON (truncated?): {error}") from error
    if not isinstance(content, dict):
        raise InvalidFile(path, "must hold a JSON object")
    return content


def _read_figures(folder: Path, captions: Mapping[str, Mapping[str, Any]]) -> tuple[ReportFigure, ...]:
    """The pictures of the folder, PNG before SVG.

    When the page would get too large, PNGs get a palette; what still does not fit stays out, the last ones first.
    """
    pictures: dict[str, Path] = {}
    for suffix in _PICTURES:
        for path in sorted(folder.glob(f"*{suffix}")):
            if _NAME.fullmatch(path.stem):
                pictures.setdefault(path.stem, path)
    contents = {name: _read_picture(path) for name, path in sorted(pictures.items())}
    if sum(map(len, contents.values())) > FIGURE_BUDGET:
        contents = {name: _with_fewer_colours(content) for name, content in contents.items()}
    left = FIGURE_BUDGET
    figures = []
    for name, content in contents.items():
        address = ""
        if len(content) <= left:
            left -= len(content)
            kind = _PICTURES[pictures[name].suffix]
            address = f"data:{kind};base64,{base64.b64encode(content).decode()}"
        about = captions.get(name, {})
        title = about.get("title") or name.replace("_", " ")
        labels = tuple(label for label in _texts(about.get("claims", ())) if LABEL.fullmatch(label))
        figures.append(ReportFigure(name, str(title), str(about.get("caption", "")), labels, address))
    return tuple(figures)


def _read_picture(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidFile(path, f"cannot be read: {error.strerror}") from error


def _with_fewer_colours(content: bytes) -> bytes:
    """The same PNG with a palette of 256 colours where that is smaller; anything else unchanged."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    except (OSError, ValueError, Image.DecompressionBombError):
        return content
    buffer = io.BytesIO()
    # Without dithering, which would speckle the areas of one colour that figures are made of.
    reduced = flat.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    reduced.save(buffer, format="PNG", optimize=True)
    return min(content, buffer.getvalue(), key=len)


def _texts(values: Any) -> Iterable[str]:
    return (value for value in values if isinstance(value, str)) if isinstance(values, (list, tuple)) else ()
