"""A result file, read strictly: each field that a page shows has its type, and no verdict contradicts its numbers.

A result is refused when its statuses do not follow from its own numbers, so that a file edited by hand to look
better than it was measured does not become a page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cgro_theory.claims import Evidence, Interval, Outcome, load_result
from cgro_theory.errors import InvalidFile

LABEL = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
"""What a claim's label looks like; a page uses labels as addresses within itself."""

_ROOM = re.compile(r"[a-z0-9_]+")


def read_document(path: Path) -> Mapping[str, Any]:
    """One ``cgro-result/1`` document with every field of the type the page needs, or :class:`InvalidFile`."""
    try:
        document = load_result(path)
        _check_types(document)
        for entry in document["claims"]:
            _check_outcome(entry)
    except InvalidFile:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidFile(path, f"malformed: {' '.join(str(error).split())}") from error
    return document


_TEXTS = (
    "label",
    "statement",
    "source",
    "mark",
    "quantity",
    "relation",
    "outcome",
    "inherited",
    "reason",
    "reproduce",
)


def _check_types(document: Mapping[str, Any]) -> None:
    _require(
        isinstance(document["theorem"], str) and _ROOM.fullmatch(document["theorem"]), "'theorem' is no label"
    )
    for key in ("profile", "outcome"):
        _require(isinstance(document[key], str), f"{key!r} must be text")
    for key in ("environment", "parameters"):
        _require(isinstance(document[key], dict), f"{key!r} must be an object")
    _require(_is_number(document["seconds"]), "'seconds' must be a number")
    labels = [entry["label"] for entry in document["claims"]]
    _require(len(set(labels)) == len(labels), "two claims have the same label")
    for entry in document["claims"]:
        name = entry["label"]
        _require(bool(LABEL.fullmatch(name)), f"{name!r} is no label of a claim")
        for key in _TEXTS:
            _require(isinstance(entry.get(key, ""), str), f"claim {name!r}: {key!r} must be text")
        depends = entry["depends_on"]
        _require(
            isinstance(depends, list) and all(isinstance(x, str) for x in depends), f"claim {name!r}: depends_on"
        )
        _require(all(LABEL.fullmatch(x) for x in depends), f"claim {name!r}: depends_on is no list of labels")
        _require(entry["evidence"] in list(Evidence), f"claim {name!r}: unknown evidence {entry['evidence']!r}")
        for key in ("failure_probability", "seconds"):
            _require(_is_number(entry[key]), f"claim {name!r}: {key!r} must be a number")
        for key in ("estimate", "runs", "confidence", "binding"):
            _require(_is_value(entry["measured"].get(key)), f"claim {name!r}: measured {key!r} must be a number")
        _require(_is_value(entry["predicted"].get("leading_order")), f"claim {name!r}: leading_order")
        _require(isinstance(entry.get("notes", {}), dict), f"claim {name!r}: 'notes' must be an object")
        for each in entry.get("assumptions", []):
            numbers = each["numbers"].values()
            told = isinstance(each["name"] + each["formula"], str) and isinstance(each["met"], bool)
            known = all(map(_is_value, numbers))
            _require(told and known, f"claim {name!r}: an assumption is malformed")
        for control in entry.get("planted_faults", []):
            _require(
                control["outcome"] in list(Outcome), f"claim {name!r}: a negative control has an unknown outcome"
            )
            _require(
                isinstance(control["name"] + control["description"], str), f"claim {name!r}: negative control"
            )
        for look in entry.get("looks", []):
            known = all(isinstance(look[key], int) for key in ("number", "runs", "uncaught"))
            _require(known and look["outcome"] in list(Outcome), f"claim {name!r}: a look is malformed")
    for line in document.get("ledger", []):
        _require(isinstance(line.get("look", 1), int), "a look in the ledger is no number")
        _require(_is_number(line["probability"]), "a ledger entry has no probability")
        _require(isinstance(line["label"] + line["purpose"], str), "a ledger entry is no text")


def _check_outcome(entry: Mapping[str, Any]) -> None:
    """An outcome that its own intervals contradict was not written by the judge."""
    outcome, name = entry["outcome"], entry["label"]
    if outcome == Outcome.OUT_OF_SCOPE:
        _require(
            "assumption not met" in entry.get("reason", "assumption not met"),
            f"claim {name!r}: out of scope of nothing",
        )
    if outcome not in (Outcome.CERTIFIED, Outcome.CONSISTENT, Outcome.REFUTED):
        return
    predicted, measured = (_interval(entry[side]) for side in ("predicted", "measured"))
    follows = False
    if predicted is not None and measured is not None:
        estimate = float(entry["measured"].get("estimate") or 0.0)
        if outcome == Outcome.REFUTED:
            # An infinite value counts as outside, also of a prediction without an end.
            follows = predicted.is_disjoint_from(measured) or math.isinf(estimate)
        else:
            finite = all(map(math.isfinite, (estimate, measured.low, measured.high)))
            follows = predicted.contains(measured) and finite
    if outcome != Outcome.REFUTED:
        values = entry["measured"]
        sampled = entry["evidence"] == Evidence.STATISTICAL or values.get("confidence", 1.0) != 1.0
        binds = values.get("runs", 1) != 0 and values.get("binding", 1) != 0
        follows = follows and binds and sampled == (outcome == Outcome.CONSISTENT)
    _require(follows, f"claim {name!r}: outcome {outcome!r} does not follow from its own numbers")


def _interval(ends: Mapping[str, Any]) -> Interval | None:
    if ends["low"] is None or ends["high"] is None:
        return None
    return Interval(float(ends["low"]), float(ends["high"]))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_value(value: Any) -> bool:
    """A number as result files hold it: finite, missing, or an infinity as text."""
    return value is None or value in ("inf", "-inf") or _is_number(value)


def _require(holds: object, why: str) -> None:
    if not holds:
        raise ValueError(why)
