"""The checks of the two hierarchies: one fixed graph for every labelling, and graphs that depend on the labels."""

from __future__ import annotations

import math
from fractions import Fraction

import sympy

from cgro_theory.claims import Evidence, Interval, Measurement, Prediction
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.enclosing import enclose
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import certify
from cgro_theory.theorems.theorem_2_representation_complexity.runs import formulas
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import HierarchyRun, RepresentationEvidence
from cgro_theory.theorems.theorem_2_representation_complexity.runs.parity import judge_balls, parity_instance
from cgro_theory.theorems.theorem_2_representation_complexity.theory import counts as prediction
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import (
    any_graph_bound,
    parameter_bound,
)

PROVED_PARITY_DIMENSION = 7
"""Up to here every ball of the parity nets is proved exactly; above, the nets are only counted."""

_NEVER = Interval.point(math.inf)
_NOTHING = CheckedPair(Prediction(None), Measurement.failed("nothing was built", Evidence.INTERVAL))


def check_hierarchy(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """The dimension from counts of built networks and sympy's formula in Arb, against prediction's search.

    That one labelling can be cheaper is part of the claim: a parity net that is wrong on a ball, has another count
    than 9(D-1), or is as large as the bound for the worst labelling refutes it.
    """
    run = evidence.hierarchy
    if run is None:
        return _NOTHING
    found = prediction.hierarchy_dimension(run.num_samples, run.error_share, run.layers)
    free = prediction.hierarchy_dimension(run.num_samples, run.error_share, run.layers, any_graph=True)
    deep = prediction.hierarchy_dimension(run.num_samples, run.error_share, None)
    least = parameter_bound(2 ** (found - 1), run.error_share, run.layers)
    notes = (
        ("lower bound of one fixed graph, every labelling, there", float(least)),
        ("dimension where the graph may depend on the labels", float(free)),
        ("dimension for one fixed graph of any depth", float(deep)),
    )
    claimed = Prediction(Interval.point(float(found)), notes=notes)
    counts = {net.input_dimension: net.structural_count for net in run.parities}
    verdicts = [
        judge_balls(parity_instance(net.input_dimension), net)
        for net in run.parities
        if net.input_dimension <= PROVED_PARITY_DIMENSION
    ]
    expected = {
        dimension: int(formulas.parity_expression().subs({formulas.input_dimension: dimension}))
        for dimension in counts
    }
    if any(verdict.broken for verdict in verdicts) or counts != expected or counts.get(found, math.inf) >= least:
        return CheckedPair(claimed, Measurement(math.inf, _NEVER, 1.0, len(counts), Evidence.EXACT))
    if not verdicts or any(verdict.robust < verdict.total for verdict in verdicts):
        return CheckedPair(claimed, Measurement.failed("a parity net is not proved robust", Evidence.EXACT))
    parity_notes = (
        ("parity, one labelling: parameters of its robust net there", float(counts[found])),
        ("parity: balls proved robust", float(sum(verdict.robust for verdict in verdicts))),
    )
    return CheckedPair(claimed, _crossing(run, run.one_graph, parity_notes))


def check_hierarchy_any_graph(evidence: RepresentationEvidence, failure_probability: float) -> CheckedPair:
    """As :func:`check_hierarchy`, with the bits that choose the graph."""
    run = evidence.hierarchy
    if run is None:
        return _NOTHING
    found = prediction.hierarchy_dimension(run.num_samples, run.error_share, run.layers, any_graph=True)
    least = any_graph_bound(2 ** (found - 1), found, run.error_share, run.layers)
    notes = (("lower bound of every graph, worst labelling, there", float(least)),)
    return CheckedPair(Prediction(Interval.point(float(found)), notes=notes), _crossing(run, run.any_graph))


def _crossing(
    run: HierarchyRun, missing_bits: sympy.Expr, notes: tuple[tuple[str, float], ...] = ()
) -> Measurement:
    """The least dimension of the ladder from which on ``missing_bits`` is > 0 at the built networks' counts."""
    for built in run.corners:
        # Robust for every labelling, so the bound must not exclude it.
        proof = certify(built.circuit, built.data, built.perturbation_radius, math.inf)
        excluded = (
            _missing(run, missing_bits, built.data.input_dimension, built.circuit.structural_count).low > 0.0
        )
        if proof.witnesses or excluded:
            return Measurement(math.inf, _NEVER, 1.0, len(run.corners), Evidence.INTERVAL)
        if not proof.is_complete:
            return Measurement.failed("a memorizer of all corners is not proved robust", Evidence.INTERVAL)
    counts = {net.input_dimension: net.structural_count for net in run.networks}
    missing = {size: _missing(run, missing_bits, size, count) for size, count in counts.items()}
    failing = [size for size, bits in missing.items() if bits.high <= 0.0 or counts[size] < 1]
    undecided = [size for size, bits in missing.items() if not bits.low > 0.0]
    first = max(failing, default=min(counts) - 1) + 1
    found = max([first - 1, *undecided]) + 1
    if found > max(counts):
        # Nothing above the ladder's top is known: the dimension is larger than every one of the ladder.
        return Measurement(math.inf, Interval(float(first), math.inf), 1.0, len(counts), Evidence.INTERVAL)
    shown = (("CGRO parameters there", float(counts[found])), ("bits missing there", missing[found].low), *notes)
    measured = Interval(float(first), float(found))
    return Measurement(float(found), measured, 1.0, len(counts), Evidence.INTERVAL, notes=shown)


def _missing(run: HierarchyRun, formula: sympy.Expr, dimension: int, parameters: int) -> Interval:
    values: dict[sympy.Symbol, int | Fraction] = {
        formulas.input_dimension: dimension,
        formulas.num_parameters: parameters,
        formulas.error_share: Fraction(run.error_share),
    }
    return enclose(formula, values)
