"""Draws figures that are given as data: PNG and SVG, colour-blind safe, labels and units on every axis."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from cgro_theory.atomic_file import atomic_write
from cgro_theory.claims import Figure, Panel, Series

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#666666")
"""Okabe and Ito's colours, with grey last; each is told apart under the common colour-vision deficiencies."""

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": True,
    "legend.framealpha": 0.9,
    "legend.edgecolor": "none",
    "svg.hashsalt": "cgro",
    "svg.fonttype": "none",
}


def save_figures(figures: Iterable[Figure], folder: Path) -> list[Path]:
    """Write each figure as PNG, SVG and its numbers as JSON into ``folder``; return the paths."""
    written = []
    for figure in figures:
        for suffix, content in render(figure).items():
            path = folder / f"{figure.name}.{suffix}"
            with atomic_write(path) as stream:
                stream.write(content)
            written.append(path)
    return written


def render(figure: Figure) -> dict[str, bytes]:
    """The figure as ``png``, ``svg`` and ``json`` bytes."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(1.0 + 5.2 * len(figure.panels), 4.4), layout="constrained")
        below: dict[str, Artist] = {}
        for index, panel in enumerate(figure.panels):
            axes = canvas.add_subplot(1, len(figure.panels), index + 1)
            _draw(axes, panel)
            if panel.legend == "below":
                below |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
        if below:
            columns = min(len(below), 1 + len(figure.panels))
            canvas.legend(below.values(), below.keys(), loc="outside lower center", ncols=columns, fontsize=8.5)
        canvas.suptitle(figure.title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        files: dict[str, bytes] = {}
        for suffix, options in (("png", {"dpi": 150}), ("svg", {"metadata": {"Date": None}})):
            buffer = io.BytesIO()
            canvas.savefig(buffer, format=suffix, **options)
            files[suffix] = buffer.getvalue()
    text = json.dumps(_without_nan(asdict(figure)), ensure_ascii=False, indent=1, allow_nan=False)
    files["json"] = text.encode() + b"\n"
    return files


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_xscale(panel.x_scale)
    if panel.y_scale == "symlog":
        axes.set_yscale("symlog", linthresh=1e-2)
    else:
        axes.set_yscale(panel.y_scale)
    for series in panel.series:
        _draw_series(axes, series)
    for marker in panel.markers:
        colour = PALETTE[marker.colour % len(PALETTE)]
        if marker.until is not None:
            span = axes.axvspan if marker.axis == "x" else axes.axhspan
            span(marker.value, marker.until, color=colour, alpha=0.12, lw=0, label=marker.label or None)
        else:
            line = axes.axvline if marker.axis == "x" else axes.axhline
            line(marker.value, color=colour, lw=1.2, ls=":", label=marker.label or None)
    for axis, scale in ((axes.xaxis, panel.x_scale), (axes.yaxis, panel.y_scale)):
        if scale == "log":
            _label_log_axis(axis)
    if panel.x_scale == "linear" and all(float(x).is_integer() for series in panel.series for x in series.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.set_title(panel.title, loc="left", fontsize=10)
    if panel.legend == "inside" and axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8.5)


def _label_log_axis(axis: Axis) -> None:
    """Powers of ten only; on less than two decades also their doubles and fives, as plain numbers."""
    low, high = sorted(axis.get_view_interval())
    if low > 0 and high / low < 100.0:
        axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, position: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw_series(axes: Axes, series: Series) -> None:
    colour = PALETTE[series.colour % len(PALETTE)]
    if series.low is not None and series.high is not None:
        axes.fill_between(series.x, series.low, series.high, color=colour, alpha=0.2, lw=0)
    axes.plot(
        series.x,
        series.y,
        color=colour,
        ls={"line": "-", "dashed": "--", "points": "none"}[series.style],
        marker="o" if series.style == "points" else None,
        ms=4,
        lw=0.7 if series.faint else 1.8,
        alpha=0.6 if series.faint else 1.0,
        label=series.label or "_nolegend_",
    )


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
