"""Beyond α (κ < 0): is every trained z in the bracket from its draw, and what does a flow there cost?

    python benchmarks/over_attack.py --seed 881500 --record

κ = -0.9 … -0.1, λ = 0.3 and 0.9 (κ_- = -0.481), d = 10^4, 10^8 and 10^12, at the default N, m and q. A flow's
time is set beside that of one with version 1's κ > 0 and the same d, λ and draw, the least of three each.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measure import Row

from cgro_theory.claims import unmet
from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import (
    first_memorization,
    group_horizon,
    initial_draws_of,
    seed_parts,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.over_attack import plateau_bracket
from cgro_theory.trainer.compiled_flow import compiled_by
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem
from cgro_theory.trainer.trajectories import Trajectories

DIMENSIONS = (10**4, 10**8, 10**12)
FRACTIONS = tuple(-k / 10 for k in range(9, 0, -1))
WEIGHTS = (0.3, 0.9)
TOLERANCE = 1e-9
TIMED_TOLERANCE = 1e-8
TIMES = 3
RECORDED = Path(__file__).parent / "recorded" / "over_attack.json"


def flow(setting: PatchSetting, seed: int, tolerance: float) -> tuple[Trajectories, float]:
    """One run and the seconds of processor time that its integration took."""
    problem = draw_subspace_problem(setting, (seed,))
    horizon = group_horizon(setting, problem)
    start = time.process_time()
    runs = integrate_flow(problem, horizon=horizon, relative_tolerance=tolerance)
    return runs, time.process_time() - start


def judged(setting: PatchSetting, seed: int) -> dict[str, Any]:
    """Whether z and the first memorization time of one run lie in the bracket of its draw."""
    runs, _ = flow(setting, seed, TOLERANCE)
    draw = initial_draws_of(draw_subspace_problem(setting, (seed,)))[0]
    times, z = runs.checkpoint_times, runs.signal_margin[0]
    found: dict[str, Any] = {
        "patch_dimension": setting.patch_dimension,
        "adversarial_weight": setting.adversarial_weight,
        "attacked_signal_fraction": setting.attacked_signal_fraction,
        "end": runs.stopped_because[0],
        "final_signal_margin": float(runs.final_signal_margin[0]),
    }
    bracket = plateau_bracket(setting, draw, float(times[-1]))
    if bracket is None or unmet(bracket.assumed):
        return found | {"assumed": False}
    late = (times >= bracket.arrival) & np.isfinite(z)
    early = late & (times <= bracket.small_until)
    first, ends = float(first_memorization(runs)[0]), bracket.first
    room = 10.0 * TOLERANCE  # the integrator's own error, as a share of z

    def inside(values: Any, low: float, high: float) -> bool:
        return bool(np.all((values >= low - room * abs(low)) & (values <= high + room * abs(high))))

    return found | {
        "assumed": True,
        "narrow": [bracket.narrow.low, bracket.narrow.high],
        "checkpoints_in_narrow": int(early.sum()),
        "wide": [bracket.wide.low, bracket.wide.high],
        "z_inside": inside(z[early], bracket.narrow.low, bracket.narrow.high)
        and inside(np.append(z[late], runs.final_signal_margin[0]), bracket.wide.low, bracket.wide.high),
        "first_memorization": first,
        "its_enclosure": [ends.low, ends.high],
        "time_inside": inside(np.array([first]), ends.low, ends.high),
    }


def timed(dimension: int, weight: float, fraction: float, seed: int) -> dict[str, Any]:
    """The least processor time of a flow at κ = ``fraction``, and of one at version 1's κ."""
    here = PatchSetting.version_1(dimension, attacked_signal_fraction=fraction, adversarial_weight=weight)
    there = PatchSetting.version_1(dimension, adversarial_weight=weight)
    seconds = [[flow(setting, seed, TIMED_TOLERANCE)[1] for setting in (here, there)] for _ in range(TIMES)]
    beyond, plain = np.min(seconds, axis=0)
    return {
        "patch_dimension": dimension,
        "adversarial_weight": weight,
        "attacked_signal_fraction": fraction,
        "seconds": float(beyond),
        "seconds_at_positive_kappa": float(plain),
        "ratio": float(beyond / plain),
    }


def time_ratios(seed: int, dimensions: tuple[int, ...]) -> list[dict[str, Any]]:
    """Flows at κ < 0 timed beside flows at κ > 0 over these d, both λ and three κ."""
    return [
        timed(dimension, weight, fraction, derived_seed(seed, "over_attack time", dimension, weight))
        for dimension in dimensions
        for weight in WEIGHTS
        for fraction in (-0.9, -0.5, -0.1)
    ]


def rows(quick: bool) -> Iterator[Row]:
    times = time_ratios(881500, (10**8,) if quick else DIMENSIONS)
    ratio = max(entry["ratio"] for entry in times)
    yield Row(
        "flow beyond α over one at κ > 0 of the same d, largest, CPU",
        ratio,
        "times",
        3.0,
        note=f"{len(times)} pairs",
    )


def main() -> None:
    """Run, print a summary, and record it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=881500)
    parser.add_argument("--record", action="store_true", help=f"write {RECORDED.name}")
    options = parser.parse_args()
    settings = [
        PatchSetting.version_1(dimension, attacked_signal_fraction=fraction, adversarial_weight=weight)
        for dimension in DIMENSIONS
        for weight in WEIGHTS
        for fraction in FRACTIONS
    ]
    runs = [judged(each, derived_seed(options.seed, "over_attack", *seed_parts(each))) for each in settings]
    kept = [run for run in runs if run["assumed"]]
    times = time_ratios(options.seed, DIMENSIONS)
    ratios = [entry["ratio"] for entry in times]
    summary = {
        "seed": options.seed,
        "machine": f"{platform.machine()}, Python {platform.python_version()}, compiled by {compiled_by()}",
        "runs": len(runs),
        "runs_that_miss_an_assumption": len(runs) - len(kept),
        "z_outside_its_bracket": sum(not run["z_inside"] for run in kept),
        "first_memorization_outside_its_enclosure": sum(not run["time_inside"] for run in kept),
        "largest_time_ratio": max(ratios),
        "median_time_ratio": float(np.median(ratios)),
    }
    print(json.dumps(summary, indent=2, ensure_ascii=False))
    if options.record:
        text = json.dumps({"summary": summary, "judged": runs, "timed": times}, indent=1, ensure_ascii=False)
        RECORDED.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
