"""The tables of docs/artifact.md: every claim, the command that judges it, what comes out, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cgro_theory.report.text import COLUMNS, verdict_rows

SCHEMA = "cgro-artifact/1"
"""Of the file that ``benchmarks/artifact.py`` writes: ``commands`` maps labels to what each took."""


def command_of(theorem: str, claim: str = "") -> str:
    """The command that judges a theorem, or one claim of it, both by their labels."""
    return f"cgro verify {theorem}" + (f" --only {claim}" if claim else "")


def claims_table(document: Mapping[str, Any], measured: Mapping[str, Any]) -> str:
    """One row per claim of a recorded ``cgro-result/1`` document, without those of others that they depend on.

    ``measured`` is the ``commands`` of :data:`SCHEMA`; a claim that was not run alone says so by a dash.
    """
    head = ("claim and command", "expected", "predicted", "measured", "controls refuted", "processor time, memory")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for values in verdict_rows(document):
        row = dict(zip(COLUMNS, values, strict=True))
        if row["claim"] not in document["asked"]:
            continue
        cells = (
            f"`{command_of(document['theorem'], row['claim'])}`",
            row["outcome"],
            row["predicted"],
            row["measured"],
            row["controls caught"],
            _taken(measured.get(row["claim"])),
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def resources_table(documents: Sequence[Mapping[str, Any]], recorded: Mapping[str, Any]) -> str:
    """One row per theorem: its recorded time, and what its command took alone where that was measured."""
    head = ("command", "claims", "time in the recorded run", "processor time, memory", "written")
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for document in documents:
        found = recorded["commands"].get(document["theorem"])
        cells = (
            f"`{command_of(document['theorem'])}`",
            str(len(document["asked"])),
            f"{document['seconds']:.0f} s",
            _taken(found),
            f"{found['disk_mib']:g} MiB" if found else "—",
        )
        lines.append("| " + " | ".join(cells) + " |")
    total = sum(document["seconds"] for document in documents)
    lines.append(
        f"| `cgro verify all` | {sum(len(each['asked']) for each in documents)} | {total:.0f} s | — | — |"
    )
    text = "\n".join(lines) + "\n"
    if recorded["commands"]:
        days = sorted({found["date"] for found in recorded["commands"].values()})
        when = " to ".join(dict.fromkeys((days[0], days[-1])))
        text += (
            f"\nProcessor time and memory: {recorded['machine']}, {when}. "
            f"The environment of `make install` takes {recorded['environment_mib']} MiB there.\n"
        )
    return text


def _taken(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "—"
    return f"{found['processor_seconds']:.0f} s, {found['peak_mib']} MiB"
