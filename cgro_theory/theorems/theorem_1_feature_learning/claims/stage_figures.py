"""The figures of theorem 1, as data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cgro_theory.claims import Figure, Marker, Panel, Series
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw, directional_errors
from cgro_theory.trainer.trajectories import Trajectories, attacked_signal_margin

Array = NDArray[np.float64]
_TIME = "time (η · step)"


def stage_figures(
    trajectories: Trajectories, *, predicted_signal_time: float, predicted_memorization_time: float
) -> tuple[Figure, ...]:
    """The three stages of the first run, and the mean errors of all runs over time."""
    markers = (
        Marker("predicted $T_I$", predicted_signal_time, colour=0),
        Marker("predicted $T_{III}$", predicted_memorization_time, colour=1),
    )
    return (_stages(trajectories, markers), _errors(trajectories))


def _stages(trajectories: Trajectories, markers: tuple[Marker, ...]) -> Figure:
    times, run = trajectories.checkpoint_times, 0
    alive = (times > 0) & np.isfinite(trajectories.signal[run])
    end = trajectories.final_time[run]
    x = np.append(times[alive], end)
    signal = np.append(trajectories.signal_margin[run, alive], trajectories.final_signal_margin[run])
    noise = np.vstack([trajectories.noise_margins[run, alive], trajectories.final_noise_margins[run]])
    series = [Series(r"signal margin $\alpha^q U$", x.tolist(), signal.tolist(), colour=0)]
    for point in range(noise.shape[1]):
        label = f"noise margins $V_i$ ({noise.shape[1]} points)" if point == 0 else ""
        series.append(Series(label, x.tolist(), noise[:, point].tolist(), colour=1, faint=True))
    panel = Panel(
        title=f"One run, d = {trajectories.setting.patch_dimension:,}",
        x_label=_TIME,
        y_label="margin",
        series=tuple(series),
        markers=(*markers, Marker("margin 1: learned, memorized", 1.0, axis="y")),
        x_scale="log",
    )
    caption = (
        "Growth of the signal, stagnation, memorization of every point's noise. Vertical lines are the "
        "leading-order times, computed from the initial draw."
    )
    return Figure(
        "theorem_1_three_stages",
        "Three stages of adversarial training",
        caption,
        (panel,),
        (
            "theorem_1.signal_time",
            "theorem_1.signal_plateau",
            "theorem_1.first_memorization_time",
            "theorem_1.stage_order",
            "theorem_1.noise_memorization",
        ),
    )


def _errors(trajectories: Trajectories) -> Figure:
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
            x_label=_TIME,
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
