"""What theorem 2's runs take as given, and what the quick and the full profile spend."""

from __future__ import annotations

from dataclasses import dataclass

from cgro_theory.theorems.room import NamedConstant

from .adversarial_training import TrainingBudget

ERROR_FRACTION = 0.1
RADIUS_FRACTION = 0.375

CONSTANTS = (
    NamedConstant("ramp_width", "min(γ, δ)", "γ alone can raise the clean error (theorem_2.clean_test_error)"),
    NamedConstant(
        "error_fraction", f"{ERROR_FRACTION}", "robust error that the lower bound and the trained nets allow"
    ),
    NamedConstant("offset", "τ = δ/2 on the hypercube", "any 0 < τ < δ gives the same bound"),
    NamedConstant(
        "radius_fraction", f"{RADIUS_FRACTION}", "δ of data sets as a fraction of the smallest opposite distance"
    ),
    NamedConstant("li_polylog", "log, constant 1", "Li et al. 2022 leave both open; printed, never judged"),
)


@dataclass(frozen=True)
class Sizes:
    """What a profile spends. ``excluded_*``: sizes of nets that the growth bound mostly says cannot fit."""

    counted: int
    digits: int
    pair: int
    attacked: int
    large: bool
    sample_limit: int
    trials: int
    monte_carlo: tuple[tuple[int, int], ...]
    continuous_samples: tuple[int, ...]
    continuous_trials: int
    stages: int
    train_dimensions: tuple[int, ...]
    budget: TrainingBudget
    excluded_dimensions: tuple[int, ...]
    excluded_budget: TrainingBudget


SIZES = {
    "quick": Sizes(
        counted=24,
        digits=1000,
        pair=200,
        attacked=24,
        large=False,
        sample_limit=128,
        trials=80,
        monte_carlo=((13, 1024),),
        continuous_samples=(4, 16, 64, 256),
        continuous_trials=60,
        stages=6,
        train_dimensions=(3, 4, 5, 6),
        budget=TrainingBudget((1, 2, 3, 4, 6, 8, 12, 16, 24, 32), (1, 2), 2, 500, max_boxes=500),
        excluded_dimensions=(10, 11),
        excluded_budget=TrainingBudget((1, 2), (1, 2), 2, 200, max_boxes=500),
    ),
    "full": Sizes(
        counted=200,
        digits=1797,
        pair=357,
        attacked=200,
        large=True,
        sample_limit=1024,
        trials=300,
        monte_carlo=((13, 1024), (14, 4096), (20, 1024)),
        continuous_samples=(4, 16, 64, 256, 1024),
        continuous_trials=300,
        stages=9,
        train_dimensions=(3, 4, 5, 6, 7, 8, 9),
        budget=TrainingBudget(
            (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128),
            (1, 2),
            3,
            1000,
            max_boxes=300,
        ),
        excluded_dimensions=(10, 11, 12),
        excluded_budget=TrainingBudget((1, 2, 3, 4), (1, 2), 3, 500, max_boxes=300),
    ),
}
