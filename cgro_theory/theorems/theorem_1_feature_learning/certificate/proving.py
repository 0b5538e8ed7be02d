"""From a draw to a checked certificate: who may ask for one, what it will take, and the checking in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cgro_theory.errors import InvalidInput
from cgro_theory.setting.initial_draw import SubspaceDraw
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.worker_pool import WorkerPool

from .certificate import Certificate
from .checker import Checker, Moment, Refused, conclude, require_implied
from .error_growth import NotCompleted
from .prover import CARES, ORDER, PIECES, Care, prove

CHUNK = 16
"""Steps that are checked as one task."""
STEPS_PER_POINT, STEPS_OF_THE_SIGNAL = 60, 100
"""About how many steps a network takes."""
TIMES_AS_MANY = 4
"""A network that is not memorized after this many times the usual steps is given up."""
SECONDS_PER_PROJECTION = 1.1e-3
"""Of proving and checking one step, per noise projection, on one core; within a factor of three."""


@dataclass(frozen=True)
class Proof:
    """A certificate that the checker accepted, and what it proves (:func:`conclude`)."""

    certificate: Certificate
    proved: dict[str, Any]


def require_provable(setting: PatchSetting, seconds: float, cores: int) -> float:
    """About how many seconds a proof takes on so many cores; :class:`InvalidInput` where there is none, or above
    ``seconds``.

    Needs an odd degree, κ >= 0, and 0 < λ < 1: with one loss alone nothing, or no signal, is learned.
    """
    if setting.degree % 2 == 0:
        raise InvalidInput("degree", setting.degree, "odd for a proof: sgn(z)|z|^q is analytic then")
    if setting.attacked_signal_fraction < 0.0:
        raise InvalidInput("attacked_signal_fraction", setting.attacked_signal_fraction, "in [0, 1] for a proof")
    if not 0.0 < setting.adversarial_weight < 1.0:
        raise InvalidInput("adversarial_weight", setting.adversarial_weight, "above 0 and below 1 for a proof")

    def needed(samples: int) -> float:
        return (
            usual_steps(samples)
            * (1.0 + samples * setting.noise_patches * setting.width)
            * SECONDS_PER_PROJECTION
            / cores
        )

    estimate, most = needed(setting.num_samples), setting.num_samples
    while most > 1 and needed(most) > seconds:
        most -= 1 + most // 50
    if needed(most) > seconds:
        least = f"at least {needed(1) / 60:.3g} for a proof of one point at this width"
        raise InvalidInput("minutes", seconds / 60, least)
    if estimate > seconds:
        limit = f"at most {most} for a proof within {seconds / 60:.3g} minutes: about {estimate / 60:.3g} needed"
        raise InvalidInput("num_samples", setting.num_samples, limit)
    return estimate


def usual_steps(samples: int) -> int:
    """About how many steps the training of so many points takes."""
    return STEPS_PER_POINT * samples + STEPS_OF_THE_SIGNAL


def proof_of(
    setting: PatchSetting,
    draw: SubspaceDraw,
    pool: WorkerPool | None = None,
    progress: Callable[[str, float], None] = lambda doing, fraction: None,
) -> Proof:
    """Prove the training of one drawn network and have the proof checked, in the pool's processes or in this one.

    What is not proved with the usual care is tried again with more. Raises :class:`NotCompleted` where no
    certificate can be completed or the checker refuses it even then.
    """
    if not draw.signal_projections.max() > 0.0:
        raise NotCompleted("no neuron of this draw starts with u_r > 0: the signal cannot be learned first")
    try:
        return _proof_with(CARES[0], setting, draw, pool, progress)
    except NotCompleted:
        return _proof_with(CARES[1], setting, draw, pool, progress)


def _proof_with(
    care: Care,
    setting: PatchSetting,
    draw: SubspaceDraw,
    pool: WorkerPool | None,
    progress: Callable[[str, float], None],
) -> Proof:
    progress("proving: the training", 0.0)
    certificate = prove(setting, draw, most_steps=TIMES_AS_MANY * usual_steps(setting.num_samples), care=care)
    progress("proving: the training", 1.0)
    data = certificate.arrays()
    starts = range(0, len(certificate.durations), CHUNK)
    moments: list[Moment] = []
    try:
        if pool is None:
            moments = Checker(data).check_steps(0, len(certificate.durations))
        else:
            pending = [pool.submit(checked_part, part_of(data, start, start + CHUNK), start) for start in starts]
            for done, part in enumerate(pending):
                progress(f"checking {len(certificate.durations)} steps", done / len(pending))
                moments += part.result()
        proved = conclude(Checker(data), moments)
        require_implied(json.loads(json.dumps(certificate.claims)), proved)
    except Refused as refusal:
        raise NotCompleted(f"the checker refuses it: {refusal}") from refusal
    margins = min(low for low, _ in proved["noise_margins"])
    if margins < 1.0 or proved["clean_train_error"] > 0.0 or proved["robust_train_error"] > 0.0:
        raise NotCompleted("at the end some V_i >= 1 or some train error 0 is not proved")
    return Proof(certificate, proved)


def part_of(data: dict[str, Any], first: int, last: int) -> dict[str, Any]:
    """The steps from ``first`` to before ``last`` of a certificate, and the one before them."""
    steps = ("durations", "clock", "moved", "clock_bounds", "moved_bounds")
    return data | {name: data[name][max(0, first - 1) : last] for name in steps}


def checked_part(data: dict[str, Any], first: int) -> list[Moment]:
    """Check the steps of :func:`part_of`, which begin with number ``first``."""
    checker = Checker(data)
    try:
        return checker.check_steps(min(first, 1), checker.steps)
    except Refused as refusal:
        raise Refused(f"{refusal} (counted from {max(first - 1, 0)})") from None


def precision_text() -> str:
    """How a proof was made, in words."""
    return (
        f"Taylor polynomials of order {ORDER} in float64, {PIECES} pieces per step, checked in balls of 128 bits"
    )
