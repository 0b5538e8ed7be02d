"""Claims that every network does what its draw says: the initial draws, and counts of networks that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from cgro_theory.claims import EvaluatedCondition, Evidence, Interval, Measurement, Prediction, Tally, unmet
from cgro_theory.claims.condition import each_once
from cgro_theory.claims.raw import Raw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws_of
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw
from cgro_theory.trainer.reduction import draw_subspace_problem

from ..runs.made import AttackComparison, ControlRun, FreshCount, PublishedRun
from ..theory.predictions import Expected

LEFT_OUT_AT_MOST = 0.05
"""Fraction of networks whose draw may miss an assumption; above it nothing is decided, unless one disagrees."""
NOT_MADE = CheckedPair(Prediction(None), Measurement.failed("the networks of this claim were not made"))
Value = TypeVar("Value")


@lru_cache(maxsize=4096)
def draw_of(setting: PatchSetting, seed: int) -> InitialDraw:
    """The initial draw of a run, drawn again from its seed."""
    return initial_draws_of(draw_subspace_problem(setting, (seed,)))[0]


def with_signal(setting: PatchSetting, exponent: float) -> PatchSetting:
    """The setting with its signal d^exponent times as strong; its initial draw is the same."""
    factor = float(setting.patch_dimension) ** exponent
    return replace(setting, signal_strength=setting.signal_strength * factor)


def ladders(cells: Sequence[Cell]) -> list[tuple[int, Cell]]:
    """Each network with the number of its ladder over d: the k-th of each setting of one degree make one."""
    seen: Counter[PatchSetting] = Counter()
    numbers: dict[tuple[int, int], int] = {}
    numbered = []
    for cell in cells:
        key = cell.setting.degree, seen[cell.setting]
        numbered.append((numbers.setdefault(key, len(numbers)), cell))
        seen[cell.setting] += 1
    return numbered


def broken(runs: Sequence[AttackComparison | Cell | ControlRun | FreshCount | PublishedRun]) -> str:
    """Why the first run that has no numbers has none, or nothing."""
    return next((run.failure for run in runs if run.failure), "")


def count_disagreeing(
    cells: Sequence[Cell],
    expected: Sequence[Expected[Value]],
    does: Callable[[Cell, Value], bool],
    failure_probability: float,
    notes: tuple[tuple[str, float], ...] = (),
) -> CheckedPair:
    """Networks that do something else than their draw says, to be 0; those too near to call are not judged."""
    if not cells:
        return NOT_MADE
    told = list(zip(cells, expected, strict=True))
    kept = [(cell, each) for cell, each in told if not unmet(each.assumed)]
    judged = [(cell, each.value) for cell, each in kept if each.value is not None]
    disagreeing = sum(not does(cell, value) for cell, value in judged)
    left_out = len(told) - len(kept)
    notes = (*notes, ("networks whose draw misses an assumption", float(left_out)))
    assumed = each_once(condition for _, each in kept or told for condition in each.assumed)
    failure = broken(cells)
    if not failure and not disagreeing and left_out > LEFT_OUT_AT_MOST * len(told):
        failure = f"{left_out} of {len(told)} draws miss an assumption, more than {LEFT_OUT_AT_MOST:.0%}"
    return count(disagreeing, len(judged), assumed, [c.seed for c in cells], failure_probability, notes, failure)


def count(
    disagreeing: int,
    judged: int,
    assumed: tuple[EvaluatedCondition, ...],
    seeds: Sequence[int],
    failure_probability: float,
    notes: tuple[tuple[str, float], ...] = (),
    failure: str = "",
    raw: Raw | None = None,
) -> CheckedPair:
    """A count of runs that do something else than predicted, to be 0; none judged is no measurement.

    ``raw``: what was compared, where there are numbers; else the count itself is recorded.
    """
    predicted = Prediction(Interval.point(0.0), assumed)
    if failure or judged == 0:
        return CheckedPair(predicted, Measurement.failed(failure or "nothing is clear of a boundary"))
    measurement = measured(
        float(disagreeing),
        Interval.point(float(disagreeing)),
        seeds,
        failure_probability,
        notes,
        raw=raw or Tally((("disagreeing", disagreeing),), judged),
    )
    return CheckedPair(predicted, replace(measurement, runs=judged))


def measured(
    estimate: float,
    interval: Interval,
    seeds: Sequence[int],
    failure_probability: float,
    notes: tuple[tuple[str, float], ...] = (),
    *,
    raw: Raw,
) -> Measurement:
    """What was measured over the runs of ``seeds``."""
    confidence, runs = 1.0 - failure_probability, len(seeds)
    return Measurement(
        estimate, interval, confidence, runs, Evidence.STATISTICAL, tuple(seeds), notes=notes, raw=raw
    )
