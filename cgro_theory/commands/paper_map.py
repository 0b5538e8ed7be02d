"""``cgro paper-map``: write the map, the verdict tables and the README's claim from the recorded results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cgro_theory
from cgro_theory.atomic_file import atomic_write
from cgro_theory.claims import ExitCode, load_result
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.report import artifact, reverification
from cgro_theory.report.claim_block import claim_markdown
from cgro_theory.report.paper_map import MapSection, render_paper_map
from cgro_theory.report.text import verdict_markdown
from cgro_theory.theorems.catalogue import ROOMS, claim, room, room_of_claim
from cgro_theory.theorems.room import Room

RECORDED = Path("verification") / "recorded"
REVERIFIED = Path("verification") / "reverified"
"""Summaries that ``cgro reverify`` wrote."""
MEASURED = Path("benchmarks") / "recorded" / "artifact.json"
"""What ``benchmarks/artifact.py`` measured."""
PAGES = ("README.md", "docs/results.md", "docs/limits.md", "docs/reverification.md", "docs/artifact.md")
"""The pages with generated blocks: one claim, verdict tables, what re-verifications found, claims' commands."""
START = r"<!-- (verdicts|claim|reverified|reverification|artifact) ([\w.]+) -->"


def run_paper_map(root: Path, check: bool, plugin: str = "") -> ExitCode:
    """Regenerate what :func:`generated_files` lists under ``root``; with ``check`` only compare.

    This package's own files are the same whatever else is installed. With the label of a ``plugin``, ``root`` is
    the folder of that one's repository, and its ``paper_map.md`` is made from its own recorded result.

    Returns 1 when ``check`` finds a stale file. Raises :class:`InvalidFile` when a recorded result is unusable.
    """
    stale = []
    for path, text in (plugin_map(root, plugin) if plugin else generated_files(root)).items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        if check:
            stale.append(path)
            continue
        with atomic_write(path) as stream:
            stream.write(text.encode())
    again = f" --plugin {plugin}" if plugin else ""
    for path in stale:
        print(f"{path} is stale: run `cgro paper-map{again}`")
    return ExitCode.REFUTED if stale else ExitCode.PASSED


def generated_files(root: Path) -> dict[Path, str]:
    """What ``paper_map.md`` and the pages with generated blocks should contain."""
    documents, found = recorded_documents(root), reverifications(root)
    files = {root / "paper_map.md": render_paper_map(map_sections(), documents)}
    for name in PAGES:
        page = root / name
        if not page.exists():
            raise InvalidFile(page, "not found: run this in the repository's folder")
        files[page] = _with_blocks(page, page.read_text(encoding="utf-8"), documents, found, measured(root))
    return files


def plugin_map(root: Path, label: str) -> dict[Path, str]:
    """What the plug-in's ``paper_map.md`` should contain."""
    home = room(label)
    if home in ROOMS:
        raise InvalidInput("plugin", label, "the label of a theorem in another package")
    return {root / "paper_map.md": render_paper_map(map_sections([home]), recorded_documents(root, [home]))}


def recorded_documents(root: Path, rooms: Sequence[Room] = ROOMS) -> list[dict[str, Any]]:
    """The recorded result of each room that has one, in the catalogue's order."""
    paths = [root / RECORDED / f"{entry.label}.json" for entry in rooms]
    return [load_result(path) for path in paths if path.exists()]


def reverifications(root: Path) -> dict[str, dict[str, Any]]:
    """The recorded summaries of re-verifications, by the names of their files."""
    found = {}
    for path in sorted((root / REVERIFIED).glob("*.json")):
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary.get("schema") != reverification.SCHEMA:
            raise InvalidFile(path, f"schema must be {reverification.SCHEMA!r}")
        found[path.stem] = summary
    return found


def measured(root: Path) -> dict[str, Any]:
    """The recorded times, memory and disk of single commands; none where nothing is recorded."""
    path = root / MEASURED
    if not path.exists():
        return {"commands": {}}
    document = json.loads(path.read_text(encoding="utf-8"))
    if document.get("schema") != artifact.SCHEMA:
        raise InvalidFile(path, f"schema must be {artifact.SCHEMA!r}")
    return dict(document)


def reverified_quick() -> dict[str, Any] | None:
    """The repository's re-verification of the quick profile; None in an installation without it."""
    return reverifications(Path(cgro_theory.__file__).parent.parent).get("quick")


def map_sections(rooms: Sequence[Room] = ROOMS) -> list[MapSection]:
    """One section per room."""
    sections = []
    for entry in rooms:
        sections.append(
            MapSection(
                label=entry.label,
                title=entry.title,
                folder=entry.package.replace(".", "/"),
                claims=entry.claims,
                checks={each.label: getattr(each.check, "__name__", "check") for each in entry.checked},
                controls={each.label: [control.name for control in each.controls] for each in entry.checked},
                constants=[(c.name, c.value, c.reason) for c in entry.content.CONSTANTS],
            )
        )
    return sections


def _with_blocks(
    page: Path,
    text: str,
    documents: list[dict[str, Any]],
    found: Mapping[str, dict[str, Any]],
    taken: Mapping[str, Any],
) -> str:
    """The text with each block from a line such as ``<!-- verdicts X -->`` to its end made anew."""
    makers: dict[str, Callable[[str], str | None]] = {
        "verdicts": lambda label: _verdicts(label, documents),
        "claim": lambda label: _claim(label, documents),
        "artifact": lambda label: _artifact(label, documents, taken),
        "reverified": lambda name: reverification.conclusion_line(found[name]) + "\n" if name in found else None,
        "reverification": lambda name: reverification.shown_in_markdown(found[name]) if name in found else None,
    }

    def made_anew(block: re.Match[str]) -> str:
        kind, label = block.groups()
        body = makers[kind](label)
        return block[0] if body is None else f"<!-- {kind} {label} -->\n\n{body}\n<!-- end {kind} {label} -->"

    for kind, label in re.findall(START, text):
        if f"<!-- end {kind} {label} -->" not in text:
            raise InvalidFile(page, f"lacks the line <!-- end {kind} {label} -->")
    return re.sub(rf"{START}.*?<!-- end \1 \2 -->", made_anew, text, flags=re.DOTALL)


def _verdicts(label: str, documents: list[dict[str, Any]]) -> str | None:
    """The verdict table of one room, with how it was run; None when nothing is recorded."""
    document = _result_of(room(label), documents)
    if document is None:
        return None
    environment = document["environment"]
    return (
        f"{verdict_markdown(document)}\n"
        f"Profile {document['profile']}, seed {document['seed']}, {document['seconds']:.0f} s on "
        f"{environment['device']}, torch {environment['torch']}, Python {environment['python']}.\n"
    )


def _artifact(label: str, documents: list[dict[str, Any]], taken: Mapping[str, Any]) -> str | None:
    """The commands of one room's claims, or for ``resources`` of all rooms; None when nothing is recorded."""
    if label == "resources":
        return artifact.resources_table(documents, taken) if documents else None
    document = _result_of(room(label), documents)
    return None if document is None else artifact.claims_table(document, taken["commands"])


def _claim(label: str, documents: list[dict[str, Any]]) -> str | None:
    """One claim told whole, by the recorded result of the room that states it; None when nothing is recorded."""
    document = _result_of(room_of_claim(label), documents)
    return None if document is None else claim_markdown(claim(label), document)


def _result_of(home: Room, documents: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((document for document in documents if document["theorem"] == home.label), None)
