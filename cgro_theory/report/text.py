"""Verdict tables for a terminal and for Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cgro_theory.claims import SEVERITY, Outcome

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

OUTCOME_STYLE: Mapping[str, str] = {
    Outcome.CERTIFIED: "bold green",
    Outcome.CONSISTENT: "green",
    Outcome.VACUOUS: "yellow",
    Outcome.OUT_OF_SCOPE: "cyan",
    Outcome.INCONCLUSIVE: "bold yellow",
    Outcome.REFUTED: "bold red",
}
COLUMNS = ("claim", "mark", "predicted", "measured", "runs", "outcome", "inherited", "controls caught")


def format_number(value: Any, digits: int = 4) -> str:
    """``digits`` significant digits, ``inf`` and ``-inf`` as ∞ and -∞, missing as a dash.

    >>> format_number(0.000123456), format_number("inf"), format_number(None), format_number(64.0)
    ('1.235e-04', '∞', '—', '64')
    """
    if value is None:
        return "—"
    number = float(value)
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if number == int(number) and abs(number) < 1e6:
        return str(int(number))
    if 1e-3 <= abs(number) < 1e5:
        return f"{number:.{digits}g}"
    return f"{number:.{digits - 1}e}"


def format_interval(ends: Mapping[str, Any], digits: int = 4) -> str:
    """``[low, high]`` with ``digits``, or more that tell the ends apart (up to 7); one sign where one is infinite.

    An end that is the next float beside a round number excludes that number.

    >>> format_interval({"low": 0.125711, "high": 0.125736}), format_interval({"low": "-inf", "high": 1.0})
    ('[0.12571, 0.12574]', '≤ 1')
    >>> format_interval({"low": "-inf", "high": 1.0 - 2.0**-53}), format_interval({"low": 5e-324, "high": "inf"})
    ('< 1', '> 0')
    """
    apart = max(digits, _digits_apart([ends["low"]], [ends["high"]], most=7))
    low, high = format_number(ends["low"], apart), format_number(ends["high"], apart)
    if low == high:
        return format_number(ends["low"], digits)
    if low == "-∞":
        return f"< {_rounded(ends['high'])}" if _beside(ends["high"], math.inf) else f"≤ {high}"
    if high == "∞":
        return f"> {_rounded(ends['low'])}" if _beside(ends["low"], -math.inf) else f"≥ {low}"
    return f"[{low}, {high}]"


def _rounded(end: float) -> str:
    return format_number(round(end, 12))


def _beside(end: Any, toward: float) -> bool:
    """Whether a round number is the next float, or the one after, in that direction."""
    if isinstance(end, str) or not math.isfinite(end):
        return False
    return round(end, 12) in (near := math.nextafter(end, toward), math.nextafter(near, toward)) and end != round(
        end, 12
    )


def _digits_apart(some: Sequence[Any], others: Sequence[Any], most: int = 17) -> int:
    """The least number of significant digits, from 4 to ``most``, that tells different numbers apart.

    Each of ``some`` from each of ``others``, where both are known; 17 digits tell all floats apart.
    """
    pairs = [(one, other) for one in some for other in others if None not in (one, other) and one != other]
    told = (n for n in range(4, most) if all(format_number(a, n) != format_number(b, n) for a, b in pairs))
    return next(told, most)


def _digits(entry: Mapping[str, Any]) -> int:
    """The digits of a claim's numbers: one sees on which side of each predicted end a measured one lies."""
    predicted, measured = entry["predicted"], entry["measured"]
    needless = {"at_most": "low", "at_least": "high"}.get(entry.get("relation", ""))
    ends = [predicted[end] for end in ("low", "high") if end != needless]
    return _digits_apart(ends, [measured["low"], measured["high"]])


def verdict_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row of text per claim of a ``cgro-result/1`` document, in the order of :data:`COLUMNS`."""
    rows: list[tuple[str, ...]] = []
    for entry in document["claims"]:
        controls = entry.get("planted_faults", [])
        caught = sum(control["outcome"] == Outcome.REFUTED for control in controls)
        rows.append(
            (
                entry["label"],
                entry["mark"],
                format_prediction(entry),
                format_measurement(entry),
                str(entry["measured"]["runs"]),
                entry["outcome"],
                entry["inherited"],
                f"{caught}/{len(controls)}",
            )
        )
    return rows


def format_prediction(entry: Mapping[str, Any]) -> str:
    """The predicted interval as the relation reads it: ≤, ≥, a number ± what is allowed, or its two ends.

    >>> measured = {"low": 0.95, "high": 1.0}
    >>> format_prediction({"relation": "at_least", "predicted": {"low": 0.9, "high": 1.0}, "measured": measured})
    '≥ 0.9'
    """
    ends, relation, tolerance = entry["predicted"], entry.get("relation"), entry.get("tolerance")
    digits = _digits(entry)
    if None in (ends["low"], ends["high"]) or ends["low"] == ends["high"]:
        return format_interval(ends, digits)
    if relation == "at_most":
        return format_interval({"low": "-inf", "high": ends["high"]}, digits)
    if relation == "at_least":
        return format_interval({"low": ends["low"], "high": "inf"}, digits)
    if relation == "equals" and isinstance(tolerance, (int, float)) and tolerance > 0:
        low, high = float(ends["low"]), float(ends["high"])
        return f"{format_number((low + high) / 2, digits)} ± {format_number((high - low) / 2, 3)}"
    return format_interval(ends, digits)


def format_measurement(entry: Mapping[str, Any]) -> str:
    """The measured interval or number, told apart from the predicted ends; of a count, out of how many.

    >>> predicted, at = {"low": 9622353.36, "high": 9622358.09}, 9622354.56
    >>> entry = {"relation": "within", "predicted": predicted, "measured": {"low": at, "high": at, "runs": 1}}
    >>> format_prediction(entry), format_measurement(entry)
    ('[9.622353e+06, 9.622358e+06]', '9.622355e+06')
    """
    measured = entry["measured"]
    told = format_interval(measured, _digits(entry))
    return told + _out_of(entry) if measured["low"] == measured["high"] else told


def _out_of(entry: Mapping[str, Any]) -> str:
    """Of a number of exceptions, among how many they were counted; of a largest 0, in how many runs it was 0.

    >>> _out_of({"raw": {"rule": "sum", "parts": {"a": 0}, "of": 60}, "measured": {"low": 0.0, "runs": 60}})
    ' of 60'
    """
    found, measured = entry.get("raw"), entry["measured"]
    raw: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    rule = raw.get("rule")
    if rule == "sum" and isinstance(raw.get("of"), int):
        return f" of {raw['of']}"
    cases, omitted = raw.get("cases"), raw.get("omitted", 0)
    if rule == "contradictions" and isinstance(cases, list) and isinstance(omitted, int):
        return f" of {len(cases) + omitted}"
    return f" in all {measured['runs']}" if measured["low"] == 0.0 and measured["runs"] else ""


def verdict_table(document: Mapping[str, Any]) -> Table:
    """The verdicts as a table for a terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"{document['theorem']}: {document['outcome']}", title_justify="left")
    for name in COLUMNS:
        numeric = name in ("runs", "controls caught")
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in verdict_rows(document):
        cells: list[str | Text] = list(row)
        for index in (5, 6):
            cells[index] = Text(row[index], style=OUTCOME_STYLE.get(row[index], ""))
        table.add_row(*cells)
    return table


def verdict_notes(document: Mapping[str, Any]) -> list[str]:
    """One line per claim that did not pass, with the reason, and per negative control that was not caught."""
    notes: list[str] = []
    for entry in document["claims"]:
        outcome, label = Outcome(entry["outcome"]), entry["label"]
        if not outcome.passed:
            notes.append(f"{label} is {outcome.in_words}: {entry.get('reason') or 'no reason given'}")
        for control in entry.get("planted_faults", []):
            came_out = Outcome(control["outcome"])
            if came_out is not Outcome.REFUTED:
                what = f"{control['name']!r} ({control['description']})"
                notes.append(f"{label}: negative control {what} was not caught: it came out {came_out.in_words}")
        looks = look_lines(entry)
        if looks:
            notes.append(f"{label} was looked at {len(looks)} times: {'; '.join(looks)}")
    return notes


def worst_of_each(
    documents: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, Mapping[str, Any]], dict[str, list[str]]]:
    """Of every claim its worst entry, and every negative control of it that was not refuted, by label.

    A claim that others depend on is judged with each of them, and may have several entries.
    """
    claims: dict[str, Mapping[str, Any]] = {}
    uncaught: dict[str, list[str]] = {}
    for entry in (entry for document in documents for entry in document["claims"]):
        label, before = entry["label"], claims.get(entry["label"])
        if before is None or SEVERITY[entry["outcome"]] > SEVERITY[before["outcome"]]:
            claims[label] = entry
        missed = [each["name"] for each in entry.get("planted_faults", ()) if each["outcome"] != Outcome.REFUTED]
        uncaught[label] = list(dict.fromkeys([*uncaught.get(label, ()), *missed]))
    return claims, uncaught


def closing_line(documents: Sequence[Mapping[str, Any]]) -> str:
    """What everything came out as, in one line; a claim that several documents judge counts once, by its worst.

    >>> entry = {"label": "a.x", "outcome": "consistent", "planted_faults": [{"name": "b", "outcome": "refuted"}]}
    >>> closing_line([{"claims": [entry], "seconds": 83.2}])
    '1 claim: 1 consistent; 1 of 1 negative controls refuted; 1 min 23 s'
    """
    claims, uncaught = worst_of_each(documents)
    counts = Counter(entry["outcome"] for entry in claims.values())
    came_out = ", ".join(f"{counts[each.value]} {each.in_words}" for each in Outcome if counts[each.value])
    entries = (entry for document in documents for entry in document["claims"])
    names = {(entry["label"], each["name"]) for entry in entries for each in entry.get("planted_faults", ())}
    refuted = len(names) - sum(map(len, uncaught.values()))
    minutes, seconds = divmod(round(sum(document["seconds"] for document in documents)), 60)
    time = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    number = f"{len(claims)} claim" + ("" if len(claims) == 1 else "s")
    return f"{number}: {came_out or 'none judged'}; {refuted} of {len(names)} negative controls refuted; {time}"


def look_lines(entry: Mapping[str, Any]) -> list[str]:
    """One phrase per look at the data, where there was more than one.

    >>> look_lines({"looks": [{"number": 1, "runs": 10, "outcome": "inconclusive", "uncaught": 0}] * 2})[0]
    'look 1, 10 runs: inconclusive'
    """
    looks = entry.get("looks", [])
    return [
        f"look {look['number']}, {look['runs']} runs: {Outcome(look['outcome']).in_words}"
        + (f", {look['uncaught']} negative controls not refuted" if look["uncaught"] else "")
        for look in (looks if len(looks) > 1 else [])
    ]


def verdict_markdown(document: Mapping[str, Any]) -> str:
    """The verdicts as a Markdown table."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for row in verdict_rows(document):
        cells = [f"`{row[0]}`", *row[1:]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
