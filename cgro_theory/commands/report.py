"""``cgro report``: one self-contained HTML page from a folder of results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cgro_theory
from cgro_theory.atomic_file import atomic_write, require_writable
from cgro_theory.claims import ExitCode
from cgro_theory.commands.paper_map import reverified_quick
from cgro_theory.errors import InvalidFile
from cgro_theory.report.html import SIZE_LIMIT, render_report
from cgro_theory.report.html_claims import ReportSection
from cgro_theory.report.html_sources import read_sources
from cgro_theory.theorems.catalogue import cards_among, rooms_among

LIMITS = Path(cgro_theory.__file__).parent.parent / "docs" / "limits.md"
"""The one home of the text on limits and negative results."""
NOTATION = LIMITS.parent / "theory" / "README.md"
"""The page with the table of notation."""


def run_report(results: Path = Path("results"), out: Path = Path("report.html")) -> ExitCode:
    """Write the page about the results in the folder ``results`` to ``out``, whole or not at all.

    Returns 0 once the page is written, whatever the verdicts on it. Raises :class:`InvalidFile` for a missing
    folder, a malformed result, an unwritable ``out``, or a page that would exceed its size limit.
    """
    require_writable(out)
    sources = read_sources(results)
    judged = [document["theorem"] for _, document in sources.documents]
    cards, sections = cards_among(judged), report_sections(judged)
    try:
        texts = (_text(LIMITS), cards, reverified_quick(), _text(NOTATION))
        page = render_report(sources, sections, *texts).encode()
    except ValueError as error:
        if isinstance(error, InvalidFile):
            raise
        raise InvalidFile(results, str(error)) from error
    if len(page) >= SIZE_LIMIT:
        raise InvalidFile(out, f"the page would have {len(page):,} bytes; {SIZE_LIMIT:,} are the limit")
    with atomic_write(out) as stream:
        stream.write(page)
    shown = len(sources.documents)
    print(f"{out}: {len(page) / 1e6:.1f} MB from {shown} result file{'' if shown == 1 else 's'} in {results}")
    return ExitCode.PASSED


def _text(path: Path) -> str:
    """A page of the repository's docs; empty in an installation without them."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def report_sections(judged: Iterable[str] = ()) -> list[ReportSection]:
    """The rooms of this package, and those of plug-ins that are ``judged``, with their claims; needs no torch."""
    return [
        ReportSection(
            entry.label, entry.title, entry.claims, {checked.label: checked.needs for checked in entry.checked}
        )
        for entry in rooms_among(judged)
    ]
