"""Networks whose training is proved step by step, and the same networks trained (theory.md 8.3)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.worker_pool import WorkerPool
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

from ..certificate.certificate import Certificate
from ..certificate.error_growth import NotCompleted
from ..certificate.proving import proof_of
from ..theory.cascade import follow_cascade
from .initial_draws import first_memorization, seed_parts

SETTINGS = {"quick": (10**6, 3, 4), "full": (10**9, 8, 8)}
"""d, N and m of the network that is proved, per profile."""
CANDIDATES = 64
"""Draws from which the first is taken that :func:`learns_and_memorizes`."""
PATIENCE = 10.0
"""How many times as late as the cascade predicts the last point may be memorized."""
TOLERANCES = (1e-10, 1e-12)
"""Of the integrator of the trained run, per step; the difference is its measured error."""


@dataclass(frozen=True)
class TrainedNumbers:
    """What an integration of the same network's flow found, up to the end of its certificate.

    Attributes:
        signal_time, memorization_time: the first times with z >= 1 and with some V_i >= 1.
        signal_margin, noise_margins: z and the V_i at the certificate's end. shape: (N,)
    """

    signal_time: float
    memorization_time: float
    signal_margin: float
    noise_margins: NDArray[np.float64]


@dataclass(frozen=True)
class CertifiedRun:
    """A certificate, which the claim checks, and the trained run of the same draw.

    Attributes:
        seed: of the draw.
        certificate: None where none could be completed; ``failure`` says why.
        trained: at the two tolerances, the finer one last.
        lost: draws before this one whose flow lost a point that the cascade reaches.
    """

    seed: int
    certificate: Certificate | None
    trained: tuple[TrainedNumbers, ...]
    failure: str = ""
    lost: int = 0


def submit_certified(pool: WorkerPool, request: RunRequest) -> list[Future[CertifiedRun]]:
    """The network to prove, where a claim needs it, as a task."""
    if not request.needs_runs("certified"):
        return []
    return [pool.submit(certify_and_train, request.profile, request.seed)]


def certify_and_train(profile: str, base_seed: int) -> CertifiedRun:
    """Propose a proof for one network of the profile's size, and train it."""
    dimension, samples, width = SETTINGS[profile]
    setting = PatchSetting.version_1(dimension, num_samples=samples, width=width)
    seed, lost = _favoured_seed(setting, base_seed)
    try:
        certificate = proof_of(setting, draw_subspace(setting, seed)).certificate
    except NotCompleted as reason:
        return CertifiedRun(seed, None, (), str(reason), lost)
    end = float(certificate.durations.sum())
    return CertifiedRun(seed, certificate, trained_until(setting, seed, end), lost=lost)


def _favoured_seed(setting: PatchSetting, base_seed: int) -> tuple[int, int]:
    """The first of the derived seeds whose draw :func:`learns_and_memorizes`; how many before it lost a point.

    To lose a point is an outcome, not an assumption: it is counted and told beside the claim.
    """
    seeds = derived_seeds(base_seed, CANDIDATES, "theorem_1.certified", *seed_parts(setting))
    lost = 0
    for seed in seeds:
        if learns_and_memorizes(setting, seed):
            return seed, lost
        lost += _predicted_end(setting, seed) is not None
    return seeds[0], lost


def _predicted_end(setting: PatchSetting, seed: int) -> float | None:
    """When the cascade of memorization reaches the last point (2.4); None where it does not, or no u_r > 0."""
    draw = draw_subspace(setting, seed).initial
    times = follow_cascade(setting, draw).times
    return float(times.max()) if draw.signal_projections.max() > 0 and np.isfinite(times).all() else None


def learns_and_memorizes(setting: PatchSetting, seed: int) -> bool:
    """Whether some u_r > 0, the cascade of memorization reaches every point, and so does the flow, in floats.

    The cascade leaves out that a neuron which memorizes one point moves on the others, too: that cost two of forty
    narrow networks a point (seeds 887500 to 887539).
    """
    end = _predicted_end(setting, seed)
    if end is None:
        return False
    problem, patience = draw_subspace_problem(setting, (seed,)), PATIENCE * end
    runs = integrate_flow(problem, horizon=patience, relative_tolerance=TOLERANCES[0], stop_when_memorized=True)
    return bool(np.isfinite(runs.memorization_times).all())


def trained_until(setting: PatchSetting, seed: int, end: float) -> tuple[TrainedNumbers, ...]:
    """The flow of the draw of ``seed`` up to a time, at each of :data:`TOLERANCES`."""
    problem = draw_subspace_problem(setting, (seed,))
    found = []
    for tolerance in TOLERANCES:
        runs = integrate_flow(problem, horizon=end, relative_tolerance=tolerance, stop_when_memorized=False)
        margins = float(runs.final_signal_margin[0]), runs.final_noise_margins[0]
        found.append(TrainedNumbers(float(runs.signal_time[0]), float(first_memorization(runs)[0]), *margins))
    return tuple(found)
