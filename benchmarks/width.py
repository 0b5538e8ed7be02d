"""How the number of neurons m moves theorem 1's times, from m = 1 to 4N: draws, formulas, and trained networks.

    python benchmarks/width.py --seed 17 --json benchmarks/recorded/width.json

By draws: how often some point has no neuron with y v(0) > 0 (the width condition fails), how often the stages are
shown to come in order, medians of the bounds of T_I and T_III, and of the formulas of T_I, T_III and κ* at leading
order. Trained networks, at N = 20, say which points are memorized where the condition fails.
"""

import argparse
import json
import time

import numpy as np

from cgro_theory.numerics.confidence import clopper_pearson
from cgro_theory.numerics.seeds import derived_seeds
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import group_horizon
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import WIDTH
from cgro_theory.theorems.theorem_1_feature_learning.theory.stage_probability import (
    sample_stages,
    seconds_of_draws,
)
from cgro_theory.trainer.flow import integrate_flow
from cgro_theory.trainer.reduction import draw_subspace_problem

SAMPLES = (20, 50, 100, 200)
DIMENSION = 10**6
MOST_DRAWS, SECONDS = 4000, 15.0
"""Draws of a step of the ladder, and the time that they may take."""
FAILURE = 1e-3
TRAINED = (1, 2, 4, 8, 24, 80)
"""m of the trained networks, at N = 20."""


def ladder(samples):
    """m = 1, 2, 4, 8, and N/4 to 4N by doubling."""
    return sorted({1, 2, 4, 8, *(samples * factor // 4 for factor in (1, 2, 4, 8, 16))})


def drawn(samples, width, seed):
    """One step of the ladder, from draws alone."""
    setting = PatchSetting.version_1(DIMENSION, num_samples=samples, width=width)
    draws = int(min(MOST_DRAWS, max(200, SECONDS / seconds_of_draws(setting, 1))))
    sample = sample_stages(setting, draws, seed)
    bounds, learned = sample.bounds, np.isfinite(sample.bounds.signal_low)
    lacking = int(sample.lacking.sum())

    def middle(values):
        value = float(np.median(values))
        return round(value, 6) if np.isfinite(value) else None

    return {
        "samples": samples,
        "width": width,
        "draws": draws,
        "width_condition_fails": lacking,
        "fails_at_most": clopper_pearson(lacking, draws, FAILURE).high,
        "union_bound": min(1.0, samples * 2.0**-width),
        "signal_never_learned": int((~learned).sum()),
        "ordered": sample.ordered,
        "order_probability_at_least": sample.order_probability(FAILURE),
        "signal_time_low": middle(bounds.signal_low),
        "signal_time_high": middle(bounds.signal_high),
        "memorization_time_low": middle(bounds.memorization_low),
        "signal_time_formula": middle(sample.leading_signal),
        "memorization_time_formula": middle(sample.leading_memorization),
        "memorization_boundary_formula": middle(sample.leading_boundary),
    }


def trained(width, seed, runs):
    """Networks at N = 20: points memorized by the horizon, those that a neuron favours at first and the others."""
    setting = PatchSetting.version_1(DIMENSION, width=width)
    problem = draw_subspace_problem(setting, derived_seeds(seed, runs, "width", width))
    found = integrate_flow(problem, horizon=group_horizon(setting, problem), num_checkpoints=2)
    favoured = (problem.labels.numpy()[:, :, None] * problem.preactivations.numpy()).max(axis=2) > 0.0
    memorized = found.final_noise_margins >= 1.0
    first = np.nanmin(found.memorization_times, axis=1)
    return {
        "width": width,
        "runs": runs,
        "broken": len(found.broken),
        "favoured": int(favoured.sum()),
        "favoured_memorized": int((favoured & memorized).sum()),
        "others": int((~favoured).sum()),
        "others_memorized": int((~favoured & memorized).sum()),
        "condition_holds": int(favoured.all(axis=1).sum()),
        "condition_holds_and_all_memorized": int((favoured.all(axis=1) & memorized.all(axis=1)).sum()),
        "all_memorized": int(memorized.all(axis=1).sum()),
        "signal_learned": int(np.isfinite(found.signal_time).sum()),
        "in_order": int((found.signal_time < first).sum()),
        "median_signal_time": float(np.median(np.nan_to_num(found.signal_time, nan=np.inf))),
        "median_first_memorization": float(np.median(first)),
    }


def needing_width():
    """Labels of the claims that assume the width condition."""
    return [entry.claim.label for entry in room("theorem_1").checked if WIDTH in entry.claim.assumptions]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--runs", type=int, default=32)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    started = time.perf_counter()
    columns = (("N", 4), ("m", 4), ("draws", 6), ("lacking", 8), ("N 2^-m", 9), ("P(order)", 9))
    columns += (("T_I", 18), ("T_III", 16), ("κ*", 8))
    print(" ".join(f"{name:>{room_for}}" for name, room_for in columns))
    rows = []
    for samples in SAMPLES:
        for width in ladder(samples):
            row = drawn(samples, width, options.seed)
            rows.append(row)
            high = row["signal_time_high"]
            times = f"[{row['signal_time_low'] or np.inf:.3g}, {np.inf if high is None else high:.3g}]"
            late = f"{row['memorization_time_low']:.5g}, {row['memorization_time_formula']:.5g}"
            lacking, union = row["width_condition_fails"], row["union_bound"]
            print(
                f"{samples:4} {width:4} {row['draws']:6} {lacking:8} {union:9.2g} "
                f"{row['order_probability_at_least']:9.4f} {times:>18} {late:>16} "
                f"{row['memorization_boundary_formula']:8.5f}"
            )
    networks = [trained(width, options.seed, options.runs) for width in TRAINED]
    for row in networks:
        print(row)
    print("claims that assume the width condition:", ", ".join(needing_width()))
    print(f"{time.perf_counter() - started:.0f} s")
    if options.json:
        document = {
            "seed": options.seed,
            "dimension": DIMENSION,
            "failure_probability": FAILURE,
            "needing_width": needing_width(),
            "drawn": rows,
            "trained": networks,
        }
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=1)
            stream.write("\n")


if __name__ == "__main__":
    main()
