"""Question 3 (theory.md 5.3): the plane of the exponents of signal and noise."""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy as sp

from cgro_theory.claims import Claim, Figure, Panel, Provenance, Relation, Series, Source
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, with_wrong
from cgro_theory.theorems.room import NamedConstant
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell, Phase
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import SEEN_AT_START
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw

from ..runs.made import QuestionRuns
from ..theory.predictions import Expected, predict_order
from .counting import count_disagreeing, draw_of, with_signal
from .question import Question
from .symbols import NOT_NEGATIVE, PROJECT, a, b
from .wording import number_of

CONSTANTS = (
    NamedConstant(
        "question margin in time", "10", "the leading-order times were within a factor of 2 in theorem 1"
    ),
    NamedConstant("question margin in κ", "3", "κ_1 and κ* are known to a factor of 3 at worst in theorem 1"),
)

EXPONENT_PLANE = Claim(
    label="questions.exponent_plane",
    statement="Over the (a, b) plane the order of the stages and memorization follow the leading-order times "
    "and κ*, which tend to the lines a = b + 1/2 and 2a = 1 + 3(b + 1/2).",
    source=Source(PROJECT, "5.3"),
    provenance=(Provenance.DERIVED,),
    quantity="networks clear of both leading-order boundaries that do something else",
    natural_range=NOT_NEGATIVE,
    relation=Relation.AT_MOST,
    expression=sp.And(sp.Gt(a, b + sp.Rational(1, 2)), sp.Lt(2 * a, 1 + 3 * (b + sp.Rational(1, 2)))),
    assumptions=SEEN_AT_START,
    depends_on=("lemmas.common_clock",),
    limitations="Networks within a factor of 10 in time, or of 3 in κ, of a boundary are not judged.",
)

Predict = Callable[[PatchSetting, InitialDraw], Expected[tuple[bool, bool]]]


def check_exponent_plane(
    runs: QuestionRuns, failure_probability: float, predict: Predict = predict_order
) -> CheckedPair:
    """Networks whose stages come in another order, or that memorize when they should not, or the reverse."""
    cells = runs.exponent_map
    expected = [predict(cell.setting, draw_of(cell.setting, cell.seed)) for cell in cells]
    return count_disagreeing(
        cells,
        expected,
        lambda cell, order: order == (_in_order(cell), cell.memorized > 0),
        failure_probability,
        (("networks too near to a boundary", float(sum(each.value is None for each in expected))),),
    )


def _told_weaker_signal(setting: PatchSetting, draw: InitialDraw) -> Expected[tuple[bool, bool]]:
    return predict_order(with_signal(setting, -0.3), draw)


def _in_order(cell: Cell) -> bool:
    return cell.signal_time < cell.first_memorization


def _is_cgro(cell: Cell) -> bool:
    return cell.phase is Phase.OVERFITS and _in_order(cell)


def _place(cell: Cell) -> tuple[float, float]:
    """Its exponents a and b."""
    log_dimension = math.log(cell.setting.patch_dimension)
    return math.log(cell.setting.signal_strength) / log_dimension, math.log(cell.setting.noise_std) / log_dimension


def _inside_lines(cell: Cell) -> bool:
    signal, noise = _place(cell)
    return signal > noise + 0.5 and 2.0 * signal < 1.0 + 3.0 * (noise + 0.5)


def answer(runs: QuestionRuns) -> str:
    """Where in the plane CGRO holds, beside the asymptotic lines."""
    cells = runs.exponent_map
    cgro = [_is_cgro(cell) for cell in cells]
    inside = [_inside_lines(cell) for cell in cells]
    both = sum(c and i for c, i in zip(cgro, inside, strict=True))
    outside = sum(c and not i for c, i in zip(cgro, inside, strict=True))
    late = sum(not _in_order(cell) for cell in cells)
    unmemorized = sum(cell.memorized == 0 for cell in cells)
    dimension = max(cell.setting.patch_dimension for cell in cells)
    if both <= 1:
        return (
            f"At d = {dimension:.0e} CGRO holds in {sum(cgro)} of {len(cells)} pairs (a, b), of which {both} lie "
            f"between the two asymptotic lines. In {number_of(late, 'pair')} the noise comes first and in "
            f"{number_of(unmemorized, 'pair')} nothing is memorized."
        )
    return (
        f"At d = {dimension:.0e} the stages come in order and CGRO holds in {sum(cgro)} of {len(cells)} pairs "
        f"(a, b): {both} of the {sum(inside)} between the two asymptotic lines and {outside} of the "
        f"{len(cells) - sum(inside)} outside them. "
        f"Elsewhere the noise comes first ({number_of(late, 'pair')}) or nothing is memorized "
        f"({number_of(unmemorized, 'pair')}), so the paper's 0.249 and -0.509 are one point of a region, not a "
        "special one."
    )


def _outcome(cell: Cell) -> str:
    if not _in_order(cell):
        return "noise first"
    if cell.memorized == 0:
        return "no memorization"
    return "signal first, CGRO" if cell.phase is Phase.OVERFITS else "signal first, memorized, no CGRO"


_OUTCOMES = ("signal first, CGRO", "noise first", "no memorization", "signal first, memorized, no CGRO")


def draw(runs: QuestionRuns) -> Figure:
    """The (a, b) plane with the two asymptotic lines."""
    cells = runs.exponent_map
    series = []
    for colour, outcome in enumerate(_OUTCOMES):
        places = [_place(cell) for cell in cells if _outcome(cell) == outcome]
        if places:
            series.append(Series(outcome, [b for _, b in places], [a for a, _ in places], colour, "points"))
    noise = [_place(cell)[1] for cell in cells]
    ends = [min(noise), max(noise)]
    series.append(Series("a = b + 1/2", ends, [b + 0.5 for b in ends], 6, "dashed"))
    series.append(Series("2a = 1 + 3(b + 1/2)", ends, [(1 + 3 * (b + 0.5)) / 2 for b in ends], 7, "dashed"))
    series.append(Series("the paper's own point: a = 0.249, b = -0.509", [-0.509], [0.249], 6, "points"))
    return Figure(
        name="questions_3_exponents",
        title="3. Why the exponents 0.249 and -0.509?",
        caption="Each point is a trained network. Above the first line the signal comes first; below the second "
        "noise is memorized. At finite d the second line is shifted by logarithms of d.",
        panels=(
            Panel(
                f"trained networks at d = {cells[0].setting.patch_dimension:.0e}",
                "b, where σ = d^b",
                "a, where α = d^a",
                tuple(series),
                legend="below",
            ),
        ),
    )


CHECKED = (
    CheckedClaim(
        EXPONENT_PLANE,
        check_exponent_plane,
        controls=(
            with_wrong(
                "line moved", "the signal is told to be d^-0.3 times as strong", predict=_told_weaker_signal
            ),
        ),
        needs=("exponent_map",),
    ),
)
QUESTION = Question(
    3,
    "Why exponents 0.249 and -0.509? Where in the (a, b) plane do the stages separate and CGRO hold?",
    EXPONENT_PLANE.label,
    "questions_3_exponents",
    ("exponent_map",),
    answer,
    draw,
)
