"""Deliberately wrong versions of theorem 2's claims; each must come out refuted by the claim's own check."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import numpy as np

from cgro_theory.theorems.room import PlantedFault
from cgro_theory.theorems.theorem_2_representation_complexity import prediction
from cgro_theory.theorems.theorem_2_representation_complexity.adversarial_training import TrainedNet
from cgro_theory.theorems.theorem_2_representation_complexity.circuit import Block, Circuit, block
from cgro_theory.theorems.theorem_2_representation_complexity.clean_classifier import linear_classifier
from cgro_theory.theorems.theorem_2_representation_complexity.construction import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.evidence import (
    CleanComparison,
    NamedMemorizer,
    RepresentationEvidence,
)
from cgro_theory.theorems.theorem_2_representation_complexity.hypercube import (
    ExactError,
    enumerate_samples,
    random_instance,
)
from cgro_theory.theorems.theorem_2_representation_complexity.lower_bound import Architecture
from cgro_theory.theorems.theorem_2_representation_complexity.training_set import training_set


def with_block(circuit: Circuit, changed: Block) -> Circuit:
    """The circuit with one block replaced by another of the same name."""
    blocks = tuple(changed if entry.name == changed.name else entry for entry in circuit.blocks)
    return Circuit(circuit.input_dimension, blocks)


def with_bias(circuit: Circuit, name: str, unit: int, value: float) -> Circuit:
    """The circuit with one bias set to ``value``."""
    entry = circuit.named[name]
    biases = entry.biases.copy()
    biases[unit] = value
    edges = {edge.source: edge.weights for edge in entry.incoming}
    return with_block(circuit, block(name, entry.is_relu, edges, biases, entry.has_bias))


def _bias_dropped(evidence: RepresentationEvidence) -> RepresentationEvidence:
    first = evidence.counted[0]
    entry = first.built.circuit.named["indicator"]
    edges = {edge.source: edge.weights for edge in entry.incoming}
    mask = entry.has_bias.copy()
    mask[0] = False
    changed = block("indicator", True, edges, np.where(mask, entry.biases, 0.0), mask)
    built = replace(first.built, circuit=with_block(first.built.circuit, changed))
    return replace(evidence, counted=(replace(first, built=built), *evidence.counted[1:]))


def _norm_mistaken(evidence: RepresentationEvidence) -> RepresentationEvidence:
    changed = tuple(
        replace(entry, built=replace(entry.built, norm_order=1.0)) if entry.built.norm_order == math.inf else entry
        for entry in evidence.counted
    )
    return replace(evidence, counted=changed)


def _dense_ladders(evidence: RepresentationEvidence) -> RepresentationEvidence:
    ladders = []
    for ladder in evidence.ladders:
        shapes = zip(ladder.num_samples, ladder.input_dimensions, ladder.squarings, strict=True)
        counts = tuple(prediction.dense_count(n, d, ladder.norm_order, (), m) for n, d, m in shapes)
        ladders.append(replace(ladder, counts=counts))
    return replace(evidence, ladders=tuple(ladders))


def _steeper(evidence: RepresentationEvidence) -> RepresentationEvidence:
    ladders = tuple(
        replace(ladder, counts=tuple(round(c * s**0.1) for c, s in zip(ladder.counts, ladder.sizes, strict=True)))
        for ladder in evidence.ladders
    )
    return replace(evidence, ladders=ladders)


def _one_squaring_less(evidence: RepresentationEvidence) -> RepresentationEvidence:
    runs = tuple(replace(run, squarings=run.squarings + 1) for run in evidence.squarings[:-1])
    return replace(evidence, squarings=runs)


def _wrong_tent(evidence: RepresentationEvidence) -> RepresentationEvidence:
    run = next(entry for entry in evidence.squarings if entry.squarings >= 2)
    entry = run.circuit.named["sum.1"]
    edges = {edge.source: edge.weights * (1.5 if edge.source == "tent.1" else 1.0) for edge in entry.incoming}
    changed = block("sum.1", entry.is_relu, edges, entry.biases, entry.has_bias)
    return replace(evidence, squarings=(replace(run, circuit=with_block(run.circuit, changed)),))


def _without_own_indicator(norm_order: float) -> Callable[[RepresentationEvidence], RepresentationEvidence]:
    """Set the indicator bias of one ball, where the clean classifier alone fails, from 1 to -1."""

    def change(evidence: RepresentationEvidence) -> RepresentationEvidence:
        chosen = _repaired(evidence, norm_order)
        ball = _most_wrong(chosen)
        circuit = with_bias(chosen.built.circuit, "indicator", ball, -1.0)
        return _only(evidence, chosen, circuit)

    return change


def _face_moved(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """Move one face of one box across its centre and past the ramp: only half of the ball stays covered."""
    chosen = _repaired(evidence, math.inf)
    ball = _most_wrong(chosen)
    unit = 2 * ball * chosen.built.data.input_dimension
    moved = chosen.built.perturbation_radius + 2.0 * chosen.built.ramp_width
    bias = float(chosen.built.circuit.named["box"].biases[unit]) + moved
    return _only(evidence, chosen, with_bias(chosen.built.circuit, "box", unit, bias))


def _repaired(evidence: RepresentationEvidence, norm_order: float) -> NamedMemorizer:
    """A memorizer whose clean classifier is wrong on some training point."""
    return next(
        entry
        for entry in evidence.memorizers
        if entry.built.norm_order == norm_order and entry.built.clean_wrong_on
    )


def _most_wrong(entry: NamedMemorizer) -> int:
    data = entry.built.data
    return int(np.argmin(data.labels * entry.built.clean.evaluate(data.points)))


def _only(evidence: RepresentationEvidence, entry: NamedMemorizer, circuit: Circuit) -> RepresentationEvidence:
    changed = replace(entry, built=replace(entry.built, circuit=circuit), attack=None)
    return replace(evidence, memorizers=(changed,))


def wide_ramp_comparison(ramp_width: float | None) -> CleanComparison:
    """Training points 0 (+1) and 10 (-1), test points these and 2.5 (-1), δ = 1, f_clean = 2.4 - x: all right.

    The population is more than 2δ apart. With a ramp of 7.9 (γ = 8) the indicator of 0 is 0.8 at 2.5 and overrules
    the correct clean classifier; with the ramp min(γ, δ) it is 0 there.
    """
    data = training_set([[0.0], [10.0]], [1, -1])
    built = memorize(data, 1.0, math.inf, linear_classifier([-1.0], 2.4), ramp_width=ramp_width)
    population = training_set([[0.0], [10.0], [2.5]], [1, -1, -1])
    return CleanComparison("three points on a line", built, population)


def _ramp_as_wide_as_gap(evidence: RepresentationEvidence) -> RepresentationEvidence:
    return replace(evidence, comparisons=(wide_ramp_comparison(7.9),))


def _twice_the_corners(evidence: RepresentationEvidence) -> RepresentationEvidence:
    changed = tuple(replace(entry, input_dimension=entry.input_dimension + 1) for entry in evidence.exact_errors)
    return replace(evidence, exact_errors=changed)


def _without_replacement(evidence: RepresentationEvidence) -> RepresentationEvidence:
    instance = random_instance(3, evidence.seed)
    samples = permutations(range(instance.num_corners), 2)
    entry: ExactError = enumerate_samples(instance, samples, 2)
    return replace(evidence, exact_errors=(entry,))


def _sampling_contradicts(evidence: RepresentationEvidence) -> RepresentationEvidence:
    changed = tuple(
        replace(entry, broken=0, robust=entry.trials, num_samples=1) for entry in evidence.sampled_errors
    )
    return replace(evidence, sampled_errors=changed)


def _units_for_parameters(evidence: RepresentationEvidence) -> RepresentationEvidence:
    """The growth bound with W = the number of units in place of the number of weights and biases."""
    changed = []
    for entry in evidence.growth:
        units, points = sum(entry.patterns.architecture.widths), entry.patterns.num_points
        changed.append(replace(entry, bound_bits=1.0 + units * math.log2(2.0 * math.e * points / units)))
    return replace(evidence, growth=tuple(changed))


def _tiny_net_fits(evidence: RepresentationEvidence) -> RepresentationEvidence:
    net = TrainedNet(Architecture(12, (1, 1)), 0, 2**11, 0, 0, 0)
    return replace(evidence, trained=(*evidence.trained, net))


def _dense_hierarchy(evidence: RepresentationEvidence) -> RepresentationEvidence:
    run = evidence.hierarchy
    if run is None:
        raise ValueError("no hierarchy was built")
    counts = tuple(prediction.dense_count(run.num_samples, d, math.inf) for d in run.dimensions)
    return replace(evidence, hierarchy=replace(run, cgro_counts=counts))


def _count_halved(evidence: RepresentationEvidence) -> RepresentationEvidence:
    run = evidence.hierarchy
    if run is None:
        raise ValueError("no hierarchy was built")
    shares = tuple(int(Fraction(count, 2)) for count in run.cgro_counts)
    return replace(evidence, hierarchy=replace(run, cgro_counts=shares))


def _corners_too_cheap(evidence: RepresentationEvidence) -> RepresentationEvidence:
    run = evidence.hierarchy
    if run is None:
        raise ValueError("no hierarchy was built")
    return replace(evidence, hierarchy=replace(run, corner_counts=tuple(0 for _ in run.corner_counts)))


FAULTS: Mapping[str, tuple[PlantedFault, ...]] = {
    "theorem_2.parameter_count": (
        PlantedFault("bias_dropped", "one indicator is built without its bias", _bias_dropped),
        PlantedFault("norm_mistaken", "the formula of p = 1 for networks built for p = inf", _norm_mistaken),
    ),
    "theorem_2.count_growth": (
        PlantedFault("dense_count", "layer matrices in place of edges: quadratic in N", _dense_ladders),
        PlantedFault("exponent_off", "counts that grow with an exponent larger by 0.1", _steeper),
    ),
    "theorem_2.squaring_error": (
        PlantedFault("one_squaring_less", "M - 1 compositions where M are claimed", _one_squaring_less),
        PlantedFault("wrong_tent", "the first tent enters with 3/2 of its weight", _wrong_tent),
    ),
    "theorem_2.robust_train_error": (
        PlantedFault("indicator_bias", "p = inf: one indicator's bias -1 for 1", _without_own_indicator(math.inf)),
        PlantedFault("face_moved", "p = inf: one face of one box moved across the ball", _face_moved),
        PlantedFault("indicator_bias_1", "p = 1: one indicator's bias -1 for 1", _without_own_indicator(1.0)),
        PlantedFault("indicator_bias_2", "p = 2: one indicator's bias -1 for 1", _without_own_indicator(2.0)),
    ),
    "theorem_2.clean_test_error": (
        PlantedFault("wide_ramp", "the ramp γ of the sample in place of min(γ, δ)", _ramp_as_wide_as_gap),
    ),
    "theorem_2.robust_test_error": (
        PlantedFault("twice_the_corners", "K = 2^D for 2^(D-1)", _twice_the_corners),
        PlantedFault("without_replacement", "samples of distinct corners", _without_replacement),
        PlantedFault("sampling_contradicts", "Monte Carlo far from the formula", _sampling_contradicts),
    ),
    "theorem_2.robust_lower_bound": (
        PlantedFault("units_for_parameters", "log2 G with units counted, not weights", _units_for_parameters),
        PlantedFault("tiny_net_fits", "a net of 2 units said to fit 2,048 random labels", _tiny_net_fits),
    ),
    "theorem_2.hierarchy": (
        PlantedFault("dense_count", "the CGRO net counted as full matrices", _dense_hierarchy),
        PlantedFault("corners_too_cheap", "robust memorizers said to need no parameters", _corners_too_cheap),
        PlantedFault("count_halved", "the CGRO net counted at half its size", _count_halved),
    ),
}
