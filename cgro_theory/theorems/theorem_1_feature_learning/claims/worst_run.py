"""How a statement about every run is judged: any run outside its prediction refutes, in whatever order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cgro_theory.claims import (
    Case,
    Counts,
    EvaluatedCondition,
    Evidence,
    Interval,
    Measurement,
    OneReading,
    Prediction,
    Reading,
    WorstCase,
    unmet,
)
from cgro_theory.claims.reading import Source
from cgro_theory.numerics.confidence import clopper_pearson, content_covered_by_all
from cgro_theory.theorems.checked_claim import Check, CheckedPair

from ..runs.trained import GroupName, Groups, RunGroup, TrainedEvidence
from .scope import Stated, met

LEFT_OUT_AT_MOST = 0.05
"""Share of runs that may miss an assumption (on parameters or the draw); above it a claim stays inconclusive."""
ANY_NUMBER = Interval(math.nextafter(-math.inf, 0.0), math.nextafter(math.inf, 0.0))
"""Every finite number: what is left of a prediction whose run never got there."""
BELOW_ONE = float(np.nextafter(1.0, 0.0))
"""The largest number that is less than 1."""


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
            holding = next((run.assumed for run in runs if not run.unmet), None)
            scope = Prediction(None) if holding is None else Prediction(Interval.point(0.0), holding)
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


def per_run(
    group: RunGroup, run: int, predicted: Prediction, value: float, *, relative_error: float = 0.0
) -> JudgedRun:
    """One run's prediction and value. A value that is NaN or infinite was never reached: outside.

    ``relative_error``: the integrator's own, as measured by :class:`FlowError`; the prediction is widened by it.
    """
    return JudgedRun(
        predicted=widened(predicted.interval, relative_error),
        measured=Interval.point(float(value)) if math.isfinite(value) else None,
        leading_order=predicted.leading_order,
        assumed=predicted.assumed,
        failure=group.failure_of(run),
    )


def widened(interval: Interval | None, relative_error: float) -> Interval | None:
    """The predicted interval with room for a relative error of what is measured."""
    if interval is None or relative_error == 0.0:
        return interval
    low, high = interval.low, interval.high
    return Interval(low - relative_error * abs(low), high + relative_error * abs(high))


def nearest_to_violation(
    groups: Groups, look: Callable[[RunGroup], Sequence[JudgedRun]], failure_probability: float
) -> CheckedPair:
    """The claim is about each run of the groups, so one run outside refutes it; see :func:`judge_runs`."""
    entries = [entry for group in groups for entry in look(group)]
    return judge_runs(entries, failure_probability, seeds=seeds_of(groups))


def every_run(
    name: GroupName, predicted: Interval, look: Callable[[RunGroup], ArrayLike], stated: Stated
) -> Check:
    """The check of one interval for a value of each run of a set, under the conditions that the claim states.

    ``look`` gives the values of a group, shape (runs,). NaN and inf are outside.
    """

    def entries(group: RunGroup) -> list[JudgedRun]:
        values = np.asarray(look(group), dtype=float)
        return [
            per_run(group, run, Prediction(predicted, assumed), float(value))
            for run, (value, assumed) in enumerate(zip(values, met(group, stated), strict=True))
        ]

    def check(runs: TrainedEvidence, failure_probability: float) -> CheckedPair:
        return nearest_to_violation(getattr(runs, name), entries, failure_probability)

    return check


def counted(
    groups: Groups,
    wrong: Sequence[NDArray[np.int64]],
    trials: Sequence[int],
    interval_failure: float,
    failure_probability: float,
) -> Measurement:
    """An error rate over all points of all groups, with Clopper and Pearson's interval.

    ``wrong``: misclassified points by group, each of shape (runs,); ``trials``: points by group, over its runs.
    """
    total, count = sum(trials), int(sum(entry.sum() for entry in wrong))
    ends = clopper_pearson(count, total, interval_failure)
    return Measurement(
        estimate=count / total,
        interval=Interval(ends.low, ends.high),
        confidence=1.0 - failure_probability,
        runs=sum(group.trajectories.runs for group in groups),
        evidence=Evidence.STATISTICAL,
        seeds=groups[0].trajectories.seeds,
        failure=next((group.failure for group in groups if group.failure), ""),
        notes=(("points", float(total)),),
        raw=OneReading(Reading.of(ends, Counts(count, total, interval_failure))),
    )


def seeds_of(groups: Groups) -> tuple[int, ...]:
    """The seeds of all runs; a ladder's groups share them, and each counts once as an independent draw."""
    return tuple(seed for group in groups for seed in group.trajectories.seeds)
