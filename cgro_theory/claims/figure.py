"""A figure as data: what is drawn, with labels and units, and no word on how.

A theorem's room returns these; ``report`` draws them and also writes their numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Series:
    """One curve: ``x`` and ``y`` of equal length, optionally a band between ``low`` and ``high``.

    ``colour`` numbers a hue of the palette; curves that share a hue belong together. ``faint`` curves are
    drawn thin and get one legend entry at most (an empty ``label`` gives none).
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 0
    style: Literal["line", "dashed", "points"] = "line"
    faint: bool = False
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True)
class Marker:
    """A straight line across a panel at ``value``, or a shaded span from ``value`` to ``until``."""

    label: str
    value: float
    axis: Literal["x", "y"] = "x"
    until: float | None = None
    colour: int = 7


@dataclass(frozen=True)
class Panel:
    """One pair of axes; ``legend`` goes ``below`` where the data fill the whole panel."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    markers: tuple[Marker, ...] = ()
    x_scale: Literal["linear", "log"] = "linear"
    y_scale: Literal["linear", "log", "symlog"] = "linear"
    legend: Literal["inside", "below"] = "inside"


@dataclass(frozen=True)
class Figure:
    """A named figure of one or more panels, side by side; ``caption`` says what to see in it.

    ``claims`` are the labels of the claims that it shows.
    """

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    claims: tuple[str, ...] = ()
