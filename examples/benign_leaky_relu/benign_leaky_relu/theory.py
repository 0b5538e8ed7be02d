"""The setting, the max-margin vector, the assumptions and the bounds (README.md): exactly, no training."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from flint import arb, fmpq, fmpq_mat

from cgro_theory.claims import Condition, Interval, Prediction
from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.arb import upper_float

UPDATES_CONSTANT, NORM_CONSTANT = 4, 18
SLOPE = Condition("slope", "0 < alpha <= 1", "the slope of the leaky ReLU for negative numbers is in (0, 1]")
STEP = Condition("step", "step_share <= 1", "η m n max‖x‖² is at most 1")
START = Condition("start", "start_share <= 1", "m² max‖w_j(0)‖² min‖x‖² is at most α")
Share = Callable[["Problem"], fmpq]


def squared(entries: Iterable[fmpq | int]) -> fmpq:
    """The sum of squares, exactly."""
    return fmpq(sum(entry * entry for entry in entries))


@cache
def max_margin(signed_points: tuple[tuple[int, ...], ...]) -> tuple[fmpq, ...]:
    """The max-margin vector w* of the points y_i x_i, shape (n, d): exact, for n and d of one digit.

    Tries every set S of at most d points as support, smallest first: λ with G_S λ = 1, G_S the Gram matrix, and
    w* = Σ_S λ_i y_i x_i. That λ >= 0 and y<w*, x> >= 1 everywhere certifies w* as the minimum, since a feasible v
    has <v, w*> = Σ λ_i y_i<v, x_i> >= Σ λ_i = ‖w*‖². Raises InvalidInput where no set passes.

    >>> max_margin(((1, 0), (1, 2), (3, 1)))
    (1, 0)
    """
    distinct = dict.fromkeys(signed_points)
    every = fmpq_mat([list(point) for point in distinct])
    for size in range(1, every.ncols() + 1):
        for chosen in itertools.combinations(distinct, size):
            support = fmpq_mat([list(point) for point in chosen])
            gram = support * support.transpose()
            if gram.det() == 0:
                continue
            dual = gram.solve(fmpq_mat(size, 1, [1] * size))
            found = dual.transpose() * support
            if min(dual.entries()) >= 0 and min((every * found.transpose()).entries()) >= 1:
                return tuple(found.entries())
    raise InvalidInput("points", signed_points, "separable by a hyperplane through 0")


@dataclass(frozen=True)
class Problem:
    """Where training starts.

    Attributes:
        points, labels: x_i of shape (n, d), integers, and y_i = ±1, separable by a hyperplane through 0.
        slope, rate: α in (0, 1] and the learning rate η > 0.
        start: rows w_j(0), shape (2m, d).
    """

    points: tuple[tuple[int, ...], ...]
    labels: tuple[int, ...]
    slope: fmpq
    rate: fmpq
    start: fmpq_mat

    @property
    def half_width(self) -> int:
        """m: of the 2m neurons, m have the outer sign +1."""
        return int(self.start.nrows()) // 2

    @property
    def difficulty(self) -> fmpq:
        """‖w*‖²/(α² m), which both bounds are multiples of."""
        signed = tuple(tuple(y * entry for entry in x) for x, y in zip(self.points, self.labels, strict=True))
        return squared(max_margin(signed)) / (self.slope**2 * self.half_width)


def step_share(problem: Problem) -> fmpq:
    """η m n max‖x‖²."""
    return problem.rate * problem.half_width * len(problem.points) * max(map(squared, problem.points))


def start_share(problem: Problem) -> fmpq:
    """m² max‖w_j(0)‖² min‖x‖²/α."""
    longest = max(map(squared, problem.start.tolist()))
    return problem.half_width**2 * longest * min(map(squared, problem.points)) / problem.slope


def predict(problem: Problem, constant: float, step: Share = step_share, start: Share = start_share) -> Prediction:
    """From 0 to ``constant``, with the theorem's conditions at this problem: exact numbers, rounded up."""
    assumed = (
        SLOPE.given(alpha=upper_float(arb(problem.slope))),
        STEP.given(step_share=upper_float(arb(step(problem)))),
        START.given(start_share=upper_float(arb(start(problem)))),
    )
    return Prediction(Interval(0.0, constant), assumed, constant)
