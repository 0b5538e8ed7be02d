"""The checks of theorem 2: each counts, certifies or enumerates the built networks anew, then compares.

Formulas come from ``statement`` (sympy) and ``prediction`` (integers, Arb); the measured side reads networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.theorems.room import Check, CheckedPair
from cgro_theory.theorems.theorem_2_representation_complexity.claims.error_checks import (
    check_clean_test_error,
    check_robust_test_error,
    check_robust_train_error,
)
from cgro_theory.theorems.theorem_2_representation_complexity.claims.hierarchy_checks import (
    check_hierarchy,
    check_hierarchy_any_graph,
)
from cgro_theory.theorems.theorem_2_representation_complexity.claims.lower_bound_check import (
    check_robust_lower_bound,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import hidden_widths
from cgro_theory.theorems.theorem_2_representation_complexity.networks.layered import pad_to_layers
from cgro_theory.theorems.theorem_2_representation_complexity.runs import formulas
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import (
    Ladder,
    NamedMemorizer,
    RepresentationEvidence,
    SquaringRun,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory import counts as prediction

_ZERO = Prediction(Interval.point(0.0))


def check_parameter_count(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """Counts of the built networks against sympy's formula and the integer formula, both conventions."""
    gaps = [_count_gap(entry) for entry in evidence.counted]
    if not gaps:
        return CheckedPair(_ZERO, Measurement.failed("no network was counted", Evidence.EXACT))
    worst = float(max(gaps))
    notes = tuple((f"structural: {e.name}", float(e.built.circuit.structural_count)) for e in evidence.counted[:6])
    measured = Measurement(worst, Interval.point(worst), 1.0, len(gaps), Evidence.EXACT, notes=notes)
    return CheckedPair(_ZERO, measured)


def _count_gap(entry: NamedMemorizer) -> int:
    built = entry.built
    count, dimension = built.data.num_samples, built.data.input_dimension
    widths = hidden_widths(built.clean)
    values = {
        formulas.num_samples: count,
        formulas.input_dimension: dimension,
        formulas.squarings: built.squarings,
        formulas.clean_count: built.clean.structural_count,
    }
    structural = formulas.structural_expression(built.norm_order).subs(values)
    dense = formulas.dense_expression(built.norm_order, widths, built.squarings).subs(values)
    order, stages = built.norm_order, built.squarings
    by_integers = (
        prediction.structural_count(count, dimension, order, built.clean.structural_count, stages),
        prediction.dense_count(count, dimension, order, widths, stages),
    )
    measured = (built.circuit.structural_count, pad_to_layers(built.circuit).dense_count)
    told = ((int(structural), int(dense)), by_integers)
    return max(abs(have - want) for formula in told for have, want in zip(measured, formula, strict=True))


def check_count_growth(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """Exponents of the built counts by least squares in Arb, against 1 within what lower-order terms allow."""
    fits = [(ladder, *_fitted_exponent(ladder)) for ladder in evidence.ladders]
    if not fits:
        return CheckedPair(Prediction(None), Measurement.failed("no ladder was built", Evidence.INTERVAL))
    notes = tuple((f"exponent in {entry.variable}, p={entry.norm_order:g}", fit.low) for entry, fit, _ in fits)
    # A fit outside its allowance comes first; else the one that uses most of it.
    _, fit, allowed = max(
        fits,
        key=lambda item: (not item[2].contains(item[1]), abs(item[1].low - 1.0) / (item[2].width or 1e-300)),
    )
    estimate = (fit.low + fit.high) / 2.0
    measured = Measurement(estimate, fit, 1.0, len(fits), Evidence.INTERVAL, notes=notes)
    return CheckedPair(Prediction(allowed, leading_order=1.0), measured)


def _fitted_exponent(ladder: Ladder) -> tuple[Interval, Interval]:
    """The exponent (enclosed), and 1 ± what terms of lower order can add to a least-squares slope.

    count / leading term lies in [1, 1 + e_i], with e_i from the formula. The slope is a weighted sum of the logs
    with weights that sum to 0, so the e_i move it by at most the larger of its positive and its negative part.
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
            count, dimension = built.data.num_samples, built.data.input_dimension
            stages = max(1, built.squarings)
            slope += weight * exact(Fraction(built.circuit.structural_count, stages)).log()
            leading = count * dimension * (7 if ladder.norm_order == 2 else 6)
            rest = Fraction(_lower_order(count, dimension, ladder.norm_order, stages), leading)
            excess = exact(1 + rest).log()
            if weight > 0:
                up += weight * excess
            else:
                down += weight * excess
        allowed = Interval(lower_float(1 + down), upper_float(1 + up))
        return Interval(lower_float(slope), upper_float(slope)), allowed


def _lower_order(count: int, dimension: int, order: float, stages: int) -> Fraction:
    """Structural count (linear clean classifier) minus its leading term, divided by M for p = 2."""
    total = prediction.structural_count(count, dimension, order, dimension + 1, stages if order == 2 else 0)
    leading = count * dimension * (7 * stages if order == 2 else 6)
    return Fraction(total - leading, stages if order == 2 else 1)


def check_squaring_error(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """sup |g_M - x²| · 4^(M+1) in exact rationals, from the built circuits."""
    ratios = [_squaring_ratio(run) for run in evidence.squarings]
    claimed = Prediction(Interval.point(1.0))
    decided = [ratio for ratio in ratios if ratio is not None]
    worst = max(decided, key=lambda ratio: abs(ratio - 1), default=Fraction(1))
    if not ratios or (worst == 1 and len(decided) < len(ratios)):
        why = "a built circuit is not linear between dyadic points" if ratios else "no circuit was built"
        return CheckedPair(claimed, Measurement.failed(why, Evidence.EXACT))
    value = float(worst)
    measured = Interval.point(value) if Fraction(value) == worst else Interval.point(value).outward()
    return CheckedPair(claimed, Measurement(value, measured, 1.0, len(ratios), Evidence.EXACT))


def _squaring_ratio(run: SquaringRun) -> Fraction | None:
    """The supremum over [0, 1] times 4^(M+1), or None when a unit bends inside a dyadic interval.

    On [j, j+1]/2^M every pre-activation is linear as long as none changes sign strictly inside, which its exact
    end values decide (by induction over the blocks). A linear piece minus x² is concave, and so |error| is largest
    at an end or where the slope matches, x = slope/2.
    """
    pieces = 2**run.squarings
    ends = [run.circuit.exact_preactivations([Fraction(j, pieces)]) for j in range(pieces + 1)]
    relu = [entry.name for entry in run.circuit.blocks if entry.is_relu]
    output = run.circuit.blocks[-1].name
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
    return worst * Fraction(4) ** (run.squarings + 1)


CHECKS: Mapping[str, Check] = {
    "theorem_2.parameter_count": check_parameter_count,
    "theorem_2.count_growth": check_count_growth,
    "theorem_2.squaring_error": check_squaring_error,
    "theorem_2.robust_train_error": check_robust_train_error,
    "theorem_2.clean_test_error": check_clean_test_error,
    "theorem_2.robust_test_error": check_robust_test_error,
    "theorem_2.robust_lower_bound": check_robust_lower_bound,
    "theorem_2.hierarchy": check_hierarchy,
    "theorem_2.hierarchy_any_graph": check_hierarchy_any_graph,
}
