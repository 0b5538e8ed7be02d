"""The figure of ``cgro simulate --figure``: the margins of one run over time, with the predicted times."""

from __future__ import annotations

import numpy as np

from cgro_theory.claims import Figure, Marker, Panel, Prediction, Series
from cgro_theory.commands.simulate_summary import predicted_times
from cgro_theory.trainer.trajectories import LEARNED_MARGIN, Trajectories

TITLES = ("predicted $T_I$", "predicted $T_{III}$")


def trajectory_figure(trajectories: Trajectories) -> Figure:
    """Signal margin and every noise margin of the first run that has an end, from its first record on."""
    ended = [run for run in range(trajectories.runs) if run not in trajectories.broken]
    run, setting = (ended or [0])[0], trajectories.setting
    times = trajectories.checkpoint_times
    alive = (times > 0) & np.isfinite(trajectories.signal[run])
    x = np.append(times[alive], trajectories.final_time[run])
    signal = np.append(trajectories.signal_margin[run, alive], trajectories.final_signal_margin[run])
    noise = np.vstack([trajectories.noise_margins[run, alive], trajectories.final_noise_margins[run]])
    kept = np.isfinite(x) & np.isfinite(signal)
    where = x[kept].tolist()
    points = f"noise margins $V_i$ ({setting.num_samples} points)"
    noise_series = [
        Series("" if point else points, where, noise[kept, point].tolist(), colour=1, faint=True)
        for point in range(setting.num_samples)
    ]
    panel = Panel(
        title=f"Seed {trajectories.seeds[run]}, d = {setting.patch_dimension:,}, {trajectories.method}",
        x_label="time (η · step)",
        y_label="margin",
        series=(Series(r"signal margin $\alpha^q U$", where, signal[kept].tolist(), colour=0), *noise_series),
        markers=(*_predicted(trajectories, run), Marker("margin 1", LEARNED_MARGIN, axis="y")),
        x_scale="log",
    )
    return Figure(
        "simulate",
        "Adversarial training: signal and noise",
        "Solid: the trained network. Vertical lines: times predicted from its initial draw.",
        (panel,),
        ("theorem_1.signal_time", "theorem_1.first_memorization_time"),
    )


def _predicted(trajectories: Trajectories, run: int) -> tuple[Marker, ...]:
    """The middle of each enclosure, which is narrower than the line; nothing where there is none."""
    rows = predicted_times(trajectories, run + 1)
    row: tuple[Prediction, ...] = rows[run] if rows else ()
    return tuple(
        Marker(title, (each.interval.low + each.interval.high) / 2, colour=colour)
        for colour, (title, each) in enumerate(zip(TITLES, row, strict=False))
        if each.interval is not None and each.interval.low > 0 and np.isfinite(each.interval.high)
    )
