"""Proposes a certificate of one training: candidates by Taylor series, bounds by error growth, all in floats.

Nothing that is proposed is trusted; :mod:`checker` accepts or refuses it (theory.md 8.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgro_theory.setting.initial_draw import SubspaceDraw
from cgro_theory.setting.parameters import PatchSetting

from .certificate import Certificate
from .conclusions import conclude, pieces_of
from .error_growth import Bounds, GrowthRate, NotCompleted
from .taylor import Array, ReducedFlow, Series

ORDER = 26
"""K of the polynomials."""
PIECES = 8
"""S: pieces of a step on which bounds are linear."""
ROUNDING = 2.0**-53
ROUNDINGS = 16.0
"""Of a coefficient, at most: in units of the rounding of what it is computed from."""
MINOR = 0.01
"""Projections below this share of their neighbours' largest are resolved absolutely."""
ROUNDS = 40
"""Of the search for bounds that grow fast enough; it stops when they do."""


@dataclass(frozen=True)
class Care:
    """How long the steps are, and how much room the bounds have.

    Attributes:
        truncation: what the last term of a series may be at the end of its step, as a share of the state's size.
        slack: relative room, per degree, that is left to the checker's wider boxes.
        overshoot: relative excess of a proposed bound's growth, so that its search ends.
        steps: how many times as many steps may be taken.
    """

    truncation: float
    slack: float
    overshoot: float
    steps: int


CARES = (Care(1e-18, 0.01, 0.01, 1), Care(1e-30, 0.1, 0.03, 4))
"""The usual care, and that where the checker refuses what comes of it: about one draw in a hundred."""


@dataclass(frozen=True)
class _Step:
    duration: float
    series: Series
    bounds: list[Bounds]


def prove(
    setting: PatchSetting,
    draw: SubspaceDraw,
    *,
    most_steps: int,
    care: Care = CARES[0],
    progress: Callable[[float], None] = lambda time: None,
) -> Certificate:
    """Follow the network until every training point is memorized, V_i >= 1 for all i.

    Raises :class:`NotCompleted` where that takes more than ``most_steps`` steps, times those of ``care``, or where
    the bounds come apart.
    """
    with np.errstate(all="ignore"):  # what leaves the floats has no bounds
        return _prove(setting, draw, most_steps * care.steps, care, progress)


def _prove(
    setting: PatchSetting, draw: SubspaceDraw, most_steps: int, care: Care, progress: Callable[[float], None]
) -> Certificate:
    flow = ReducedFlow(setting, draw)
    state = flow.start_clock, np.zeros_like(flow.start)
    before = Bounds(4 * ROUNDING * flow.start_clock, np.full_like(flow.start, np.finfo(float).tiny))
    steps: list[_Step] = []
    time = 0.0
    while not steps or not _memorized(flow, steps[-1]):
        if len(steps) == most_steps:
            raise NotCompleted(f"{most_steps} steps reach t = {time:.6g}, and not every V_i >= 1")
        series = flow.series(*state, ORDER)
        duration = _duration(flow, series, care)
        step = _Step(duration, series, _bounds(flow, series, duration, before, time, care))
        steps.append(step)
        state, before = _end(step)
        time += duration
        progress(time)
    return Certificate(
        setting,
        draw,
        np.array([step.duration for step in steps]),
        np.stack([step.series.clock for step in steps]),
        np.stack([step.series.moved for step in steps]),
        np.array([[each.clock for each in step.bounds] for step in steps]),
        np.stack([np.stack([each.moved for each in step.bounds]) for step in steps]),
        _claims(flow, draw, steps),
    )


def _claims(flow: ReducedFlow, draw: SubspaceDraw, steps: list[_Step]) -> dict[str, Any]:
    parts = ((step.series.clock, step.series.moved, step.bounds) for step in steps)
    return conclude(flow, draw, pieces_of([step.duration for step in steps], parts))


def _duration(flow: ReducedFlow, series: Series, care: Care) -> float:
    """Time at whose end the last two terms of every series are small, by one factor K-th roots apart."""
    own = flow.coupling.diagonal()[:, None]
    size = np.abs(series.projections[0])
    scale = np.maximum(size, MINOR * size.max(axis=1, keepdims=True))
    durations = []
    for order in (ORDER - 1, ORDER):
        share = max(
            float((own * np.abs(series.moved[order]) / scale).max()), abs(series.clock[order]) / series.clock[0]
        )
        durations.append((care.truncation / max(share, np.finfo(float).tiny)) ** (1.0 / order))
    return float(min(durations))


def _bounds(
    flow: ReducedFlow, series: Series, duration: float, start: Bounds, time: float, care: Care
) -> list[Bounds]:
    """Bounds at the ends of the step's pieces that grow as fast as the distance may."""
    found, length = [start], duration / PIECES
    defect = _defect(flow, series, duration)
    for piece in range(PIECES):
        at = duration * np.linspace(piece, piece + 1, 3) / PIECES
        powers = at[:, None] ** np.arange(ORDER + 1)
        clock, projections = powers @ series.clock, np.tensordot(powers, series.projections, 1)
        start, end = found[-1], found[-1]
        for _ in range(ROUNDS):
            reached = np.abs(flow.coupling) @ np.maximum(start.moved, end.moved)
            low, high = _hull(clock, max(start.clock, end.clock))
            rate = GrowthRate(flow, (float(low), float(high)), *_hull(projections, reached), care.slack)
            first, last = (_with_room(*rate(bounds), defect, flow.degree * care.slack) for bounds in (start, end))
            needed = Bounds(
                start.clock + length * max(first.clock, last.clock),
                start.moved + length * np.maximum(first.moved, last.moved),
            )
            if end is not start and needed.clock <= end.clock and bool((needed.moved <= end.moved).all()):
                break
            end = Bounds(
                _above(start.clock, needed.clock, care.overshoot),
                _above(start.moved, needed.moved, care.overshoot),
            )
        else:
            raise NotCompleted(f"the bounds come apart at t = {time + float(at[0]):.6g}")
        found.append(end)
    return found


def _above(start: Any, needed: Any, overshoot: float) -> Any:
    """A little more growth than needed, and more than the bound's own rounding."""
    return needed + overshoot * abs(needed - start) + 4.0 * ROUNDING * needed


def _hull(values: Array, radius: Array | float) -> tuple[Array, Array]:
    low, high = values.min(axis=0), values.max(axis=0)
    room = radius + 0.05 * (high - low)
    return low - room, high + room


def _with_room(rate: Bounds, size: Bounds, defect: Bounds, room: float) -> Bounds:
    return Bounds(rate.clock + room * size.clock + defect.clock, rate.moved + room * size.moved + defect.moved)


def _defect(flow: ReducedFlow, series: Series, duration: float) -> Bounds:
    """What p' - f(p) may be: the truncated terms, and the rounding of the coefficients."""
    q, samples = flow.degree, flow.setting.num_samples
    orders, powers = np.arange(1, ORDER + 1) * duration ** np.arange(ORDER), duration ** np.arange(ORDER + 1.0)
    gathered = np.abs(flow.start) + np.abs(flow.coupling) @ np.abs(series.moved[0])
    size = np.tensordot(powers, np.abs(series.projections), 1)
    ends = (
        (series.clock[0], series.projections[0]),
        (powers @ series.clock, np.tensordot(powers, series.projections, 1)),
    )
    margins = [flow.margins(float(clock), projections) for clock, projections in ends]
    pull = np.maximum(*(flow.pulls(each) for each in margins))[:, None]
    # An error ε of a margin M, about |M| roundings, is a relative one of e^-M.
    rounding = ROUNDING * (ROUNDINGS + 2.0 * max(float(np.abs(each).max()) for each in margins))
    of_projections = pull * (q / samples) * (size + gathered) * size ** (q - 2)
    of_terms = np.tensordot(orders, np.abs(series.moved[1:]), 1)
    return Bounds(
        8.0 * orders[-1] * abs(series.clock[-1]) + rounding * float(orders @ np.abs(series.clock[1:])),
        8.0 * orders[-1] * np.abs(series.moved[-1]) + rounding * (of_projections + of_terms),
    )


def _end(step: _Step) -> tuple[tuple[float, Array], Bounds]:
    """The rounded state at the end of a step, and bounds of its distance from the true one."""
    powers = step.duration ** np.arange(ORDER + 1.0)
    clock, moved = float(powers @ step.series.clock), np.tensordot(powers, step.series.moved, 1)
    lost = ROUNDINGS * ROUNDING * float(powers @ np.abs(step.series.clock))
    lost_moved = ROUNDINGS * ROUNDING * np.tensordot(powers, np.abs(step.series.moved), 1)
    last = step.bounds[-1]
    return (clock, moved), Bounds(last.clock + lost, last.moved + lost_moved)


def _memorized(flow: ReducedFlow, step: _Step) -> bool:
    """Whether every V_i is at least 1 at the end of the step, by the proposed bounds."""
    (_, moved), bounds = _end(step)
    low = flow.projections(moved) - np.abs(flow.coupling) @ bounds.moved
    return bool((flow.per_point((low**flow.degree).sum(axis=-1)) >= 1.0 + 1e-9).all())
