"""What is read of the file, and balls: every number of the file is one of radius 0."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

Grid = Any  # an array of balls, polynomials or series, one per noise patch and neuron. shape: (n, m)


class Refused(ValueError):
    """The file does not prove what it claims."""


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


def floats(data: Any, name: str, *shape: int) -> Any:
    """An array of the file, refused unless it has just this shape and holds floats of 64 bits."""
    array = np.asarray(data[name])
    if array.dtype != np.float64 or array.shape != shape:
        raise Refused(f"{name} is no array of float64 of shape {shape}")
    return array


def document(data: Any, name: str) -> dict[str, Any]:
    """A JSON object of the file, in which no name stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise Refused(f"a name stands twice in {name}")
        return dict(pairs)

    found = json.loads(str(data[name]), object_pairs_hook=once)
    if not isinstance(found, dict):
        raise Refused(f"{name} is no JSON object")
    return found


exactly = np.vectorize(exact, otypes=[object])


def each(function: Callable[..., Any], *grids: Grid) -> Grid:
    """A function of the entries of grids, entry by entry."""
    return np.frompyfunc(function, len(grids), 1)(*grids)


def ball(value: arb, radius: arb) -> arb:
    """The ball widened by a radius."""
    return value + arb(0, radius.upper())
