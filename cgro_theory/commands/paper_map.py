"""``cgro paper-map``: write ``paper_map.md`` and the README's verdict tables from the recorded results."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import atomic_write
from cgro_theory.claims import ExitCode, load_result
from cgro_theory.errors import InvalidFile
from cgro_theory.report.paper_map import MapSection, render_paper_map
from cgro_theory.report.text import verdict_markdown
from cgro_theory.theorems.catalogue import ROOMS

RECORDED = Path("verification") / "recorded"


def run_paper_map(root: Path, check: bool) -> ExitCode:
    """Regenerate the map and the README's tables under ``root``; with ``check`` only compare.

    Returns 1 when ``check`` finds a stale file. Raises :class:`InvalidFile` when a recorded result is unusable.
    """
    stale = []
    for path, text in generated_files(root).items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        if check:
            stale.append(path)
            continue
        with atomic_write(path) as stream:
            stream.write(text.encode())
    for path in stale:
        print(f"{path} is stale: run `cgro paper-map`")
    return ExitCode.REFUTED if stale else ExitCode.PASSED


def generated_files(root: Path) -> dict[Path, str]:
    """What ``paper_map.md`` and ``README.md`` should contain."""
    documents = recorded_documents(root)
    readme = root / "README.md"
    if not readme.exists():
        raise InvalidFile(readme, "not found: run this in the repository's folder")
    text = readme.read_text(encoding="utf-8")
    for document in documents:
        text = _replace_block(readme, text, document)
    return {root / "paper_map.md": render_paper_map(map_sections(), documents), readme: text}


def recorded_documents(root: Path) -> list[dict[str, Any]]:
    """The recorded result of each room that has one, in the catalogue's order."""
    paths = [root / RECORDED / f"{entry.label}.json" for entry in ROOMS]
    return [load_result(path) for path in paths if path.exists()]


def map_sections() -> list[MapSection]:
    """One section per room of the catalogue."""
    sections = []
    for entry in ROOMS:
        sections.append(
            MapSection(
                label=entry.label,
                title=entry.title,
                folder=entry.package.replace(".", "/"),
                claims=entry.claims,
                checks={each.label: getattr(each.check, "__name__", "check") for each in entry.checked},
                faults={each.label: [control.name for control in each.controls] for each in entry.checked},
                constants=[(c.name, c.value, c.reason) for c in entry.content.CONSTANTS],
            )
        )
    return sections


def _replace_block(readme: Path, text: str, document: dict[str, Any]) -> str:
    label = document["theorem"]
    start, end = f"<!-- verdicts {label} -->", f"<!-- end verdicts {label} -->"
    if start not in text:
        return text
    if end not in text:
        raise InvalidFile(readme, f"lacks the line {end}")
    environment = document["environment"]
    caption = (
        f"Profile {document['profile']}, seed {document['seed']}, {document['seconds']:.0f} s on "
        f"{environment['device']}, torch {environment['torch']}, Python {environment['python']}."
    )
    body = f"{start}\n\n{verdict_markdown(document)}\n{caption}\n\n{end}"
    return re.sub(re.escape(start) + ".*?" + re.escape(end), lambda match: body, text, flags=re.DOTALL)
