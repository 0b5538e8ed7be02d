"""What a report is made of: the result files and the figures of one folder, read strictly or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import read_whole
from cgro_theory.errors import InvalidFile
from cgro_theory.report.html_documents import read_document
from cgro_theory.report.html_figures import ReportFigure, read_figures


@dataclass(frozen=True)
class ReportSources:
    """Everything of a results folder that the page shows: (file name, document) pairs, figures, the rest."""

    folder: str
    documents: tuple[tuple[str, Mapping[str, Any]], ...]
    figures: tuple[ReportFigure, ...]
    unused: tuple[str, ...] = ()


def read_sources(folder: Path) -> ReportSources:
    """The results of a folder with its figures, drawn; see :func:`read_results`."""
    results, captions = _read(folder)
    return replace(results, figures=read_figures(folder, captions))


def read_results(folder: Path) -> ReportSources:
    """The results of a folder that ``cgro verify --out`` wrote, without its figures.

    JSON files are results, numbers of figures, or documents of other commands (named on the page as not shown).
    Raises :class:`InvalidFile` when the folder is missing or holds no result, and for the first file that is
    malformed, of another schema, or whose verdicts do not follow from its own numbers.
    """
    return _read(folder)[0]


def _read(folder: Path) -> tuple[ReportSources, dict[str, Mapping[str, Any]]]:
    """The results, and the numbers of the figures by name."""
    if not os.path.isdir(folder):
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
    return ReportSources(str(folder), tuple(documents), (), tuple(unused)), captions


def _read_json(path: Path) -> dict[str, Any]:
    text = read_whole(path)
    try:
        content = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidFile(path, f"not valid JSON (truncated?): {error}") from error
    if not isinstance(content, dict):
        raise InvalidFile(path, "must hold a JSON object")
    return content
