"""What predictions may see of a run: its state before the first step; and how long a run may take, from that."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.seeds import SeedPart
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.trainer.trajectories import Trajectories, as_array

from ..theory.memorization import memorization_horizon
from ..theory.signal import InitialDraw, leading_signal_time

if TYPE_CHECKING:
    from cgro_theory.setting.patch_data import DenseProblem
    from cgro_theory.trainer.subspace_problem import SubspaceProblem

STANDARD_HORIZON = 30.0
"""Time that λ = 0 runs are given, in units of the signal time's leading order; their noise has stopped by then."""


def seed_parts(setting: PatchSetting) -> tuple[SeedPart, ...]:
    """Everything of a setting that tells two samples apart, for :func:`derived_seed`."""
    values = (getattr(setting, field.name) for field in fields(setting))
    return tuple(value if isinstance(value, int) else float(value) for value in values)


def group_horizon(setting: PatchSetting, problem: SubspaceProblem | DenseProblem) -> float:
    """The time that the runs of a problem are given, from their initial draws alone."""
    draws = initial_draws_of(problem)
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


def initial_draws_of(problem: SubspaceProblem | DenseProblem) -> list[InitialDraw]:
    """The initial draw of every run of a problem."""
    parts = (problem.labels, problem.signal_projections, problem.preactivations, problem.gram)
    return [InitialDraw(*run) for run in zip(*map(as_array, parts), strict=True)]


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
