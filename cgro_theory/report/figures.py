"""Draws figures that are given as data: PNG and SVG, colour-blind safe, labels and units on every axis.

For files a figure is one picture on white. For a page each panel is a picture of its own, which follows the
reader's preference of light or dark, and the legend is told apart from it, once.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from cgro_theory.atomic_file import atomic_write
from cgro_theory.claims import Figure, Panel, Series
from cgro_theory.report.figure_numbers import figure_to_json
from cgro_theory.report.typeset import in_mathtext

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#666666")
"""Okabe and Ito's colours, with grey last; each is told apart under the common colour-vision deficiencies."""

DARK_PALETTE = ("#4DA3F0", "#FF8B45", "#33C99B", "#E5A0C8", "#F0B429", "#A6DCFA", "#EDEDED", "#A8A8A8")
"""The same hues, light enough for a dark page."""

_LIGHT = {"#ffffff": "#ffffff", "#1b1b1b": "#1b1b1b", "#dddddd": "#dddddd"}
_DARK = {"#ffffff": "#16181b", "#1b1b1b": "#ececec", "#dddddd": "#3a3f45"}
"""Of a panel on a page: background, text and axes, grid."""

FEW = 12
"""A line through at most so many points shows them; one through more is a curve."""

STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.sans-serif": ["DejaVu Sans"],
    "text.color": "#1b1b1b",
    "axes.labelcolor": "#1b1b1b",
    "axes.edgecolor": "#1b1b1b",
    "xtick.color": "#1b1b1b",
    "ytick.color": "#1b1b1b",
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
_QUIET = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True)
class KeyEntry:
    """One line of a legend; ``kind`` is how the curve is drawn: line, dashed, points, dotted or span."""

    label: str
    colour: int
    kind: str


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
        key = legend(figure)
        once = len(key) < sum(len(_entries(panel)) for panel in figure.panels)
        below = once or any(panel.legend == "below" for panel in figure.panels)
        handles: dict[str, Any] = {}
        for index, panel in enumerate(figure.panels):
            axes = canvas.add_subplot(1, len(figure.panels), index + 1)
            _draw(axes, panel)
            found, labels = axes.get_legend_handles_labels()
            if below:
                handles |= dict(zip(labels, found, strict=True))
            elif labels:
                axes.legend(fontsize=8.5)
        if handles:
            columns = min(len(handles), 1 + len(figure.panels))
            canvas.legend(
                handles.values(), handles.keys(), loc="outside lower center", ncols=columns, fontsize=8.5
            )
        canvas.suptitle(in_mathtext(figure.title), x=0.01, ha="left", fontsize=12, fontweight="bold")
        _lay_out(canvas)
        files: dict[str, bytes] = {}
        for suffix, options in (("png", {"dpi": 150}), ("svg", {"metadata": {"Date": None}})):
            buffer = io.BytesIO()
            canvas.savefig(buffer, format=suffix, **options)
            files[suffix] = buffer.getvalue()
    files["json"] = figure_to_json(figure)
    return files


def _lay_out(canvas: Canvas) -> None:
    """Place everything now, once: each picture would do it again, and draw twice for it."""
    engine = canvas.get_layout_engine()
    if engine is not None:
        engine.execute(canvas)
        canvas.set_layout_engine(None)


def legend(figure: Figure) -> tuple[KeyEntry, ...]:
    """What the curves of all panels are called, each once."""
    return tuple(dict.fromkeys(entry for panel in figure.panels for entry in _entries(panel)))


def _entries(panel: Panel) -> list[KeyEntry]:
    named = [KeyEntry(each.label, each.colour % len(PALETTE), each.style) for each in panel.series if each.label]
    for marker in panel.markers:
        kind = "dotted" if marker.until is None else "span"
        named += [KeyEntry(marker.label, marker.colour % len(PALETTE), kind)] if marker.label else []
    return named


def panel_svgs(figure: Figure) -> Iterator[str]:
    """Each panel without its legend as an SVG whose colours follow the reader's preference, for ``<img>``."""
    swap = {colour.lower(): f"var(--c{index})" for index, colour in enumerate(PALETTE)}
    swap |= {colour: f"var(--{name})" for colour, name in zip(_LIGHT, ("page", "ink", "grid"), strict=True)}
    light, dark = (
        "".join(f"{variable[4:-1]}:{colour};" for variable, colour in zip(swap.values(), colours, strict=True))
        for colours in ((*PALETTE, *_LIGHT.values()), (*DARK_PALETTE, *_DARK.values()))
    )
    style = (
        f"text{{white-space:pre}}:root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )
    for panel in figure.panels:
        with mpl.rc_context(STYLE), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            canvas = Canvas(figsize=(4.5, 3.5), layout="constrained")
            _draw(canvas.add_subplot(), panel)
            _lay_out(canvas)
            buffer = io.StringIO()
            canvas.savefig(buffer, format="svg", metadata=_QUIET)
        text = re.sub(r"(\d\.\d\d)\d+(?=[^<>]*>)", r"\1", buffer.getvalue())
        text = re.sub("|".join(swap), lambda found: swap[found[0]], text)
        text = text.replace("'DejaVu Sans'\"", "'DejaVu Sans', sans-serif\"").replace(" \n", "\n")
        yield text[text.index("<svg") :].replace('<style type="text/css">', f"<style>{style}", 1)


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
            span(marker.value, marker.until, color=colour, alpha=0.12, lw=0, label=_shown(marker.label) or None)
        else:
            line = axes.axvline if marker.axis == "x" else axes.axhline
            line(marker.value, color=colour, lw=1.2, ls=":", label=_shown(marker.label) or None)
    for axis, scale in ((axes.xaxis, panel.x_scale), (axes.yaxis, panel.y_scale)):
        if scale == "log":
            _label_log_axis(axis)
    if panel.x_scale == "linear" and all(float(x).is_integer() for series in panel.series for x in series.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(in_mathtext(panel.x_label))
    axes.set_ylabel(in_mathtext(panel.y_label))
    axes.set_title(in_mathtext(panel.title), loc="left", fontsize=10)


def _shown(label: str) -> str:
    return in_mathtext(label) if label else ""


def _label_log_axis(axis: Axis) -> None:
    """Powers of ten only; on less than two decades also their doubles and fives, as plain numbers."""
    low, high = sorted(axis.get_view_interval())
    axis.set_major_formatter(FuncFormatter(lambda value, position: _power_of_ten(value)))
    if low > 0 and high / low < 100.0:
        axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, position: _plain_number(value)))
    axis.set_minor_formatter(NullFormatter())


def _power_of_ten(value: float) -> str:
    """In plain characters, which cost a page and matplotlib less than a formula; zero as such.

    >>> _power_of_ten(1e-12), _power_of_ten(1.0)
    ('10⁻¹²', '10⁰')
    """
    sign = "−" if value < 0 else ""
    return f"{sign}10{_raised(round(math.log10(abs(value))))}" if value else "0"


def _plain_number(value: float) -> str:
    """With its commas, or with a power of ten where it is small.

    >>> _plain_number(20000.0), _plain_number(5e-14)
    ('20,000', '5·10⁻¹⁴')
    """
    digits, _, exponent = f"{value:,.10g}".partition("e")
    return f"{digits}·10{_raised(int(exponent))}" if exponent else digits


def _raised(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _draw_series(axes: Axes, series: Series) -> None:
    colour = PALETTE[series.colour % len(PALETTE)]
    if series.low is not None and series.high is not None:
        axes.fill_between(series.x, series.low, series.high, color=colour, alpha=0.2, lw=0)
    axes.plot(
        series.x,
        series.y,
        color=colour,
        ls={"line": "-", "dashed": "--", "points": "none"}[series.style],
        marker="o" if series.style == "points" or (series.style == "line" and len(series.x) <= FEW) else None,
        ms=4,
        lw=0.7 if series.faint else 1.8,
        alpha=0.6 if series.faint else 1.0,
        label=_shown(series.label) or "_nolegend_",
    )
