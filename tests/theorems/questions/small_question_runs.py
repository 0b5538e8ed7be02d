"""Real runs of every question, as small as they get; each set is made once, when a test first asks for it."""

import math
from dataclasses import replace
from functools import cache

import pytest

from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions.runs import dense_runs, patch_runs, published_runs
from cgro_theory.theorems.questions.runs.made import QuestionRuns
from cgro_theory.theorems.questions.runs.making import image_recipe
from cgro_theory.theorems.questions.runs.profiles import SIZES, ImageSizes
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import train_cell

RULE, RULE_SEEDS = PatchSetting.version_1(120, num_samples=3, width=4), (9008, 9010, 9001, 9003)
DENSE = PatchSetting.version_1(300, num_samples=5, width=8)
DENSE_SEED, DENSE_STEPS, DENSE_SCALES = 9000, 600, (4.0, 2.0, 1.0, -2.0)
PLANE = ((0.2, -0.6), (0.15, -0.55), (0.0, -0.36), (0.5, -0.72))
LADDERS = ((2, 0), (3, 0), (3, 1))


def tiny(dimension, **changed):
    return PatchSetting.version_1(dimension, **({"num_samples": 3, "width": 6} | changed))


def over_degrees():
    return [(tiny(d, degree=degree), seed) for degree, seed in LADDERS for d in (10**5, 10**7)]


def fine():
    with pytest.MonkeyPatch.context() as patch:  # the error is measured at whatever tolerances
        patch.setattr(patch_runs, "FINE", 1e-9)
        patch.setattr(patch_runs, "FINEST", 1e-10)
        return [patch_runs.integrate_finely(setting, seed) for setting, seed in over_degrees()]


def exponent_map():
    sizes = {"num_samples": 4, "width": 10, "attacked_signal_fraction": 10**-4.5}
    settings = [PatchSetting.version_1(10**9, signal_exponent=a, noise_exponent=b, **sizes) for a, b in PLANE]
    return [train_cell(setting, 0, 64) for setting in settings]


def phase_map():
    settings = [PatchSetting.version_1(10**6, attacked_signal_fraction=k) for k in (2e-4, 3.2e-3, 6e-2)]
    return [train_cell(setting, 0, 64) for setting in settings]


def weights():
    chosen = ((0.9, 0), (1e-3, 0), (0.0, 0), (0.0, 1), (0.0, 2))
    return [train_cell(tiny(10**6, adversarial_weight=1.0 - gap), seed, 64) for gap, seed in chosen]


def controls():
    standard = PatchSetting.version_1(10**6, adversarial_weight=0.0, num_samples=60, width=12)
    return [
        *(patch_runs.train_control(standard, seed, 2048) for seed in range(8)),
        *(patch_runs.train_control(tiny(10**6), seed, 2048) for seed in range(4)),
    ]


def dense_fractions(scales=DENSE_SCALES):
    return tuple(scale / DENSE.patch_dimension**0.5 for scale in scales)


def fresh():
    reduced = tiny(10**3, num_samples=6, width=12)
    return [
        *patch_runs.count_fresh_samples(reduced, 0, (1.0, 0.3, 0.1, 0.05, 0.01, -0.05), 2048),
        *dense_runs.count_dense_samples(DENSE, DENSE_SEED, dense_fractions(), 2048, 0.05, DENSE_STEPS),
    ]


def cube():
    places = [(n, p, d) for d in (3, 6) for p in (1.0, math.inf) for n in (4, 64)]
    return [patch_runs.memorize_cube(n, 0.1, p, 40, 0, d) for n, p, d in places]


def images():
    recipe = replace(image_recipe(SIZES["quick"], "quick"), epochs=6, width=4)
    return [patch_runs.train_images(ImageSizes(40, 40, 6, 6, 1), recipe, 0, "cpu")]


def published_place(fraction, weight=0.5):
    return PatchSetting.version_1(
        60, num_samples=20, width=30, attacked_signal_fraction=fraction, adversarial_weight=weight
    )


def published():
    """The candidate, and attacks that leave some of the signal: none of it, little, and most."""
    batches = (
        (published_place(-0.63), range(9000, 9016), AdversaryName.TRANSFER, True),
        (published_place(0.0), range(9020, 9024), AdversaryName.SPAN, False),
        (published_place(0.05, 1.0), range(9030, 9040), AdversaryName.TRANSFER, False),
        (published_place(0.3), range(9040, 9042), AdversaryName.TRANSFER, False),
    )
    return [
        run
        for setting, seeds, adversary, candidate in batches
        for run in published_runs.train_published(setting, tuple(seeds), adversary, 1000, 40, 0.63, candidate)
    ]


MAKERS = {
    "attacks": lambda: [patch_runs.compare_attacks(tiny(10**4), seed, 128) for seed in range(2)],
    "attack_rules": lambda: dense_runs.compare_attack_rules(RULE, RULE_SEEDS, 0.1, 250),
    "degrees": lambda: [train_cell(setting, seed, 64) for setting, seed in over_degrees()],
    "fine": fine,
    "exponent_map": exponent_map,
    "phase_map": phase_map,
    "weights": weights,
    "controls": controls,
    "fresh": fresh,
    "corners": lambda: [patch_runs.memorize_corners(5, n, 0) for n in (2, 16, 64)],
    "cube": cube,
    "images": images,
    "published": published,
}


@cache
def make(name):
    return tuple(MAKERS[name]())


@cache
def cubic_ladders():
    """Networks over more decades of d than ``degrees``: question 9's interval is wide."""
    return tuple(train_cell(tiny(d), seed, 64) for seed in range(2) for d in (10**6, 10**12))


def runs_with(*names):
    """The runs with these sets; the others are empty."""
    return QuestionRuns(**{name: make(name) for name in names})


def staged(run):
    """An image run with the order that patch data show: clean, robust test, robust train."""
    steps = len(run.epochs)
    return replace(
        run,
        clean_test=tuple(0.9 if k >= 1 else 0.1 for k in range(steps)),
        robust_test=tuple(0.4 if k >= 2 else 0.1 for k in range(steps)),
        robust_train=tuple(0.95 if k >= 4 else 0.1 for k in range(steps)),
    )


def runs_of(entry):
    """What a claim needs, and no more."""
    found = runs_with(*entry.needs)
    return replace(found, degrees=cubic_ladders()) if entry.label == "questions.dimension" else found
