"""Random small settings against the enclosures of T_I, T_III and κ*: how many are offered, how many violated.

    python benchmarks/enclosures.py --settings 1000 --seed 17 --json benchmarks/recorded/enclosures.json

One setting in eight has λ or κ at an end of its range.
The measured side shares no code with the package: weights and patches are drawn in R^d, the reduced flow is
written out again from its definition and integrated by scipy's DOP853, times come from its own event location.
Only the initial draw is handed to the enclosures. Exit code 1 when an offered enclosure is violated.
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass, field

import numpy as np
from measure import Row, seconds
from scipy.integrate import solve_ivp

from cgro_theory.claims import Interval
from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.theorem_1_feature_learning.theory.boundaries import predict_memorization_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.memorization import (
    BELOW_BOUNDARY,
    predict_first_memorization_time,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.overfitting import predict_overfitting_boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw, predict_signal_time
from cgro_theory.theorems.theorem_1_feature_learning.theory.stage_bounds import bound_stages

TOLERANCE = 1e-12
FIRST_SEED = 887400
"""Of the draws whose boundaries are timed."""
ROOM = 1e-7
"""Relative error that is allowed to the integrator's own times."""


@dataclass
class Tally:
    """Of one quantity: settings tried, enclosures offered, violated; widths relative to the middle."""

    tried: int = 0
    offered: int = 0
    violated: int = 0
    widths: list = field(default_factory=list)
    violations: list = field(default_factory=list)


ENDS = (
    {"attacked_signal_fraction": 0.0},
    {"attacked_signal_fraction": 1.0},
    {"adversarial_weight": 0.0},
    {"adversarial_weight": 1.0},
)
"""Of every eight settings the last has one of these in place of what was drawn, in turn."""


def random_setting(generator):
    dimension = round(10 ** generator.uniform(math.log10(50), 4))
    patches = int(generator.integers(2, 6))
    samples = int(generator.integers(2, 13))
    return {
        "patch_dimension": dimension,
        "num_samples": samples,
        "num_patches": patches,
        "width": int(generator.integers(2, 9)),
        "degree": int(generator.integers(2, 7)),
        "signal_strength": dimension ** float(generator.uniform(0.15, 0.3)),
        "noise_std": dimension ** float(generator.uniform(-0.56, -0.46)),
        "init_std": dimension ** float(generator.uniform(-0.55, -0.45)),
        "attacked_signal_fraction": 10 ** float(generator.uniform(-4, math.log10(0.5))),
        "adversarial_weight": float(generator.uniform(0.1, 0.95)),
    }


class Flow:
    """The gradient flow of one drawn network, from vectors in R^d."""

    def __init__(self, values, generator, tolerance=TOLERANCE):
        self.__dict__.update(values)
        self.tolerance = tolerance
        d, count, others, m = self.patch_dimension, self.num_samples, self.num_patches - 1, self.width
        feature = np.zeros(d)
        feature[0] = 1.0
        noise = self.noise_std * generator.standard_normal((count * others, d))
        noise[:, 0] = 0.0
        weights = self.init_std * generator.standard_normal((m, d))
        self.labels = 2.0 * generator.integers(0, 2, count) - 1.0
        self.u = weights @ feature
        self.signs = np.sign(self.u)
        self.v = noise @ weights.T
        self.gram = noise @ noise.T
        self.point = np.repeat(np.arange(count), others)

    def pulls(self, z, attacked, margins):
        def sigma(s):
            return np.exp(-np.logaddexp(0.0, s))

        return (1 - self.adversarial_weight) * sigma(z + margins), self.adversarial_weight * sigma(
            attacked + margins
        )

    def margins(self, state):
        q, m = self.degree, self.width
        u, v = self.signs * np.exp(state[:m]), state[m:].reshape(-1, m)
        noise = np.bincount(self.point, weights=(np.sign(v) * np.abs(v) ** q).sum(1), minlength=self.num_samples)
        return float((np.sign(u) * np.abs(u) ** q).sum()), self.labels * noise

    def slope(self, _, state, fraction):
        q, m = self.degree, self.width
        size, v = np.exp(state[:m]), state[m:].reshape(-1, m)
        signal, margins = self.margins(state)
        clean_gain, attacked_gain = self.signal_strength**q, (fraction * self.signal_strength) ** q
        clean, attacked = self.pulls(clean_gain * signal, attacked_gain * signal, margins)
        gain = float((clean_gain * clean + attacked_gain * attacked).mean())
        pull = (self.labels * (clean + attacked))[self.point, None] * q * np.abs(v) ** (q - 1)
        return np.concatenate(
            [gain * q * self.signs * size ** (q - 2), (self.gram @ pull).ravel() / self.num_samples]
        )

    def times(self, fraction, horizon, until_memorized=True):
        """First times with α^q U >= 1 and with some V_i >= 1, inf where not before the horizon."""
        # No u_r ever changes its sign, so log|u_r| is integrated: a rounding error across 0 would grow for q = 2.
        start = np.concatenate([np.log(np.abs(self.u)), self.v.ravel()])

        def signal(_, state):
            return self.signal_strength**self.degree * self.margins(state)[0] - 1.0

        def noise(_, state):
            return self.margins(state)[1].max() - 1.0

        signal.direction = noise.direction = 1.0
        noise.terminal = until_memorized
        done = solve_ivp(
            lambda t, y: self.slope(t, y, fraction),
            (0.0, horizon),
            start,
            method="DOP853",
            rtol=self.tolerance,
            atol=self.tolerance * 1e-4 * np.abs(self.v).max(),
            events=(signal, noise),
        )
        assert done.success, done.message
        found = [
            0.0 if event(0, start) >= 0 else (float(t[0]) if t.size else math.inf)
            for event, t in zip((signal, noise), done.t_events, strict=True)
        ]
        return found[0], found[1]


def closed_forms(setting, draw):
    """T_I in [low, high] and T_III in [low, inf] by closed forms."""
    signed = draw.signed_preactivations(setting.noise_patches)
    found = bound_stages(setting, draw.signal_projections[None], signed[None], draw.noise_gram[None])
    ends = [float(end[0]) for end in (found.signal_low, found.signal_high, found.memorization_low)]
    return Interval(ends[0], max(ends[0], ends[1])), Interval(ends[2], math.inf)


def compare(tally, interval, value, what):
    tally.tried += 1
    if interval is None:
        return
    tally.offered += 1
    if math.isfinite(interval.high):
        tally.widths.append((interval.high - interval.low) / max(1e-300, 0.5 * (interval.high + interval.low)))
    if not interval.low * (1 - ROOM) <= value <= interval.high * (1 + ROOM):
        tally.violated += 1
        tally.violations.append({"value": value, "low": interval.low, "high": interval.high} | what)


def summary(tally):
    """A tally with quantiles in place of all its widths."""
    found = asdict(tally)
    widths = found.pop("widths")
    if widths:
        found["width_quantiles"] = {
            str(share): float(np.quantile(widths, share)) for share in (0.1, 0.5, 0.9, 1.0)
        }
    return found


def seconds_at_default(seed, repeats=9):
    """Median time of both enclosures of one draw of the default setting."""
    setting, taken = PatchSetting.version_1(10_000), []
    for repeat in range(repeats):
        generator = np.random.default_rng([seed, 10**6 + repeat])
        names = PatchSetting.__dataclass_fields__
        flow = Flow({name: getattr(setting, name) for name in names}, generator)
        draw = InitialDraw(flow.labels, flow.u, flow.v, flow.gram)
        started = time.perf_counter()
        predict_signal_time(setting, draw, 0.0)
        predict_first_memorization_time(setting, draw, 0.0)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


def rows(quick):
    """What the enclosures and the boundaries of one draw cost."""
    yield Row("enclosures of T_I and T_III of one draw, N = 20, m = 24", seconds_at_default(17), "s", 0.2)
    for dimension in (10**4, 10**6, 10**12):
        setting = PatchSetting.version_1(dimension)
        draws = [draw_subspace(setting, FIRST_SEED + index).initial for index in range(2 if quick else 8)]
        sides = {
            "κ*": lambda draw, setting=setting: predict_memorization_boundary(setting, draw),
            "κ_1": lambda draw, setting=setting: predict_overfitting_boundary(setting, draw),
        }
        taken = {name: [seconds(lambda f=f, draw=draw: f(draw)) for draw in draws] for name, f in sides.items()}
        for name, values in taken.items():
            yield Row(
                f"{name} of one draw, d = 10^{math.log10(dimension):.0f}, CPU", float(np.median(values)), "s"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", type=int, default=224)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="of the integrator, relative, per step")
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    tallies = {
        name: Tally()
        for name in (
            *("T_I", "T_III", "T_III, none said", "κ*, memorized below", "κ*, not above"),
            *("T_I in closed form", "T_III from below in closed form"),
        )
    }
    seconds, ordered, truly = 0.0, 0, 0
    for index in range(options.settings):
        generator = np.random.default_rng([options.seed, index])
        values = random_setting(generator)
        if index % 8 == 7:
            values |= ENDS[index // 8 % len(ENDS)]
        setting, flow = PatchSetting(**values), Flow(values, generator, options.tolerance)
        draw = InitialDraw(flow.labels, flow.u, flow.v, flow.gram)
        started = time.perf_counter()
        signal, memory = (
            predict_signal_time(setting, draw, 0.0),
            predict_first_memorization_time(setting, draw, 0.0),
        )
        seconds += time.perf_counter() - started
        boundary = predict_memorization_boundary(setting, draw)
        leading = [entry.leading_order for entry in (signal, memory) if math.isfinite(entry.leading_order)]
        closed = closed_forms(setting, draw)
        ends = [entry.interval.high for entry in (signal, memory) if entry.interval is not None]
        ends += [closed[0].high, closed[1].low]
        horizon = 1.01 * max([50.0 * max(leading, default=1.0), *(end for end in ends if math.isfinite(end))])
        what = {"index": index} | values
        both = flow.times(setting.attacked_signal_fraction, horizon, until_memorized=False)
        for name, entry, value in (("T_I", signal, both[0]), ("T_III", memory, both[1])):
            compare(tallies[name], entry.interval, value, what)
        compare(tallies["T_I in closed form"], closed[0], both[0], what)
        compare(tallies["T_III from below in closed form"], closed[1], both[1], what)
        ordered += closed[0].high < closed[1].low
        truly += both[0] < both[1]
        tallies["T_III, none said"].tried += 1
        if any(each.condition is BELOW_BOUNDARY for each in memory.unmet):
            tallies["T_III, none said"].offered += 1
            if both[1] <= 50.0 * memory.leading_order * (1 - ROOM):
                tallies["T_III, none said"].violated += 1
                tallies["T_III, none said"].violations.append({"value": both[1]} | what)
        for name, end, wanted in (
            ("κ*, memorized below", "low", True),
            ("κ*, not above", "high", False),
        ):
            tally = tallies[name]
            tally.tried += 1
            if boundary.interval is None or not 0.0 < getattr(boundary.interval, end) < 1.0:
                continue
            tally.offered += 1
            fraction = getattr(boundary.interval, end)
            memorized = math.isfinite(flow.times(fraction, 50.0 * memory.leading_order)[1])
            if memorized is not wanted:
                tally.violated += 1
                tally.violations.append({"fraction": fraction, "memorized": memorized} | what)
    each, default = seconds / options.settings, seconds_at_default(options.seed)
    print(f"{options.settings} random settings, seed {options.seed}, integrator at {options.tolerance:g}")
    print(f"{each:.3f} s each for T_I and T_III; {default:.3f} s for N = 20, m = 24 (median of 9 draws)")
    print(f"closed forms show T_I < T_III in {ordered} settings, the integrator in {truly}")
    print(f"{'quantity':32} {'tried':>6} {'offered':>8} {'violated':>9} {'median width':>13}")
    for name, tally in tallies.items():
        width = f"{np.median(tally.widths):.3g}" if tally.widths else ""
        print(f"{name:32} {tally.tried:6} {tally.offered:8} {tally.violated:9} {width:>13}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            document = vars(options) | {
                "ordered_by_closed_forms": ordered,
                "ordered_by_integrator": truly,
                "seconds_each": round(each, 4),
                "seconds_for_20_points_24_neurons": round(default, 4),
                "quantities": {name: summary(tally) for name, tally in tallies.items()},
            }
            document.pop("json")
            json.dump(document, stream, indent=1, ensure_ascii=False)
            stream.write("\n")
    raise SystemExit(any(tally.violated for tally in tallies.values()))


if __name__ == "__main__":
    main()
