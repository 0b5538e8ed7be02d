"""A verdict as the object that a ``cgro-result/1`` document holds, with the raw numbers that it follows from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cgro_theory.claims.evidence import Measurement, Prediction
from cgro_theory.claims.interval import Interval
from cgro_theory.claims.raw import MOST_CASES
from cgro_theory.claims.reading import Reading, ends, number
from cgro_theory.claims.verdict import ControlVerdict, Outcome, Verdict

MOST_CASES_OF_A_CONTROL = 3


def claim_to_json(verdict: Verdict, inherited: Outcome) -> dict[str, Any]:
    """Plain JSON values, infinities as strings. ``inherited``: the worst outcome of all that the claim needs."""
    claim, prediction, measurement = verdict.claim, verdict.prediction, verdict.measurement
    notes = dict(prediction.notes) | dict(measurement.notes)
    sides = _sides(prediction, measurement, MOST_CASES)
    leading_order = {"leading_order": number(prediction.leading_order)}
    return {
        "label": claim.label,
        "statement": claim.statement,
        "source": str(claim.source),
        "mark": claim.provenance_text,
        "quantity": claim.quantity,
        "relation": claim.relation.value,
        "tolerance": claim.tolerance,
        "natural_range": ends(claim.natural_range),
        "predicted": sides["predicted"] | leading_order,
        "measured": sides["measured"],
        "outcome": verdict.outcome.value,
        "inherited": inherited.value,
        "reason": verdict.reason,
        "evidence": sides["evidence"],
        "statistical": claim.statistical,
        "depends_on": list(claim.depends_on),
        "failure_probability": verdict.failure_probability,
        "looks": [asdict(look) | {"outcome": look.outcome.value} for look in verdict.looks],
        "seconds": round(verdict.seconds, 3),
        "reproduce": verdict.reproduce,
        "assumptions": _assumptions(prediction),
        "notes": {name: number(value) for name, value in notes.items()},
        "planted_faults": [_control(control, prediction) for control in verdict.controls],
        **({"raw": sides["raw"]} if "raw" in sides else {}),
    }


def _sides(prediction: Prediction, measurement: Measurement, most_cases: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "predicted": _ends(prediction.interval),
        "measured": {
            "estimate": number(measurement.estimate),
            **_ends(measurement.interval),
            "confidence": measurement.confidence,
            "runs": measurement.runs,
            **({} if measurement.binding is None else {"binding": measurement.binding}),
            **({"failure": measurement.failure} if measurement.failure else {}),
        },
        "evidence": measurement.evidence.value,
    }
    if measurement.raw is not None:
        told = prediction.raw or (None if prediction.interval is None else Reading(prediction.interval))
        found["raw"] = {
            "told": None if told is None else told.to_json(),
            **measurement.raw.to_json(most_cases, measurement.interval),
        }
    elif measurement.interval is None:
        found["raw"] = {"rule": "none"}
    return found


def _control(control: ControlVerdict, of_claim: Prediction) -> dict[str, Any]:
    """Its assumptions stand there only where they are not evaluated as its claim's are."""
    found = {"name": control.name, "description": control.description, "outcome": control.outcome.value}
    if control.prediction is None or control.measurement is None:
        return found
    same = control.prediction.assumed == of_claim.assumed
    assumptions = {} if same else {"assumptions": _assumptions(control.prediction)}
    return found | _sides(control.prediction, control.measurement, MOST_CASES_OF_A_CONTROL) | assumptions


def _assumptions(prediction: Prediction) -> list[dict[str, Any]]:
    return [
        {
            "name": each.condition.name,
            "formula": each.condition.formula,
            "numbers": {name: number(value) for name, value in each.numbers},
            "met": each.met,
        }
        for each in prediction.assumed
    ]


def _ends(interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {"low": None, "high": None}
    return {"low": number(interval.low), "high": number(interval.high)}
