"""The run that decides a statement about every run: any run outside its prediction refutes, in whatever order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cgro_theory.claims import (
    Case,
    EvaluatedCondition,
    Evidence,
    Interval,
    Measurement,
    Prediction,
    Reading,
    WorstCase,
    unmet,
)
from cgro_theory.claims.reading import Source
from cgro_theory.numerics.confidence import content_covered_by_all
from cgro_theory.theorems.room import CheckedPair

LEFT_OUT_AT_MOST = 0.05
"""Share of runs that may miss an assumption (on parameters or the draw); above it a claim stays inconclusive."""
ANY_NUMBER = Interval(math.nextafter(-math.inf, 0.0), math.nextafter(math.inf, 0.0))
"""Every finite number: what is left of a prediction whose run never got there."""


@dataclass(frozen=True)
class JudgedRun:
    """One run's two sides.

    Attributes:
        predicted: the admissible interval; ``None`` when no number could be computed.
        measured: what the run did; ``None`` when it never got there, which is outside every prediction.
        leading_order: the closed formula without its error terms, for the reader.
        assumed: conditions on parameters or the initial draw; a run that misses one is left out and counted.
        failure: why the run has no usable numbers (it broke off), or nothing; such a run cannot confirm.
        source: the raw numbers that ``measured`` follows from, where it is not itself what was read off.
    """

    predicted: Interval | None
    measured: Interval | None
    leading_order: float = math.nan
    assumed: tuple[EvaluatedCondition, ...] = ()
    failure: str = ""
    source: Source | None = None

    @property
    def unmet(self) -> tuple[EvaluatedCondition, ...]:
        """The conditions that do not hold."""
        return unmet(self.assumed)

    @property
    def is_lost(self) -> bool:
        """Whether there is no number at all, or an infinite one."""
        return self.measured is None or (self.measured.low == self.measured.high and math.isinf(self.measured.low))

    @property
    def standing(self) -> tuple[int, float]:
        """(0 inside, 1 sticking out, 2 outside) and how near its end or how far beyond it; never NaN.

        The second number is 0 at the centre of a finite prediction and 1 at its ends. A half-line has one end, and
        the distance to it is measured in units of that end.
        """
        if self.is_lost:
            return 2, math.inf
        inside, measured = self.predicted, self.measured
        if inside is None or measured is None:
            return 1, math.inf
        rank = 0 if inside.contains(measured) else 2 if inside.is_disjoint_from(measured) else 1
        return rank, _nearness(inside, measured)


def _nearness(inside: Interval, measured: Interval) -> float:
    if math.isfinite(inside.low) and math.isfinite(inside.high):
        centre, half = inside.low / 2 + inside.high / 2, inside.high / 2 - inside.low / 2
        farthest = max(abs(measured.low - centre), abs(measured.high - centre))
        return farthest / half if half > 0 else (0.0 if farthest == 0 else math.inf)
    if math.isfinite(inside.low):
        return 1.0 - (measured.low - inside.low) / (abs(inside.low) or 1.0)
    if math.isfinite(inside.high):
        return 1.0 - (inside.high - measured.high) / (abs(inside.high) or 1.0)
    return -math.inf


def deciding_run(runs: Sequence[JudgedRun]) -> JudgedRun:
    """A run outside its prediction if there is one (the farthest), else one that sticks out, else the nearest.

    The same run for every order of ``runs``, which must not be empty.
    """

    def key(run: JudgedRun) -> tuple[float, ...]:
        ends = [(1.0, side.low, side.high) if side else (0.0, 0.0, 0.0) for side in (run.predicted, run.measured)]
        return (*run.standing, *ends[0], *ends[1])

    return max(runs, key=key)


def judge_runs(
    runs: Sequence[JudgedRun],
    failure_probability: float,
    *,
    seeds: Sequence[int],
    notes: tuple[tuple[str, float], ...] = (),
) -> CheckedPair:
    """The two sides of a claim about every run: those of the run that decides.

    In this order: a run outside refutes, whatever else happened; a run without usable numbers, too many runs that
    miss an assumption, or a prediction without a number leave the claim inconclusive; then the nearest run speaks
    for all. When every run misses an assumption the claim is out of scope. ``seeds``: of the runs, each counted
    once as an independent draw.
    """
    if not runs:
        return CheckedPair(Prediction(None), Measurement.failed("the runs of this claim were not made"))
    left_out = [run for run in runs if run.unmet]
    usable = [run for run in runs if not run.unmet and not run.failure]
    worst = deciding_run(usable) if usable else None
    raw = WorstCase(
        tuple(_case(run) for run in usable),
        left_out=len(left_out),
        broken=len(runs) - len(left_out) - len(usable),
        left_out_at_most=LEFT_OUT_AT_MOST,
    )
    if worst is None or worst.standing[0] < 2:
        broken = next((run.failure for run in runs if run.failure), "")
        if broken:
            met = next((run.assumed for run in runs if not run.unmet), None)
            scope = Prediction(None) if met is None else Prediction(Interval.point(0.0), met)
            return CheckedPair(scope, replace(Measurement.failed(broken), raw=raw))
        if worst is None:
            return CheckedPair(
                Prediction(None, left_out[0].assumed), Measurement.failed("no run meets the assumptions")
            )
        if len(left_out) > LEFT_OUT_AT_MOST * len(runs):
            why = (
                f"{len(left_out)} of {len(runs)} runs miss an assumption, more than {LEFT_OUT_AT_MOST:.0%}: "
                f"{left_out[0].unmet[0]}"
            )
            left = replace(Measurement.failed(why), raw=raw)
            return CheckedPair(Prediction(worst.predicted, worst.assumed), left)
        if any(run.predicted is None for run in usable):
            return CheckedPair(
                Prediction(None), replace(Measurement.failed("a prediction has no number"), raw=raw)
            )
    middles = [(_middle(run), run.leading_order) for run in usable]
    ratios = [value / order for value, order in middles if order and math.isfinite(order) and math.isfinite(value)]
    distinct = tuple(sorted(set(seeds)))
    measurement = Measurement(
        estimate=_middle(worst),
        interval=worst.measured if worst.measured is not None else Interval.point(math.inf),
        confidence=1.0 - failure_probability,
        runs=len(usable),
        evidence=Evidence.STATISTICAL,
        seeds=distinct,
        notes=(
            *((("smallest ratio to leading order", min(ratios)),) if ratios else ()),
            *((("largest ratio to leading order", max(ratios)),) if ratios else ()),
            ("runs left out", float(len(left_out))),
            ("share of runs left out", len(left_out) / len(runs)),
            *notes,
            ("share of draws covered", content_covered_by_all(len(distinct), failure_probability)),
        ),
        raw=raw,
    )
    predicted = worst.predicted or ANY_NUMBER
    if worst.is_lost:  # an infinite value is outside a half-line too
        predicted = Interval(
            min(max(predicted.low, ANY_NUMBER.low), ANY_NUMBER.high),
            max(min(predicted.high, ANY_NUMBER.high), ANY_NUMBER.low),
        )
    return CheckedPair(Prediction(predicted, worst.assumed, worst.leading_order), measurement)


def _case(run: JudgedRun) -> Case:
    return Case(run.predicted, None if run.measured is None else Reading(run.measured, run.source))


def _middle(run: JudgedRun) -> float:
    if run.measured is None:
        return math.inf
    low, high = run.measured.low, run.measured.high
    return low if low == high else (low + high) / 2
