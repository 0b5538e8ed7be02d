"""Trains the networks of theorem 1's evidence: descent here, flows and phase maps in other processes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace

import numpy as np

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import Profile, RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.draws import group_horizon
from cgro_theory.theorems.theorem_1_feature_learning.evidence import RunGroup, TrainedEvidence
from cgro_theory.theorems.theorem_1_feature_learning.phase_plan import PLANS, collect, plan_tasks
from cgro_theory.theorems.theorem_1_feature_learning.test_points import measure_errors
from cgro_theory.theorems.worker_pool import WorkerPool
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

DESCENT_DIMENSION = 10**4
"""Patch dimension of the runs by gradient descent; their number of steps grows like √d α²."""
FLOW_DIMENSIONS = {"quick": (10**6, 10**9, 10**12), "full": (10**4, 10**6, 10**9, 10**12, 10**15)}
"""Patch dimensions of the runs by gradient flow, per profile."""
RUNS = {"quick": 64, "full": 64}
FLOW_RUNS = {"quick": 4, "full": 64}
TEST_POINTS = {"quick": 4096, "full": 16384}
FLOW_TOLERANCE = 1e-8
LAMBDA_ONE_SAFETY = 0.25
"""Safety of the learning rate at λ = 1, where no signal plateau limits it."""


PHASE_LABELS = tuple(
    f"theorem_1.{name}"
    for name in (
        "overfitting_boundary",
        "overfitting_boundary_exponent",
        "phase_boundary",
        "phase_boundary_dimension_exponent",
        "phase_boundary_sample_exponent",
        "robust_error_law",
    )
)
"""The claims that look at networks across the phases, and at no others."""


def gather(request: RunRequest) -> TrainedEvidence:
    """Train the networks that the asked claims and their planted faults need."""
    asked = {label for label in request.labels if label.startswith("theorem_1.")}
    asked -= {"theorem_1.gradient_identity"}
    # Flows need no batch and no GPU: other processes integrate them while this one descends.
    with WorkerPool() as pool:
        parts: list[TrainedEvidence] = []
        flows = _submit_flows(pool, request) if asked - set(PHASE_LABELS) else {}
        tasks = plan_tasks(PLANS[request.profile], request.seed) if request.needs(*PHASE_LABELS) else []
        results = [pool.submit(task.run) for task in tasks]
        if flows:
            parts.append(
                gather_at(
                    PatchSetting.version_1(DESCENT_DIMENSION),
                    request,
                    runs=RUNS[request.profile],
                    test_points=TEST_POINTS[request.profile],
                )
            )
        for dimension, flow in flows.items():
            doing = f"gradient flows, d = {dimension:.0e}, {FLOW_RUNS[request.profile]} runs"
            request.progress(doing, 0.0)
            parts.append(flow.result())
            request.progress(doing, 1.0)
        for done, result in enumerate(results):
            request.progress(f"{len(tasks)} boundaries and networks across the phases", done / len(tasks))
            result.result()
    evidence = join_evidence(parts)
    return replace(evidence, phases=collect(tasks, [result.result() for result in results]))


def _submit_flows(pool: WorkerPool, request: RunRequest) -> dict[int, Future[TrainedEvidence]]:
    return {
        dimension: pool.submit(_gather_flows, dimension, request.profile, request.seed)
        for dimension in FLOW_DIMENSIONS[request.profile]
    }


def _gather_flows(dimension: int, profile: Profile, seed: int) -> TrainedEvidence:
    """The three groups of one dimension by gradient flow; runs in a process of its own, without progress."""
    request = RunRequest(profile, seed, "cpu", frozenset(), lambda doing, fraction: None)
    return gather_at(
        PatchSetting.version_1(dimension),
        request,
        runs=FLOW_RUNS[profile],
        test_points=TEST_POINTS[profile],
        flow=True,
    )


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
    """The three groups of runs of one setting: its own λ, λ = 0 and λ = 1, on the same seeds."""
    seeds = tuple(range(request.seed, request.seed + runs))
    standard = replace(setting, adversarial_weight=0.0)
    only = replace(setting, adversarial_weight=1.0)
    return TrainedEvidence(
        main=(train_group(request, setting, seeds, test_points, flow=flow),),
        standard=(train_group(request, standard, seeds, test_points, flow=flow),),
        adversarial_only=(train_group(request, only, seeds, test_points, safety=LAMBDA_ONE_SAFETY, flow=flow),),
    )


def train_group(
    request: RunRequest,
    setting: PatchSetting,
    seeds: tuple[int, ...],
    test_points: int,
    *,
    safety: float = 1.0,
    flow: bool = False,
) -> RunGroup:
    """Draw, train and test runs of one setting.

    Descent uses the learning rate of theory.md 2.2.6 times ``safety``. Runs may take four times the slowest
    point's own memorization formula; with λ = 0 they stop at STANDARD_HORIZON.
    """
    doing = f"d = {setting.patch_dimension:.0e}, λ = {setting.adversarial_weight:g}, {len(seeds)} runs"
    problem = draw_subspace_problem(setting, seeds)
    horizon = group_horizon(setting, problem)

    def report(fraction: float) -> None:
        request.progress(f"training {doing}", fraction)

    if flow:
        trajectories = integrate_flow(problem, horizon=horizon, relative_tolerance=FLOW_TOLERANCE, progress=report)
    else:
        rate = setting.stable_learning_rate(safety)
        steps = int(np.ceil(horizon / rate))
        trajectories = train(problem, learning_rate=rate, steps=steps, device=request.device, progress=report)
    request.progress(f"testing {doing}", 0.0)
    errors = measure_errors(trajectories, test_points=test_points, seed=seeds[0])
    request.progress(f"testing {doing}", 1.0)
    return RunGroup(setting, trajectories, errors)
