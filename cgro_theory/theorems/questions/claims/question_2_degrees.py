"""Question 2 (theory.md 5.2): other activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import sympy as sp

from cgro_theory.claims import (
    Claim,
    Figure,
    Interval,
    Measurement,
    Panel,
    Prediction,
    Provenance,
    Relation,
    Series,
    Source,
)
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import Compared, nearest_slope
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Phase

from ..runs.made import QuestionRuns
from ..theory.predictions import SEPARATION, predict_separations, separation_exponent
from .counting import draw_of, ladders, with_signal
from .question import Question
from .symbols import PROJECT, REAL, a, b, q, slope
from .wording import fitted_slope, fraction_of, listed_values

SAME_RUN = 1e-4
"""Integrations of one draw at two tolerances agree better than this, relative."""

ACTIVATION_DEGREE = Claim(
    label="questions.activation_degree",
    statement="For q = 2, 3, 4, 5 the two stages separate like d to the power q (a - b - 1/2), when σ0 = d^-1/2.",
    source=Source(PROJECT, "5.2"),
    provenance=(Provenance.NEW,),
    quantity="slope of log T_III/T_I in log d, degree and ladder nearest to an end of its interval; a network "
    "without a time is outside",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, q * (a - b - sp.Rational(1, 2))),
    assumptions=SEPARATION,
    depends_on=("lemmas.common_clock",),
    limitations="Integer degrees; the interval holds the finite-size corrections over the same ladder. The "
    "integrator's error is measured: the difference of two at far finer tolerances.",
)

Predict = Callable[[PatchSetting, tuple[int, ...]], Sequence[Prediction]]


@lru_cache(maxsize=512)
def separations_of(setting: PatchSetting, seeds: tuple[int, ...]) -> tuple[Prediction, ...]:
    """The enclosures of T_III/T_I of the draws of these seeds, together: one after another takes twice as long."""
    return tuple(predict_separations(setting, [draw_of(setting, seed) for seed in seeds]))


def separations(
    runs: QuestionRuns, degree: int | None = None, predict: Predict = separations_of
) -> list[Compared]:
    """Predicted and measured T_III/T_I of the networks, of one degree or of all; the ladder stands for the seed.

    The measured interval is that of the finest integration, with the measured error of the integrator. A network
    that does not learn or memorize has no ratio: inf; where the usual integration is another run, both count.
    """
    fine = {(entry.setting, entry.seed): entry for entry in runs.fine}
    told: dict[PatchSetting, dict[int, Prediction]] = {}
    for setting in {cell.setting: None for cell in runs.degrees if degree in (None, cell.setting.degree)}:
        seeds = tuple(dict.fromkeys(cell.seed for cell in runs.degrees if cell.setting == setting))
        told[setting] = dict(zip(seeds, predict(setting, seeds), strict=True))
    entries = []
    for ladder, cell in ladders(runs.degrees):
        if degree not in (None, cell.setting.degree):
            continue
        usual = cell.first_memorization / cell.signal_time if cell.signal_time > 0 else math.inf
        finest = fine.get((cell.setting, cell.seed))
        measured = Interval.point(math.inf)
        if finest is not None and math.isfinite(usual) and usual > 0 and math.isfinite(finest.error):
            same = abs(usual / finest.ratio - 1.0) < SAME_RUN
            apart = Interval(min(usual, finest.ratio), max(usual, finest.ratio))
            measured = Interval.point(finest.ratio).widened(finest.error) if same else apart
        size = float(cell.setting.patch_dimension)
        entries.append(Compared(told[cell.setting][cell.seed], measured, size, ladder, cell.failure))
    return entries


def check_activation_degree(
    runs: QuestionRuns, failure_probability: float, predict: Predict = separations_of
) -> CheckedPair:
    """The slopes of all degrees and ladders; the one nearest to leaving its interval decides."""
    measured_finely = {(entry.setting, entry.seed) for entry in runs.fine}
    if not measured_finely >= {(cell.setting, cell.seed) for cell in runs.degrees}:
        return CheckedPair(Prediction(None), Measurement.failed("the integrator's error was not measured"))
    pair = nearest_slope(separations(runs, predict=predict), failure_probability)
    slopes = tuple(
        (f"slope at q = {degree}", nearest.estimate)
        for degree in sorted({cell.setting.degree for cell in runs.degrees})
        if (
            nearest := nearest_slope(separations(runs, degree, predict), failure_probability).measurement
        ).is_usable
    )
    return replace(pair, measurement=replace(pair.measurement, notes=(*slopes, *pair.measurement.notes)))


def _exponent(q: float, a: float, b: float) -> float:
    return separation_exponent(PatchSetting.version_1(10**6, degree=int(q), signal_exponent=a, noise_exponent=b))


def answer(runs: QuestionRuns) -> str:
    """CGRO and the separation of the stages per degree."""
    degrees = sorted({cell.setting.degree for cell in runs.degrees})
    own = {degree: [cell for cell in runs.degrees if cell.setting.degree == degree] for degree in degrees}
    overfits = {degree: fraction_of(c.phase is Phase.OVERFITS for c in own[degree]) for degree in degrees}
    holds = [degree for degree in degrees if overfits[degree] == 1.0]
    fails = [degree for degree in degrees if overfits[degree] < 1.0]
    slopes = {
        degree: fitted_slope(
            [c.setting.patch_dimension for c in own[degree]],
            [c.first_memorization / c.signal_time if c.signal_time > 0 else math.inf for c in own[degree]],
        )
        for degree in degrees
    }
    limits = {degree: separation_exponent(own[degree][0].setting) for degree in degrees}
    listed = ", ".join(f"{slopes[degree]:.2f} ({limits[degree]:.2f}) at q = {degree}" for degree in degrees)
    where = f"every network with q = {listed_values(holds)}" if holds else "no degree in all its networks"
    rest = f", but not in all with q = {listed_values(fails)}" if fails else ""
    return (
        f"The clean generalization with robust overfitting shows in {where}{rest}. "
        f"The degree sets how fast the stages separate: the measured power of d in T_III/T_I, and its limit "
        f"q(a - b - 1/2) in brackets, is {listed}."
    )


def draw(runs: QuestionRuns) -> Figure:
    """T_III/T_I over d, a curve per degree and seed, with the enclosures."""
    series: list[Series] = []
    for colour, degree in enumerate(sorted({cell.setting.degree for cell in runs.degrees})):
        found = separations(runs, degree)
        for index, ladder in enumerate(sorted({entry.seed for entry in found})):
            own = sorted(
                (e for e in found if e.seed == ladder and math.isfinite(e.measured.low)), key=lambda e: e.size
            )
            label = f"q = {degree}" if index == 0 else ""
            series.append(Series(label, [e.size for e in own], [e.measured.low for e in own], colour, "points"))
            known = [(e.size, e.predicted.interval) for e in own if e.predicted.interval is not None]
            middles = [(i.low + i.high) / 2 for _, i in known]
            series.append(Series("", [x for x, _ in known], middles, colour, "dashed", faint=True))
    return Figure(
        name="questions_2_degrees",
        title="2. Other activations",
        caption="Points: trained networks. Dashed: the middle of the enclosure computed from each draw.",
        panels=(
            Panel(
                "the stages separate faster with the degree",
                "patch dimension d",
                "T_III / T_I",
                tuple(series),
                x_scale="log",
                y_scale="log",
            ),
        ),
    )


CHECKED = (
    CheckedClaim(
        ACTIVATION_DEGREE,
        check_activation_degree,
        controls=(
            with_wrong(
                "exponent",
                "the prediction is told d^(a + 0.1) for the signal",
                predict=lambda setting, seeds: separations_of(with_signal(setting, 0.1), seeds),
            ),
        ),
        needs=("degrees", "fine"),
        numeric=_exponent,
    ),
)
QUESTION = Question(
    2,
    "Other activations: q = 2, 3, 4, 5; where does the cubic matter?",
    ACTIVATION_DEGREE.label,
    "questions_2_degrees",
    ("degrees", "fine"),
    answer,
    draw,
)
