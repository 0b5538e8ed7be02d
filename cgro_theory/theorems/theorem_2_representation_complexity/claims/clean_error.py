"""Memorizing does not cost clean accuracy (theory.md 3.1, 3.2)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import sympy as sp

from cgro_theory.claims import (
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
)
from cgro_theory.claims.condition import EvaluatedCondition
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl
from cgro_theory.theorems.remembered import once_per_object

from ..networks.circuit import block
from ..networks.memorizer import memorize
from ..networks.training_set import separation, training_set
from ..runs.made import CleanComparison, RepresentationRuns
from ..theory import conditions
from .altered_networks import with_block
from .symbols import EACH_DECIDED

CLEAN_TEST_ERROR = Claim(
    label="theorem_2.clean_test_error",
    statement="Memorizing does not raise the clean test error above that of the clean classifier.",
    source=Source("theory.md", "3.2"),
    provenance=(Provenance.DERIVED,),
    quantity="clean error of the memorizer minus that of f_clean, the worst over populations",
    natural_range=Interval(-1.0, 1.0),
    relation=Relation.AT_MOST,
    expression=sp.Le(sp.Symbol("err_memorizer", real=True), sp.Symbol("err_clean_classifier", real=True)),
    assumptions=(conditions.POPULATION_SEPARATED, conditions.NARROW_RAMP),
    statistical=False,
    limitations=f"populations other than the finite ones enumerated: {EACH_DECIDED}",
)


def check_clean_test_error(runs: RepresentationRuns, failure_probability: float) -> CheckedPair:
    """Clean errors on whole finite populations, signs decided by outward-rounded evaluation."""
    assumed = tuple(each for entry in runs.comparisons for each in _conditions(entry))
    predicted = Prediction(Interval.at_most(0.0), assumed)
    results = [_clean_difference(entry) for entry in runs.comparisons]
    if not results:
        return CheckedPair(predicted, Measurement.failed("no population was compared"))
    interval = Interval(max(result.low for result in results), max(result.high for result in results))
    notes = tuple(
        (f"{entry.name}: difference", result.high) for entry, result in zip(runs.comparisons, results, strict=True)
    )
    raw = Extreme("greatest", Reading.all(results))
    measured = Measurement(interval.high, interval, 1.0, len(results), Evidence.STATISTICAL, notes=notes, raw=raw)
    return CheckedPair(predicted, measured)


@once_per_object
def _conditions(entry: CleanComparison) -> tuple[EvaluatedCondition, ...]:
    built, data, population = entry.built, entry.built.data, entry.population
    points = np.vstack([data.points, population.points])
    labels = np.concatenate([data.labels, population.labels])
    closest = separation(training_set(points, labels), built.norm_order).distance
    return (
        conditions.POPULATION_SEPARATED.given(Gamma_population=closest, delta=built.perturbation_radius),
        conditions.NARROW_RAMP.given(gamma=built.ramp_width, delta=built.perturbation_radius),
    )


@once_per_object
def _clean_difference(entry: CleanComparison) -> Interval:
    points, labels = entry.population.points, entry.population.labels
    errors = []
    for circuit in (entry.built.circuit, entry.built.clean):
        bounds = circuit.at_points(points)
        surely_wrong = np.where(labels > 0, bounds.high <= 0.0, bounds.low >= 0.0)
        surely_right = np.where(labels > 0, bounds.low > 0.0, bounds.high < 0.0)
        errors.append((int(surely_wrong.sum()), int(labels.size - surely_right.sum())))
    (low, high), (clean_low, clean_high) = errors
    return Interval((low - clean_high) / labels.size, (high - clean_low) / labels.size)


def _ramp_as_wide_as_gap(runs: RepresentationRuns) -> RepresentationRuns:
    """The network on a line is built with a ramp that ends just before γ of its sample, 8."""
    *others, line = runs.comparisons
    built = line.built
    wide = memorize(built.data, built.perturbation_radius, built.norm_order, built.clean, ramp_width=7.9)
    return replace(runs, comparisons=(*others, replace(line, built=replace(built, circuit=wide.circuit))))


def _labels_flipped(runs: RepresentationRuns) -> RepresentationRuns:
    """On the hypercube, the remembered corners enter the output with the other sign, and twice.

    All of them: where the clean classifier errs on one corner, to remember that one wrongly is no worse. Once
    would leave an output of exactly 0 where it errs least, which no ball decides.
    """
    first, *others = runs.comparisons
    circuit = first.built.circuit
    output = circuit.named["output"]
    edges = {edge.source: edge.weights.toarray() for edge in output.incoming}
    edges["indicator"] *= -2.0
    changed = block("output", False, edges, output.biases, output.has_bias)
    built = replace(first.built, circuit=with_block(circuit, changed))
    return replace(runs, comparisons=(replace(first, built=built), *others))


CHECKED = (
    CheckedClaim(
        CLEAN_TEST_ERROR,
        check_clean_test_error,
        controls=(
            NegativeControl("wide_ramp", "the ramp γ of the sample in place of min(γ, δ)", _ramp_as_wide_as_gap),
            NegativeControl(
                "labels_flipped",
                "the remembered labels enter one network with the wrong sign, and twice",
                _labels_flipped,
            ),
        ),
        needs=("comparisons",),
    ),
)
