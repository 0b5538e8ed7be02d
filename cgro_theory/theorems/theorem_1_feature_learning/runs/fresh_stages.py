"""Networks of fresh draws, trained until the first point is memorized, to hold statements over draws against."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import Profile, RunRequest
from cgro_theory.theorems.worker_pool import WorkerPool
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

from .initial_draws import first_memorization, group_horizon, seed_parts

Array = NDArray[np.float64]

SETTINGS: tuple[tuple[PatchSetting, int], ...] = (
    (PatchSetting.version_1(10**6), 24),
    (PatchSetting.version_1(1000, num_samples=5, width=6), 128),
    (PatchSetting.version_1(1000, num_samples=4, num_patches=3, width=8, degree=2), 128),
    (PatchSetting.version_1(300, num_samples=4, width=8, degree=5, adversarial_weight=0.2), 128),
    (PatchSetting.version_1(100, num_samples=3, width=8), 128),
)
"""Version 1's regime and four small settings, where some draws fail, with the runs of the quick profile."""
TIMES_AS_MANY: dict[Profile, int] = {"quick": 1, "full": 8}
FIRST_TIMES = 2
"""Records of a run; only its two times count."""


@dataclass(frozen=True)
class FreshStages:
    """The stages of trained networks of one setting.

    Attributes:
        setting, seeds: of the runs.
        signal_time: first time with z >= 1; inf where that was not reached before the run ended. shape: (runs,)
        memorization_time: first time with some V_i >= 1; inf where none was before the horizon. shape: (runs,)
        base_seed: from which the seeds derive, and those of the draws that predict.
        failure: why the runs have no usable numbers, or nothing.
    """

    setting: PatchSetting
    seeds: tuple[int, ...]
    signal_time: Array
    memorization_time: Array
    base_seed: int
    failure: str = ""

    @property
    def runs(self) -> int:
        """How many networks."""
        return len(self.seeds)


def train_fresh(setting: PatchSetting, base_seed: int, runs: int) -> FreshStages:
    """Integrate the gradient flow of ``runs`` fresh draws until the first memorization, or the horizon."""
    seeds = derived_seeds(base_seed, runs, "theorem_1.fresh_stages", *seed_parts(setting))
    problem = draw_subspace_problem(setting, seeds)
    horizon = group_horizon(setting, problem)
    found = integrate_flow(problem, horizon=horizon, enough_memorized=1, num_checkpoints=FIRST_TIMES)
    learned = np.where(np.isnan(found.signal_time), np.inf, found.signal_time)
    failure = found.why_broken(found.broken[0]) if found.broken else ""
    return FreshStages(setting, seeds, learned, first_memorization(found), base_seed, failure)


def submit_fresh(pool: WorkerPool, request: RunRequest) -> list[Future[FreshStages]]:
    """The settings as tasks; none where no claim needs them."""
    if not request.needs_runs("fresh"):
        return []
    times = TIMES_AS_MANY[request.profile]
    return [pool.submit(train_fresh, setting, request.seed, times * runs) for setting, runs in SETTINGS]
