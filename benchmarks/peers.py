"""The peers that can be run here, each held to the package's own result before it is timed beside it.

    python benchmarks/peers.py [--quick]

A plain training loop per run, as public code on patch data writes it (nn.Module, autograd, torch.optim.SGD on the
full batch), against batched descent; scipy's LSODA on the gradient flow in physical time against the flow in its
clock, both with the same right-hand side. What a peer cannot do is a row as well.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from engines import BATCH, seconds_per_run_step
from measure import Row, in_turn, median_ratio, run_part, seconds
from scipy.integrate import solve_ivp

from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary import AdversaryName
from cgro_theory.setting.patch_data import DenseProblem, draw_dense_problem
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import group_horizon
from cgro_theory.trainer.compiled_flow import flow_system
from cgro_theory.trainer.engines import SubspaceEngine
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem, reduce_dense_problem
from cgro_theory.trainer.threads import one_thread

SEED = 887300
AGREE_STEPS, AGREE = 50, 1e-9
"""Steps after which the plain loop's projections are those of batched descent, to this relative error."""
AGREE_TIMES, TOLERANCE = 1e-6, 1e-8
"""Relative error allowed to the peer's last memorization time; its tolerance, that of the flow."""
PATIENCE = {False: 60.0, True: 15.0}
"""Seconds after which an integration of a peer is given up; where it is quick, and where not."""


class PatchNetwork(torch.nn.Module):
    """Σ_r Σ_p φ_q(<w_r, x_p>), φ_q(s) = s |s|^(q-1)."""

    def __init__(self, weights: torch.Tensor, degree: int) -> None:
        super().__init__()
        self.degree = degree
        self.weight = torch.nn.Parameter(weights.clone())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """shapes: (N, P, d) -> (N,)"""
        s = torch.nn.functional.linear(inputs, self.weight)
        return (s * s.abs() ** (self.degree - 1)).sum(dim=(1, 2))


class PlainLoop:
    """One run: a module, an optimizer and a loss, a step at a time."""

    def __init__(self, problem: DenseProblem, learning_rate: float) -> None:
        setting, self.labels = problem.setting, problem.labels[0]
        self.share = setting.adversarial_weight
        self.inputs = problem.inputs[0]
        scale = torch.ones(self.inputs.shape[:2], dtype=self.inputs.dtype)
        scale[torch.arange(len(self.labels)), problem.signal_position[0]] = setting.attacked_signal_fraction
        self.attacked = self.inputs * scale[:, :, None]
        self.network = PatchNetwork(problem.weights[0], setting.degree)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=learning_rate)

    def step(self) -> None:
        self.optimizer.zero_grad()
        clean, attacked = (
            torch.nn.functional.softplus(-self.labels * self.network(inputs)).mean()
            for inputs in (self.inputs, self.attacked)
        )
        ((1.0 - self.share) * clean + self.share * attacked).backward()
        self.optimizer.step()

    def seconds_per_step(self, steps: int) -> float:
        self.step()
        return seconds(lambda: [self.step() for _ in range(steps)]) / steps


def relative_distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def require_the_same_training(setting: PatchSetting, learning_rate: float) -> float:
    """The largest relative error of the loop's projections beside batched descent's, at most AGREE."""
    dense = draw_dense_problem(setting, (SEED,))
    loop = PlainLoop(dense, learning_rate)
    engine = SubspaceEngine(reduce_dense_problem(dense), learning_rate, AdversaryName.TRANSFER)
    for _ in range(AGREE_STEPS):
        loop.step()
        engine.evaluate()
        engine.update()
    weights, state = loop.network.weight.detach(), engine.state()
    error = max(
        relative_distance(weights @ dense.feature, state.signal_projections[0]),
        relative_distance(dense.noise[0].flatten(0, 1) @ weights.T, state.preactivations[0]),
    )
    assert error <= AGREE, f"the plain loop is off by {error:.1e} after {AGREE_STEPS} steps"
    return error


def loop_rows(quick: bool) -> Iterator[Row]:
    for dimension in (10**3, 10**4) if quick else (10**3, 10**4, 10**5):
        setting = PatchSetting.version_1(dimension)
        rate = setting.stable_learning_rate()
        error = require_the_same_training(setting, rate)
        loop = PlainLoop(draw_dense_problem(setting, (SEED,)), rate)
        engine = SubspaceEngine(
            draw_subspace_problem(setting, tuple(range(SEED, SEED + BATCH))), rate, AdversaryName.TRANSFER
        )
        steps = max(3, 2 * 10**6 // dimension)
        with one_thread():
            found = in_turn(
                {
                    "loop": lambda loop=loop, steps=steps: loop.seconds_per_step(steps),
                    "batched": lambda engine=engine: seconds_per_run_step(engine, BATCH, 100),
                },
                3 if quick else 7,
            )
        yield Row(
            f"plain PyTorch loop over batched descent, per run-step, d = {dimension:,}",
            median_ratio(found["loop"], found["batched"]),
            "times",
            note=f"{statistics.median(found['loop']) * 1e6:.0f} µs; the same projections to {error:.0e} after"
            f" {AGREE_STEPS} steps",
        )


class GivenUp(Exception):
    """A peer took longer than it is given; ``reached`` is the time of the flow that it had reached."""

    def __init__(self, reached: float) -> None:
        super().__init__(f"given up at t = {reached:.3g}")
        self.reached = reached


def physical_time(setting: PatchSetting, seed: int, horizon: float, patience: float) -> tuple[float, int]:
    """When the last point is memorized, by LSODA in physical time, and the evaluations it took.

    Raises :class:`GivenUp` when it needs more than ``patience`` seconds, or cannot keep its tolerance.
    """
    system = flow_system(draw_subspace_problem(setting, (seed,)), 0, AdversaryName.TRANSFER)
    until, count = time.perf_counter() + patience, 0

    def slope(t: float, state: np.ndarray) -> np.ndarray:
        nonlocal count
        count += 1
        if time.perf_counter() > until:
            raise GivenUp(t)
        return system.derivative(state)

    def all_memorized(_: float, state: np.ndarray) -> float:
        return float(system.margins(state)[1:].min()) - 1.0

    all_memorized.terminal, all_memorized.direction = True, 1.0
    absolute = 1e-3 * TOLERANCE * np.abs(system.initial).max()
    with np.errstate(all="ignore"):
        done = solve_ivp(
            slope,
            (0.0, horizon),
            system.initial,
            method="LSODA",
            rtol=TOLERANCE,
            atol=absolute,
            events=all_memorized,
        )
    if not done.success or len(done.t_events[0]) == 0:
        raise GivenUp(float(done.t[-1]))
    return float(done.t_events[0][0]), count


def physical_time_row(dimension: int, quick: bool) -> Row:
    setting = PatchSetting.version_1(dimension)
    problem = draw_subspace_problem(setting, (SEED,))
    horizon = group_horizon(setting, problem)
    end = float(integrate_flow(problem, horizon=horizon, num_checkpoints=2).memorization_times[0].max())
    what = f"LSODA in physical time over the flow, to full memorization, d = 10^{math.log10(dimension):.0f}"
    patience = PATIENCE[quick]
    try:
        found, evaluations = physical_time(setting, SEED, horizon, patience)
    except GivenUp as reason:
        return Row(what, math.inf, "times", note=f"{reason} of {end:.3g}, at most {patience:.0f} s")
    error = abs(found / end - 1.0)
    assert error <= AGREE_TIMES, f"LSODA's last memorization time is off by {error:.1e} at d = {dimension:.0e}"
    with one_thread():
        taken = in_turn(
            {
                "LSODA": lambda: seconds(lambda: physical_time(setting, SEED, horizon, math.inf)),
                "flow": lambda: seconds(lambda: integrate_flow(problem, horizon=horizon, num_checkpoints=2)),
            },
            3,
        )
    note = f"{statistics.median(taken['LSODA']):.2f} s, {evaluations:,} evaluations; the same time to {error:.0e}"
    return Row(what, median_ratio(taken["LSODA"], taken["flow"]), "times", at_least=True, note=note)


def rows(quick: bool) -> Iterator[Row]:
    yield from loop_rows(quick)
    yield from (physical_time_row(dimension, quick) for dimension in (10**4, 10**9, 10**15))


if __name__ == "__main__":
    run_part(__doc__, rows)
