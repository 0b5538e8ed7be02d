"""What a re-verification found: claims against outcomes over base seeds and instruction sets."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cgro_theory.claims import Outcome
from cgro_theory.report.text import worst_of_each

SCHEMA = "cgro-reverification/1"
NEAR = 100.0
"""A claim is near its end when that is fewer than this many changes by another instruction set away."""
Document = Mapping[str, Any]


def summary_of(documents: Sequence[Document]) -> dict[str, Any]:
    """One base seed with one instruction set: what each claim came out as, and the exit code of it all."""
    first = documents[0]
    claims, uncaught = worst_of_each(documents)
    outcomes = [Outcome(entry["outcome"]) for entry in claims.values()]
    refuted = Outcome.REFUTED in outcomes
    clean = all(outcome.passed for outcome in outcomes) and not any(uncaught.values())
    return {
        "seed": first["seed"],
        "instruction_set": first["environment"].get("instruction_set", ""),
        "commit": first["environment"]["commit"],
        "exit_code": 1 if refuted else 0 if clean else 3,
        "seconds": round(sum(document["seconds"] for document in documents), 1),
        "claims": {
            label: {
                "outcome": entry["outcome"],
                "looks": len(entry.get("looks", ())) or 1,
                "uncaught": uncaught[label],
                "predicted": _deciding_ends(entry),
                "measured": [entry["measured"]["low"], entry["measured"]["high"]],
            }
            for label, entry in claims.items()
        },
    }


def _deciding_ends(entry: Document) -> list[Any]:
    """The predicted interval without the ends that every value satisfies anyway."""
    ends, natural = [entry["predicted"][end] for end in ("low", "high")], entry.get("natural_range")
    if None in ends or natural is None:
        return ends
    low = -math.inf if float(ends[0]) <= float(natural[0]) else float(ends[0])
    high = math.inf if float(ends[1]) >= float(natural[1]) else float(ends[1])
    return [value if math.isfinite(value) else str(value) for value in (low, high)]


def conclusion_line(summary: Document) -> str:
    """How many of the verifications ended with every claim passed and every negative control refuted."""
    runs = summary["runs"]
    good = sum(run["exit_code"] == 0 for run in runs)
    refuted = sum(claim["outcome"] == Outcome.REFUTED for run in runs for claim in run["claims"].values())
    middle = statistics.median(run["seconds"] for run in runs) if runs else math.nan
    seeds = len({run["seed"] for run in runs})
    code = ", ".join(sorted({run["commit"] for run in runs}))
    return (
        f"{good} of {len(runs)} verifications, on {seeds} base seeds, passed every one of {len(_labels(runs))} "
        f"claims and refuted every negative control; {refuted} claims were refuted (code {code}). Median time "
        f"{middle:.0f} s ({summary['machine']}, {summary['date']}, profile {summary['profile']})."
    )


def shown_in_markdown(summary: Document) -> str:
    """The conclusion, the verifications that did not pass, and per claim how often it came out as what."""
    runs = summary["runs"]
    lines = [conclusion_line(summary), ""]
    seeds = ", ".join(str(seed) for seed in sorted({run["seed"] for run in runs}))
    lines += [f"Base seeds: {seeds}.", ""]
    open_ends = [line for run in runs for line in _what_was_open(run)]
    broken = summary.get("without_a_result", ())
    if broken:
        lines += [f"Not complete, and not among these: {', '.join(broken)}.", ""]
    if open_ends:
        lines += ["| base seed | claim | what was open |", "| --- | --- | --- |", *open_ends, ""]
    lines += [
        "| claim | certified | consistent | other | controls not refuted | needed a further look |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(_row(label, runs) for label in _labels(runs)),
    ]
    distances = nearest_ends(summary)
    if distances:
        lines += [
            "",
            "Distance of the measured value to the nearest end of the prediction, in units of what another "
            "instruction set of torch's kernels changes (numpy and compiled flows keep theirs); claims below "
            f"{NEAR:g}:",
            "",
            "| claim | distance |",
            "| --- | ---: |",
            *(f"| `{label}` | {value:.3g} |" for label, value in distances if value < NEAR),
        ]
    return "\n".join(lines) + "\n"


def _labels(runs: Sequence[Document]) -> list[str]:
    return list(dict.fromkeys(label for run in runs for label in run["claims"]))


def _what_was_open(run: Document) -> list[str]:
    """Rows on the claims of one verification that did not pass, or whose negative controls were not refuted."""
    name = f"{run['seed']}" + (f" ({run['instruction_set']})" if run["instruction_set"] else "")
    rows = []
    for label, claim in run["claims"].items():
        outcome = Outcome(claim["outcome"])
        found = [] if outcome.passed else [outcome.in_words]
        found += [f"control `{control}` not refuted" for control in claim["uncaught"]]
        if found:
            rows.append(f"| {name} | `{label}` | {', '.join(found)} |")
    return rows


def _row(label: str, runs: Sequence[Document]) -> str:
    own = [run["claims"][label] for run in runs if label in run["claims"]]
    counts = Counter(claim["outcome"] for claim in own)
    passed = [counts.pop(outcome.value, 0) for outcome in Outcome if outcome.passed]
    other = ", ".join(f"{count} {Outcome(name).in_words}" for name, count in sorted(counts.items())) or "0"
    uncaught, again = (sum(map(bool, (claim["uncaught"] for claim in own))), sum(c["looks"] > 1 for c in own))
    return f"| `{label}` | {passed[0]} | {passed[1]} | {other} | {uncaught} | {again} |"


def nearest_ends(summary: Document) -> list[tuple[str, float]]:
    """Per claim the least distance of a measured end to a predicted one, over the change by instruction sets.

    Only for base seeds that were run with several; inf where nothing changed. The nearest claims come first.
    """
    by_seed: dict[int, list[Document]] = {}
    for run in summary["runs"]:
        by_seed.setdefault(run["seed"], []).append(run)
    found: dict[str, float] = {}
    for runs in by_seed.values():
        if len({run["instruction_set"] for run in runs}) < 2:
            continue
        for label in _labels(runs):
            own = [run["claims"][label] for run in runs if label in run["claims"]]
            found[label] = min(found.get(label, math.inf), _distance(own))
    return sorted(found.items(), key=lambda entry: entry[1])


def _distance(own: Sequence[Document]) -> float:
    sides = [[_numbers(claim[side]) for claim in own] for side in ("predicted", "measured")]
    if any(numbers is None for side in sides for numbers in side):
        return 0.0
    predicted, measured = sides
    gaps, changes = [], []
    for end in (0, 1):
        gaps += [
            abs(inside[end] - outside[end])
            for inside, outside in zip(measured, predicted, strict=True)
            if inside and outside and math.isfinite(outside[end])
        ]
        for side in sides:
            values = [numbers[end] for numbers in side if numbers and math.isfinite(numbers[end])]
            changes.append(max(values) - min(values) if values else 0.0)
    change = max(changes)
    gap = min(gaps, default=math.inf)
    return math.inf if change == 0.0 else gap / change


def _numbers(ends: Sequence[Any]) -> tuple[float, float] | None:
    return None if None in ends else (float(ends[0]), float(ends[1]))
