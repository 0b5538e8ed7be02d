"""Trains the networks of theorem 1's evidence: descent here, flows and phase maps in other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np

from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import RunRequest, gather_by
from cgro_theory.theorems.worker_pool import WorkerPool
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

from .certified import submit_certified
from .counted_errors import measure_errors, measure_levels
from .fresh_stages import submit_fresh
from .full_weights import FULL_DIMENSION, FullNetwork, train_full_network
from .initial_draws import group_horizon, seed_parts
from .over_attack import submit_collapse, submit_map, submit_over_attack
from .phase_grid import PLANS, collect, plan_tasks
from .trained import GROUPS, FlowError, GroupName, RunGroup, TrainedEvidence, measured_flow_error

DESCENT_DIMENSION = 10**4
"""Patch dimension of the runs by gradient descent; their number of steps grows like √d α²."""
FLOW_DIMENSIONS = {"quick": (10**6, 10**9, 10**12), "full": (10**4, 10**6, 10**9, 10**12, 10**15)}
"""Patch dimensions of the runs by gradient flow, per profile."""
RUNS = {"quick": 32, "full": 64}
FLOW_RUNS = {"quick": 4, "full": 64}
TIMES_AS_MANY: dict[GroupName, int] = {"main": 1, "standard": 4, "adversarial_only": 2}
"""Of RUNS: descent on one loss takes a hundredth of the time, and its claims count coins (docs/power.md)."""
TEST_POINTS = {"quick": 4096, "full": 16384}
FLOW_TOLERANCE = 1e-8
"""Of the flows, per step."""
FINER = 0.01
"""Flows that an enclosure judges are integrated again at this times the tolerance, and that run is judged."""
FULL_NETWORKS = {"quick": 4, "full": 16}
"""Networks with their weights held in full."""
LAMBDA_ONE_SAFETY = 0.25
"""Safety of the learning rate at λ = 1, where no signal plateau limits it."""


def begin(request: RunRequest, pool: WorkerPool) -> Callable[[RunRequest], TrainedEvidence]:
    """Have ``pool`` train the sets of networks that the asked claims need; what is returned waits for them."""
    # Flows need no batch and no GPU: other processes integrate them. Descent is the longest task, so it comes
    # first; on a GPU it stays in this process.
    groups, on_gpu = request.needs_runs(*GROUPS), request.device == "cuda"
    descent = {} if on_gpu or not groups else _submit_groups(pool, request, (DESCENT_DIMENSION,), flow=False)
    flows = _submit_groups(pool, request, FLOW_DIMENSIONS[request.profile], flow=True) if groups else {}
    plan = PLANS[request.profile]
    tasks = plan_tasks(plan, request.seed, request.growth) if request.needs_runs("phases") else []
    results = [pool.submit(task.run) for task in tasks]
    fresh, proofs = submit_fresh(pool, request), submit_certified(pool, request)
    networks = _submit_full_networks(pool, request) if request.needs_runs("full") else []
    beyond = submit_over_attack(pool, request) if request.needs_runs("over_attack") else []
    searches = submit_collapse(pool, request) if request.needs_runs("collapse") else []
    cells = submit_map(pool, request) if request.needs_runs("collapse") else []

    def collected(request: RunRequest) -> TrainedEvidence:
        parts: list[TrainedEvidence] = []
        if on_gpu and groups:
            parts.append(_gather_runs_of(request, DESCENT_DIMENSION, _runs(request, flow=False), flow=False))
        for doing, group in (descent | flows).items():
            request.progress(doing, 0.0)
            parts.append(group.result())
            request.progress(doing, 1.0)
        others: dict[str, Sequence[Future[Any]]] = {
            f"{len(tasks)} boundaries and networks across the phases": results,
            "draws and networks of their own": [*fresh, *proofs, *networks],
            "networks attacked beyond the signal": [*beyond, *searches, *cells],
        }
        for doing, waited in others.items():
            for done, result in enumerate(waited):
                request.progress(doing, done / len(waited))
                result.result()
            request.progress(doing, 1.0)
        return replace(
            join_evidence(parts),
            phases=collect(tasks, [result.result() for result in results]),
            over_attack=tuple(group.result() for group in beyond),
            collapse=tuple(trial for search in searches for trial in search.result()),
            collapse_map=tuple(cell.result() for cell in cells),
            full=tuple(network.result() for network in networks),
            fresh=tuple(group.result() for group in fresh),
            certified=tuple(proof.result() for proof in proofs),
        )

    return collected


gather = gather_by(begin)


def _submit_groups(
    pool: WorkerPool, request: RunRequest, dimensions: Sequence[int], *, flow: bool
) -> dict[str, Future[TrainedEvidence]]:
    """The groups of one method as tasks, by what a reader is told of them."""
    method = "gradient flow" if flow else "gradient descent"
    on_cpu, runs = replace(request, device="cpu"), _runs(request, flow=flow)
    return {
        f"{method}, d = {dimension:.0e}, {runs} runs": pool.submit(
            _gather_runs_of, on_cpu, dimension, runs, flow=flow
        )
        for dimension in dimensions
    }


def _runs(request: RunRequest, *, flow: bool) -> int:
    """How many runs a group has at this look."""
    return (FLOW_RUNS if flow else RUNS)[request.profile] * request.growth


def _gather_runs_of(request: RunRequest, dimension: int, runs: int, *, flow: bool) -> TrainedEvidence:
    points = TEST_POINTS[request.profile]
    return gather_at(PatchSetting.version_1(dimension), request, runs=runs, test_points=points, flow=flow)


def _submit_full_networks(pool: WorkerPool, request: RunRequest) -> list[Future[FullNetwork]]:
    setting, points = full_setting(), TEST_POINTS[request.profile]
    seeds = full_seeds(request.seed, FULL_NETWORKS[request.profile])
    return [pool.submit(train_full_network, setting, seed, points) for seed in seeds]


def full_setting() -> PatchSetting:
    """Small enough to hold every weight and to descend by automatic differentiation in seconds."""
    return PatchSetting.version_1(FULL_DIMENSION, num_samples=4, width=8)


def full_seeds(base: int, count: int) -> tuple[int, ...]:
    """The seeds of the networks with full weights."""
    return derived_seeds(base, count, "theorem_1.full", *seed_parts(full_setting()))


def group_seeds(base: int, setting: PatchSetting, runs: int, *, flow: bool) -> tuple[int, ...]:
    """The seeds of a group of runs, from the base seed and all that tells the group apart.

    A ladder over d compares one draw at every d, so its groups share their seeds: they depend on the loss's
    weight, not on d. Its runs count once as independent draws (:func:`judge_runs`).
    """
    if flow:
        return derived_seeds(base, runs, "theorem_1.ladder", setting.adversarial_weight)
    return derived_seeds(base, runs, "theorem_1.descent", *seed_parts(setting))


def join_evidence(parts: Iterable[TrainedEvidence]) -> TrainedEvidence:
    """One evidence with the groups of all parts, in order."""
    listed = list(parts)
    return TrainedEvidence(
        main=tuple(group for part in listed for group in part.main),
        standard=tuple(group for part in listed for group in part.standard),
        adversarial_only=tuple(group for part in listed for group in part.adversarial_only),
    )


def gather_at(
    setting: PatchSetting, request: RunRequest, *, runs: int, test_points: int, flow: bool = False
) -> TrainedEvidence:
    """The groups of runs of one setting that are needed: its own λ, λ = 0 and λ = 1."""

    def trained(name: GroupName, weight: float, safety: float = 1.0) -> tuple[RunGroup, ...]:
        if not request.needs_runs(name):
            return ()
        group = replace(setting, adversarial_weight=weight)
        count = runs if flow else runs * TIMES_AS_MANY[name]
        seeds = group_seeds(request.seed, group, count, flow=flow)
        judged = name == "main"
        return (train_group(request, group, seeds, test_points, safety=safety, flow=flow, judged=judged),)

    return TrainedEvidence(
        main=trained("main", setting.adversarial_weight),
        standard=trained("standard", 0.0),
        adversarial_only=trained("adversarial_only", 1.0, LAMBDA_ONE_SAFETY),
    )


def train_group(
    request: RunRequest,
    setting: PatchSetting,
    seeds: tuple[int, ...],
    test_points: int,
    *,
    safety: float = 1.0,
    flow: bool = False,
    judged: bool = False,
) -> RunGroup:
    """Draw, train and test runs of one setting.

    Descent uses the learning rate of theory.md 2.2.6 times ``safety``. Runs may take four times the slowest
    point's own memorization formula; with λ = 0 they stop at STANDARD_HORIZON. Flows that are ``judged`` by an
    enclosure are integrated at two tolerances, to measure the integrator's error.
    """
    doing = f"d = {setting.patch_dimension:.0e}, λ = {setting.adversarial_weight:g}, {len(seeds)} runs"
    problem = draw_subspace_problem(setting, seeds)
    horizon = group_horizon(setting, problem)
    error = FlowError()

    def report(fraction: float) -> None:
        request.progress(f"training {doing}", fraction)

    if flow:
        trajectories = integrate_flow(problem, horizon=horizon, relative_tolerance=FLOW_TOLERANCE, progress=report)
        if judged:
            coarse, finer = trajectories, FINER * FLOW_TOLERANCE
            trajectories = integrate_flow(problem, horizon=horizon, relative_tolerance=finer, progress=report)
            error = measured_flow_error(coarse, trajectories)
    else:
        rate = setting.stable_learning_rate(safety)
        steps = int(np.ceil(horizon / rate))
        trajectories = train(problem, learning_rate=rate, steps=steps, device=request.device, progress=report)
    request.progress(f"testing {doing}", 0.0)
    errors = measure_errors(trajectories, test_points=test_points)
    levels = measure_levels(trajectories, points=test_points)
    request.progress(f"testing {doing}", 1.0)
    return RunGroup(trajectories, errors, levels, error)
