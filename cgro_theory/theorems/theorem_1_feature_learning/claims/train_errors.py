"""Errors on the training points, clean and attacked (theory.md 2.4), counted by evaluating the networks."""

from __future__ import annotations

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from cgro_theory.claims import Claim, Figure, Interval, Marker, Panel, Provenance, Relation, Series, Source
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, directional_errors
from cgro_theory.theorems.checked_claim import CheckedClaim
from cgro_theory.trainer.trajectories import Trajectories, attacked_signal_margin

from ..runs.trained import TrainedEvidence
from ..theory.conditions import REGIME
from .negative_controls import ONE_NEGATED, ONE_UNATTACKED, all_negated, judged_on
from .symbols import ONE_SETTING, PAPER, RATE
from .worst_run import every_run

Array = NDArray[np.float64]

CLEAN_TRAIN = Claim(
    label="theorem_1.clean_train_error",
    statement="Every trained network classifies every clean training point correctly.",
    source=Source(PAPER, "main result", "v1"),
    provenance=(Provenance.PAPER,),
    quantity="largest clean train error over the runs",
    natural_range=RATE,
    relation=Relation.AT_MOST,
    expression=sp.Eq(sp.Symbol("err_train", real=True), 0),
    assumptions=REGIME,
    depends_on=("theorem_1.noise_memorization",),
    limitations=ONE_SETTING,
)

ROBUST_TRAIN = Claim(
    label="theorem_1.robust_train_error",
    statement="Every trained network classifies every training point correctly under the worst shift of its "
    "signal patch within span(w*).",
    source=Source(PAPER, "main result", "v1"),
    provenance=(Provenance.PAPER,),
    quantity="largest robust train error over the runs",
    natural_range=RATE,
    relation=Relation.AT_MOST,
    expression=sp.Eq(sp.Symbol("err_robust_train", real=True), 0),
    assumptions=REGIME,
    depends_on=("theorem_1.noise_memorization", "lemmas.signal_homogeneity"),
    limitations="The worst shift within span(w*) is found by a scan of shifts. Attacks over all patches are "
    "stronger; the argument of questions.attack_off_the_signal holds for training points too.",
)


CHECKED = (
    CheckedClaim(
        CLEAN_TRAIN,
        every_run(
            "main",
            Interval.point(0.0),
            lambda group: group.errors.clean_train / group.errors.train_points,
            CLEAN_TRAIN.assumptions,
        ),
        (all_negated("main"), ONE_NEGATED),
        needs=("main",),
    ),
    CheckedClaim(
        ROBUST_TRAIN,
        every_run(
            "main",
            Interval.point(0.0),
            lambda group: group.errors.robust_train / group.errors.train_points,
            ROBUST_TRAIN.assumptions,
        ),
        (judged_on("standard_runs", "main", "standard"), ONE_UNATTACKED),
        needs=("main", "standard"),
    ),
)


def errors_over_time(runs: TrainedEvidence) -> Figure:
    """The mean errors of the first group over time."""
    trajectories = runs.main[0].trajectories
    setting = trajectories.setting
    times = trajectories.checkpoint_times
    shown = (times > 0) & (times <= np.nanmax(trajectories.final_time))
    attacked = attacked_signal_margin(setting, trajectories.signal)
    clean_train = _carried(trajectories.signal_margin[..., None] + trajectories.noise_margins <= 0, trajectories)
    robust_train = _carried(attacked[..., None] + trajectories.noise_margins <= 0, trajectories)
    clean_test, robust_test = _test_errors(trajectories, attacked)
    x = times[shown].tolist()

    def panel(title: str, clean: Array, robust: Array) -> Panel:
        return Panel(
            title=title,
            x_label="time (η · step)",
            y_label="error",
            series=(
                Series("clean", x, clean[shown].tolist(), colour=0),
                Series("robust (span adversary)", x, robust[shown].tolist(), colour=1, style="dashed"),
            ),
            markers=(Marker("", 0.5, axis="y"),),
            x_scale="log",
        )

    caption = (
        f"Mean over {trajectories.runs} runs. Train errors from the recorded margins; test errors from the law "
        "of the noise margin of a fresh point."
    )
    panels = (
        panel("Training set", clean_train, robust_train),
        panel("Fresh points", clean_test, robust_test),
    )
    return Figure(
        "theorem_1_errors",
        "Clean generalization and robust overfitting",
        caption,
        panels,
        (
            "theorem_1.clean_train_error",
            "theorem_1.robust_train_error",
            "theorem_1.clean_test_error",
            "theorem_1.robust_test_error",
        ),
    )


def _carried(wrong: NDArray[np.bool_], trajectories: Trajectories) -> Array:
    """Mean error per checkpoint; a run that has ended keeps its last recorded error. shape: (T,)"""
    rates = np.where(np.isnan(trajectories.signal), np.nan, wrong.mean(axis=-1))
    return np.asarray(_hold(rates).mean(axis=0))


def _hold(rates: Array) -> Array:
    held = rates.copy()
    for index in range(1, held.shape[1]):
        gone = np.isnan(held[:, index])
        held[gone, index] = held[gone, index - 1]
    return held


def _test_errors(trajectories: Trajectories, attacked: Array, runs: int = 16) -> tuple[Array, Array]:
    """Mean clean and robust test error of the first runs at each checkpoint, by the exact law. shapes: (T,)"""
    setting = trajectories.setting
    shape = (min(runs, trajectories.runs), trajectories.checkpoint_times.size)
    clean, robust = np.full(shape, np.nan), np.full(shape, np.nan)
    generator = np.random.default_rng([trajectories.seeds[0], 4])
    for run, index in np.ndindex(*shape):
        if np.isnan(trajectories.signal[run, index]):
            continue
        gram = trajectories.weight_gram[run, index] * setting.noise_std**2
        law = NoiseMarginLaw(gram, setting.degree, setting.noise_patches)
        margins = (trajectories.signal_margin[run, index], attacked[run, index])
        for target, margin in zip((clean, robust), margins, strict=True):
            errors = directional_errors(law, float(margin), directions=256, generator=generator)
            target[run, index] = errors.mean()
    return _hold(clean).mean(axis=0), _hold(robust).mean(axis=0)
