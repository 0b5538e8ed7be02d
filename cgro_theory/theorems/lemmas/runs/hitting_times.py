"""Tensor power iterations, run to their level in rigorous ball arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np

from cgro_theory.numerics.arb import Truth, exact, less, precision
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.theorems.room import RunRequest

from ..theory.tensor_power import predict_tensor_power_time

INSTANCES = {"quick": 60, "full": 600}
LONGEST = 100_000
"""Instances whose bracket allows more steps than this are not sampled: each step is done in ball arithmetic."""


@dataclass(frozen=True)
class HittingTime:
    """One iteration z + A z^(q-1): its numbers as decimal strings, which enter exactly.

    ``steps``: the first T with z_T >= ``level``; None when the arithmetic could not decide.
    """

    initial: str
    level: str
    rate: str
    degree: int
    steps: int | None


@dataclass(frozen=True)
class LemmaRuns:
    """What the lemmas' checks look at; ``seed`` also draws the integers and matrices that code is asked about."""

    seed: int
    hitting_times: tuple[HittingTime, ...] = ()


def gather(request: RunRequest) -> LemmaRuns:
    """Sample the iterations, if asked for; no lemma needs a training run."""
    if not request.needs_runs("hitting_times"):
        return LemmaRuns(request.seed)
    instances = _instances(request.seed)
    return LemmaRuns(request.seed, tuple(next(instances) for _ in range(INSTANCES[request.profile])))


def parameters(runs: LemmaRuns) -> dict[str, Any]:
    """How many iterations were sampled."""
    return {"lemmas.tensor_power_instances": len(runs.hitting_times)}


def hitting_time(initial: str, rate: str, level: str, degree: int) -> int | None:
    """The first T with z_T >= level of z + A z^(q-1), by rigorous ball arithmetic; None when undecided.

    200 bits are plenty for 10^5 steps.
    """
    with precision(200):
        value: flint.arb = exact(initial)
        factor, target = exact(rate), exact(level)
        for step in range(2 * LONGEST):
            below = less(value, target)
            if below is Truth.UNKNOWN:
                return None
            if below is Truth.FALSE:
                return step
            value = value + factor * value ** (degree - 1)
    return None


def _instances(seed: int) -> Iterator[HittingTime]:
    generator = np.random.default_rng(derived_seed(seed, "lemmas.tensor_power_time"))
    while True:
        degree = int(generator.integers(2, 7))
        initial = f"{generator.uniform(0.05, 0.9):.4f}"
        level = f"{float(initial) * generator.uniform(1.05, 6.0):.4f}"
        rate = f"{10 ** generator.uniform(-2.0, 0.0):.5f}"
        bracket = predict_tensor_power_time(
            float(initial), float(level), float(rate), float(rate), degree
        ).interval
        if bracket is not None and bracket.high <= LONGEST:
            yield HittingTime(initial, level, rate, degree, hitting_time(initial, rate, level, degree))
