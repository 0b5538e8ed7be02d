"""Question 9 (theory.md 5.9): what varies with the dimension."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial

import sympy as sp

from cgro_theory.claims import Claim, Figure, Interval, Panel, Prediction, Provenance, Relation, Series, Source
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.theorems.theorem_1_feature_learning.claims.slopes import Compared, nearest_slope
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import NOISE_OVER_SIGNAL
from cgro_theory.theorems.theorem_1_feature_learning.theory.overfitting import standard_deviation

from ..runs.made import QuestionRuns
from ..theory.predictions import noise_ratio_exponent, predict_noise_ratio
from .counting import draw_of, ladders
from .question import Question
from .symbols import PROJECT, REAL, q, slope
from .wording import fitted_slope, powers_of_ten

DIMENSION = Claim(
    label="questions.dimension",
    statement="What varies with the dimension is the size of a fresh point's noise against the signal: "
    "std V/z falls like d to the power -q/2.",
    source=Source(PROJECT, "2.4 and 5.9"),
    provenance=(Provenance.DERIVED,),
    quantity="slope of log std V/z in log d, seed nearest to an end of its interval",
    natural_range=REAL,
    relation=Relation.WITHIN,
    expression=sp.Eq(slope, -q / 2),
    assumptions=NOISE_OVER_SIGNAL,
    depends_on=("lemmas.gaussian_chaos_variance",),
    limitations="q = 3; the interval holds the slowly varying factors over the same ladder.",
)


@lru_cache(maxsize=4096)
def noise_ratio_of(setting: PatchSetting, degree: int, seed: int, end: float) -> Prediction:
    """The estimate of std V/z for networks of this degree, from the draw of ``setting`` and ``seed``."""
    return predict_noise_ratio(replace(setting, degree=degree), draw_of(setting, seed), end)


def predicted_noise_ratio(cell: Cell, degree: int = 3) -> Prediction:
    """The estimate of std V/z at the end of a network's training."""
    return noise_ratio_of(cell.setting, degree, cell.seed, cell.end)


def noise_ratios(
    runs: QuestionRuns, predict: Callable[[Cell], Prediction] = predicted_noise_ratio
) -> list[Compared]:
    """Predicted and measured std V/z of the cubic networks over d; inf where the signal was not learned."""
    return [
        Compared(
            predict(cell),
            Interval.point(noise_over_signal(cell)),
            float(cell.setting.patch_dimension),
            ladder,
            cell.failure,
        )
        for ladder, cell in ladders([cell for cell in runs.degrees if cell.setting.degree == 3])
    ]


def noise_over_signal(cell: Cell) -> float:
    """std V/z at the end; inf where the signal was not learned."""
    return standard_deviation(cell.law) / cell.signal_margin if cell.signal_margin > 0 else math.inf


def check_dimension(
    runs: QuestionRuns, failure_probability: float, predict: Callable[[Cell], Prediction] = predicted_noise_ratio
) -> CheckedPair:
    """Each ladder's slope of log std V/z in log d, for the cubic networks."""
    return nearest_slope(noise_ratios(runs, predict), failure_probability)


def answer(runs: QuestionRuns) -> str:
    """Which experiments vary d, and what changes with it."""
    groups: dict[str, set[int]] = {
        "q": {e.setting.patch_dimension for e in runs.degrees},
        "(a, b)": {e.setting.patch_dimension for e in runs.exponent_map},
        "κ": {e.setting.patch_dimension for e in runs.phase_map},
        "λ": {e.setting.patch_dimension for e in runs.weights},
        "fresh samples": {e.setting.patch_dimension for e in runs.fresh},
    }
    varied = [f"{powers_of_ten(found)} for {name}" for name, found in groups.items() if len(found) > 1]
    fixed = [f"{powers_of_ten(found)} for {name}" for name, found in groups.items() if len(found) == 1]
    held = f" (and the one value {'; '.join(fixed)})" if fixed else ""
    if not varied:
        return f"No: in these runs d does not vary{held}. Slopes in d cannot be fitted."
    cubic = [c for c in runs.degrees if c.setting.degree == 3]
    sizes = [c.setting.patch_dimension for c in cubic]
    slopes = [
        fitted_slope(sizes, [measured(c) for c in cubic])
        for measured in (noise_over_signal, lambda c: c.signal_time, lambda c: c.first_memorization)
    ]
    return (
        f"Yes: here d takes the values {'; '.join(varied)}{held}. "
        f"From d = {min(sizes):.0e} to {max(sizes):.0e} the noise against the signal, std V/z, goes like "
        f"d^{slopes[0]:.2f}, T_I like d^{slopes[1]:.2f} and T_III like d^{slopes[2]:.2f}."
    )


def draw(runs: QuestionRuns) -> Figure:
    """What varies with d for the cubic networks."""
    cubic = sorted((c for c in runs.degrees if c.setting.degree == 3), key=lambda c: c.setting.patch_dimension)
    x = [float(c.setting.patch_dimension) for c in cubic]
    found = [noise_over_signal(c) for c in cubic]
    ratios = [ratio if math.isfinite(ratio) else math.nan for ratio in found]
    sizes = sorted(set(x))
    power = [ratios[0] * (size / sizes[0]) ** noise_ratio_exponent(3) for size in sizes]
    late = Series("T_III, first memorization", x, [c.first_memorization for c in cubic], 1, "points")
    early = Series("T_I, signal", x, [c.signal_time for c in cubic], 0, "points")
    networks = Series("trained networks", x, ratios, 0, "points")
    panels = (
        ("noise against signal", "std V / z", (networks, Series("d^(-3/2)", sizes, power, 7, "dashed"))),
        ("times of the two stages", "time (units of η·step)", (late, early)),
    )
    return Figure(
        name="questions_9_dimension",
        title="9. What varies with the dimension",
        caption="Left: a fresh point's noise against the signal, with the power -q/2. Right: the two times.",
        panels=tuple(
            Panel(title, "patch dimension d", y_label, series, x_scale="log", y_scale="log")
            for title, y_label, series in panels
        ),
    )


CHECKED = (
    CheckedClaim(
        DIMENSION,
        check_dimension,
        controls=(
            with_wrong(
                "degree", "the exponent is that of q + 1", predict=partial(predicted_noise_ratio, degree=4)
            ),
        ),
        needs=("degrees",),
        numeric=lambda q: noise_ratio_exponent(q),
    ),
)
QUESTION = Question(
    9,
    "Does the dimension D vary in the experiments?",
    DIMENSION.label,
    "questions_9_dimension",
    ("degrees",),
    answer,
    draw,
)
