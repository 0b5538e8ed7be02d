"""From draws alone: P(T_I < T_III) from below over N and d, and the smallest d with 0.99, for other q and λ too.

python benchmarks/stage_order.py --seed 17 --json benchmarks/recorded/stage_order.json
"""

import argparse
import json
import time

from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.fresh_stages import train_fresh
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import predict_first_memorization_time
from cgro_theory.theorems.theorem_1_feature_learning.theory.stage_bounds import bound_stages
from cgro_theory.theorems.theorem_1_feature_learning.theory.stage_probability import (
    sample_stages,
    smallest_dimension,
)

SAMPLES = (2, 5, 10, 20, 40, 80)
DIMENSIONS = (100, 200, 400, 1000, 10_000)
OTHERS = (
    {"width": 8},
    {"width": 80},
    {"degree": 2},
    {"degree": 4},
    {"degree": 5},
    {"adversarial_weight": 0.1},
    {"adversarial_weight": 0.5},
    {"adversarial_weight": 0.99},
    {"adversarial_weight": 0.999},
    {"num_patches": 3},
)
"""Changes of version 1's regime, one at a time, at N = 20."""
DRAWS, COVERAGE, FAILURE = 4000, 0.99, 1e-6


SHARPNESS_AT, SHARPNESS_DRAWS = (100, 10**4, 10**6, 10**9), 8
"""Where B is held against the lower end of the enclosure of T_III, draw by draw."""
TRAINED, NETWORKS = ((20, 60), (20, 100), (40, 100)), 48
"""(N, d) where networks are trained, to see how much the bounds leave undecided."""


def sharpness(dimension, seed):
    """The least and the largest ratio of B to the lower end of the enclosure of T_III."""
    setting, ratios = PatchSetting.version_1(dimension), []
    for index in range(SHARPNESS_DRAWS):
        draw = draw_subspace(setting, seed + index).initial
        enclosed = predict_first_memorization_time(setting, draw, 0.0).interval
        signed = draw.signed_preactivations(1)
        bounds = bound_stages(setting, draw.signal_projections[None], signed[None], draw.noise_gram[None])
        if enclosed is not None:
            ratios.append(float(bounds.memorization_low[0]) / enclosed.low)
    return min(ratios), max(ratios)


def trained(samples, dimension, seed):
    """Networks in order, and the share of draws in which the bounds show it."""
    setting = PatchSetting.version_1(dimension, num_samples=samples)
    networks, drawn = train_fresh(setting, seed, NETWORKS), sample_stages(setting, DRAWS, seed)
    in_order = int((networks.signal_time < networks.memorization_time).sum())
    return {"samples": samples, "dimension": dimension, "in_order": in_order, "shown": drawn.ordered / drawn.size}


def smallest(seed, changed):
    found = smallest_dimension(lambda d: PatchSetting.version_1(d, **changed), COVERAGE, FAILURE, seed)
    return found.dimension


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    started, rows = time.perf_counter(), []
    print(f"{'N':>4}", *(f"{'d = ' + str(d):>10}" for d in DIMENSIONS), f"{'smallest d':>11}")
    for samples in SAMPLES:
        bounds = [
            sample_stages(PatchSetting.version_1(d, num_samples=samples), DRAWS, options.seed)
            if d > samples + 1
            else None
            for d in DIMENSIONS
        ]
        low = [None if each is None else each.order_probability(FAILURE) for each in bounds]
        rows.append(
            {
                "samples": samples,
                "at_least": low,
                "smallest_dimension": smallest(options.seed, {"num_samples": samples}),
            }
        )
        print(
            f"{samples:4}", *(f"{value:10.4f}" for value in low), f"{rows[-1]['smallest_dimension'] or 'none':>11}"
        )
    others = [{**changed, "smallest_dimension": smallest(options.seed, changed)} for changed in OTHERS]
    for row in others:
        print(row)
    ratios = {dimension: sharpness(dimension, options.seed) for dimension in SHARPNESS_AT}
    for dimension, (least, most) in ratios.items():
        print(f"B over the enclosure of T_III from below, d = {dimension:g}: {least:.3g} to {most:.3g}")
    networks = [trained(*sizes, options.seed) for sizes in TRAINED]
    for row in networks:
        print(f"of {NETWORKS} trained networks in order:", row)
    print(f"{time.perf_counter() - started:.0f} s")
    if options.json:
        document = {
            "seed": options.seed,
            "draws": DRAWS,
            "coverage": COVERAGE,
            "failure_probability": FAILURE,
            "dimensions": DIMENSIONS,
            "over_samples": rows,
            "at_20_samples": others,
            "ratio_to_enclosure": ratios,
            "networks": NETWORKS,
            "trained": networks,
        }
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=1)
            stream.write("\n")


if __name__ == "__main__":
    main()
