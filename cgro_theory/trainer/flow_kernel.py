"""The flow's right-hand side and integrator as compiled loops; to be imported only where numba is.

The right-hand side is that of :class:`FlowSystem`, the integrator scipy's DOP853 (its coefficients are handed in),
both in another order of summation. A run's steps are taken until there is something to record.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from cgro_theory.trainer.compiled_flow import compiled
from cgro_theory.trainer.neuron_vectors import (
    activate,
    activate_cubic,
    add_product,
    falling_logistic,
    scale,
    sum_of_products,
)

Array = NDArray[np.float64]

SAFETY, SMALLEST_CHANGE, LARGEST_CHANGE = 0.9, 0.2, 10.0
"""Share of the step's length that the error's estimate allows, and limits of its change: scipy's."""
STAGES = 12


@register_jitable  # type: ignore[untyped-decorator]  # numba has no types
def _slopes_and_sums(values: Array, slopes: Array, start: int, length: int, degree: int) -> float:
    """|v|^(q-1) of ``length`` elements from ``start`` on, kept in ``slopes``, and Σ v |v|^(q-1)."""
    if degree == 3:
        return float(activate_cubic(values, slopes, start, length, degree))
    return float(activate(values, slopes, start, length, degree))


def _move(
    state: Array,
    gram: Array,
    labels: Array,
    starts: Array,
    weights: Array,
    signal_floor: float,
    noise_floors: Array,
    degree: int,
    gains: Array,
    inverse_scale: float,
    margins: Array,
    room: Array,
    out: Array,
) -> None:
    """du/dt and dv/dt into ``out``, or where ``state`` is (u, v, τ) their derivative and τ's in the clock.

    What has not the sign of ``starts``, shape (1 or 2, m) for u and v's first row, is taken as 0. U and the V_i go
    into ``margins``, shape (1 + N,).
    ``inverse_scale`` is 1/t_c, ``gram`` the Gram matrix in one row. ``room``, shape (3, rows · padded m), is for u
    and the rows of v, with zeros where m is padded, their slopes and how they move.
    """
    width, samples, patches = starts.shape[1], labels.size, noise_floors.size
    padded = room.shape[1] // (1 + patches)
    values, slopes, moving = room[0], room[1], room[2]
    for k in range(1 + patches):
        for r in range(width):
            values[k * padded + r] = state[k * width + r]
    sizes = np.empty(1 + patches)
    for k in range(1 + patches):
        sizes[k] = sum_of_products(values, values, k * padded, padded)
    for k in range(len(starts)):
        for r in range(width):
            if values[k * padded + r] * starts[k, r] < 0.0:
                values[k * padded + r] = 0.0
    signal = _slopes_and_sums(values, slopes, 0, padded, degree)
    margins[0] = signal
    own = padded * (patches // samples)
    pulls = np.empty((2, samples))
    for i in range(samples):
        margins[1 + i] = labels[i] * _slopes_and_sums(values, slopes, padded + i * own, own, degree)
        pulls[0, i] = gains[0] * signal + margins[1 + i]
        pulls[1, i] = gains[1] * signal + margins[1 + i]
    falling_logistic(pulls.reshape(-1))
    gain, share = 0.0, degree / samples
    for i in range(samples):
        clean, attacked = weights[0] * pulls[0, i], weights[1] * pulls[1, i]
        gain += gains[0] * clean + gains[1] * attacked
        scale(slopes, padded + i * own, own, (clean + attacked) * labels[i] * share)
    for r in range(width):
        moving[r] = gain * share * slopes[r]
    moving[width:] = 0.0
    add_product(gram, slopes[padded:], moving[padded:], patches)
    for k in range(1 + patches):
        for r in range(width):
            out[k * width + r] = moving[k * padded + r]
    last = (1 + patches) * width
    if state.size == last:
        return
    largest = 0.0
    for k in range(1 + patches):
        floor = noise_floors[k - 1] if k > 0 else signal_floor
        sizes[k] = sum_of_products(moving, moving, k * padded, padded) / (sizes[k] + floor)
        largest = max(largest, sizes[k])
    total = 0.0
    if largest > 0.0:
        for k in range(1 + patches):
            total += (sizes[k] / largest) ** 2
    inverse_age = math.exp(-state[last]) * inverse_scale
    tick = 1.0 / (inverse_age + math.sqrt(largest * math.sqrt(total)))
    for index in range(last):
        out[index] *= tick
    out[last] = tick * inverse_age


move = compiled(_move)


@register_jitable  # type: ignore[untyped-decorator]  # numba has no types
def _combine(start: Array, stages: Array, factors: Array, length: float, out: Array) -> None:
    """``start`` and ``length`` times the sum of ``factors`` times ``stages``."""
    out[:] = start
    for stage in range(len(factors)):
        if factors[stage] != 0.0:
            factor, slope = length * factors[stage], stages[stage]
            for index in range(out.size):
                out[index] += factor * slope[index]


@register_jitable  # type: ignore[untyped-decorator]  # numba has no types
def _error(stages: Array, length: float, sizes: Array, coefficients: Array, room: Array) -> float:
    """DOP853's estimate in units of ``sizes``, from its two of the fifth and the third order."""
    squares = np.zeros(2)
    for order in range(2):
        room[:] = 0.0
        _combine(room, stages, coefficients[order], 1.0, room)
        for index in range(room.size):
            squares[order] += (room[index] / sizes[index]) ** 2
    if squares[0] == 0.0 and squares[1] == 0.0:
        return 0.0
    return float(abs(length) * squares[0] / math.sqrt((squares[0] + 0.01 * squares[1]) * sizes.size))


def _advance(
    numbers: Array,
    state: Array,
    before: Array,
    slope: Array,
    stages: Array,
    tableau: tuple[Array, Array, Array],
    tolerances: Array,
    fixed: tuple[Array, Array, Array, Array, float, Array, int, Array, float, Array, Array],
    levels: Array,
    learned: NDArray[np.bool_],
    log_time: float,
    towards: float,
    most: int,
) -> int:
    """Take steps until a state is reached that is to be looked at, ``most`` at most; give their number.

    To be looked at is a state in which a margin that is not ``learned`` has reached its level, τ has reached
    ``log_time``, U has no longer the sign ``towards`` (0: whatever its sign) or something is not finite.

    ``numbers`` are the clock, the clock before the last step and the next step's length; they, the state, that
    ``before`` the last step and the last step's ``stages``, shape (13, n), are written in place. A length of 0
    says that no step could be taken. ``tableau``: the matrix A and the weights B of the stages, and those of the
    two estimates. ``tolerances``: relative and absolute ones.
    """
    trial, sizes = np.empty_like(state), np.empty_like(state)
    gram, labels, starts, weights, floor, floors, degree, gains, inverse_scale, margins, room = fixed
    matrix, ends, estimates = tableau
    taken = 0
    while taken < most:
        clock, length, rejected = numbers[0], numbers[2], False
        shortest = 10.0 * (np.nextafter(clock, np.inf) - clock)
        length = max(length, shortest)
        while True:
            if not length >= shortest:
                numbers[2] = 0.0
                return taken
            length = (clock + length) - clock
            stages[0] = slope
            for stage in range(1, STAGES + 1):
                weighted = matrix[stage, :stage] if stage < STAGES else ends
                _combine(state, stages, weighted, length, trial)
                move(
                    trial, gram, labels, starts, weights, floor, floors, degree, gains, inverse_scale, margins,
                    room, stages[stage],
                )  # fmt: skip
            for index in range(state.size):
                size = max(abs(state[index]), abs(trial[index]))
                sizes[index] = tolerances[1, index] + size * tolerances[0, index]
            before[:] = trial
            error = _error(stages, length, sizes, estimates, trial)
            change = LARGEST_CHANGE if error == 0.0 else SAFETY * error ** (-0.125)
            if error < 1.0:
                break
            length *= change if change > SMALLEST_CHANGE else SMALLEST_CHANGE
            rejected = True
        for index in range(state.size):
            before[index], state[index] = state[index], before[index]
        slope[:] = stages[STAGES]
        numbers[0], numbers[1] = clock + length, clock
        numbers[2] = length * min(1.0 if rejected else LARGEST_CHANGE, change)
        taken += 1
        signal = 0.0
        for r in range(starts.shape[1]):
            signal += state[r] * abs(state[r]) ** (degree - 1)
        seen = state[state.size - 1] >= log_time or towards * signal < 0.0 or (towards != 0.0 and signal == 0.0)
        seen = seen or (signal >= levels[0] and not learned[0])
        for i in range(1, levels.size):
            seen = seen or (margins[i] >= levels[i] and not learned[i])
        for index in range(state.size):
            seen = seen or not math.isfinite(state[index])
        if seen:
            break
    return taken


advance = compiled(_advance)
