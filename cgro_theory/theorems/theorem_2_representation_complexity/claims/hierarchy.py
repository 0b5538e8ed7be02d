"""clean <= CGRO << robust: from which dimension on robustness costs more than CGRO (theory.md 3.2, 3.3)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Claim,
    Crossing,
    Evidence,
    Interval,
    Measurement,
    OneReading,
    Prediction,
    Provenance,
    Reading,
    Relation,
    Source,
)
from cgro_theory.claims.condition import EvaluatedCondition, unmet
from cgro_theory.claims.figure import Figure, Marker, Panel, Series
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..certificate.enclosing import enclose
from ..certificate.proof import certify
from ..networks import clean_classifier
from ..networks.memorizer import memorize
from ..networks.training_set import training_set
from ..runs.made import HierarchyRun, RepresentationRuns
from ..runs.parity import judge_balls, parity_instance
from ..theory import counts, lower_bound
from ..theory.conditions import FEW_ERRORS, SMALL_OFFSET
from ..theory.counts import CGRO_LAYERS
from . import symbols
from .altered_networks import with_bias
from .symbols import EACH_DECIDED

_CGRO_SIZE = sp.Eq(symbols.W, symbols.STRUCTURAL[math.inf])
_ONE_GRAPH = symbols.missing_bits(CGRO_LAYERS)
_ANY_GRAPH = symbols.missing_bits(CGRO_LAYERS, any_graph=True)
_DEPENDS_ON = ("theorem_2.parameter_count", "theorem_2.robust_train_error", "theorem_2.robust_lower_bound")
PROVED_PARITY_DIMENSION = 7
"""Up to here every ball of the parity nets is proved exactly; above, the nets are only counted."""

HIERARCHY = Claim(
    label="theorem_2.hierarchy",
    statement="clean <= CGRO << robust for the worst labelling: from a computed dimension on, one fixed graph of "
    "the CGRO net's depth that is robust for every labelling has more parameters than the CGRO net, and "
    "K(6D+4) + W_clean + 4 suffice; one labelling can be far cheaper: parity has a robust net with 9(D-1).",
    source=Source(symbols.PAPER, "Theorems 4.4, 4.7", "version 4"),
    provenance=(Provenance.DERIVED,),
    quantity="least dimension from which clean <= CGRO < lower bound of one fixed graph for every labelling <= "
    "upper",
    natural_range=Interval.at_least(2.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=sp.And(_CGRO_SIZE, sp.Gt(_ONE_GRAPH, 0)),
    assumptions=(SMALL_OFFSET, FEW_ERRORS),
    depends_on=_DEPENDS_ON,
    statistical=False,
    limitations="the robust nets of one given labelling; graphs that depend on the labels "
    "(theorem_2.hierarchy_any_graph); nets of another depth (the any-depth dimension is a note); dimensions "
    f"above the ladder's and other N and ε: {EACH_DECIDED}",
)

HIERARCHY_ANY_GRAPH = Claim(
    label="theorem_2.hierarchy_any_graph",
    statement="Where the graph may depend on the labels, log2(number of graphs) is added to log2 G: from a "
    "computed dimension on, some labelling has no robust net of the CGRO net's depth, whatever its graph, with as "
    "few parameters as the CGRO net.",
    source=Source("theory.md", "3.3"),
    provenance=(Provenance.NEW,),
    quantity="least dimension from which CGRO < lower bound of every graph for the worst labelling",
    natural_range=Interval.at_least(2.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=sp.And(_CGRO_SIZE, sp.Gt(_ANY_GRAPH, 0)),
    assumptions=(SMALL_OFFSET, FEW_ERRORS),
    depends_on=_DEPENDS_ON,
    statistical=False,
    limitations="which labelling that is: most are, but parity is not; nets of another depth; dimensions above "
    f"the ladder's and other N and ε: {EACH_DECIDED}",
)


def check_hierarchy(
    runs: RepresentationRuns,
    failure_probability: float,
    *,
    predict: Callable[..., int] = counts.hierarchy_dimension,
) -> CheckedPair:
    """The dimension from counts of built networks and sympy's formula in Arb, against the theory's search.

    That one labelling can be cheaper is part of the claim: a parity net that is wrong on a ball, has another count
    than 9(D-1), or is as large as the bound for the worst labelling refutes it.
    """
    run, assumed = runs.hierarchy, _conditions(runs)
    if run is None or unmet(assumed):
        return _nothing(assumed)
    fraction = runs.error_fraction
    found = predict(run.num_samples, fraction)
    least = lower_bound.parameter_bound(2 ** (found - 1), fraction, CGRO_LAYERS)
    free = counts.hierarchy_dimension(run.num_samples, fraction, any_graph=True)
    deep = counts.hierarchy_dimension(run.num_samples, fraction, None)
    notes = (
        ("lower bound of one fixed graph, every labelling, there", float(least)),
        ("dimension where the graph may depend on the labels", float(free)),
        ("dimension for one fixed graph of any depth", float(deep)),
    )
    predicted = Prediction(Interval.point(float(found)), assumed, notes=notes)
    sizes = {net.input_dimension: net.structural_count for net in run.parities}
    verdicts = [
        judge_balls(parity_instance(net.input_dimension), net)
        for net in run.parities
        if net.input_dimension <= PROVED_PARITY_DIMENSION
    ]
    miscounted = any(count != counts.parity_count(dimension) for dimension, count in sizes.items())
    if any(verdict.broken for verdict in verdicts) or miscounted or sizes.get(found, math.inf) >= least:
        return CheckedPair(predicted, _never(len(sizes)))
    if not verdicts or any(verdict.robust < verdict.total for verdict in verdicts):
        return CheckedPair(predicted, Measurement.failed("a parity net is not proved robust"))
    parity_notes = (
        ("parity, one labelling: parameters of its robust net there", float(sizes[found])),
        ("parity: balls proved robust", float(sum(verdict.robust for verdict in verdicts))),
    )
    return CheckedPair(predicted, _crossing(run, fraction, _ONE_GRAPH, parity_notes))


def check_hierarchy_any_graph(
    runs: RepresentationRuns,
    failure_probability: float,
    *,
    predict: Callable[..., int] = counts.hierarchy_dimension,
) -> CheckedPair:
    """As :func:`check_hierarchy`, with the bits that choose the graph."""
    run, assumed = runs.hierarchy, _conditions(runs)
    if run is None or unmet(assumed):
        return _nothing(assumed)
    found = predict(run.num_samples, runs.error_fraction, any_graph=True)
    least = lower_bound.any_graph_bound(2 ** (found - 1), found, runs.error_fraction, CGRO_LAYERS)
    notes = (("lower bound of every graph, worst labelling, there", float(least)),)
    predicted = Prediction(Interval.point(float(found)), assumed, notes=notes)
    return CheckedPair(predicted, _crossing(run, runs.error_fraction, _ANY_GRAPH))


def _conditions(runs: RepresentationRuns) -> tuple[EvaluatedCondition, ...]:
    run = runs.hierarchy
    few = FEW_ERRORS.given(epsilon=runs.error_fraction)
    return (few,) if run is None else (SMALL_OFFSET.given(tau=run.offset, delta=run.perturbation_radius), few)


def _nothing(assumed: tuple[EvaluatedCondition, ...]) -> CheckedPair:
    return CheckedPair(Prediction(None, assumed), Measurement.failed("nothing was built"))


def _never(networks: int) -> Measurement:
    """There is no such dimension."""
    never = Interval.point(math.inf)
    return Measurement(math.inf, never, 1.0, networks, Evidence.STATISTICAL, raw=OneReading(Reading(never)))


def _crossing(
    run: HierarchyRun, fraction: float, missing: sp.Expr, notes: tuple[tuple[str, float], ...] = ()
) -> Measurement:
    """The least dimension of the ladder from which on ``missing`` bits are > 0 at the built networks' counts."""
    formula = missing.doit()

    def at(dimension: int, parameters: int) -> Interval:
        return enclose(formula, {symbols.D: dimension, symbols.W: parameters, symbols.epsilon: Fraction(fraction)})

    for built in run.corners:
        # Robust for every labelling, so the bound must not exclude it.
        proof = certify(built.circuit, built.data, built.perturbation_radius, math.inf)
        if proof.witnesses or at(built.data.input_dimension, built.circuit.structural_count).low > 0.0:
            return _never(len(run.corners))
        if not proof.is_complete:
            return Measurement.failed("a memorizer of all corners is not proved robust")
    sizes = {net.input_dimension: net.structural_count for net in run.networks}
    bits = {dimension: at(dimension, count) for dimension, count in sizes.items()}
    raw = Crossing(tuple((dimension, count, bits[dimension]) for dimension, count in sizes.items()))
    failing = [dimension for dimension in sizes if bits[dimension].high <= 0.0 or sizes[dimension] < 1]
    undecided = [dimension for dimension in sizes if not bits[dimension].low > 0.0]
    first = max(failing, default=min(sizes) - 1) + 1
    found = max([first - 1, *undecided]) + 1
    if found > max(sizes):
        # Nothing above the ladder's top is known: the dimension is larger than every one of the ladder.
        beyond = Interval(float(first), math.inf)
        return Measurement(math.inf, beyond, 1.0, len(sizes), Evidence.STATISTICAL, raw=raw)
    shown = (
        ("training points", float(run.num_samples)),
        ("robust error allowed", float(fraction)),
        ("CGRO parameters there", float(sizes[found])),
        ("bits missing there", bits[found].low),
        *notes,
    )
    measured = Interval(float(first), float(found))
    return Measurement(float(found), measured, 1.0, len(sizes), Evidence.STATISTICAL, notes=shown, raw=raw)


def _errors_not_paid(num_samples: int, error_fraction: float) -> int:
    return counts.hierarchy_dimension(num_samples, 0.0)


def _graphs_not_counted(num_samples: int, error_fraction: float, *, any_graph: bool) -> int:
    return counts.hierarchy_dimension(num_samples, error_fraction, any_graph=False)


def _other_networks(
    points: Callable[[int], int], norm_order: float
) -> Callable[[RepresentationRuns], RepresentationRuns]:
    """CGRO networks built anew, on another number of points or for another norm."""

    def change(runs: RepresentationRuns) -> RepresentationRuns:
        run = _built(runs)
        count, networks = points(run.num_samples), []
        for size in (net.input_dimension for net in run.networks):
            data = training_set(np.linspace(0.0, 1.0, count)[:, None] + np.zeros((1, size)), np.ones(count))
            networks.append(
                memorize(data, 0.01, norm_order, clean_classifier.coordinate_classifier(size, size - 1)).circuit
            )
        return replace(runs, hierarchy=replace(run, networks=tuple(networks)))

    return change


def _built(runs: RepresentationRuns) -> HierarchyRun:
    if runs.hierarchy is None:
        raise ValueError("no hierarchy was built")
    return runs.hierarchy


def _a_corner_forgotten(runs: RepresentationRuns) -> RepresentationRuns:
    """In one of the memorizers of all corners, one indicator's bias is -1 for 1."""
    run = _built(runs)
    *others, last = run.corners
    broken = replace(last, circuit=with_bias(last.circuit, "indicator", 0, -1.0))
    return replace(runs, hierarchy=replace(run, corners=(*others, broken)))


def _a_tooth_missing(runs: RepresentationRuns) -> RepresentationRuns:
    """One parity net whose second tooth starts at the corner after its own."""
    run = _built(runs)
    nets = tuple(
        with_bias(net, "teeth", 1, -2.0) if net.input_dimension == PROVED_PARITY_DIMENSION else net
        for net in run.parities
    )
    return replace(runs, hierarchy=replace(run, parities=nets))


def figures(runs: RepresentationRuns) -> tuple[Figure, ...]:
    """Clean, CGRO and robust sizes against the dimension."""
    if runs.hierarchy is None:
        return ()
    samples, fraction = runs.hierarchy.num_samples, runs.error_fraction
    sizes = [counts.hierarchy(samples, dimension, fraction) for dimension in range(2, 81)]
    bounded = [row for row in sizes if row.log2_robust_lower >= 0.0]
    x, x_bounded = ([float(row.input_dimension) for row in rows] for rows in (sizes, bounded))
    lower = [2.0**row.log2_robust_lower for row in bounded]
    any_graph = [
        float(lower_bound.any_graph_bound(2 ** (d - 1), d, fraction, CGRO_LAYERS))
        for d in (row.input_dimension for row in bounded)
    ]
    upper = [2.0**row.log2_robust_upper for row in sizes]
    parity = [float(counts.parity_count(row.input_dimension)) for row in sizes]
    fixed_name = "one fixed graph robust for every labelling: lower bound (4 layers)"
    free_name = "graph may depend on the labels, worst labelling: lower bound (4 layers)"
    series = (
        Series("clean: f = x_D", x, [2.0**row.log2_clean for row in sizes], colour=2),
        Series(f"CGRO memorizer, N = {samples}", x, [2.0**row.log2_cgro for row in sizes], colour=0),
        Series(fixed_name, x_bounded, lower, colour=1),
        Series(free_name, x_bounded, any_graph, colour=4),
        Series("all corners memorized: robust for every labelling", x, upper, colour=1, style="dashed"),
        Series("one labelling, parity: a robust net (4 layers)", x, parity, colour=5, style="dashed"),
    )
    fixed = counts.hierarchy_dimension(samples, fraction)
    free = counts.hierarchy_dimension(samples, fraction, any_graph=True)
    at_crossing = counts.parity_count(fixed)
    markers = (
        Marker(f"one fixed graph: above CGRO from D = {fixed}", float(fixed), colour=3),
        Marker(f"any graph, worst labelling: from D = {free}", float(free), colour=4),
        Marker("digits: D = 64", 64.0),
    )
    title = "Parameters against dimension"
    panel = Panel(title, "input dimension D", "parameters", series, markers, y_scale="log")
    caption = (
        "Clean generalization costs one parameter and CGRO grows linearly in N·D, while robustness for the worst "
        f"labelling doubles with every dimension. The lower bounds (robust error at most {fraction:g}) are about "
        f"one fixed graph that serves every labelling (above CGRO from D = {fixed}) and, where the graph may "
        f"depend on the labels, about some labelling (from D = {free}). They say nothing about one given "
        f"labelling: parity has a robust net with 9(D-1) parameters, {at_crossing} at D = {fixed}. Upper: "
        "the memorizer of all 2^(D-1) corners."
    )
    shown = (HIERARCHY.label, HIERARCHY_ANY_GRAPH.label, "theorem_2.robust_lower_bound")
    return (
        Figure("theorem_2_hierarchy", "Clean, CGRO and robust sizes, worst labelling", caption, (panel,), shown),
    )


_HALF_THE_POINTS = NegativeControl(
    "half_the_points",
    "CGRO nets built on N/2 points",
    _other_networks(lambda count: count // 2, math.inf),
)

CHECKED = (
    CheckedClaim(
        HIERARCHY,
        check_hierarchy,
        controls=(
            NegativeControl(
                "other_norm", "CGRO nets built for p = 1: 2N parameters more", _other_networks(int, 1.0)
            ),
            _HALF_THE_POINTS,
            with_wrong("errors_not_paid", "K bits demanded where errors are allowed", predict=_errors_not_paid),
            NegativeControl("corner_forgotten", "one net of all corners misses a corner", _a_corner_forgotten),
            NegativeControl("tooth_missing", "one parity net has a tooth in the wrong place", _a_tooth_missing),
        ),
        needs=("hierarchy",),
    ),
    CheckedClaim(
        HIERARCHY_ANY_GRAPH,
        check_hierarchy_any_graph,
        controls=(
            with_wrong(
                "graphs_not_counted", "the bound of one fixed graph, for any graph", predict=_graphs_not_counted
            ),
            _HALF_THE_POINTS,
        ),
        needs=("hierarchy",),
    ),
)
