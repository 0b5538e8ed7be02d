"""The memorizer is robust on its training set (theory.md 3.1)."""

from __future__ import annotations

import math
from collections.abc import Callable
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
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl
from cgro_theory.theorems.remembered import once_per_object

from ..certificate.proof import Certificate, certify
from ..networks.circuit import Circuit
from ..networks.layered import pad_to_layers
from ..networks.memorizer import Memorizer
from ..networks.training_set import separation
from ..runs.made import NamedMemorizer, RepresentationRuns
from ..theory.conditions import SEPARATED
from .altered_networks import with_bias
from .symbols import EACH_DECIDED, PAPER

ROBUST_TRAIN_ERROR = Claim(
    label="theorem_2.robust_train_error",
    statement="The memorizer classifies every point of every training ball correctly, p = 1, 2 and inf.",
    source=Source(PAPER, "Theorem 4.4", "version 4"),
    provenance=(Provenance.DERIVED,),
    quantity="robust train error: from witnesses and evaluated ball ends below, from uncertified balls above",
    natural_range=Interval(0.0, 1.0),
    relation=Relation.AT_MOST,
    expression=sp.Eq(sp.Symbol("err_robust_train", real=True), 0),
    assumptions=(SEPARATED,),
    depends_on=("theorem_2.squaring_error",),
    statistical=False,
    limitations="float evaluation of the network: the certificate is about its real function; memorizers that "
    f"were not built: {EACH_DECIDED}",
)

_VALUES_AT_ONCE = 1 << 24


def check_robust_train_error(runs: RepresentationRuns, failure_probability: float) -> CheckedPair:
    """Certify every ball of every memorizer; replayed witnesses bound the error from below.

    Beside the certificate, and without it, the padded net's layers are evaluated at a random end of each ball.
    """
    predicted = Prediction(Interval.at_most(0.0), tuple(_separated(entry.built) for entry in runs.memorizers))
    if predicted.unmet:
        return CheckedPair(predicted, Measurement.failed("no certificate for such data"))
    low = high = 0.0
    each: list[Interval] = []
    notes: list[tuple[str, float]] = []
    balls = 0
    for index, entry in enumerate(runs.memorizers):
        built = entry.built
        proof = _certified(built)
        total = built.data.num_samples
        balls += total
        tried, wrong = _errors_at_ends(built, derived_seed(runs.seed, "theorem_2.ends", index))
        least = max(len(proof.witnesses) / total, wrong / total)
        most = max(len(proof.uncertified) / total, wrong / total)
        low, high = max(low, least), max(high, most)
        each.append(Interval(min(least, most), most))
        notes.append((f"{entry.name}: wrong at ball ends of {tried}, by layers", float(wrong)))
        notes.append((f"{entry.name}: certified balls of {total}", float(total - len(proof.uncertified))))
        if proof.uncertified:
            notes.append((f"{entry.name}: first uncertified ball", float(proof.uncertified[0])))
        if proof.witnesses:
            found = proof.witnesses[0]
            notes.append((f"{entry.name}: output at a witness in ball {found.ball}", float(found.output)))
        if built.clean_wrong_on:
            notes.append((f"{entry.name}: clean classifier wrong on", float(len(built.clean_wrong_on))))
        if entry.attack is not None:
            notes.append((f"{entry.name}: PGD errors on {entry.attack.balls}", float(entry.attack.errors)))
    if not balls:
        return CheckedPair(predicted, Measurement.failed("no memorizer was built"))
    interval = Interval(low, high)
    raw = Extreme("greatest", Reading.all(each))
    measured = Measurement(high, interval, 1.0, balls, Evidence.STATISTICAL, notes=tuple(notes), raw=raw)
    return CheckedPair(predicted, measured)


@once_per_object
def _certified(built: Memorizer) -> Certificate:
    return certify(built.circuit, built.data, built.perturbation_radius, built.norm_order, max_witnesses=3)


@once_per_object
def _separated(built: Memorizer) -> EvaluatedCondition:
    closest = separation(built.data, built.norm_order).distance
    return SEPARATED.given(Gamma=closest, delta=built.perturbation_radius)


@once_per_object
def _errors_at_ends(built: Memorizer, seed: int) -> tuple[int, int]:
    """Evaluate the weights of the padded net, layer by layer in plain numpy, at one random end of each ball.

    Returns how many balls were tried and how many of these came out wrong.

    An end is a vertex of the cube (p = inf), the tip of an axis (p = 1) or a point of the sphere (p = 2), pulled
    in by 2^-40 so that rounding leaves it inside. Not above 0 is wrong, so NaN is. The correct margin is 1, far
    above the rounding of the evaluation. At most as many balls, evenly spread, as make 2^28 values in a layer.
    """
    data, radius = built.data, built.perturbation_radius * (1.0 - 2.0**-40)
    net = pad_to_layers(built.circuit)
    most = max(8, 16 * _VALUES_AT_ONCE // max(net.widths))
    chosen = np.unique(np.linspace(0, data.num_samples - 1, min(most, data.num_samples)).astype(np.int64))
    rng = np.random.default_rng(seed)
    shape = (chosen.size, data.input_dimension)
    if built.norm_order == math.inf:
        offsets = rng.choice((-1.0, 1.0), size=shape)
    elif built.norm_order == 1.0:
        offsets = np.zeros(shape)
        tips = rng.integers(data.input_dimension, size=chosen.size)
        offsets[np.arange(chosen.size), tips] = rng.choice((-1.0, 1.0), size=chosen.size)
    else:
        offsets = rng.standard_normal(shape)
        offsets /= np.linalg.norm(offsets, axis=1, keepdims=True)
    points = data.points[chosen] + radius * offsets
    rows = max(1, _VALUES_AT_ONCE // max(net.widths))
    values = np.concatenate([net.evaluate(points[at : at + rows]) for at in range(0, len(points), rows)])
    return int(chosen.size), int(np.sum(~(data.labels[chosen] * values > 0.0)))


def _without_own_indicator(norm_order: float) -> Callable[[RepresentationRuns], RepresentationRuns]:
    """Set the indicator bias of one ball, where the clean classifier alone fails, from 1 to -1."""

    def change(runs: RepresentationRuns) -> RepresentationRuns:
        chosen = _repaired(runs, norm_order)
        return _one_changed(
            runs, chosen, with_bias(chosen.built.circuit, "indicator", _most_wrong(chosen.built), -1.0)
        )

    return change


def _face_moved(runs: RepresentationRuns) -> RepresentationRuns:
    """Move one face of one box across its centre and past the ramp: only half of the ball stays covered."""
    chosen = _repaired(runs, math.inf)
    built = chosen.built
    unit = 2 * _most_wrong(built) * built.data.input_dimension
    bias = float(built.circuit.named["box"].biases[unit]) + built.perturbation_radius + 2.0 * built.ramp_width
    return _one_changed(runs, chosen, with_bias(built.circuit, "box", unit, bias))


def _repaired(runs: RepresentationRuns, norm_order: float) -> NamedMemorizer:
    """A memorizer whose clean classifier is wrong on some training point."""
    return next(
        entry for entry in runs.memorizers if entry.built.norm_order == norm_order and entry.built.clean_wrong_on
    )


def _most_wrong(built: Memorizer) -> int:
    return int(np.argmin(built.data.labels * built.clean.evaluate(built.data.points)))


def _one_changed(runs: RepresentationRuns, entry: NamedMemorizer, circuit: Circuit) -> RepresentationRuns:
    """The runs with the circuit of this one memorizer changed."""
    changed = replace(entry, built=replace(entry.built, circuit=circuit), attack=None)
    memorizers = tuple(changed if other is entry else other for other in runs.memorizers)
    return replace(runs, memorizers=memorizers)


CHECKED = (
    CheckedClaim(
        ROBUST_TRAIN_ERROR,
        check_robust_train_error,
        controls=(
            NegativeControl(
                "indicator_bias", "p = inf: one indicator's bias -1 for 1", _without_own_indicator(math.inf)
            ),
            NegativeControl("face_moved", "p = inf: one face of one box moved across the ball", _face_moved),
            NegativeControl(
                "indicator_bias_1", "p = 1: one indicator's bias -1 for 1", _without_own_indicator(1.0)
            ),
            NegativeControl(
                "indicator_bias_2", "p = 2: one indicator's bias -1 for 1", _without_own_indicator(2.0)
            ),
        ),
        needs=("memorizers",),
    ),
)
