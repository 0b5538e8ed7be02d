"""The sets of runs: boundaries of networks on growing training sets, of first races, and under attack."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.initial_draw import InitialDraw
from cgro_theory.theorems.room import RunRequest

from ..theory.race import BENIGN_LOSS
from .full_weights import RATIOS, FullNetwork, train_full_network
from .networks import DIMENSION, INIT_STD, WIDTH, Bracket, Start, Trained, locate, suggest

DEGREES = (3, 4)
SIZES = {"quick": (4, 8, 16, 32), "full": (4, 8, 16, 32, 64)}
"""Training points; the points of the largest set are shared out among sets of every size."""
NETWORKS = {"quick": 10, "full": 20}
FULL_NETWORKS = {"quick": 6, "full": 24}
ATTACKED_NETWORKS = 3
"""Networks of each degree that are trained under attack."""
ATTACKED_SIZE = 8
STRONGEST = (0.9, 0.005)
ATTACKS = ((0.5, 0.005), STRONGEST, (0.9, 0.5), (0.9, 0.8), (1.0, 0.5), (0.3, -0.5))
"""λ and κ; the last is an over-attack, δ > α."""
ABOVE = 0.1
"""Distance above its boundary, in log SNR, at which a network's attacked test loss is looked at."""


@dataclass(frozen=True)
class LocatedBoundary:
    """Where one network turns on one training set, and what predictions may see of both (at SNR 1)."""

    degree: int
    seed: int
    size: int
    draw: InitialDraw
    bracket: Bracket


@dataclass(frozen=True)
class AttackedBoundary:
    """The same under adversarial training. ``base``: without; ``above``: a network ABOVE the boundary."""

    base: LocatedBoundary
    weight: float
    fraction: float
    bracket: Bracket
    above: Trained


@dataclass(frozen=True)
class BenignRuns:
    """What the checks look at."""

    seed: int
    benign: tuple[LocatedBoundary, ...] = ()
    races: tuple[LocatedBoundary, ...] = ()
    attacked: tuple[AttackedBoundary, ...] = ()
    full: tuple[FullNetwork, ...] = ()


def gather(request: RunRequest) -> BenignRuns:
    """Train the networks of each degree, one task a network, and those with weights in full."""
    profile, seed = request.profile, request.seed
    located = request.needs_runs("benign", "races", "attacked")
    count = NETWORKS[profile] * request.growth if located else 0
    in_full = FULL_NETWORKS[profile] if request.needs_runs("full") else 0
    found = []
    with request.pool() as pool:
        tasks = [
            pool.submit(train_network, degree, number, seed, SIZES[profile])
            for number in range(count)
            for degree in DEGREES
        ]
        others = [pool.submit(train_full_network, snr, each, seed) for each in range(in_full) for snr in RATIOS]
        for done, task in enumerate(tasks, start=1):
            found.append(task.result())
            request.progress("locating boundaries", done / len(tasks))
        full = tuple(task.result() for task in others)
    return joined(seed, found, full)


def joined(seed: int, networks: Sequence[BenignRuns], full: tuple[FullNetwork, ...]) -> BenignRuns:
    """The boundaries of all networks, with those of weights in full."""
    return BenignRuns(
        seed,
        tuple(each for own in networks for each in own.benign),
        tuple(each for own in networks for each in own.races),
        tuple(each for own in networks for each in own.attacked),
        full,
    )


def train_network(degree: int, number: int, base_seed: int, sizes: tuple[int, ...]) -> BenignRuns:
    """All boundaries of one network. Odd ones change the SNR by σ, even ones by α."""
    seed = derived_seed(base_seed, "benign_patch_cnn", degree, WIDTH, number)
    whole = Start.draw(degree, max(sizes), seed, by_noise=number % 2 == 1)
    benign: list[LocatedBoundary] = []
    races: list[LocatedBoundary] = []
    attacked: list[AttackedBoundary] = []
    guesses: dict[tuple[int, int], float] = {}
    for size in sorted(sizes):
        for first in range(0, max(sizes), size):
            part = whole.part(first, size)
            ask = partial(_is_benign, part)
            centre = _from_parts(guesses, first, size, degree)
            if centre is None:
                centre = suggest(ask, -math.log(size) / degree - 0.2, degree)
            placed = partial(LocatedBoundary, degree, seed, size, part.initial)
            benign.append(placed(locate(ask, centre)))
            guesses[first, size] = benign[-1].bracket.middle
            if first == 0:
                race = partial(_signal_first, part)
                races.append(placed(locate(race, suggest(race, centre, degree))))
            if first == 0 and size == ATTACKED_SIZE and number < ATTACKED_NETWORKS:
                attacked += [_attacked(part, benign[-1], *attack) for attack in ATTACKS]
    return BenignRuns(seed, tuple(benign), tuple(races), tuple(attacked))


def _from_parts(guesses: dict[tuple[int, int], float], first: int, size: int, degree: int) -> float | None:
    """Where to look, from the smaller sets that make up this one: their SNR^-q add up."""
    smaller = max((own for _, own in guesses if own < size), default=0)
    parts = [guesses[at, smaller] for at in range(first, first + size, smaller)] if smaller else []
    if not parts or not np.all(np.isfinite(parts)):
        return None
    return -math.log(math.fsum(math.exp(-degree * each) for each in parts)) / degree


def _attacked(part: Start, base: LocatedBoundary, weight: float, fraction: float) -> AttackedBoundary:
    own = part.attacked(weight, fraction)
    ask = partial(_is_benign, own)
    bracket = locate(ask, suggest(ask, base.bracket.low, base.degree))
    above = own.train(bracket.high + ABOVE) if math.isfinite(bracket.high) else _NEVER
    return AttackedBoundary(base, weight, fraction, bracket, above)


_NEVER = Trained(math.inf, math.nan, math.nan, False, math.nan, "no network above the boundary was found")


def _is_benign(start: Start, log_snr: float) -> tuple[bool, Trained]:
    run = start.train(log_snr)
    return run.test_loss < BENIGN_LOSS, run


def _signal_first(start: Start, log_snr: float) -> tuple[bool, Trained]:
    run = start.train(log_snr, to_first=True)
    return run.signal_first, run


def parameters(runs: BenignRuns) -> dict[str, Any]:
    """Sizes of the experiment."""
    return {
        "dimension": DIMENSION,
        "width": WIDTH,
        "init_std": {str(degree): INIT_STD[degree] for degree in DEGREES},
        "sizes": sorted({each.size for each in runs.benign}),
        "networks": len({(each.degree, each.seed) for each in runs.benign}),
        "attacks": [list(each) for each in ATTACKS],
    }
