"""Full-batch gradient descent on the hinge loss in exact rationals, from small problems drawn at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from benign_leaky_relu.theory import Problem, max_margin, squared
from benign_leaky_relu.thresholds import GROUPS, SMALL, Group, groups
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.theorems.room import RunRequest

INSTANCES = {"quick": 3000, "full": 30_000}
SLOPES = tuple(fmpq(number, 256) for number in (1, 16, 128, 224, 255))
MOST_STEPS = 20_000
MOST_ASPECT = 50
"""Data with ‖w*‖² max‖x‖² above this are drawn again: they take thousands of steps."""


@dataclass(frozen=True)
class TrainedNetwork:
    """A run: from ``problem`` until the loss was 0 (``finished``), or until it was given up.

    ``updates`` sums over ``steps`` the points with y f(x) < 1; ``squared_norm`` is ‖W‖_F² where it ended.
    """

    problem: Problem
    finished: bool
    updates: int
    steps: int
    squared_norm: fmpq


@dataclass(frozen=True)
class BenignRuns:
    """What the checks look at; ``seed`` is the one that was asked for."""

    seed: int
    networks: tuple[TrainedNetwork, ...] = ()
    thresholds: tuple[Group, ...] = ()


def train(problem: Problem, most_steps: int = MOST_STEPS, moved: int = 1) -> TrainedNetwork:
    """Run w_j += η a_j Σ_F y_i φ'(<w_j, x_i>) x_i over F = {i: y_i f(x_i) < 1} until F is empty; φ'(0) = α.

    The outer signs a_j are +1 for the first half of the neurons and -1 for the others. ``moved`` = -1 moves those
    the other way, which is then no descent.

    >>> train(Problem(((1,),), (1,), fmpq(1, 2), fmpq(1), fmpq_mat(2, 1, [0, 0]))).updates
    2
    """
    points, labels, alpha = fmpq_mat([list(point) for point in problem.points]), problem.labels, problem.slope
    across, weights, step, updates = points.transpose(), problem.start, 0, 0
    samples, units = range(points.nrows()), range(weights.nrows())
    signs = [1 if 2 * unit < len(units) else -1 for unit in units]
    gains = [problem.rate * (sign if sign > 0 else sign * moved) for sign in signs]
    while True:
        before = (weights * across).tolist()
        slopes = [[1 if entry > 0 else alpha for entry in row] for row in before]
        outputs = [sum(signs[j] * slopes[j][i] * before[j][i] for j in units) for i in samples]
        pulls = [y if y * output < 1 else 0 for y, output in zip(labels, outputs, strict=True)]
        if not any(pulls) or step == most_steps:
            return TrainedNetwork(problem, not any(pulls), updates, step, squared(weights.entries()))
        step, updates = step + 1, updates + len(pulls) - pulls.count(0)
        weights += fmpq_mat([[gains[j] * pulls[i] * slopes[j][i] for i in samples] for j in units]) * points


def draw_problem(seed: int) -> Problem:
    """Up to 8 points in up to 4 dimensions with entries of one digit, and 2 to 12 neurons.

    The share of the largest allowed step is 1, just under 3/4, or random. The rows of W(0) point against the data,
    so that all of it must be unlearned, or anywhere; three in four are as long as allowed (up to 2^-30).
    """
    generator = np.random.default_rng(seed)
    samples, half_width = int(generator.integers(1, 9)), int(generator.integers(1, 7))
    slope = SLOPES[generator.integers(len(SLOPES))]
    labels = tuple(generator.choice([-1, 1], samples).tolist())
    signed, inside = _separable_points(generator, samples)
    sizes = [squared(point) for point in signed]
    opposed, full = generator.random(2) < (0.5, 0.75)
    rows = []
    for sign in (-1,) * half_width + (1,) * half_width:
        row = [sign * e for e in inside] if opposed else generator.integers(-9, 10, len(inside)).tolist()
        longest = slope / (half_width**2 * min(sizes) * max(fmpq(1), squared(row)))
        scale = fmpq(math.isqrt(int((longest * 4**30).floor())), 2**30)
        rows.append([scale * entry * (1 if full else fmpq(int(generator.integers(9)), 8)) for entry in row])
    share = fmpq(int(generator.choice([64, 47, int(generator.integers(16, 65))])), 64)
    points = tuple(tuple(y * entry for entry in point) for y, point in zip(labels, signed, strict=True))
    return Problem(points, labels, slope, share / (half_width * samples * max(sizes)), fmpq_mat(rows))


def _separable_points(
    generator: np.random.Generator, samples: int
) -> tuple[tuple[tuple[int, ...], ...], list[int]]:
    """Points y_i x_i on one side of a hyperplane, as the assumption asks, and a vector on that side."""
    while True:
        dimension, spread = int(generator.integers(1, 5)), int(generator.choice([0, 0, 1, 4]))
        centre = generator.integers(-5, 6, dimension)
        signed = centre + generator.integers(-spread, spread + 1, (samples, dimension))
        found = tuple(map(tuple, signed.tolist()))
        if min(signed @ centre) > 0 and squared(max_margin(found)) * max(map(squared, found)) <= MOST_ASPECT:
            return found, centre.tolist()


def gather(request: RunRequest) -> BenignRuns:
    """Draw the problems and train each until its loss is 0; locate the thresholds of the test error."""
    networks, most = [], INSTANCES[request.profile] if request.needs_runs("networks") else 0
    for number in range(most):
        networks.append(train(draw_problem(derived_seed(request.seed, "benign_leaky_relu", number))))
        request.progress("training in exact rationals", (number + 1) / most)
    found, count = [], GROUPS[request.profile] * request.growth if request.needs_runs("thresholds") else 0
    for group in groups(request.seed, count):
        found.append(group)
        request.progress("locating where the test error is 1/8", len(found) / count)
    return BenignRuns(request.seed, tuple(networks), tuple(found))


def retrained(runs: BenignRuns, moved: int = 1, **change: Callable[[Problem], Any]) -> BenignRuns:
    """For negative controls: 100 problems of the largest slope, with fields changed, 40 steps each.

    The bounds grow with 1/α², so it is there that something wrong leaves them within few steps.
    """
    problems = [each.problem for each in runs.networks if each.problem.slope == SLOPES[-1]][:100]
    wrong = [replace(each, **{name: new(each) for name, new in change.items()}) for each in problems]
    return replace(runs, networks=tuple(train(each, 40, moved) for each in wrong))


def parameters(runs: BenignRuns) -> dict[str, Any]:
    """Sizes of the experiment."""
    least = min((math.exp(each.steep) * SMALL for each in runs.thresholds), default=math.nan)
    return {
        "instances": len(runs.networks),
        "longest_run": max((each.steps for each in runs.networks), default=0),
        "threshold_groups": len(runs.thresholds),
        "least γ d/α³": round(least, 3),
    }
