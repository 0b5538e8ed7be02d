"""How wide the estimate of κ_1 is, and whether it holds the κ_1 of trained networks.

    python benchmarks/overfitting_boundary.py --seed 17 --json benchmarks/recorded/overfitting_boundary.json

κ_1 is where robust overfitting ends; networks trained on either side of it bracket it. The first part has version
1's setting over d, as the claim does; the second draws N, P, m, q, λ and d of each network at random. Only
networks whose estimate lies below κ* count: beyond, no estimate is offered. A bracket that overlaps an end of its
estimate is narrowed, as by the claim's further looks.
"""

import argparse
import json
import math
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from cgro_theory.numerics.seeds import derived_seed
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import locate_overfitting_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import predict_memorization_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.overfitting import predict_overfitting_boundary

DIMENSIONS = (10**4, 10**6, 10**9, 10**12, 10**15)
TEST_POINTS = 256
REFINEMENTS = (1, 2, 4)
WIDEST = 1.5
"""The ratio of the estimate's ends that was asked for."""


def random_setting(seed):
    """A setting with m from 4 on: below, points are often never memorized."""
    generator = np.random.default_rng(seed)
    pick = generator.choice
    return PatchSetting.version_1(
        int(10.0 ** pick([6, 8, 9, 12])),
        num_samples=int(pick([3, 5, 10, 20, 40])),
        num_patches=int(pick([2, 2, 2, 3])),
        width=int(pick([4, 8, 24])),
        degree=int(pick([3, 3, 4, 5])),
        adversarial_weight=float(pick([0.3, 0.6, 0.9, 0.97])),
    )


def compared(job):
    """One network: its estimate, its bracket, and how the two lie; narrowed while they overlap."""
    for refinement in REFINEMENTS:
        row = compared_once(*job, refinement)
        if row["found"] != "overlapping":
            break
    return row


def compared_once(setting, seed, refinement):
    """The same with brackets of one width."""
    located = locate_overfitting_boundary(setting, seed, TEST_POINTS, refinement)
    row = {
        "seed": seed,
        "d": setting.patch_dimension,
        "N": setting.num_samples,
        "P": setting.num_patches,
        "m": setting.width,
        "q": setting.degree,
        "lambda": setting.adversarial_weight,
        "bracket": [located.low, located.high if math.isfinite(located.high) else None],
    }
    estimate = predict_overfitting_boundary(setting, located.draw).interval
    race = predict_memorization_boundary(setting, located.draw).interval
    if estimate is None or race is None or not estimate.high < race.low:
        return {**row, "found": "no estimate"}
    row |= {"estimate": [estimate.low, estimate.high], "width": estimate.high / estimate.low}
    if not (located.low > 0.0 and math.isfinite(located.high)):
        return {**row, "found": "no bracket"}
    if located.high < estimate.low or located.low > estimate.high:
        return {**row, "found": "outside"}
    inside = estimate.low <= located.low and located.high <= estimate.high
    return {**row, "found": "inside" if inside else "overlapping"}


def summed_up(rows):
    """Counts of what was found, and the widths of the estimates."""
    widths = [row["width"] for row in rows if "width" in row]
    return {
        "networks": len(rows),
        **{name: sum(row["found"] == name for row in rows) for name in FOUND},
        "median_width": float(np.median(widths)) if widths else None,
        "largest_width": max(widths, default=None),
        "wider_than_asked": sum(width > WIDEST for width in widths),
    }


FOUND = ("inside", "overlapping", "outside", "no bracket", "no estimate")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--networks", type=int, default=60, help="of version 1, at each d")
    parser.add_argument("--settings", type=int, default=200, help="networks of random settings")
    parser.add_argument("--json", default="")
    options = parser.parse_args()

    def seeds(count, name):
        return [derived_seed(options.seed, "overfitting boundary", name, index) for index in range(count)]

    jobs = {
        f"version 1, d = {dimension:.0e}": [
            (PatchSetting.version_1(dimension), seed) for seed in seeds(options.networks, str(dimension))
        ]
        for dimension in DIMENSIONS
    }
    jobs["random settings"] = [(random_setting(seed), seed) for seed in seeds(options.settings, "random")]
    document = {"seed": options.seed, "summary": {}, "exceptions": []}
    with ProcessPoolExecutor() as pool:
        for name, wanted in jobs.items():
            rows = list(pool.map(compared, wanted))
            document["summary"][name] = summed_up(rows)
            document["exceptions"] += [row for row in rows if row["found"] in ("outside", "no bracket")]
            print(name, document["summary"][name], flush=True)
    for row in document["exceptions"]:
        print(row)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(document, stream, indent=1)
            stream.write("\n")


if __name__ == "__main__":
    main()
