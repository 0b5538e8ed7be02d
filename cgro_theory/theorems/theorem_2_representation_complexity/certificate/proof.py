"""Proof that a built circuit classifies every training ball correctly: no attack, no sampling, no intention.

For each ball a lower bound of the margin y_i f(x) over the whole ball, from the stored weights. When the
circuit has the shape of a memorizer the bound uses what its indicators were *read* to be
(:mod:`indicator_reading`); anything else goes through plain interval arithmetic on the ball's bounding box.
Both are sound for every circuit; a ball is certified only when its bound is > 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..networks.circuit import ROUNDING, TINY, Bounds, Circuit
from ..networks.training_set import TrainingSet, require_norm, require_radius
from .box_reading import BoxReading, outward_faces
from .indicator_reading import read_indicators
from .norm_reading import NormReading
from .witness import Witness, find_witness

Array = NDArray[np.float64]

_MOST_UNREAD = 64


@dataclass(frozen=True, eq=False)
class Certificate:
    """What was proved about the N balls.

    margins: (N,), a lower bound of y_i f over each ball; a ball is certified when it is > 0. ``method`` is
    ``readings`` or ``intervals``; ``unread`` lists indicators whose weights match no normal form.
    ``witnesses`` replay, exactly, a misclassified point of some of the uncertified balls.
    """

    margins: Array
    method: str
    unread: tuple[int, ...]
    witnesses: tuple[Witness, ...]

    @property
    def uncertified(self) -> tuple[int, ...]:
        """The balls without a proof (NaN margins included)."""
        return tuple(int(ball) for ball in np.flatnonzero(~(self.margins > 0.0)))

    @property
    def is_complete(self) -> bool:
        """Whether every ball is proved to be classified correctly: robust train error 0."""
        return not self.uncertified


def certify(
    circuit: Circuit,
    data: TrainingSet,
    perturbation_radius: float,
    norm_order: float,
    *,
    max_witnesses: int = 1,
    seed: int = 0,
) -> Certificate:
    """Bound y_i f(x) from below over every ball ‖x - x_i‖_p <= δ, rounded outward.

    Cost O(N² D) time in the worst case, O(N D) memory: balls are taken in blocks. For up to
    ``max_witnesses`` uncertified balls a misclassified point is searched (``seed``) and replayed exactly.
    Raises :class:`InvalidInput` when opposite labels are not more than 2δ apart.
    """
    order = require_norm(norm_order)
    require_radius(perturbation_radius, data, order)
    radius = float(perturbation_radius)
    box = outward_faces(data.points, radius)
    head = _read_head(circuit, data.num_samples)
    reading = read_indicators(circuit) if head is not None else None
    matches = reading is not None and (isinstance(reading, BoxReading) or reading.norm_order == order)
    margins: Array | None = None
    unread: tuple[int, ...] = ()
    if head is not None and reading is not None and matches:
        everywhere = np.arange(data.num_samples)
        trusted = reading.is_read & reading.covers(data.points, radius, everywhere)
        unread = tuple(int(unit) for unit in np.flatnonzero(~trusted))
        if len(unread) <= _MOST_UNREAD:
            margins = _margins(circuit, data, radius, box, head, reading, trusted)
    method = "readings"
    if margins is None:
        method = "intervals"
        bounds = circuit.interval(box.low, box.high)
        margins = np.where(data.labels > 0, bounds.low, -bounds.high)
    witnesses = _find_witnesses(circuit, data, radius, order, margins, unread, max_witnesses, seed)
    return Certificate(margins, method, unread, witnesses)


def _find_witnesses(
    circuit: Circuit,
    data: TrainingSet,
    radius: float,
    order: float,
    margins: Array,
    unread: tuple[int, ...],
    wanted: int,
    seed: int,
) -> tuple[Witness, ...]:
    """Witnesses in uncertified balls: first those whose own indicator is unread, then by the worst bound."""
    failed = np.flatnonzero(~(margins > 0.0))
    suspicious = np.isin(failed, unread)
    ranked = failed[np.lexsort((np.nan_to_num(margins[failed], nan=-math.inf), ~suspicious))]
    found: list[Witness] = []
    for ball in ranked[: 4 * wanted].tolist():
        if len(found) == wanted:
            break
        witness = find_witness(circuit, data, ball, radius, order, np.random.default_rng([seed, ball]))
        if witness is not None:
            found.append(witness)
    return tuple(sorted(found, key=lambda witness: witness.ball))


@dataclass(frozen=True, eq=False)
class _Head:
    """output = b + Σ_g o_g ReLU(c_g + a_g f + Σ_j G_gj I_j) + Σ_j h_j I_j. direct h: (N,); mixing G: (g, N)."""

    direct: Array
    output_bias: float
    gate_weights: Array
    gate_clean: Array
    gate_biases: Array
    mixing: Array


def _read_head(circuit: Circuit, count: int) -> _Head | None:
    """The layers above the indicators, or None when the circuit has another shape."""
    output, gate = circuit.blocks[-1], circuit.named.get("gate")
    clean, indicator = circuit.named.get("clean"), circuit.named.get("indicator")
    if gate is None or clean is None or indicator is None or indicator.units != count:
        return None
    above = {edge.source: edge.weights.toarray() for edge in output.incoming}
    below = {edge.source: edge.weights.toarray() for edge in gate.incoming}
    if output.is_relu or output.units != 1 or set(above) != {"gate", "indicator"}:
        return None
    if not gate.is_relu or clean.is_relu or clean.units != 1 or set(below) != {"clean", "indicator"}:
        return None
    return _Head(
        above["indicator"][0],
        float(output.biases[0]),
        above["gate"][0],
        below["clean"][:, 0],
        gate.biases,
        below["indicator"],
    )


def _margins(
    circuit: Circuit,
    data: TrainingSet,
    radius: float,
    box: Bounds,
    head: _Head,
    reading: BoxReading | NormReading,
    trusted: NDArray[np.bool_],
) -> Array:
    """Lower bounds of y_i f over the balls; indicators that could help ball i, other than its own, count 0."""
    own = reading.own(data.points, radius)
    own_low, own_high = own.low.copy(), own.high.copy()
    wild: dict[int, Bounds] = {}
    for unit in np.flatnonzero(~trusted).tolist():
        wild[unit] = circuit.pruned("indicator", unit).interval(box.low, box.high)
        own_low[unit], own_high[unit] = wild[unit].low[unit], wild[unit].high[unit]
    clean = circuit.pruned("clean", 0).interval(box.low, box.high)
    margins = np.full(data.num_samples, -math.inf)
    for label in (-1.0, 1.0):
        rows = np.flatnonzero(data.labels == label)
        hurts = (label * head.direct < 0.0) | np.any(head.mixing > 0.0, axis=0)
        columns = np.flatnonzero(hurts & trusted)
        direct_harm = np.zeros(rows.size)
        gate_harm = np.zeros((head.gate_weights.size, rows.size))

        # Called within this iteration only, so the loop's arrays that it closes over (B023) are the right ones.
        def add(part: Any, harm: Array, units: Any, own_rows: Any) -> None:
            harm[own_rows[:, None] == np.asarray(units)[None, :]] = 0.0  # a ball's own indicator is bounded apart
            direct_harm[part] += harm @ np.maximum(-label * head.direct[units], 0.0)  # noqa: B023
            gate_harm[:, part] += np.maximum(head.mixing[:, units], 0.0) @ harm.T  # noqa: B023

        if columns.size:
            for part, block in reading.upper_blocks(data.points[rows], radius, columns):
                add(part, block, columns, rows[part])
        for unit, bounds in wild.items():
            if hurts[unit]:
                add(slice(None), bounds.high[rows][:, None].copy(), [unit], rows)
        margins[rows] = _combine(label, rows, head, own_low, own_high, clean, direct_harm, gate_harm)
    return margins


def _combine(
    label: float,
    rows: NDArray[np.intp],
    head: _Head,
    own_low: Array,
    own_high: Array,
    clean: Bounds,
    direct_harm: Array,
    gate_harm: Array,
) -> Array:
    low, high = own_low[rows], own_high[rows]
    slack = (2 * head.direct.size + 64) * ROUNDING  # sums of at most N + 4 terms, products included

    mixing, scale = head.mixing[:, rows], head.gate_clean[:, None]
    from_clean = np.maximum(scale * clean.low[rows], scale * clean.high[rows])
    from_own = np.maximum(mixing * low, mixing * high)
    size = np.abs(from_clean) + np.abs(from_own) + gate_harm + np.abs(head.gate_biases[:, None])
    gate = from_clean + from_own + gate_harm + head.gate_biases[:, None]
    gate = np.where(
        (gate_harm == 0.0).all(axis=0) & _surely_closed(head, scale, clean, rows, mixing, low),
        0.0,
        np.maximum(gate + slack * size + TINY, 0.0),
    )
    loss = np.minimum(label * head.gate_weights[:, None] * gate, 0.0).sum(axis=0)
    direct = np.minimum(label * head.direct[rows] * low, label * head.direct[rows] * high)
    bias = label * head.output_bias
    margin = direct - direct_harm + loss + bias
    size = np.abs(loss) + direct_harm + np.abs(bias)
    # Without harm, loss or bias the margin is one product and exact up to one rounding.
    total = np.where(size == 0.0, np.nextafter(direct, -math.inf), margin - slack * (size + np.abs(direct)) - TINY)
    return np.asarray(np.where((size == 0.0) & (np.abs(head.direct[rows]) == 1.0), direct, total))


def _surely_closed(
    head: _Head, scale: Array, clean: Bounds, rows: NDArray[np.intp], mixing: Array, low: Array
) -> NDArray[np.bool_]:
    """Gates a f - B I <= 0 without bias whose two sides are single floats: the comparison itself is exact."""
    simple = (head.gate_biases == 0.0).all() and (np.abs(scale) == 1.0).all()
    if not simple:
        return np.zeros(rows.size, dtype=bool)
    most = np.maximum(scale * clean.low[rows], scale * clean.high[rows])
    return np.asarray(((most <= -mixing) & (mixing <= 0.0) & (low >= 1.0)).all(axis=0))
