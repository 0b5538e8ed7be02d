"""Where robust overfitting ends, and where memorization ends, in the strength κ of the attack (theory.md 2.4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import sympy as sp

from cgro_theory.claims import Claim, Interval, Prediction, Provenance, Relation, Source, StatedAssumption
from cgro_theory.claims.condition import each_once
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs.phases import LocatedBoundary
from ..runs.trained import DEFAULT_SAMPLES, TrainedEvidence
from ..theory.boundaries import predict_memorization_boundary, race_boundary
from ..theory.conditions import BELOW_BOUNDARY, NOISE_OVER_SIGNAL, RACE
from ..theory.memorization import below_boundary
from ..theory.overfitting import leading_overfitting_boundary, overfitting_boundary, predict_overfitting_boundary
from ..theory.signal import InitialDraw
from . import remembered
from .negative_controls import told
from .slopes import Compared, nearest_boundary, nearest_slope
from .symbols import ARITHMETIC, PROJECT, RATE, REAL, N, a, alpha, b, q, s, slope, v, xi, z

Predict = Callable[..., Prediction]
overfitting_predicted_once = lru_cache(remembered.MOST)(predict_overfitting_boundary)
memorization_predicted_once = lru_cache(remembered.MOST)(predict_memorization_boundary)
ONE_NEURON = StatedAssumption(
    "cascade",
    "one neuron memorizes each point, within a tenth of the time that the cascade gives; either of two that would "
    "come within a tenth of each other",
    "nobody: an idealization",
)

OVERFITTING_BOUNDARY = Claim(
    label="theorem_1.overfitting_boundary",
    statement="Robust overfitting ends at κ_1 = (med|V|/z)^(1/q), where the robust test error is 1/4; its "
    "interval is an estimate from the cascade of memorization, not an enclosure.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="κ_1 bracketed by retrained networks, the one nearest to an end of its interval",
    natural_range=RATE,
    relation=Relation.WITHIN,
    expression=sp.Eq(sp.Symbol("kappa_1", real=True), (sp.Symbol("med_V", real=True) / z) ** (1 / q)),
    assumptions=(*NOISE_OVER_SIGNAL, BELOW_BOUNDARY, ONE_NEURON),
    depends_on=("theorem_1.robust_error_law", "theorem_1.noise_memorization"),
    limitations="An enclosure: the cascade is an approximation. The leading order has std V in place of the "
    "median, and V_i = 1. From d = 10^6, as below it the phase boundary is too close.",
)

OVERFITTING_EXPONENT = Claim(
    label="theorem_1.overfitting_boundary_exponent",
    statement="κ_1 falls like d to the power -1/2: the paper's δ = α(1 - 1/(√d polylog d)) has the right power of "
    "d.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="slope of log κ_1 in log d, seed nearest to an end of its interval",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, -sp.Rational(1, 2)),
    assumptions=(*NOISE_OVER_SIGNAL, BELOW_BOUNDARY, ONE_NEURON),
    depends_on=("theorem_1.overfitting_boundary",),
    limitations="The logarithmic factor. The interval is that of the estimates of κ_1 over the same ladder.",
)


def check_overfitting_boundary(
    runs: TrainedEvidence, failure_probability: float, *, predict: Predict = overfitting_predicted_once
) -> CheckedPair:
    """Each bracketed κ_1 against the estimate from its own draw."""
    return nearest_boundary(overfitting(runs.phases.overfitting, predict), failure_probability)


def check_overfitting_boundary_exponent(
    runs: TrainedEvidence, failure_probability: float, *, predict: Predict = overfitting_predicted_once
) -> CheckedPair:
    """Each seed's slope of log κ_1 in log d; the notes say how well κ_1 √d collapses."""
    located = runs.phases.overfitting
    pair = nearest_slope(overfitting(located, predict), failure_probability)
    if pair.measurement.failure or not all(entry.is_bracketed for entry in located):
        return pair
    scaled = _spread([entry.low * math.sqrt(entry.setting.patch_dimension) for entry in located], located)
    plain = _spread([entry.low for entry in located], located)
    notes = (
        *pair.measurement.notes,
        ("largest over smallest κ_1 √d over the ladder", scaled),
        ("largest over smallest κ_1 over the ladder", plain),
    )
    return replace(pair, measurement=replace(pair.measurement, notes=notes))


def overfitting(
    located: Sequence[LocatedBoundary], predict: Predict = overfitting_predicted_once
) -> list[Compared]:
    """The brackets of κ_1, each with its estimate, over d.

    κ_1 is to lie below κ*: decided at the leading order of κ_1, from the draw alone. Where it was measured is an
    outcome.
    """
    entries = []
    for entry in located:
        estimate = predict(entry.setting, entry.draw)
        fraction = min(1.0, leading_overfitting_boundary(entry.setting, entry.draw))
        told = replace(entry.setting, attacked_signal_fraction=fraction)
        first = remembered.first_memorization_times(told, (entry.draw,), 0.0)
        estimate = replace(estimate, assumed=each_once((*estimate.assumed, below_boundary(first[0]))))
        entries.append(_compared(entry, estimate, dimension_of(entry)))
    return entries


def _compared(entry: LocatedBoundary, predicted: Prediction, size: float) -> Compared:
    return Compared(predicted, Interval(entry.low, entry.high), size, entry.seed, entry.failure)


def _spread(values: Sequence[float], located: Sequence[LocatedBoundary]) -> float:
    """Largest over smallest geometric mean over the seeds, from one dimension to another."""
    by_dimension: dict[int, list[float]] = {}
    for value, entry in zip(values, located, strict=True):
        by_dimension.setdefault(entry.setting.patch_dimension, []).append(math.log(value))
    means = [sum(logs) / len(logs) for logs in by_dimension.values()]
    return math.exp(max(means) - min(means))


PHASE_BOUNDARY = Claim(
    label="theorem_1.phase_boundary",
    statement="Memorization ends at κ*, which lies inside an enclosure computed from the initial draw: above it "
    "the attacked signal outruns every noise patch.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="κ* bracketed by retrained networks, the one nearest to an end of its enclosure",
    natural_range=RATE,
    relation=Relation.WITHIN,
    expression=sp.Eq(
        sp.Symbol("kappa_star", real=True),
        (xi**2 * v ** (q - 2) / (N * alpha**2 * z ** (1 - 2 / q))) ** (1 / q),
    ),
    assumptions=RACE,
    depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
    limitations=f"Memorization later than fifty times T_III. The formula is the leading order. {ARITHMETIC}",
)

DIMENSION_EXPONENT = Claim(
    label="theorem_1.phase_boundary_dimension_exponent",
    statement="κ* falls with d like the race of the two blow-ups predicts, to leading order with the power "
    "(2b + 1 + (q-2)(b + 1/2 - s) - 2a)/q.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="slope of log κ* in log d, seed nearest to an end of its interval",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, (2 * b + 1 + (q - 2) * (b + sp.Rational(1, 2) - s) - 2 * a) / q),
    assumptions=RACE,
    depends_on=("theorem_1.phase_boundary",),
    limitations="The limit: the interval is that of the enclosures over the ladder, slowly varying factors "
    "included.",
)

SAMPLE_EXPONENT = Claim(
    label="theorem_1.phase_boundary_sample_exponent",
    statement="κ* falls with N like the race predicts, to leading order with the power -1/q.",
    source=Source(PROJECT, "2.4"),
    provenance=(Provenance.NEW,),
    quantity="slope of log κ* in log N at d = 10^9, seed nearest to an end of its interval",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, -1 / q),
    assumptions=RACE,
    depends_on=("theorem_1.phase_boundary",),
    limitations="The largest of N m normals grows with N, so the slope is flatter than -1/q; the enclosures hold "
    "that.",
)


Compare = Callable[[Sequence[Compared], float], CheckedPair]


def check_memorization(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    part: str,
    size: Callable[[LocatedBoundary], float],
    compare: Compare = nearest_slope,
    predict: Predict = memorization_predicted_once,
) -> CheckedPair:
    """Each bracketed κ* of a part of the phases against its enclosure, or each seed's slope over ``size``."""
    return compare(memorization(getattr(runs.phases, part), size, predict), failure_probability)


def memorization(
    located: Sequence[LocatedBoundary],
    size: Callable[[LocatedBoundary], float],
    predict: Predict = memorization_predicted_once,
) -> list[Compared]:
    """The brackets of κ*, each with its enclosure, over ``size``."""
    return [_compared(entry, predict(entry.setting, entry.draw), size(entry)) for entry in located]


def dimension_of(entry: LocatedBoundary) -> float:
    """d."""
    return float(entry.setting.patch_dimension)


def samples_of(entry: LocatedBoundary) -> float:
    """N."""
    return float(entry.setting.num_samples)


def _with_noise_times(factor: float, exponent: float = 0.0) -> Predict:
    """The estimate of κ_1, told σ times a factor and d to a power."""
    return told(
        predict_overfitting_boundary,
        noise_std=lambda s: s.noise_std * factor * float(s.patch_dimension) ** exponent,
    )


def _with_gram_times(factor: Callable[[PatchSetting], float]) -> Predict:
    """The enclosure of κ*, told a Gram matrix times a factor."""

    def predicted(setting: PatchSetting, draw: InitialDraw) -> Prediction:
        return predict_memorization_boundary(setting, replace(draw, noise_gram=draw.noise_gram * factor(setting)))

    return predicted


def _for_one_draw(check: Callable[..., CheckedPair], name: str, right: Predict, wrong: Predict) -> NegativeControl:
    """The check with one draw's prediction at one size, the last of the field ``name``, made by ``wrong``."""

    def checked(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
        last: LocatedBoundary = getattr(runs.phases, name)[-1]

        def predict(setting: PatchSetting, draw: InitialDraw, *rest: Any) -> Prediction:
            return (wrong if (setting, draw) == (last.setting, last.draw) else right)(setting, draw, *rest)

        return check(runs, failure_probability, predict=predict)

    told_so = "one draw's prediction at one size is told the formula with that fault"
    return NegativeControl("one_draw_told_otherwise", told_so, check=checked)


check_phase_boundary = partial(
    check_memorization, part="memorization", size=dimension_of, compare=nearest_boundary
)
check_dimension_exponent = partial(check_memorization, part="dimension_ladder", size=dimension_of)
check_sample_exponent = partial(check_memorization, part="sample_ladder", size=samples_of)
LOUDER, SCALE_DROPPED, LONGER_NOISE = (
    _with_noise_times(1.4),
    _with_noise_times(1.0, 0.5),
    _with_gram_times(lambda setting: 1.2),
)

CHECKED = (
    CheckedClaim(
        OVERFITTING_BOUNDARY,
        check_overfitting_boundary,
        (
            with_wrong(
                "scale_dropped",
                "a memorized point adds v in place of v/√d to a fresh point's preactivation",
                predict=SCALE_DROPPED,
            ),
            with_wrong("noise_louder", "fresh noise 1.4 times as loud, so κ_1 1.4 times as large", predict=LOUDER),
            with_wrong(
                "noise_fainter",
                "fresh noise 0.7 times as loud, so κ_1 0.7 times as large",
                predict=_with_noise_times(0.7),
            ),
            _for_one_draw(check_overfitting_boundary, "overfitting", overfitting_predicted_once, LOUDER),
        ),
        needs=("phases",),
        numeric=lambda med_V, z, q: overfitting_boundary(med_V, z, q),
    ),
    CheckedClaim(
        OVERFITTING_EXPONENT,
        check_overfitting_boundary_exponent,
        (
            with_wrong(
                "exponent_off", "a tenth of 1/2 added to the exponent", predict=_with_noise_times(1.0, 0.05)
            ),
        ),
        needs=("phases",),
    ),
    CheckedClaim(
        PHASE_BOUNDARY,
        check_phase_boundary,
        (
            with_wrong("constant_off", "‖ξ‖² a fifth too large", predict=LONGER_NOISE),
            _for_one_draw(check_phase_boundary, "memorization", memorization_predicted_once, LONGER_NOISE),
        ),
        needs=("phases",),
        numeric=lambda xi, v_0, N, alpha, z, q: race_boundary(xi**2 * v_0 ** (q - 2) / N, z, alpha, q),
    ),
    CheckedClaim(
        DIMENSION_EXPONENT,
        check_dimension_exponent,
        (
            with_wrong(
                "exponent_off",
                "0.05 added to the exponent",
                predict=_with_gram_times(lambda setting: float(setting.patch_dimension) ** 0.15),
            ),
        ),
        needs=("phases",),
    ),
    CheckedClaim(
        SAMPLE_EXPONENT,
        check_sample_exponent,
        (
            with_wrong(
                "samples_dropped",
                "the noise's clock without its factor 1/N",
                predict=_with_gram_times(lambda setting: setting.num_samples / DEFAULT_SAMPLES),
            ),
        ),
        needs=("phases",),
    ),
)
