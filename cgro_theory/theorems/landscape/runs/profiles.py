"""What the two profiles spend on images: sizes, seeds, widths and budgets. Fixed before the recorded runs."""

from __future__ import annotations

from dataclasses import dataclass

from cgro_theory.theorems.landscape.runs.trained import WidthRoles
from cgro_theory.vision.attack import AscentBudget

RADIUS = 0.2
LADDER_RADIUS = 0.1
"""At 0.2 the digits are fitted only by networks so wide that the gap has no room to narrow within reach."""
CONTROL_FACTORS = (0.5, 1.0, 2.0)
"""The radii, in training radii, at which the controls of standard training are measured."""
MAIN_WIDTH = 32
"""Fits its attacked training images at the sizes of both profiles."""


@dataclass(frozen=True)
class Schedule:
    """How many images, and the part of the recipe that goes with them. One split per seed, for every width."""

    radius: float
    train_size: int
    test_size: int
    epochs: int
    batch_size: int
    learning_rate: float
    attack: AscentBudget


@dataclass(frozen=True)
class Sizes:
    """``widths`` are measured over epochs by ``main`` and hold the main width; ``ladder_widths`` hold the roles.

    Every seed has a control of standard training: the fault that judges them needs the claim's resolution.

    ``radius_factors`` are the radii of the last landscapes at the main width, in training radii.
    """

    seeds: int
    main: Schedule
    widths: tuple[int, ...]
    recorded_epochs: int
    budget: AscentBudget
    final_budget: AscentBudget
    radius_factors: tuple[float, ...]
    ladder: Schedule
    ladder_seeds: int
    ladder_widths: tuple[int, ...]
    roles: WidthRoles


SIZES = {
    "quick": Sizes(
        seeds=10,
        main=Schedule(RADIUS, 80, 150, 120, 20, 0.04, AscentBudget(3)),
        widths=(4, MAIN_WIDTH),
        recorded_epochs=4,
        budget=AscentBudget(5),
        final_budget=AscentBudget(4, 2),
        radius_factors=(0.5, 1.0, 1.25, 2.0),
        ladder=Schedule(LADDER_RADIUS, 60, 500, 80, 30, 0.03, AscentBudget(2)),
        ladder_seeds=10,
        ladder_widths=(2, 8, 32),
        roles=WidthRoles(2, 8, 32),
    ),
    "full": Sizes(
        seeds=16,
        main=Schedule(RADIUS, 100, 300, 150, 20, 0.04, AscentBudget(3)),
        widths=(4, 12, MAIN_WIDTH),
        recorded_epochs=8,
        budget=AscentBudget(8),
        final_budget=AscentBudget(10, 2),
        radius_factors=(0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
        ladder=Schedule(LADDER_RADIUS, 60, 1000, 150, 30, 0.03, AscentBudget(3)),
        ladder_seeds=12,
        ladder_widths=(2, 4, 8, 16, 32, 64),
        roles=WidthRoles(2, 8, 64),
    ),
}
