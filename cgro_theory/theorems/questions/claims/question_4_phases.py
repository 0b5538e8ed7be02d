"""Question 4 (theory.md 5.4): the phases over κ."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from cgro_theory.claims import (
    Claim,
    Figure,
    Marker,
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
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell, Phase

from ..runs.made import QuestionRuns
from ..theory.predictions import BOTH_BOUNDARIES, Expected, predict_boundaries
from .counting import count_disagreeing, draw_of
from .question import Question
from .symbols import NOT_NEGATIVE, PROJECT, N, alpha, d, q, sigma, v_0, z
from .wording import number_of, powers_of_ten, spanned

THREE_PHASES = Claim(
    label="questions.three_phases",
    statement="Three phases follow each other in κ: robust overfitting below κ_1, memorization with robust "
    "generalization up to κ*, no memorization beyond.",
    source=Source(PROJECT, "2.4 and 5.4"),
    provenance=(Provenance.NEW,),
    quantity="networks outside the enclosures of both boundaries that are in another phase",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.Lt(
        (sp.sqrt(sp.Symbol("Var_V", real=True)) / z) ** (1 / q),
        (sigma**2 * d * v_0 ** (q - 2) / (N * alpha**2)) ** (1 / q),
    ),
    assumptions=BOTH_BOUNDARIES,
    depends_on=("lemmas.common_clock", "lemmas.odd_symmetry"),
    limitations="Networks inside an enclosure are not judged; where the boundaries are is theorem 1's claim.",
)


@lru_cache(maxsize=4096)
def boundaries_of(dimension: int, seed: int) -> tuple[Prediction, Prediction]:
    """κ_1 and κ* of one draw in the version-1 regime."""
    setting = PatchSetting.version_1(dimension)
    return predict_boundaries(setting, draw_of(setting, seed))


def predicted_phase(cell: Cell, fraction: float) -> Expected[Phase]:
    """The phase at κ = ``fraction``; not called inside an enclosure."""
    overfitting, memorization = boundaries_of(cell.setting.patch_dimension, cell.seed)
    first, last = overfitting.interval, memorization.interval
    phase = None
    if first is not None and last is not None:
        if fraction < min(first.low, last.low):
            phase = Phase.OVERFITS
        elif first.high < fraction < last.low:
            phase = Phase.ROBUST
        elif fraction > max(first.high, last.high):
            phase = Phase.UNMEMORIZED
    return Expected(phase, (*overfitting.assumed, *memorization.assumed))


Predict = Callable[[Cell, float], Expected[Phase]]


def check_three_phases(
    runs: QuestionRuns, failure_probability: float, predict: Predict = predicted_phase
) -> CheckedPair:
    """Networks clear of both boundaries that are in another phase; agreement needs every phase judged."""
    cells = runs.phase_map
    expected = [predict(cell, cell.setting.attacked_signal_fraction) for cell in cells]
    phases = (Phase.OVERFITS, Phase.ROBUST, Phase.UNMEMORIZED)
    found = [sum(each.value is phase for each in expected) for phase in phases]
    notes = tuple((f"predicted: {phase.value}", float(n)) for phase, n in zip(phases, found, strict=True))
    pair = count_disagreeing(cells, expected, lambda cell, phase: cell.phase is phase, failure_probability, notes)
    if pair.measurement.estimate == 0.0 and min(found) == 0:
        why = "no network is clear of both boundaries in one of the phases"
        return CheckedPair(pair.prediction, Measurement.failed(why))
    return pair


def answer(runs: QuestionRuns) -> str:
    """Which phase shows at which κ."""
    cells = runs.phase_map
    judged = [(predicted_phase(c, c.setting.attacked_signal_fraction).value, c.phase) for c in cells]
    clear = [(expected, phase) for expected, phase in judged if expected is not None]
    agree = sum(expected is phase for expected, phase in clear)
    largest = max(cell.setting.patch_dimension for cell in cells)
    own = [c for c in cells if c.setting.patch_dimension == largest]
    overfit = [c.setting.attacked_signal_fraction for c in own if c.phase is Phase.OVERFITS]
    robust = [c.setting.attacked_signal_fraction for c in own if c.phase is Phase.ROBUST]
    root = math.sqrt(largest)
    dimensions = powers_of_ten(cell.setting.patch_dimension for cell in cells)
    agreement = (
        f"Over d = {dimensions}, of the {len(clear)} of {len(cells)} networks clear of both predicted boundaries "
        f"{agree} are in the predicted phase"
    )
    if not overfit:
        return f"No network overfitted robustly at d = {largest:.0e}, whatever κ was. {agreement}."
    second = f"at κ√d = {spanned(fraction * root for fraction in robust)}" if robust else "nowhere"
    number = len({phase for _, phase in clear})
    return (
        f"Because robust overfitting needs κ = 1 - δ/α below a boundary of order 1/√d: at d = {largest:.0e} it "
        f"shows up to κ√d = {max(overfit) * root:.2g}, memorization with robust generalization {second}. "
        f"{agreement}, and {number_of(number, 'phase')} {'is' if number == 1 else 'are'} seen among them."
    )


def draw(runs: QuestionRuns) -> Figure:
    """Robust test error and memorized points over κ√d, a panel per dimension, with both enclosures."""
    dimensions = sorted({c.setting.patch_dimension for c in runs.phase_map})
    return Figure(
        name="questions_4_phases",
        title="4. Why δ = α(1 - 1/(√d polylog d))?",
        caption="Robust overfitting left of κ_1, memorization with robust generalization between, no memorization "
        "right of κ*. Band and line are computed from the initial draws.",
        panels=tuple(_panel(runs, d) for d in (dimensions[0], dimensions[-1])[: len(dimensions)]),
    )


def _panel(runs: QuestionRuns, dimension: int) -> Panel:
    own = sorted(
        (c for c in runs.phase_map if c.setting.patch_dimension == dimension),
        key=lambda c: c.setting.attacked_signal_fraction,
    )
    root = math.sqrt(dimension)
    x = [c.setting.attacked_signal_fraction * root for c in own]
    found = [boundaries_of(dimension, c.seed) for c in own]
    markers = []
    for place, colour, name in ((0, 4, "κ_1 from the draws"), (1, 2, "κ* from the draws")):
        ends = [pair[place].interval for pair in found]
        known = [interval for interval in ends if interval is not None]
        if known:
            low, high = min(e.low for e in known), max(e.high for e in known)
            markers.append(Marker(name, low * root, until=high * root, colour=colour))
    memorized = [c.memorized / c.setting.num_samples for c in own]
    series = (
        Series("robust test error", x, [c.robust_error for c in own], 0),
        Series("share of points memorized", x, memorized, 1, "dashed"),
    )
    return Panel(f"d = {dimension:.0e}", "κ √d", "share", series, tuple(markers), x_scale="log", legend="below")


def _told_fraction(factor: float) -> Predict:
    return lambda cell, fraction: predicted_phase(cell, factor * fraction)


CHECKED = (
    CheckedClaim(
        THREE_PHASES,
        check_three_phases,
        controls=(
            with_wrong("smaller κ", "κ is told to be 30 times smaller", predict=_told_fraction(1.0 / 30.0)),
            with_wrong("larger κ", "κ is told to be 30 times larger", predict=_told_fraction(30.0)),
        ),
        needs=("phase_map",),
    ),
)
QUESTION = Question(
    4, "Why δ = α(1 - 1/(√d polylog d))?", THREE_PHASES.label, "questions_4_phases", ("phase_map",), answer, draw
)
