"""How many parameters the memorizer has: exactly, and how the number grows with N and D (theory.md 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Case,
    Claim,
    Evidence,
    Extreme,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
    WorstCase,
)
from cgro_theory.claims.figure import Figure, Panel, Series
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..networks.circuit import Circuit, block, fully_stored
from ..networks.clean_classifier import hidden_widths
from ..networks.layered import pad_to_layers
from ..networks.memorizer import memorize
from ..networks.training_set import training_set
from ..runs.made import Ladder, RepresentationRuns
from ..theory.counts import dense_count, structural_count
from .altered_networks import with_block
from .symbols import EACH_DECIDED, PAPER, STRUCTURAL, D, N, W, p

PARAMETER_COUNT = Claim(
    label="theorem_2.parameter_count",
    statement="The memorizer around a clean classifier has W_clean + N(6D+4) + 4 edges and biases for p = inf, "
    "W_clean + N(6D+6) + 4 for p = 1 and W_clean + N((7M+6)D+M+6) + 4 for p = 2; its padded net has the dense "
    "count of the layer widths.",
    source=Source("theory.md", "3.1"),
    provenance=(Provenance.NEW,),
    quantity="largest |count of the built network - formula|, structural and dense [parameters]",
    natural_range=Interval.at_least(0.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=sp.Eq(
        W,
        sp.Piecewise((STRUCTURAL[1.0], sp.Eq(p, 1)), (STRUCTURAL[2.0], sp.Eq(p, 2)), (STRUCTURAL[math.inf], True)),
    ),
    statistical=False,
    limitations=f"other constructions; no minimality is claimed; sizes that were not built: {EACH_DECIDED}",
)


def check_parameter_count(
    runs: RepresentationRuns,
    failure_probability: float,
    *,
    structural: Callable[[int, int, float, int, int], int] = structural_count,
) -> CheckedPair:
    """Counts taken from the built networks against the formulas, in both conventions."""
    predicted = Prediction(Interval.point(0.0))
    gaps = []
    for built in (entry.built for entry in runs.counted):
        size = (built.data.num_samples, built.data.input_dimension, built.norm_order)
        expected = structural(*size, built.clean.structural_count, built.squarings)
        dense = dense_count(*size, hidden_widths(built.clean), built.squarings)
        gaps.append(abs(built.circuit.structural_count - expected))
        gaps.append(abs(pad_to_layers(built.circuit).dense_count - dense))
    if not gaps:
        return CheckedPair(predicted, Measurement.failed("no network was counted"))
    worst = float(max(gaps))
    notes = tuple((f"structural: {e.name}", float(e.built.circuit.structural_count)) for e in runs.counted[:6])
    raw = Extreme("greatest", Reading.points(gaps))
    found = Interval.point(worst)
    measured = Measurement(worst, found, 1.0, len(runs.counted), Evidence.STATISTICAL, notes=notes, raw=raw)
    return CheckedPair(predicted, measured)


def _count(N: int, D: int, p: float, W_clean: int, M: int) -> int:
    return structural_count(N, D, p, W_clean, M if p == 2 else 0)


def _bias_dropped(runs: RepresentationRuns) -> RepresentationRuns:
    first = runs.counted[0]
    entry = first.built.circuit.named["indicator"]
    edges = {edge.source: edge.weights for edge in entry.incoming}
    mask = entry.has_bias.copy()
    mask[0] = False
    changed = block("indicator", True, edges, np.where(mask, entry.biases, 0.0), mask)
    built = replace(first.built, circuit=with_block(first.built.circuit, changed))
    return replace(runs, counted=(replace(first, built=built), *runs.counted[1:]))


def _taxicab_count_for_boxes(samples: int, dimension: int, order: float, clean: int, squarings: int) -> int:
    return structural_count(samples, dimension, 1.0 if order == math.inf else order, clean, squarings)


_count_of = sp.Function("W")
_r = sp.Symbol("r", positive=True)

COUNT_GROWTH = Claim(
    label="theorem_2.count_growth",
    statement="The memorizer's structural count grows with exponent 1 in N and 1 in D for p = 1 and inf, and for "
    "p = 2 after division by M.",
    source=Source(PAPER, "Theorem 4.4", "version 4"),
    provenance=(Provenance.PAPER,),
    quantity="fitted exponent of the count in N or D: the one that uses most of its allowance",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.WITHIN,
    expression=sp.And(
        sp.Eq(sp.Limit(_count_of(_r * N, D) / _count_of(N, D), N, sp.oo), _r),
        sp.Eq(sp.Limit(_count_of(N, _r * D) / _count_of(N, D), D, sp.oo), _r),
    ),
    depends_on=("theorem_2.parameter_count",),
    statistical=False,
    limitations=f"M itself, which is O(log(D R²/(γ(2δ+γ)))); sizes beyond the ladders: {EACH_DECIDED}",
)


def check_count_growth(runs: RepresentationRuns, failure_probability: float) -> CheckedPair:
    """Exponents of the built counts by least squares in Arb, against 1 within what lower-order terms allow."""
    fits = [(ladder, *_fitted_exponent(ladder)) for ladder in runs.ladders]
    if not fits:
        return CheckedPair(Prediction(None), Measurement.failed("no ladder was built"))
    notes = tuple((f"exponent in {entry.variable}, p={entry.norm_order:g}", fit.low) for entry, fit, _ in fits)
    # A fit outside its allowance comes first; else the one that uses most of it.
    _, fit, allowed = max(
        fits,
        key=lambda item: (
            item[2].is_disjoint_from(item[1]),
            not item[2].contains(item[1]),
            abs(item[1].low - 1.0) / (item[2].width or 1e-300),
        ),
    )
    estimate = (fit.low + fit.high) / 2.0
    raw = WorstCase(tuple(Case(room, Reading(own)) for _, own, room in fits))
    measured = Measurement(estimate, fit, 1.0, len(fits), Evidence.STATISTICAL, notes=notes, raw=raw)
    return CheckedPair(Prediction(allowed, leading_order=1.0), measured)


def _fitted_exponent(ladder: Ladder) -> tuple[Interval, Interval]:
    """The exponent (enclosed), and 1 ± what terms of lower order can add to a least-squares slope.

    The predicted count over its leading term is 1 + e_i. The slope is a weighted sum of the logs with weights that
    sum to 0, so the e_i move it by at most the larger of its positive and its negative part.
    """
    import flint

    from cgro_theory.numerics.arb import exact, lower_float, precision, upper_float

    with precision(120):
        logs = [exact(size).log() for size in ladder.sizes]
        mean = sum(logs, flint.arb(0)) / len(logs)
        spread = sum(((log - mean) ** 2 for log in logs), flint.arb(0))
        weights = [(log - mean) / spread for log in logs]
        slope, up, down = flint.arb(0), flint.arb(0), flint.arb(0)
        for weight, built in zip(weights, ladder.networks, strict=True):
            size = (built.data.num_samples, built.data.input_dimension)
            stages = max(1, built.squarings)
            slope += weight * exact(Fraction(built.circuit.structural_count, stages)).log()
            leading = math.prod(size) * (7 * stages if built.norm_order == 2 else 6)
            predicted = structural_count(*size, built.norm_order, built.clean.structural_count, built.squarings)
            excess = exact(Fraction(predicted, leading)).log()
            if weight > 0:
                up += weight * excess
            else:
                down += weight * excess
        allowed = Interval(lower_float(1 + down), upper_float(1 + up))
        return Interval(lower_float(slope), upper_float(slope)), allowed


def _every_box_read(runs: RepresentationRuns) -> RepresentationRuns:
    """The p = inf ladder in N with an edge from every box to every indicator, 0 where it is not its own."""
    ladders = tuple(
        replace(ladder, networks=tuple(replace(net, circuit=_fully_read(net.circuit)) for net in ladder.networks))
        if ladder.norm_order == math.inf and ladder.variable == "N"
        else ladder
        for ladder in runs.ladders
    )
    return replace(runs, ladders=ladders)


def _fully_read(circuit: Circuit) -> Circuit:
    entry = circuit.named["indicator"]
    (edge,) = entry.incoming
    full = fully_stored(edge.weights.toarray())
    return with_block(circuit, block("indicator", True, {edge.source: full}, entry.biases, entry.has_bias))


def _largest_on_twice_the_points(runs: RepresentationRuns) -> RepresentationRuns:
    """The largest network of one ladder remembers every point twice."""
    *others, last = runs.ladders
    built = last.networks[-1]
    data = training_set(np.vstack([built.data.points] * 2), np.tile(built.data.labels, 2))
    twice = memorize(data, built.perturbation_radius, built.norm_order, built.clean)
    ladder = replace(last, networks=(*last.networks[:-1], replace(built, circuit=twice.circuit)))
    return replace(runs, ladders=(*others, ladder))


def figures(runs: RepresentationRuns) -> tuple[Figure, ...]:
    """Counts of the built networks against N and D."""
    if not runs.ladders:
        return ()
    panels = []
    for variable, fixed, axis in (
        ("N", "D = 16", "training points N"),
        ("D", "N = 16", "input dimension D"),
    ):
        series = []
        for colour, ladder in enumerate(entry for entry in runs.ladders if entry.variable == variable):
            counts = [net.circuit.structural_count / max(1, net.squarings) for net in ladder.networks]
            name = f"p = {ladder.norm_order:g}" + (", divided by M" if ladder.norm_order == 2 else "")
            series.append(Series(name, [float(size) for size in ladder.sizes], counts, colour=colour))
        panels.append(Panel(f"Built networks, {fixed}", axis, "edges and biases", tuple(series), (), "log", "log"))
    caption = "Structural counts of built networks: slope 1 in N and in D; p = 2 after division by M squarings."
    shown = (PARAMETER_COUNT.label, COUNT_GROWTH.label)
    return (Figure("theorem_2_counts", "O(ND) parameters", caption, tuple(panels), shown),)


CHECKED = (
    CheckedClaim(
        PARAMETER_COUNT,
        check_parameter_count,
        controls=(
            NegativeControl("bias_dropped", "one indicator is built without its bias", _bias_dropped),
            with_wrong(
                "norm_mistaken",
                "the formula of p = 1 for networks built for p = inf",
                structural=_taxicab_count_for_boxes,
            ),
        ),
        needs=("counted",),
        numeric=_count,
    ),
    CheckedClaim(
        COUNT_GROWTH,
        check_count_growth,
        controls=(
            NegativeControl(
                "every_box_read", "one ladder's indicators read every box: quadratic in N", _every_box_read
            ),
            NegativeControl(
                "twice_the_points", "one network of one ladder on twice its points", _largest_on_twice_the_points
            ),
        ),
        needs=("ladders",),
    ),
)
