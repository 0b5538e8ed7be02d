"""One labelling that is far cheaper than the worst: parity of the corner's bits, robust with 9(D-1) parameters.

The lower bounds of :mod:`lower_bound` are about the worst labelling. Here every bit is rounded by two ReLUs, which
undoes the attack exactly, and a sawtooth with D - 1 teeth reads the sum of the rounded bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from cgro_theory.errors import InvalidInput, require_finite, require_integer

from ..networks.circuit import INPUT, Circuit, block
from .hypercube import HypercubeInstance


@dataclass(frozen=True)
class BallVerdicts:
    """Of K balls: ``broken`` at their centre, ``robust`` by proof, both in exact rationals; the rest is open."""

    broken: int
    robust: int
    total: int


def parity_instance(input_dimension: int) -> HypercubeInstance:
    """The hypercube with label +1 at corners with an even number of ones, else -1."""
    corners = range(1 << (require_integer("input_dimension", input_dimension, 2, 30) - 1))
    return HypercubeInstance(input_dimension, np.array([1.0 - 2.0 * (c.bit_count() % 2) for c in corners]))


def parity_circuit(input_dimension: int, perturbation_radius: float = 0.25) -> Circuit:
    """The robust parity net for n = D - 1 bits and 0 < δ < 1/2: four layers, 9n edges and biases.

    Per bit two units w ReLU(x - δ) - w ReLU(x - u), u = 1 - δ rounded down and w = 1/(u - δ): constant on [-δ, δ]
    and on [1-δ, 1+δ] (4n, and 2n edges into their sum s); teeth ReLU(s - j), j = 0 … n-1 (2n - 1: the first has
    no bias); output 1 - 2s + 4 Σ_(j>=1) (-1)^(j+1) ReLU(s - j), which is ±1 at the integers (n + 1). Without the
    unit s, three layers, every tooth would read all 2n units: 2n² + 6n.
    """
    bits = require_integer("input_dimension", input_dimension, 2) - 1
    low = require_finite("perturbation_radius", perturbation_radius)
    if not 0.0 < low < 0.5:
        raise InvalidInput("perturbation_radius", perturbation_radius, "in (0, 1/2)")
    high = 1.0 - low
    if Fraction(high) > 1 - Fraction(low):
        high = math.nextafter(high, 0.0)
    slope = 1.0 / (high - low)
    units = np.arange(2 * bits + 1)
    reads = csr_array((np.ones(2 * bits), np.repeat(np.arange(bits), 2), units), shape=(2 * bits, bits + 1))
    teeth = np.arange(bits, dtype=np.float64)
    heights = np.where(teeth == 0.0, -2.0, 4.0 * (-1.0) ** (teeth + 1.0))
    blocks = (
        block("round", True, {INPUT: reads}, np.tile([-low, -high], bits)),
        block("sum", True, {"round": csr_array(np.tile([slope, -slope], bits)[None, :])}, [0.0], has_bias=False),
        block("teeth", True, {"sum": csr_array(np.ones((bits, 1)))}, -teeth, has_bias=teeth > 0.0),
        block("output", False, {"teeth": csr_array(heights[None, :])}, [1.0]),
    )
    return Circuit(bits + 1, blocks)


def judge_balls(instance: HypercubeInstance, circuit: Circuit) -> BallVerdicts:
    """Decide each of the K balls from the stored weights, in exact rationals (K exact evaluations of each end).

    A unit of the first block reads one input, so its pre-activation is linear and monotone along the ball: where
    its two ends have no opposite signs, the block is linear on the ball. If moreover the block above has gradient
    0 there, the output is one number on the whole ball, the one at the centre.
    """
    first, second = circuit.blocks[0], circuit.blocks[1]
    edges, above = first.incoming[0].weights.toarray(), second.incoming[0].weights.toarray()
    readable = (
        len(first.incoming) == len(second.incoming) == 1
        and second.incoming[0].source == first.name
        and bool(np.all(np.count_nonzero(edges, axis=1) <= 1))
        and all(edge.source != INPUT for entry in circuit.blocks[1:] for edge in entry.incoming)
        and all(edge.source != first.name for entry in circuit.blocks[2:] for edge in entry.incoming)
    )
    corners = np.arange(instance.num_corners)
    radius = Fraction(instance.perturbation_radius)
    broken = robust = 0
    for point, label in zip(instance.points(corners).tolist(), instance.labels.tolist(), strict=True):
        centre = [Fraction(value) for value in point]
        if not Fraction(label) * circuit.evaluate_exact(centre) > 0:
            broken += 1
        elif readable:
            ends = [
                circuit.exact_preactivations([value + sign * radius for value in centre])[first.name]
                for sign in (-1, 1)
            ]
            if all(a * b >= 0 for a, b in zip(*ends, strict=True)):
                active = np.array([a + b > 0 for a, b in zip(*ends, strict=True)])
                robust += _has_no_gradient(above[:, active], edges[active])
    return BallVerdicts(broken, robust, instance.num_corners)


def _has_no_gradient(above: NDArray[np.float64], below: NDArray[np.float64]) -> bool:
    """Whether the product of the two matrices is 0, in exact rationals."""
    columns = [[Fraction(value) for value in column] for column in below.T.tolist()]
    rows = [[Fraction(value) for value in row] for row in above.tolist()]
    return all(sum(a * b for a, b in zip(r, c, strict=True)) == 0 for r in rows for c in columns)
