"""The trained networks that theorem 1's checks look at, and how to ask them for what a prediction may see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.theorem_1_feature_learning.identity import RecursionVariant
from cgro_theory.theorems.theorem_1_feature_learning.prediction import InitialDraw, memorization_horizon
from cgro_theory.theorems.theorem_1_feature_learning.test_points import MeasuredErrors, measure_errors
from cgro_theory.trainer.descent import train
from cgro_theory.trainer.reduction import draw_subspace_problem
from cgro_theory.trainer.trajectories import Trajectories

PATCH_DIMENSION = 10**4
STANDARD_HORIZON = 10.0
"""Time that λ = 0 runs are given: some thirty signal times, after which their noise has stopped moving."""
LAMBDA_ONE_SAFETY = 0.25
"""Safety of the learning rate at λ = 1, where no signal plateau limits it."""


@dataclass(frozen=True)
class RunGroup:
    """Trained runs of one setting, with the errors counted on points."""

    trajectories: Trajectories
    errors: MeasuredErrors

    @property
    def failure(self) -> str:
        """Why the group has no usable numbers, or nothing."""
        diverged = np.flatnonzero(self.trajectories.diverged_step >= 0)
        if diverged.size == 0:
            return ""
        seed = self.trajectories.seeds[int(diverged[0])]
        step = int(self.trajectories.diverged_step[diverged[0]])
        return f"training diverged at step {step} (seed {seed}): lower the learning rate"


@dataclass(frozen=True)
class TrainedEvidence:
    """What the checks look at; a planted fault replaces one field.

    Attributes:
        assumed: the parameters that predictions are told (those of the main runs, unless a fault says else).
        main: runs at the default λ. None of the groups is made when no asked claim needs it.
        standard: runs with λ = 0.
        adversarial_only: runs with λ = 1.
        variant: the recursions to compare with the symbolic gradient.
    """

    assumed: PatchSetting
    main: RunGroup | None
    standard: RunGroup | None
    adversarial_only: RunGroup | None
    variant: RecursionVariant = field(default_factory=RecursionVariant)


def gather(request: RunRequest) -> TrainedEvidence:
    """Train the groups of runs that the asked claims and their planted faults need."""
    setting = PatchSetting.version_1(PATCH_DIMENSION)
    asked = {label for label in request.labels if label.startswith("theorem_1.")}
    if asked <= {"theorem_1.gradient_identity"}:
        return TrainedEvidence(setting, None, None, None)
    runs, points = (64, 4096) if request.profile == "quick" else (256, 16384)
    return gather_at(setting, request, runs=runs, test_points=points)


def gather_at(setting: PatchSetting, request: RunRequest, *, runs: int, test_points: int) -> TrainedEvidence:
    """The three groups of runs of one setting: its own λ, λ = 0 and λ = 1, on the same seeds."""
    seeds = tuple(range(request.seed, request.seed + runs))
    standard = replace(setting, adversarial_weight=0.0)
    only = replace(setting, adversarial_weight=1.0)
    return TrainedEvidence(
        assumed=setting,
        main=train_group(request, setting, seeds, test_points),
        standard=train_group(request, standard, seeds, test_points, horizon=STANDARD_HORIZON),
        adversarial_only=train_group(request, only, seeds, test_points, safety=LAMBDA_ONE_SAFETY),
    )


def train_group(
    request: RunRequest,
    setting: PatchSetting,
    seeds: tuple[int, ...],
    test_points: int,
    *,
    safety: float = 1.0,
    horizon: float | None = None,
) -> RunGroup:
    """Draw, train and test runs of one setting, at the learning rate of theory.md 2.2.6 times ``safety``.

    Without a ``horizon`` the runs may take four times the slowest point's own memorization formula.
    """
    name = f"λ = {setting.adversarial_weight:g}"
    problem = draw_subspace_problem(setting, seeds)
    rate = setting.stable_learning_rate(safety)
    if horizon is None:
        draws = [
            InitialDraw(*(part.numpy() for part in parts))
            for parts in zip(
                problem.labels, problem.signal_projections, problem.preactivations, problem.gram, strict=True
            )
        ]
        horizon = max(memorization_horizon(setting, draw) for draw in draws)
    trajectories = train(
        problem,
        learning_rate=rate,
        steps=int(np.ceil(horizon / rate)),
        device=request.device,
        progress=lambda fraction: request.progress(f"training {len(seeds)} runs, {name}", fraction),
    )
    request.progress(f"testing {len(seeds)} networks, {name}", 0.0)
    errors = measure_errors(trajectories, test_points=test_points, seed=seeds[0])
    request.progress(f"testing {len(seeds)} networks, {name}", 1.0)
    return RunGroup(trajectories, errors)


def need(group: RunGroup | None) -> RunGroup:
    """The group, or an error when no asked claim made it."""
    if group is None:
        raise ValueError("the runs of this claim were not made")
    return group


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


def told_margin(assumed: PatchSetting, trajectories: Trajectories) -> NDArray[np.float64]:
    """α^q U at the end, with the α that the predictions are told. shape: (runs,)"""
    return np.asarray(assumed.clean_gain * trajectories.final_signal)
