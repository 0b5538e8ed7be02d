"""The trained networks that theorem 1's checks look at, and how to ask them for what a prediction may see."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import Profile, RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.identity import RecursionVariant
from cgro_theory.theorems.theorem_1_feature_learning.prediction import (
    InitialDraw,
    leading_signal_time,
    memorization_horizon,
)
from cgro_theory.theorems.theorem_1_feature_learning.test_points import MeasuredErrors, measure_errors
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import SubspaceProblem, draw_subspace_problem
from cgro_theory.trainer.trajectories import Trajectories

DESCENT_DIMENSION = 10**4
"""Patch dimension of the runs by gradient descent; their number of steps grows like √d α²."""
FLOW_DIMENSIONS = {"quick": (10**6, 10**9, 10**12), "full": (10**4, 10**6, 10**9, 10**12, 10**15)}
"""Patch dimensions of the runs by gradient flow, per profile."""
RUNS = {"quick": 64, "full": 64}
FLOW_RUNS = {"quick": 4, "full": 64}
TEST_POINTS = {"quick": 4096, "full": 16384}
FLOW_TOLERANCE = 1e-8
STANDARD_HORIZON = 30.0
"""Time that λ = 0 runs are given, in units of the signal time's leading order; their noise has stopped by then."""
LAMBDA_ONE_SAFETY = 0.25
"""Safety of the learning rate at λ = 1, where no signal plateau limits it."""


@dataclass(frozen=True)
class RunGroup:
    """Trained runs of one setting, with the errors counted on points.

    ``assumed`` is the setting that predictions are told: that of the runs, unless a planted fault says else.
    """

    assumed: PatchSetting
    trajectories: Trajectories
    errors: MeasuredErrors

    @property
    def failure(self) -> str:
        """Why the group has no usable numbers, or nothing."""
        broken = self.trajectories.broken
        return self.trajectories.why_broken(broken[0]) if broken else ""


Groups = tuple[RunGroup, ...]


@dataclass(frozen=True)
class TrainedEvidence:
    """What the checks look at; a planted fault replaces one field. Every tuple has one group per dimension.

    Attributes:
        main: runs at the default λ, first by descent, then by gradient flow with growing d.
        standard: runs with λ = 0.
        adversarial_only: runs with λ = 1.
        variant: the recursions to compare with the symbolic gradient.
        shift_scale: factor of the shifts that memorized points give to later ones.
    """

    main: Groups
    standard: Groups
    adversarial_only: Groups
    variant: RecursionVariant = field(default_factory=RecursionVariant)
    shift_scale: float = 1.0

    @property
    def ladder(self) -> Groups:
        """The gradient-flow groups of ``main``, on the same seeds, with growing d."""
        return tuple(group for group in self.main if group.trajectories.method == "flow")


def gather(request: RunRequest) -> TrainedEvidence:
    """Train the groups of runs that the asked claims and their planted faults need."""
    asked = {label for label in request.labels if label.startswith("theorem_1.")}
    if asked <= {"theorem_1.gradient_identity"}:
        return TrainedEvidence((), (), ())
    # The flows need no batch and no GPU: other processes integrate them while this one descends.
    workers = max(1, (os.cpu_count() or 1) - 1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        waiting = {
            dimension: pool.submit(_gather_flows, dimension, request.profile, request.seed)
            for dimension in FLOW_DIMENSIONS[request.profile]
        }
        descent = gather_at(
            PatchSetting.version_1(DESCENT_DIMENSION),
            request,
            runs=RUNS[request.profile],
            test_points=TEST_POINTS[request.profile],
        )
        flows = []
        for dimension, future in waiting.items():
            request.progress(f"gradient flows, d = {dimension:.0e}, {FLOW_RUNS[request.profile]} runs", 0.0)
            flows.append(future.result())
            request.progress(f"gradient flows, d = {dimension:.0e}, {FLOW_RUNS[request.profile]} runs", 1.0)
    return join_evidence([descent, *flows])


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


def group_horizon(setting: PatchSetting, problem: SubspaceProblem) -> float:
    """The time that the runs of a problem are given, from their initial draws alone."""
    draws = [
        InitialDraw(*(part.numpy() for part in parts))
        for parts in zip(
            problem.labels, problem.signal_projections, problem.preactivations, problem.gram, strict=True
        )
    ]
    if setting.adversarial_weight == 0.0:
        times = [leading_signal_time(setting, draw) for draw in draws]
        learned = [time for time in times if np.isfinite(time)]
        if not learned:
            raise InvalidInput("width", setting.width, "large enough that a neuron favours the signal")
        return STANDARD_HORIZON * max(learned)
    horizons = [memorization_horizon(setting, draw) for draw in draws]
    finite = [horizon for horizon in horizons if np.isfinite(horizon)]
    if not finite:
        raise InvalidInput("width", setting.width, "large enough that a neuron favours some training point")
    return max(finite)


def initial_draw(trajectories: Trajectories, run: int) -> InitialDraw:
    """What a prediction may see of one run: its state before the first step."""
    return InitialDraw(
        labels=trajectories.labels[run],
        signal_projections=trajectories.signal_projections[run, 0],
        preactivations=trajectories.initial_preactivations[run],
        noise_gram=trajectories.noise_gram[run],
    )


def initial_draws(trajectories: Trajectories) -> list[InitialDraw]:
    """The initial draw of every run."""
    return [initial_draw(trajectories, run) for run in range(trajectories.runs)]


def first_memorization(trajectories: Trajectories) -> NDArray[np.float64]:
    """The first time with some V_i >= 1, inf where there was none. shape: (runs,)"""
    times = np.where(np.isnan(trajectories.memorization_times), np.inf, trajectories.memorization_times)
    return np.asarray(times.min(axis=1))


def noise_margin_laws(trajectories: Trajectories) -> list[NoiseMarginLaw]:
    """The law of a fresh point's noise margin under every run's final weights."""
    setting = trajectories.setting
    scale = setting.noise_std**2
    return [
        NoiseMarginLaw(scale * gram, setting.degree, setting.noise_patches)
        for gram in trajectories.final_weight_gram
    ]
