"""The power of the landscape's claims and of their negative controls, from pilot runs at a seed of their own.

    python benchmarks/power.py --seed 880001 --write benchmarks/recorded/power_landscape.json

Makes the runs of the first look of the quick profile at the pilot's base seed and prints, for each part of each
claim and of each negative control, its distance from the threshold, the standard deviation over seeds, how many
seeds a Student interval needs to show it with probability 0.99, and with which probability the planned seeds show
it at the first and at the last look. A claim needs all its parts; a control is refuted by one part. A pilot's
effect and deviation are estimates: the power is also given for an effect smaller by one standard error of
effect/deviation.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np

from cgro_theory.errors import InvalidInput
from cgro_theory.numerics.power import needed_size, student_power
from cgro_theory.theorems.catalogue import room
from cgro_theory.theorems.landscape import claims
from cgro_theory.theorems.landscape.claims.over_epochs import (
    FLAT_INSIDE,
    GAP_FOLLOWS,
    LOCAL_VERSUS_GLOBAL,
    QUADRATIC_EXPONENT,
    growth_exponents,
    late_changes,
    rank_correlations,
)
from cgro_theory.theorems.landscape.claims.widths import CAPACITY, paired_differences
from cgro_theory.theorems.landscape.runs.profiles import SIZES
from cgro_theory.theorems.room import RunRequest
from cgro_theory.theorems.verification import FAILURE_BUDGET

SIZE = SIZES["quick"]
PARTS = {
    FLAT_INSIDE.label: (growth_exponents, QUADRATIC_EXPONENT, SIZE.seeds),
    LOCAL_VERSUS_GLOBAL.label: (late_changes, 0.0, SIZE.seeds),
    GAP_FOLLOWS.label: (rank_correlations, 0.0, SIZE.paired_seeds),
    CAPACITY.label: (paired_differences, 0.0, SIZE.ladder_seeds),
}
"""What is measured for a claim, its threshold, and how many seeds the first look has."""
ON_PAIRED_SEEDS = ("standard_training",)
"""Controls that look at fewer seeds than their claim."""
LOOKS = 3


def probability_at(look):
    """The failure probability of a claim at a look: 2^-look of its share."""
    statistical = [entry for entry in room("theorem_3").checked if entry.claim.statistical]
    return FAILURE_BUDGET / len(statistical) * 2.0**-look


def measured(runs):
    """Each claim's and each control's parts: the values' distance from the threshold, and their deviation."""
    for entry in claims.CHECKED:
        parts_of, threshold, _ = PARTS[entry.label]
        for control in (None, *entry.controls):
            altered = runs if control is None or control.alter is None else control.alter(runs)
            keywords = {} if control is None or control.check is None else control.check.keywords
            sign = 1.0 if control is None else -1.0  # a control is to be shown below the threshold
            parts = {
                name: {
                    "effect": sign * (float(np.mean(values)) - threshold),
                    "deviation": float(np.std(values, ddof=1)),
                    "pilots": len(values),
                }
                for name, values in parts_of(altered, **keywords).items()
            }
            yield {"claim": entry.label, "control": None if control is None else control.name, "parts": parts}


def planned(part, size, parts):
    """The part with the size that it needs and its power with ``size`` seeds at the first look."""
    effect, deviation, pilots = part["effect"], part["deviation"], part["pilots"]
    row = {"effect": effect, "deviation": deviation, "pilots": pilots, "seeds": size}
    try:
        row["planned_size"] = needed_size(effect, deviation, probability_at(1) / parts)
    except InvalidInput:
        row["planned_size"] = None
    ratio = effect / deviation if deviation > 0.0 else math.inf
    smaller = ratio - math.sqrt(1.0 / pilots + ratio**2 / (2.0 * (pilots - 1)))
    for name, each in (("power", ratio), ("power_if_smaller", smaller)):
        for look in (1, LOOKS):
            grown = size * 2 ** (look - 1)
            power = 1.0 if math.isinf(each) else student_power(each, 1.0, grown, probability_at(look) / parts)
            row[f"{name}_at_look_{look}"] = power
    return row


def with_power(row):
    """The row with its power: of all parts together by the union bound, or of the control's best part."""
    size = SIZE.paired_seeds if row["control"] in ON_PAIRED_SEEDS else PARTS[row["claim"]][2]
    parts = {name: planned(part, size, len(row["parts"])) for name, part in row["parts"].items()}
    found = {"claim": row["claim"], "control": row["control"], "parts": parts}
    for name in (f"{kind}_at_look_{look}" for kind in ("power", "power_if_smaller") for look in (1, LOOKS)):
        powers = [part[name] for part in parts.values()]
        found[name] = max(powers) if row["control"] else max(0.0, 1.0 - sum(1.0 - power for power in powers))
    return found


def make_pilots(seed):
    """The recorded values of pilot runs at ``seed``."""
    labels = frozenset(entry.label for entry in claims.CHECKED)
    sets = frozenset(name for entry in claims.CHECKED for name in entry.needs)
    started = time.monotonic()
    runs = claims.gather(RunRequest("quick", seed, "cpu", labels, lambda doing, done: None, sets))
    return {
        "pilot_seed": seed,
        "profile": "quick",
        "seconds": round(time.monotonic() - started, 1),
        "failures": list(runs.failures),
        "parameters": claims.parameters(runs),
        "rows": list(measured(runs)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=880001, help="the pilot's base seed, used for no verdict")
    parser.add_argument("--again", type=Path, help="a file of before: its pilots, at the sizes of now")
    parser.add_argument("--write", type=Path, help="a JSON file for what is printed")
    arguments = parser.parse_args()
    if arguments.again:
        recorded = json.loads(arguments.again.read_text(encoding="utf-8"))
    else:
        recorded = make_pilots(arguments.seed)
    recorded["rows"] = [with_power(row) for row in recorded["rows"]]
    for row in recorded["rows"]:
        print(f"{row['claim']}  {row['control'] or ''}")
        for name, part in row["parts"].items():
            numbers = f"effect {part['effect']:.3f}, deviation {part['deviation']:.3f}, {part['pilots']} pilots"
            print(f"    {name}: {numbers}, needs {part['planned_size']} seeds, has {part['seeds']}")
        for name in ("power", "power_if_smaller"):
            first, last = (row[f"{name}_at_look_{look}"] for look in (1, LOOKS))
            print(f"    {name}: {first:.4f} at look 1, {last:.4f} at look {LOOKS}")
    print(f"{recorded['seconds']:.0f} s for the runs")
    if arguments.write:
        arguments.write.parent.mkdir(exist_ok=True)
        arguments.write.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
