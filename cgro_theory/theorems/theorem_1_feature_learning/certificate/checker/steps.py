"""Steps: the defect of their polynomials, and whether the bounds grow faster than the distance may."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, arb_mat, arb_poly, arb_series, ctx

from .flow import Flow
from .reading import Grid, Refused, ball, each, exact, exactly, floats, high, low

FORMAT = "cgro certificate 1"

Moment = tuple[float, float, float, float]
"""Of one piece of a step: above z, above every V_i all through it; below z, below some V_i at its end."""


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
    """Checks steps of a certificate, any range of them on its own."""

    def __init__(self, data: Any) -> None:
        ctx.prec = 128  # bits of the balls
        if str(data["format"]) != FORMAT:
            raise Refused(f"its format is not {FORMAT!r}")
        self.flow = flow = Flow(data)
        self.steps, self.pieces = (np.shape(data[name])[-1] for name in ("durations", "clock_bounds"))
        self.pieces -= 1
        first, second, grid = np.shape(data["clock"]), (self.steps, self.pieces + 1), flow.start.shape
        self.durations = floats(data, "durations", self.steps)
        self.x, self.b = floats(data, "clock", *first), floats(data, "moved", *first, *grid)
        self.ex, self.eb = floats(data, "clock_bounds", *second), floats(data, "moved_bounds", *second, *grid)
        if len(first) != 2 or first[0] != self.steps or min(*first, self.pieces) < 1 or self.pieces % 2:
            raise Refused("no steps, steps that do not fit together, or an odd number of pieces")
        if not all(bool((part > 0).all()) for part in (self.durations, self.ex, self.eb)):
            raise Refused("a duration or a bound is not positive")

    def check_steps(self, first: int, last: int) -> list[Moment]:
        """Check the steps from ``first`` to before ``last``, each with its link to the one before."""
        found, before = list[Moment](), self.step(first - 1) if first else None
        for index in range(first, last):
            step = self.step(index)
            self._check_start(index, step, before)
            for piece in range(self.pieces):
                if piece % (self.pieces // 2) == 0:
                    half = Half(step, int(piece > 0))
                    defect = half.defect()
                found.append(self._check_piece(index, step, half, piece, defect))
            before = step
        return found

    def step(self, index: int) -> Step:
        """The polynomials of the step ``index``."""
        return Step(self.flow, self.durations[index], self.x[index], self.b[index])

    def bounds(self, index: int, piece: int) -> tuple[arb, Grid, Grid]:
        """Bounds of x, of b, and with them of s, where a piece of a step begins, or the last one ends."""
        moved = exactly(self.eb[index, piece])
        return exact(self.ex[index, piece]), moved, self.flow.sizes @ moved

    def _check_start(self, index: int, step: Step, before: Step | None) -> None:
        """The bounds at the step's begin hold what the step before left, or the initial state."""
        x, b, zero = self.flow.x, each(lambda _: arb(0), step.b), arb(0)
        x_bound, bound = zero, b
        if before is not None:
            x, b = before.x(before.duration), each(lambda p: p(before.duration), before.b)
            x_bound, bound, _ = self.bounds(index - 1, self.pieces)
        own_x, own, _ = self.bounds(index, 0)
        gaps = abs(each(lambda p: p(zero), step.b) - b) + bound
        if not (own_x >= abs(step.x(zero) - x) + x_bound and (own >= gaps).all()):
            raise Refused(f"step {index} does not start from where the one before ends")

    def _check_piece(self, index: int, step: Step, half: Half, piece: int, defect: tuple[arb, Grid]) -> Moment:
        old, new = self.bounds(index, piece), self.bounds(index, piece + 1)
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
