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
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flint import arb, arb_mat, arb_poly, arb_series, ctx

Grid = Any  # an array of balls, polynomials or series, one per noise patch and neuron. shape: (n, m)


class Refused(ValueError):
    """The file does not prove what it claims."""


Moment = tuple[float, float, float, float]
"""Of one piece of a step: above z, above every V_i all through it; below z, below some V_i at its end."""


def low(value: arb) -> float:
    """A float that no point of the ball is below."""
    return math.nextafter(float(value.lower()), -math.inf)


def high(value: arb) -> float:
    """A float that no point of the ball is above."""
    return math.nextafter(float(value.upper()), math.inf)


def exact(value: Any) -> arb:
    """The ball of radius 0 at a float."""
    if not math.isfinite(value):
        raise Refused("a number is not finite")
    return arb(float(value))


exactly = np.vectorize(exact, otypes=[object])


def each(function: Callable[..., Any], *grids: Grid) -> Grid:
    """A function of the entries of grids, entry by entry."""
    return np.frompyfunc(function, len(grids), 1)(*grids)


def ball(value: arb, radius: arb) -> arb:
    """The ball widened by a radius."""
    return value + arb(0, radius.upper())


class Flow:
    """The network and the right-hand side f, for balls and for series of balls."""

    def __init__(self, data: Any) -> None:
        setting = json.loads(str(data["setting"]))
        self.q, self.samples = int(setting["degree"]), int(setting["num_samples"])
        self.patches = int(setting["num_patches"]) - 1
        names = ("adversarial_weight", "attacked_signal_fraction", "signal_strength", "noise_std")
        lam, kappa, alpha, self.noise = (exact(setting[name]) for name in names)
        if self.q % 2 == 0 or self.q < 3 or not (0 <= lam <= 1 and 0 <= kappa <= 1 and alpha > 0):
            raise Refused("it is not about an odd q >= 3, λ and κ in [0, 1], α > 0")
        self.weights, self.gains = (1 - lam, lam), (alpha**self.q, (kappa * alpha) ** self.q)
        labels, factor, coordinates = (exactly(data[name]) for name in ("labels", "noise_factor", "coordinates"))
        residual, u = exactly(data["residual_factor"]), exactly(data["signal_projections"])
        if len(labels) != self.samples or any(y * y != 1 for y in labels):
            raise Refused("the labels are not N signs")
        y = np.repeat(labels, self.patches)[:, None]
        self.coupling, self.start = y * (factor @ factor.T) * y.T, y * (factor @ coordinates.T)
        self.sizes = abs(self.coupling)
        self.gram = coordinates @ coordinates.T + residual @ residual.T
        if not max(u) > 0:
            raise Refused("no u_r(0) > 0")
        self.x, self.sign = max(u) ** (2 - self.q), [1 if value > 0 else -1 for value in u]
        self.offset = [abs(w) ** (2 - self.q) - sign * self.x for w, sign in zip(u, self.sign, strict=True)]
        self.exponent = arb(-self.q) / (self.q - 2)

    def neurons(self, x: Any) -> list[Any]:
        """|u_r|^(2-q) of every neuron."""
        return [sign * x + offset for sign, offset in zip(self.sign, self.offset, strict=True)]

    def signal(self, x: Any) -> Any:
        """U = Σ_r φ_q(u_r)."""
        powers = [(w.log() * self.exponent).exp() for w in self.neurons(x)]
        return sum(sign * power for sign, power in zip(self.sign, powers, strict=True))

    def per_point(self, terms: Grid) -> Any:
        """Sums over the patches and neurons of each point. shape: (N,)"""
        return terms.sum(axis=1).reshape(self.samples, self.patches).sum(axis=1)

    def per_patch(self, values: Sequence[Any]) -> Grid:
        """A value of each point for each of its patches. shape: (n, 1)"""
        return np.repeat(np.fromiter(values, dtype=object), self.patches)[:, None]

    def slope(self, x: arb_series, s: Grid) -> tuple[arb_series, Grid]:
        """f: dx/dt = -q(q-2) g and db_kr/dt = (q/N) ψ̃ s_kr^(q-1), as series."""
        square = s * s
        power = math.prod([square] * ((self.q - 1) // 2))
        signal, gain, pulls = self.signal(x), arb_series([0]), []
        for margin in self.per_point(power * s):
            psi = [
                ((g * signal + margin).exp() + 1).inv() * w for g, w in zip(self.gains, self.weights, strict=True)
            ]
            gain += self.gains[0] * psi[0] + self.gains[1] * psi[1]
            pulls.append((psi[0] + psi[1]) * (arb(self.q) / self.samples))
        return gain * (arb(-self.q * (self.q - 2)) / self.samples), self.per_patch(pulls) * power


class Step:
    """The polynomials of one step: of x, of the b_kr, and of s = s(0) + H b."""

    def __init__(self, flow: Flow, duration: Any, x: Any, b: Any) -> None:
        self.flow, self.duration, self.order = flow, exact(duration), len(x) - 1
        size, n, m = b.shape
        coefficients = exactly(b).transpose(1, 2, 0)
        moved = arb_mat(flow.coupling.tolist()) * arb_mat(coefficients.reshape(n, -1).tolist())
        self.x, self.b, self.s = arb_poly(exactly(x).tolist()), *(np.empty((n, m), dtype=object) for _ in range(2))
        for k, r in np.ndindex(n, m):
            own = [moved[k, r * size + order] for order in range(size)]
            self.b[k, r] = arb_poly(coefficients[k, r].tolist())
            self.s[k, r] = arb_poly([own[0] + flow.start[k, r], *own[1:]])


class Half:
    """The polynomials of a step about the middle of its first or second half, where balls stay small."""

    def __init__(self, step: Step, half: int) -> None:
        self.flow, self.order = step.flow, step.order
        self.middle, self.radius = step.duration * (2 * half + 1) / 4, (step.duration / 4).upper()
        shift = arb_poly([self.middle, 1])
        self.x, self.x_slope = step.x(shift), step.x.derivative()(shift)
        self.s, self.b_slope = each(lambda p: p(shift), step.s), each(lambda p: p.derivative()(shift), step.b)

    def defect(self) -> tuple[arb, Grid]:
        """Bounds of |p' - f(p)|: a Taylor series about the middle, its last coefficient over the whole half."""
        there, around = (self._slope_at(arb_poly([arb(0, radius), 1])) for radius in (0, self.radius))
        powers = [self.radius**k for k in range(self.order + 1)]

        def bound(own: arb_poly, slope: arb_series, end: arb_series) -> arb:
            gap = arb_series(own.coeffs(), self.order) - slope
            terms = [abs(gap[k]) * powers[k] for k in range(self.order)]
            return (sum(terms) + abs(end[self.order]) * powers[self.order]).upper()

        return bound(self.x_slope, there[0], around[0]), each(bound, self.b_slope, there[1], around[1])

    def _slope_at(self, shift: arb_poly) -> tuple[arb_series, Grid]:
        ctx.cap = size = self.order + 1
        x, s = (
            arb_series(self.x(shift).coeffs(), size),
            each(lambda p: arb_series(p(shift).coeffs(), size), self.s),
        )
        return self.flow.slope(x, s)


class Box:
    """The state within p ± e over some time, and the partial derivatives of f there."""

    def __init__(self, part: Step | Half, time: arb, x_bound: arb, s_bound: Grid) -> None:
        flow = self.flow = part.flow
        q, gains, weights = flow.q, flow.gains, flow.weights
        self.s = each(lambda p, bound: ball(p(time), bound), part.s, s_bound)
        neurons = flow.neurons(x := ball(part.x(time), x_bound))
        if not all(w > 0 for w in neurons):
            raise Refused("the bound of x lets the signal grow without end")
        self.signal_margin, self.margins = gains[0] * (signal := flow.signal(x)), flow.per_point(self.s**q)
        turn = flow.exponent * sum((w.log() * (flow.exponent - 1)).exp() for w in neurons)
        scale = arb(-q * (q - 2)) / flow.samples
        self.x_by_x, self.x_by_margin, pulls = arb(0), [], []
        for margin in self.margins:
            psi = [1 / ((gain * signal + margin).exp() + 1) for gain in gains]
            falls = [weight * ((1 - 2 * p) ** 2 - 1) / 4 for weight, p in zip(weights, psi, strict=True)]
            by_signal = gains[0] * falls[0] + gains[1] * falls[1]
            self.x_by_x += (gains[0] ** 2 * falls[0] + gains[1] ** 2 * falls[1]) * turn * scale
            self.x_by_margin.append(abs(by_signal * scale))
            pulls.append((weights[0] * psi[0] + weights[1] * psi[1], falls[0] + falls[1], by_signal * turn))
        self.pull, self.by_margin, self.by_x = (flow.per_patch(column) for column in zip(*pulls, strict=True))

    def growth(self, x_bound: arb, b_bound: Grid, s_bound: Grid) -> tuple[arb, Grid]:
        """The right-hand side of the differential inequality at these bounds, without the defect."""
        flow, q, power = self.flow, self.flow.q, self.s ** (self.flow.q - 1)
        spread = abs(power) * q * s_bound
        totals = flow.per_point(spread)
        x_growth = self.x_by_x * x_bound + sum(a * e for a, e in zip(self.x_by_margin, totals, strict=True))
        own = (q - 1) * self.pull * self.s ** (q - 2) + q * self.by_margin * power**2
        held = np.diag(flow.coupling)[:, None] * b_bound
        around = abs(own) * (s_bound - held) + abs(power * self.by_margin) * (flow.per_patch(totals) - spread)
        return x_growth, (own * held + around + abs(power * self.by_x) * x_bound) * q / flow.samples


class Checker:
    """Checks steps of a certificate, any range of them on its own, and gathers what they prove."""

    def __init__(self, data: Any) -> None:
        ctx.prec = 128  # bits of the balls
        self.flow = flow = Flow(data)
        names = ("durations", "clock", "moved", "clock_bounds", "moved_bounds")
        parts = self.durations, self.x, self.b, self.ex, self.eb = [np.asarray(data[name]) for name in names]
        self.steps, self.pieces, order = len(self.durations), self.ex.shape[1] - 1, self.x.shape[1] - 1
        grid, first, second = flow.start.shape, (self.steps, order + 1), (self.steps, self.pieces + 1)
        if [part.shape for part in parts] != [first[:1], first, (*first, *grid), second, (*second, *grid)]:
            raise Refused("the shapes of the arrays do not fit together")
        positive = all(bool((part > 0).all()) for part in (self.durations, self.ex, self.eb))
        if min(self.steps, order, self.pieces) < 1 or self.pieces % 2 or not positive:
            raise Refused("no steps, an odd number of pieces, or a duration or bound that is not positive")

    def check_steps(self, first: int, last: int) -> list[Moment]:
        """Check the steps from ``first`` to before ``last``, each with its link to the one before."""
        found, before = list[Moment](), self._step(first - 1) if first else None
        for index in range(first, last):
            step = self._step(index)
            self._check_start(index, step, before)
            for piece in range(self.pieces):
                if piece % (self.pieces // 2) == 0:
                    half = Half(step, int(piece > 0))
                    defect = half.defect()
                found.append(self._check_piece(index, step, half, piece, defect))
            before = step
        return found

    def _step(self, index: int) -> Step:
        return Step(self.flow, self.durations[index], self.x[index], self.b[index])

    def _bounds(self, index: int, piece: int) -> tuple[arb, Grid, Grid]:
        """Bounds of x, of b, and with them of s."""
        moved = exactly(self.eb[index, piece])
        return exact(self.ex[index, piece]), moved, self.flow.sizes @ moved

    def _check_start(self, index: int, step: Step, before: Step | None) -> None:
        """The bounds at the step's begin hold what the step before left, or the initial state."""
        x, b, zero = self.flow.x, each(lambda _: arb(0), step.b), arb(0)
        x_bound, bound = zero, b
        if before is not None:
            x, b = before.x(before.duration), each(lambda p: p(before.duration), before.b)
            x_bound, bound, _ = self._bounds(index - 1, self.pieces)
        own_x, own, _ = self._bounds(index, 0)
        gaps = abs(each(lambda p: p(zero), step.b) - b) + bound
        if not (own_x >= abs(step.x(zero) - x) + x_bound and (own >= gaps).all()):
            raise Refused(f"step {index} does not start from where the one before ends")

    def _check_piece(self, index: int, step: Step, half: Half, piece: int, defect: tuple[arb, Grid]) -> Moment:
        old, new = self._bounds(index, piece), self._bounds(index, piece + 1)
        length, end = step.duration / self.pieces, step.duration * (piece + 1) / self.pieces
        during = ball(middle := end - length / 2 - half.middle, length / 2)
        box = Box(half, during, old[0].max(new[0]), each(arb.max, old[2], new[2]))
        for bounds in (old, new):
            x_growth, growth = box.growth(*bounds)
            enough = (new[1] - old[1]) / length > growth + defect[1]
            enough &= abs(middle) + length / 2 <= half.radius  # where the defect was bounded
            if not (enough.all() and (new[0] - old[0]) / length > x_growth + defect[0]):
                raise Refused(f"step {index}, piece {piece}: a bound grows more slowly than the error may")
        after = Box(half, end - half.middle, new[0], new[2])
        signal, noise = (box.signal_margin, after.signal_margin), (box.margins, after.margins)
        return high(signal[0]), max(map(high, noise[0])), low(signal[1]), max(map(low, noise[1]))

    def conclude(self, moments: Sequence[Moment]) -> dict[str, Any]:
        """What follows from all steps: intervals [low, high], bounds of errors. Margins and errors are at ``end``.

        The times contain the first with z >= 1 and with some V_i >= 1; z never falls, as κ >= 0.
        """
        if len(moments) != self.steps * self.pieces:
            raise Refused("not every step was checked")
        starts = [arb(0)]
        for duration in self.durations:
            starts += [starts[-1] + exact(duration) * k / self.pieces for k in range(1, self.pieces + 1)]

        def first(highs: Sequence[float], lows: Sequence[float], what: str) -> list[float]:
            begun, reached = (next((k for k, end in enumerate(ends) if end >= 1), None) for ends in (highs, lows))
            if begun is None or reached is None:
                raise Refused(f"{what} is not reached")
            return [low(starts[begun]), high(starts[reached + 1])]

        columns = list(zip(*moments, strict=True))
        step, (x_bound, b_bound, s_bound) = self._step(self.steps - 1), self._bounds(self.steps - 1, self.pieces)
        box = Box(step, step.duration, x_bound, s_bound)
        z, attacked = box.signal_margin, self.flow.gains[1] / self.flow.gains[0] * box.signal_margin
        covariance = self._covariance(each(lambda p, bound: ball(p(step.duration), bound), step.b, b_bound))
        right = [all(margin + v > 0 for v in box.margins) for margin in (z, attacked)]
        return {
            "signal_time": first(columns[0], columns[2], "the signal"),
            "memorization_time": first(columns[1], columns[3], "memorization"),
            "end": [low(starts[-1]), high(starts[-1])],
            "signal_margin": [low(z), high(z)],
            "noise_margins": [[low(v), high(v)] for v in box.margins],
            "clean_train_error": 0.0 if right[0] else 1.0,
            "robust_train_error": 0.0 if right[1] and attacked >= 0 else 1.0,
            "log10_clean_test_error": self._log10_clean_error(z, covariance),
            "robust_test_error": self._robust_error(attacked, covariance),
        }

    def _covariance(self, b: Grid) -> Grid:
        """σ² times the Gram matrix of the weights orthogonal to the signal: a fresh patch's (<w_r, ξ>) has it."""
        mixed = b.T @ self.flow.start
        return (self.flow.gram + mixed + mixed.T + b.T @ self.flow.coupling @ b) * self.flow.noise**2

    def _log10_clean_error(self, z: arb, covariance: Grid) -> float:
        """An upper bound: |V| > z needs some |<w_r, ξ_j>| above (z / (J Σ_r C_rr^(q/2)))^(1/q) C_rr^(1/2)."""
        q, patches, variances = self.flow.q, self.flow.patches, np.diag(covariance)
        reach = ((z / (sum(c.sqrt() ** q for c in variances) * patches)).log() / q).exp()
        # P(N > r) <= exp(-r²/2) / (r √(2π)) for a standard normal N and r > 0.
        log_bound = (arb(patches * len(variances)) / (reach * (2 * arb.pi()).sqrt())).log() - reach**2 / 2
        return min(0.0, high(log_bound / arb(10).log()))

    def _robust_error(self, attacked: arb, covariance: Grid) -> float:
        """A lower bound: given all but one normal direction, |V| <= z̃ confines one <w_r, ξ_j>, of conditional
        variance 1 / (C^-1)_rr, to an interval no longer than 2 z̃^(1/q)."""
        inverse = arb_mat(covariance.tolist()).inv()
        variance = max(low(1 / inverse[r, r]) for r in range(len(covariance)))
        if not (attacked >= 0 and variance > 0):
            raise Refused("the robust test error has no bound")
        root = (attacked.log() / self.flow.q).exp() if attacked > 0 else arb(0)
        return max(0.0, low((root / (2 * exact(variance)).sqrt()).erfc() / 2))


def require_implied(claims: dict[str, Any], proved: dict[str, Any]) -> None:
    """Refuse a claim that does not contain what was proved: intervals, and bounds from their own side."""
    for name, own in proved.items():
        try:
            claimed = np.asarray(claims[name], dtype=float)
            good = claimed.shape == np.shape(own)
            if good and isinstance(own, list):
                gaps = (np.asarray(own) - claimed).reshape(-1, 2)
                good = bool((gaps[:, 0] >= 0).all() and (gaps[:, 1] <= 0).all())
            elif good:
                good = bool(claimed <= own if name == "robust_test_error" else claimed >= own)
        except (KeyError, TypeError, ValueError):
            good = False
        if not good:
            raise Refused(f"the claim about {name.replace('_', ' ')} does not follow from {own}")


def check(data: Any) -> dict[str, Any]:
    """Check a whole certificate in this process; what it proves, or :class:`Refused`."""
    checker = Checker(data)
    proved = checker.conclude(checker.check_steps(0, checker.steps))
    require_implied(json.loads(str(data["claims"])), proved)
    return proved
