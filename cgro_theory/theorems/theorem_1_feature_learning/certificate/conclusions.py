"""What a proposed certificate claims: times, margins and errors, in floats, a little wider than is believed.

:mod:`checker` derives its own and refuses a claim that does not contain them (theory.md 8.3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy.special import ndtr

from cgro_theory.setting.initial_draw import SubspaceDraw

from .error_growth import Bounds, NotCompleted
from .taylor import Array, ReducedFlow

NEARLY = 0.8
"""A margin may reach 1 within a piece when it is above this at the piece's end."""
ROOM = 1e-9
"""Relative room of every claimed number, for the rounding of floats."""

State = tuple[float, float, Array, Bounds]
"""Time, x, b and the bounds of their distance from the true ones."""


def conclude(flow: ReducedFlow, draw: SubspaceDraw, states: Iterable[State]) -> dict[str, Any]:
    """The claims, from the states at the ends of all pieces in order."""
    times = {"signal_time": [0.0, math.inf], "memorization_time": [0.0, math.inf]}
    before = 0.0
    for time, clock, moved, bounds in states:
        signal, noise = _margins(flow, clock, moved, bounds)
        for name, (least, most) in (
            ("signal_time", signal),
            ("memorization_time", (float(noise[0].max()), float(noise[1].max()))),
        ):
            found = times[name]
            if math.isinf(found[1]) and most < NEARLY:
                found[0] = before
            if math.isinf(found[1]) and least >= 1.0 + ROOM:
                found[1] = time * (1.0 + ROOM)
        before = time * (1.0 - ROOM)
        last = time, clock, moved, bounds, signal, noise
    time, clock, moved, bounds, signal, noise = last
    attacked = signal[1] * float(flow.gains[1] / flow.gains[0])
    covariance = _covariance(flow, draw, moved)
    return times | {
        "end": [time * (1.0 - ROOM), time * (1.0 + ROOM)],
        "signal_margin": _widened(*signal),
        "noise_margins": [_widened(*pair) for pair in zip(*noise, strict=True)],
        "clean_train_error": 0.0,
        "robust_train_error": 0.0,
        "log10_clean_test_error": _log10_clean_error(flow, signal[0], covariance),
        "robust_test_error": _robust_error(flow, attacked, covariance),
    }


def _margins(
    flow: ReducedFlow, clock: float, moved: Array, bounds: Bounds
) -> tuple[tuple[float, float], tuple[Array, Array]]:
    """Bounds of z and of every V_i."""
    s, reached = flow.projections(moved), np.abs(flow.coupling) @ bounds.moved
    gain = float(flow.gains[0])
    signal = gain * float(flow.signal(clock + bounds.clock)), gain * float(flow.signal(clock - bounds.clock))
    low, high = (flow.per_point((end**flow.degree).sum(axis=-1)) for end in (s - reached, s + reached))
    return signal, (low, high)


def _widened(low: float, high: float) -> list[float]:
    room = ROOM * max(1.0, abs(low), abs(high)) + 0.2 * (high - low)
    return [float(low) - room, float(high) + room]


def _covariance(flow: ReducedFlow, draw: SubspaceDraw, moved: Array) -> Array:
    factors = draw.coordinates, draw.residual_factor
    mixed = moved.T @ flow.start
    gram = sum(each @ each.T for each in factors) + mixed + mixed.T + moved.T @ flow.coupling @ moved
    return np.asarray(flow.setting.noise_std**2 * gram)


def _log10_clean_error(flow: ReducedFlow, margin: float, covariance: Array) -> float:
    """Of an upper bound, with a hundredth of room (theory.md 2.2.4): |V| > z needs some preactivation far out."""
    if margin <= 0.0:
        raise NotCompleted("the signal margin is not positive at the end")
    patches, deviations = flow.setting.noise_patches, np.sqrt(covariance.diagonal())
    reach = (margin / (patches * float((deviations**flow.degree).sum()))) ** (1.0 / flow.degree)
    log_bound = math.log(patches * deviations.size / (reach * math.sqrt(2.0 * math.pi))) - 0.5 * reach**2
    return float(min(0.0, 0.99 * log_bound / math.log(10.0) + 1e-9))


def _robust_error(flow: ReducedFlow, attacked: float, covariance: Array) -> float:
    """A lower bound (theory.md 2.2.4): |V| <= z̃ confines a preactivation to 2 z̃^(1/q)."""
    deviation = math.sqrt(1.0 / float(np.linalg.inv(covariance).diagonal().min()))
    return max(0.0, float(ndtr(-(max(attacked, 0.0) ** (1.0 / flow.degree)) / deviation)) - 1e-4)


def pieces_of(durations: Iterable[float], steps: Iterable[tuple[Array, Array, list[Bounds]]]) -> Iterator[State]:
    """The states at the ends of all pieces, from the steps' polynomials of x and b and their bounds."""
    began = 0.0
    for duration, (clock, moved, bounds) in zip(durations, steps, strict=True):
        orders = np.arange(len(clock))
        for piece, each in enumerate(bounds[1:], start=1):
            since = duration * piece / (len(bounds) - 1)
            powers = since**orders
            yield began + since, float(powers @ clock), np.tensordot(powers, moved, 1), each
        began += duration
