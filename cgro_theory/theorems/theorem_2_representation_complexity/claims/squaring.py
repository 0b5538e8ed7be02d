"""How exactly the sawtooth network squares (theory.md 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import sympy as sp

from cgro_theory.claims import (
    Case,
    Claim,
    Evidence,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
    WorstCase,
)
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl

from ..networks.circuit import Circuit, block
from ..networks.memorizer import squaring_circuit
from ..runs.made import RepresentationRuns
from ..theory.counts import sawtooth_error
from .altered_networks import with_block
from .symbols import EACH_DECIDED, M

SQUARING_ERROR = Claim(
    label="theorem_2.squaring_error",
    statement="The sawtooth network with M compositions errs from x² on [0, 1] by exactly 4^-(M+1), attained.",
    source=Source("theory.md", "3.1, 3.2"),
    provenance=(Provenance.DERIVED,),
    quantity="sup |g_M(x) - x²| · 4^(M+1) over [0, 1], the M furthest from 1",
    natural_range=Interval.at_least(0.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=sp.Eq(sp.Symbol("err_square", real=True), 4 ** -(M + 1)),
    statistical=False,
    limitations=f"M that were not built, which theory.md 3.1 covers: {EACH_DECIDED}",
)


def check_squaring_error(
    runs: RepresentationRuns,
    failure_probability: float,
    *,
    predict: Callable[[int], Fraction] = sawtooth_error,
) -> CheckedPair:
    """sup |g_M - x²| over its predicted value, in exact rationals, from the built circuits."""
    errors = [(_largest_error(run.circuit, run.squarings), run.squarings) for run in runs.squarings]
    decided = [error / predict(squarings) for error, squarings in errors if error is not None]
    worst = max(decided, key=lambda ratio: abs(ratio - 1), default=Fraction(1))
    predicted = Prediction(Interval.point(1.0))
    if not errors or (worst == 1 and len(decided) < len(errors)):
        why = "a built circuit is not linear between dyadic points" if errors else "no circuit was built"
        return CheckedPair(predicted, Measurement.failed(why))
    raw = WorstCase(tuple(Case(predicted.interval, Reading(_enclosed(ratio))) for ratio in decided))
    value, measured = float(worst), _enclosed(worst)
    return CheckedPair(predicted, Measurement(value, measured, 1.0, len(errors), Evidence.STATISTICAL, raw=raw))


def _enclosed(ratio: Fraction) -> Interval:
    value = Interval.point(float(ratio))
    return value if Fraction(value.low) == ratio else value.outward()


def _largest_error(circuit: Circuit, squarings: int) -> Fraction | None:
    """The supremum over [0, 1], or None when a unit bends inside a dyadic interval.

    On [j, j+1]/2^M every pre-activation is linear as long as none changes sign strictly inside, which its exact
    end values decide (by induction over the blocks). A linear piece minus x² is concave, and so |error| is largest
    at an end or where the slope matches, x = slope/2.
    """
    pieces = 2**squarings
    ends = [circuit.exact_preactivations([Fraction(j, pieces)]) for j in range(pieces + 1)]
    relu = [entry.name for entry in circuit.blocks if entry.is_relu]
    output = circuit.blocks[-1].name
    worst = Fraction(0)
    for j in range(pieces):
        left, right = ends[j], ends[j + 1]
        for name in relu:
            if any(a * b < 0 for a, b in zip(left[name], right[name], strict=True)):
                return None
        x, y = Fraction(j, pieces), Fraction(j + 1, pieces)
        low, high = left[output][0], right[output][0]
        slope = (high - low) * pieces
        inside = min(max(slope / 2, x), y)
        for point in (x, inside, y):
            worst = max(worst, abs(low + slope * (point - x) - point * point))
    return worst


def _error(M: int) -> float:
    return float(sawtooth_error(M))


def _one_squaring_less(runs: RepresentationRuns) -> RepresentationRuns:
    *others, last = runs.squarings
    return replace(runs, squarings=(*others, replace(last, circuit=squaring_circuit(last.squarings - 1))))


def _wrong_tent(runs: RepresentationRuns) -> RepresentationRuns:
    index = next(at for at, entry in enumerate(runs.squarings) if entry.squarings >= 2)
    run = runs.squarings[index]
    entry = run.circuit.named["sum.1"]
    edges = {edge.source: edge.weights * (1.5 if edge.source == "tent.1" else 1.0) for edge in entry.incoming}
    changed = block("sum.1", entry.is_relu, edges, entry.biases, entry.has_bias)
    squarings = list(runs.squarings)
    squarings[index] = replace(run, circuit=with_block(run.circuit, changed))
    return replace(runs, squarings=tuple(squarings))


CHECKED = (
    CheckedClaim(
        SQUARING_ERROR,
        check_squaring_error,
        controls=(
            NegativeControl("one_squaring_less", "M - 1 compositions where M are claimed", _one_squaring_less),
            NegativeControl("wrong_tent", "the first tent enters with 3/2 of its weight", _wrong_tent),
        ),
        needs=("squarings",),
        numeric=_error,
    ),
)
