"""Re-validates a certificate of one network's training (theory.md 8.3). Needs numpy and Arb; imports nothing else.

    python verification/check_certificate.py FILE

A certificate holds, for each step in time, polynomials p for the state of the reduced flow, and bounds e of their
distance from the true state, linear in time on each of S equal pieces of the step. On every piece this program
bounds the defect |p' - f(p)| and the partial derivatives of f over the box p ± e, and asks that e grow faster than

    |x_i - p_i|' <= J_ii |x_i - p_i| + Σ_j |J_ij| |x_j - p_j| + defect_i        (J_ii with its sign)

lets the true distance grow. Then |x - p| <= e on every piece, and all conclusions follow from p and e. The state
is x = u^(2-q) of the largest u_r(0), and b_kr: how much more of noise patch k neuron r holds than at the start.
"""

from __future__ import annotations

import json
import math
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, arb_mat, arb_poly, arb_series, ctx

PRECISION = 128
"""Bits of the balls."""
MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
Matrix = list[list[Any]]


class Refused(ValueError):
    """The file does not prove what it claims."""


@dataclass(frozen=True)
class Moment:
    """What holds on one piece of a step: z and every V_i stay below ``signal_high`` and ``noise_high`` all through
    it, and at its end z and some V_i are above ``signal_low`` and ``noise_low``."""

    signal_high: float
    noise_high: float
    signal_low: float
    noise_low: float


def low(value: arb) -> float:
    """A float that no point of the ball is below."""
    return math.nextafter(float(value.lower()), -math.inf)


def high(value: arb) -> float:
    """A float that no point of the ball is above."""
    return math.nextafter(float(value.upper()), math.inf)


def exact(value: Any) -> arb:
    """The ball of radius 0 at a float."""
    number = float(value)
    if not np.isfinite(number):
        raise Refused("a number is not finite")
    return arb(number)


def matrix(values: Any) -> arb_mat:
    """A matrix of exact floats."""
    return arb_mat([[exact(entry) for entry in row] for row in values])


class Flow:
    """The network and the right-hand side f, for balls and for series of balls."""

    def __init__(self, data: Any) -> None:
        setting = json.loads(str(data["setting"]))
        self.q, self.samples = int(setting["degree"]), int(setting["num_samples"])
        self.patches, self.m = int(setting["num_patches"]) - 1, int(setting["width"])
        self.n = self.samples * self.patches
        lam, kappa = exact(setting["adversarial_weight"]), exact(setting["attacked_signal_fraction"])
        alpha = exact(setting["signal_strength"])
        self.noise = exact(setting["noise_std"])
        if self.q % 2 == 0 or self.q < 3 or not (0 <= lam <= 1 and 0 <= kappa <= 1 and alpha > 0):
            raise Refused("it is not about an odd q >= 3, λ and κ in [0, 1], α > 0")
        self.weights, self.gains = (1 - lam, lam), (alpha**self.q, (kappa * alpha) ** self.q)
        labels = [exact(y) for y in data["labels"]]
        if len(labels) != self.samples or any(y * y != 1 for y in labels):
            raise Refused("the labels are not N signs")
        factor, self.coordinates = matrix(data["noise_factor"]), matrix(data["coordinates"])
        self.residual = matrix(data["residual_factor"])
        gram, start = factor * factor.transpose(), factor * self.coordinates.transpose()
        y = [labels[k // self.patches] for k in range(self.n)]
        self.h = arb_mat([[y[k] * y[j] * gram[k, j] for j in range(self.n)] for k in range(self.n)])
        self.h_size = arb_mat([[abs(self.h[k, j]) for j in range(self.n)] for k in range(self.n)])
        self.start = arb_mat([[y[k] * start[k, r] for r in range(self.m)] for k in range(self.n)])
        u = [exact(value) for value in data["signal_projections"]]
        if not max(u) > 0:
            raise Refused("no u_r(0) > 0")
        self.x, self.sign = max(u) ** (2 - self.q), [1 if value > 0 else -1 for value in u]
        self.offset = [
            abs(value) ** (2 - self.q) - sign * self.x for value, sign in zip(u, self.sign, strict=True)
        ]
        self.exponent = arb(-self.q) / (self.q - 2)

    def neurons(self, x: Any) -> list[Any]:
        """|u_r|^(2-q) of every neuron."""
        return [sign * x + offset for sign, offset in zip(self.sign, self.offset, strict=True)]

    def signal(self, x: Any) -> Any:
        """U = Σ_r φ_q(u_r)."""
        powers = [(w.log() * self.exponent).exp() for w in self.neurons(x)]
        return sum(sign * power for sign, power in zip(self.sign, powers, strict=True))

    def points(self, terms: Matrix) -> list[Any]:
        """Sums over the patches and neurons of each point."""
        rows = [sum(row) for row in terms]
        return [sum(rows[i * self.patches : (i + 1) * self.patches]) for i in range(self.samples)]

    def slope(self, x: arb_series, s: Matrix) -> tuple[arb_series, Matrix]:
        """f: dx/dt = -q(q-2) g and db_kr/dt = (q/N) ψ̃ s_kr^(q-1), as series."""
        signal, powers = self.signal(x), [[even_power(v, self.q - 1) for v in row] for row in s]
        margins = self.points(
            [[p * v for p, v in zip(*rows, strict=True)] for rows in zip(powers, s, strict=True)]
        )
        gain, pulls = arb_series([0]), []
        for margin in margins:
            clean, attacked = ((g * signal + margin).exp() + 1 for g in self.gains)
            first, second = self.weights[0] * clean.inv(), self.weights[1] * attacked.inv()
            gain += self.gains[0] * first + self.gains[1] * second
            pulls.append((first + second) * (arb(self.q) / self.samples))
        moved = [[pulls[k // self.patches] * power for power in row] for k, row in enumerate(powers)]
        return gain * (arb(-self.q * (self.q - 2)) / self.samples), moved


def even_power(value: Any, degree: int) -> Any:
    """value^degree for an even degree."""
    square = value * value
    result = square
    for _ in range(degree // 2 - 1):
        result = result * square
    return result


class Step:
    """The polynomials of one step: of x, of the b_kr, and of s = s(0) + H b."""

    def __init__(self, flow: Flow, duration: Any, x: Any, b: Any) -> None:
        self.flow, self.duration, self.order = flow, exact(duration), len(x) - 1
        n, m, size = flow.n, flow.m, self.order + 1
        own = arb_mat([[exact(b[k, j, r]) for r in range(m) for k in range(size)] for j in range(n)])
        all_s = flow.h * own
        for j in range(n):
            for r in range(m):
                all_s[j, r * size] += flow.start[j, r]

        def polynomials(values: arb_mat) -> Matrix:
            return [[arb_poly([values[j, r * size + k] for k in range(size)]) for r in range(m)] for j in range(n)]

        self.x, self.b, self.s = arb_poly([exact(c) for c in x]), polynomials(own), polynomials(all_s)


class Half:
    """The polynomials of a step about the middle of its first or second half, where balls stay small."""

    def __init__(self, step: Step, half: int) -> None:
        self.flow, self.order = step.flow, step.order
        self.middle, self.radius = step.duration * (2 * half + 1) / 4, (step.duration / 4).upper()
        shift = arb_poly([self.middle, 1])
        self.x, self.x_slope = step.x(shift), step.x.derivative()(shift)
        self.s, self.b_slope = ([[p(shift) for p in row] for row in rows] for rows in (step.s, _slopes(step.b)))

    def defect(self) -> tuple[arb, Matrix]:
        """Bounds of |p' - f(p)|: a Taylor series about the middle, its last coefficient over the whole half."""
        ctx.cap = self.order + 1
        there = self._slope_at(arb_poly([0, 1]))
        around = self._slope_at(arb_poly([arb(0, self.radius), 1]))
        powers = [self.radius**k for k in range(self.order + 1)]

        def bound(own: arb_poly, slope: arb_series, end: arb_series) -> arb:
            gap = series(own, self.order) - slope
            terms = [abs(gap[k]) * powers[k] for k in range(self.order)]
            return (sum(terms) + abs(end[self.order]) * powers[self.order]).upper()

        rows = zip(self.b_slope, there[1], around[1], strict=True)
        return bound(self.x_slope, there[0], around[0]), [
            [bound(*each) for each in zip(*row, strict=True)] for row in rows
        ]

    def _slope_at(self, shift: arb_poly) -> tuple[arb_series, Matrix]:
        size = self.order + 1
        return self.flow.slope(
            series(self.x(shift), size), [[series(p(shift), size) for p in row] for row in self.s]
        )


def _slopes(polynomials: Matrix) -> Matrix:
    return [[p.derivative() for p in row] for row in polynomials]


def series(polynomial: arb_poly, size: int) -> arb_series:
    """A polynomial as a series of ``size`` coefficients."""
    return arb_series(polynomial.coeffs(), size)


def ball(value: arb, radius: arb) -> arb:
    """The ball widened by a radius."""
    return value + arb(0, radius.upper())


class Box:
    """The state within p ± e over some time, and the partial derivatives of f there."""

    def __init__(self, part: Step | Half, time: arb, x_bound: arb, s_bound: arb_mat) -> None:
        flow = self.flow = part.flow
        q = flow.q
        self.x = ball(part.x(time), x_bound)
        self.s = [[ball(p(time), s_bound[k, r]) for r, p in enumerate(row)] for k, row in enumerate(part.s)]
        neurons = flow.neurons(self.x)
        if not all(w > 0 for w in neurons):
            raise Refused("the bound of x lets the signal grow without end")
        signal = flow.signal(self.x)
        self.signal_margin = flow.gains[0] * signal
        self.margins = flow.points([[v**q for v in row] for row in self.s])
        turn = flow.exponent * sum((w.log() * (flow.exponent - 1)).exp() for w in neurons)
        scale = arb(-q * (q - 2)) / flow.samples
        self.x_by_x, self.x_by_margin, self.pull = arb(0), [], []
        for margin in self.margins:
            psi = [1 / ((gain * signal + margin).exp() + 1) for gain in flow.gains]
            falls = [weight * ((1 - 2 * p) ** 2 - 1) / 4 for weight, p in zip(flow.weights, psi, strict=True)]
            by_signal = sum(gain * fall for gain, fall in zip(flow.gains, falls, strict=True))
            twice = sum(gain**2 * fall for gain, fall in zip(flow.gains, falls, strict=True))
            self.x_by_x += twice * turn * scale
            self.x_by_margin.append(abs(by_signal * scale))
            pull = flow.weights[0] * psi[0] + flow.weights[1] * psi[1]
            self.pull.append((pull, sum(falls), by_signal * turn))

    def growth(self, x_bound: arb, b_bound: arb_mat, s_bound: arb_mat) -> tuple[arb, Matrix]:
        """The right-hand side of the differential inequality at these bounds, without the defect."""
        flow, q = self.flow, self.flow.q
        powers = [[v ** (q - 1) for v in row] for row in self.s]
        spread = [[abs(p) * q * s_bound[k, r] for r, p in enumerate(row)] for k, row in enumerate(powers)]
        totals = flow.points(spread)
        x_growth = self.x_by_x * x_bound + sum(a * e for a, e in zip(self.x_by_margin, totals, strict=True))
        growth: Matrix = []
        for k, row in enumerate(powers):
            pull, by_margin, by_x = self.pull[k // flow.patches]
            total, out = totals[k // flow.patches], []
            for r, power in enumerate(row):
                own = (q - 1) * pull * self.s[k][r] ** (q - 2) + q * by_margin * power**2
                held = flow.h[k, k] * b_bound[k, r]
                around = abs(own) * (s_bound[k, r] - held) + abs(power * by_margin) * (total - spread[k][r])
                out.append((own * held + around + abs(power * by_x) * x_bound) * q / flow.samples)
            growth.append(out)
        return x_growth, growth


class Checker:
    """Checks steps of a certificate, any range of them on its own, and gathers what they prove."""

    def __init__(self, data: Any) -> None:
        ctx.prec = PRECISION
        self.flow = flow = Flow(data)
        names = ("durations", "clock", "moved", "clock_bounds", "moved_bounds")
        self.durations, self.x, self.b, self.ex, self.eb = (np.asarray(data[name]) for name in names)
        steps, pieces, order = len(self.durations), self.ex.shape[1] - 1, self.x.shape[1] - 1
        shapes = ((steps,), (steps, order + 1), (steps, order + 1, flow.n, flow.m), (steps, pieces + 1))
        found = tuple(part.shape for part in (self.durations, self.x, self.b, self.ex, self.eb))
        if found != (*shapes, (steps, pieces + 1, flow.n, flow.m)) or min(steps, order) < 1 or pieces % 2:
            raise Refused("the shapes of the arrays do not fit together")
        if not all(bool((part > 0).all()) for part in (self.durations, self.ex, self.eb)):
            raise Refused("a duration or a bound is not positive")
        self.pieces, self.steps = pieces, steps

    def check_steps(self, first: int, last: int) -> list[Moment]:
        """Check the steps from ``first`` to before ``last``, each with its link to the one before.

        Any range may be checked on its own: nothing but the bounds is handed on.
        """
        found: list[Moment] = []
        before = self._step(first - 1) if first else None
        for index in range(first, last):
            step = self._step(index)
            self._check_start(index, step, before)
            found += self._check_step(index, step)
            before = step
        return found

    def _step(self, index: int) -> Step:
        return Step(self.flow, self.durations[index], self.x[index], self.b[index])

    def _bounds(self, index: int, piece: int) -> tuple[arb, arb_mat, arb_mat]:
        """Bounds of x, of b, and with them of s."""
        moved = matrix(self.eb[index, piece])
        return exact(self.ex[index, piece]), moved, self.flow.h_size * moved

    def _check_start(self, index: int, step: Step, before: Step | None) -> None:
        """The bounds at the step's begin hold what the step before left, or the initial state."""
        ex, eb, _ = self._bounds(index, 0)
        if before is None:
            x, b, old_x, old_b = self.flow.x, None, arb(0), None
        else:
            x, b = before.x(before.duration), before.b
            old_x, old_b, _ = self._bounds(index - 1, self.pieces)
        good = ex >= abs(step.x(arb(0)) - x) + old_x
        for k in range(self.flow.n):
            for r in range(self.flow.m):
                left = b[k][r](before.duration) if before is not None and b is not None else arb(0)
                old = old_b[k, r] if old_b is not None else arb(0)
                good = good and eb[k, r] >= abs(step.b[k][r](arb(0)) - left) + old
        if not good:
            raise Refused(f"step {index} does not start from where the one before ends")

    def _check_step(self, index: int, step: Step) -> list[Moment]:
        found = []
        for half in range(2):
            part = Half(step, half)
            defect = part.defect()
            first = half * self.pieces // 2
            found += [
                self._check_piece(index, step, part, piece, defect)
                for piece in range(first, first + self.pieces // 2)
            ]
        return found

    def _check_piece(self, index: int, step: Step, half: Half, piece: int, defect: tuple[arb, Matrix]) -> Moment:
        begin, end = (step.duration * k / self.pieces for k in (piece, piece + 1))
        length = end - begin
        ends = self._bounds(index, piece), self._bounds(index, piece + 1)
        n, m = self.flow.n, self.flow.m
        widest = arb_mat([[ends[0][2][k, r].max(ends[1][2][k, r]) for r in range(m)] for k in range(n)])
        during = ball((begin + end) / 2 - half.middle, length / 2)
        box = Box(half, during, max(e[0] for e in ends), widest)
        x_slope = (ends[1][0] - ends[0][0]) / length
        slopes = (ends[1][1] - ends[0][1]) / length
        for x_bound, b_bound, s_bound in ends:
            x_growth, growth = box.growth(x_bound, b_bound, s_bound)
            good = x_slope > x_growth + defect[0] and all(
                slopes[k, r] > growth[k][r] + defect[1][k][r] for k in range(n) for r in range(m)
            )
            if not good:
                raise Refused(f"step {index}, piece {piece}: a bound grows more slowly than the error may")
        after = Box(half, end - half.middle, ends[1][0], ends[1][2])
        return Moment(
            high(box.signal_margin),
            max(map(high, box.margins)),
            low(after.signal_margin),
            max(map(low, after.margins)),
        )

    def conclude(self, moments: Sequence[Moment]) -> dict[str, Any]:
        """What follows from all steps, as intervals [low, high] and one-sided bounds of errors.

        Times count from the start. ``signal_time`` and ``memorization_time`` contain the first time with z >= 1
        and with some V_i >= 1; z never falls, as κ >= 0. Margins and errors are those at ``end``.
        """
        if len(moments) != self.steps * self.pieces:
            raise Refused("not every step was checked")
        total, starts = arb(0), []
        for duration in self.durations:
            starts += [total + exact(duration) * piece / self.pieces for piece in range(self.pieces)]
            total += exact(duration)
        starts.append(total)

        def first(begun: list[bool], reached: list[bool], what: str) -> list[float]:
            if True not in reached:
                raise Refused(f"{what} is not reached")
            return [low(starts[begun.index(True)]), high(starts[reached.index(True) + 1])]

        step = self._step(self.steps - 1)
        x_bound, b_bound, s_bound = self._bounds(self.steps - 1, self.pieces)
        box = Box(step, step.duration, x_bound, s_bound)
        z, attacked = box.signal_margin, self.flow.gains[1] / self.flow.gains[0] * box.signal_margin
        covariance = self._covariance(step, b_bound)
        return {
            "signal_time": first(
                [m.signal_high >= 1 for m in moments], [m.signal_low >= 1 for m in moments], "the signal"
            ),
            "memorization_time": first(
                [m.noise_high >= 1 for m in moments], [m.noise_low >= 1 for m in moments], "memorization"
            ),
            "end": [low(total), high(total)],
            "signal_margin": [low(z), high(z)],
            "noise_margins": [[low(v), high(v)] for v in box.margins],
            "clean_train_error": 0.0 if all(z + v > 0 for v in box.margins) else 1.0,
            "robust_train_error": 0.0 if attacked >= 0 and all(attacked + v > 0 for v in box.margins) else 1.0,
            "log10_clean_test_error": self._log10_clean_error(z, covariance),
            "robust_test_error": self._robust_error(attacked, covariance),
        }

    def _covariance(self, step: Step, b_bound: arb_mat) -> arb_mat:
        """σ² times the Gram matrix of the weights orthogonal to the signal: a fresh patch's (<w_r, ξ>) has it."""
        flow, n, m = self.flow, self.flow.n, self.flow.m
        b = arb_mat([[ball(step.b[k][r](step.duration), b_bound[k, r]) for r in range(m)] for k in range(n)])
        mixed = b.transpose() * flow.start
        gram = flow.coordinates * flow.coordinates.transpose() + flow.residual * flow.residual.transpose()
        return (gram + mixed + mixed.transpose() + b.transpose() * flow.h * b) * flow.noise**2

    def _log10_clean_error(self, z: arb, covariance: arb_mat) -> float:
        """An upper bound: |V| > z needs some |<w_r, ξ_j>| above (z / (J Σ_r C_rr^(q/2)))^(1/q) C_rr^(1/2)."""
        flow = self.flow
        sizes = sum(covariance[r, r].sqrt() ** flow.q for r in range(flow.m))
        reach = ((z / (sizes * flow.patches)).log() / flow.q).exp()
        # P(N > r) <= exp(-r²/2) / (r √(2π)) for a standard normal N and r > 0.
        log_bound = (arb(flow.patches * flow.m) / (reach * (2 * arb.pi()).sqrt())).log() - reach**2 / 2
        return min(0.0, high(log_bound / arb(10).log()))

    def _robust_error(self, attacked: arb, covariance: arb_mat) -> float:
        """A lower bound: given all but one normal direction, |V| <= z̃ confines one <w_r, ξ_j>, of conditional
        deviation (C^-1)_rr^(-1/2), to an interval no longer than 2 z̃^(1/q)."""
        inverse = covariance.inv()
        spread = max((low(1 / inverse[r, r]) for r in range(self.flow.m)), default=0.0)
        if not (attacked >= 0 and spread > 0):
            raise Refused("the robust test error has no bound")
        root = ((attacked.log() / self.flow.q).exp()) if attacked > 0 else arb(0)
        return max(0.0, low((root / (2 * exact(spread)).sqrt()).erfc() / 2))


def require_implied(claims: dict[str, Any], proved: dict[str, Any]) -> None:
    """Refuse a claim that does not contain what was proved: intervals, and bounds from their own side."""
    for name, own in proved.items():
        claimed = claims.get(name)
        try:
            good = _implied(name, claimed, own)
        except (TypeError, IndexError, KeyError):
            good = False
        if not good:
            raise Refused(f"the claim about {name.replace('_', ' ')} does not follow: {claimed}, proved {own}")


def _implied(name: str, claimed: Any, own: Any) -> bool:
    if name == "noise_margins":
        return len(claimed) == len(own) and all(_implied("", *pair) for pair in zip(claimed, own, strict=True))
    if isinstance(own, list):
        return bool(claimed[0] <= own[0] and own[1] <= claimed[1])
    if name == "robust_test_error":
        return bool(claimed <= own)
    return bool(claimed == own if name.endswith("train_error") else claimed >= own)


def check(data: Any) -> dict[str, Any]:
    """Check a whole certificate in this process; what it proves, or :class:`Refused`."""
    checker = Checker(data)
    proved = checker.conclude(checker.check_steps(0, checker.steps))
    require_implied(json.loads(str(data["claims"])), proved)
    return proved


def main(arguments: list[str]) -> int:
    """Print what a certificate file proves; exit code 0, 1 with the reason where it proves nothing, 2 for misuse."""
    if len(arguments) != 1:
        print("usage: check_certificate.py FILE", file=sys.stderr)
        return 2
    try:
        with np.load(arguments[0], allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        proved = check(data)
    except Refused as error:
        print(f"REFUSED: {error}", file=sys.stderr)
        return 1
    except (OSError, EOFError, zipfile.BadZipFile, *MALFORMED) as error:
        print(f"error: {arguments[0]} is no certificate: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(f"ACCEPTED: {len(data['durations'])} steps")
    for name, value in proved.items():
        print(f"  {name}: {value}")
    return 0
