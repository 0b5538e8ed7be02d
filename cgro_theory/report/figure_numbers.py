"""The numbers of a figure as JSON: written beside its picture, and read again with every field checked."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, TypeVar

from cgro_theory.claims import Figure, Marker, Panel, Series

_SCALES = ("linear", "log", "symlog")
_STYLES = ("line", "dashed", "points")
Content = Mapping[str, Any]
Kind = TypeVar("Kind")


def figure_to_json(figure: Figure) -> bytes:
    """The figure as JSON; null stands for what is no finite number."""
    text = json.dumps(_without_nan(asdict(figure)), ensure_ascii=False, indent=1, allow_nan=False)
    return text.encode() + b"\n"


def _without_nan(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def figure_from_json(content: Content) -> Figure:
    """The figure that :func:`figure_to_json` wrote, with NaN for null.

    Raises ``KeyError`` for what is not there, ``TypeError`` or ``ValueError`` for what is something else, and
    ``OverflowError`` for an integer beyond all floats.
    """
    name, title, caption = (_is(str, content[each]) for each in ("name", "title", "caption"))
    panels = tuple(_panel(_is(dict, each)) for each in _is(list, content["panels"]))
    claims = tuple(_is(str, each) for each in _is(list, content.get("claims", [])))
    if not panels:
        raise ValueError("no panels")
    return Figure(name, title, caption, panels, claims)


def _panel(content: Content) -> Panel:
    title, x_label, y_label = (_is(str, content[each]) for each in ("title", "x_label", "y_label"))
    x_scale, y_scale = _one_of(_SCALES[:2], content["x_scale"]), _one_of(_SCALES, content["y_scale"])
    series = tuple(_series(_is(dict, each)) for each in _is(list, content["series"]))
    markers = tuple(_marker(_is(dict, each)) for each in _is(list, content["markers"]))
    legend: Literal["inside", "below"] = "below" if content.get("legend") == "below" else "inside"
    return Panel(title, x_label, y_label, series, markers, x_scale, y_scale, legend)


def _series(content: Content) -> Series:
    x, y = (_numbers(content[name]) for name in ("x", "y"))
    low, high = (None if content[name] is None else _numbers(content[name]) for name in ("low", "high"))
    if any(len(each) != len(x) for each in (y, low, high) if each is not None):
        raise ValueError("the numbers of a curve are not of one length")
    label, colour, faint = _is(str, content["label"]), _is(int, content["colour"]), _is(bool, content["faint"])
    return Series(label, x, y, colour, _one_of(_STYLES, content["style"]), faint, low, high)


def _marker(content: Content) -> Marker:
    until = None if content["until"] is None else _number(content["until"])
    axis = _one_of(("x", "y"), content["axis"])
    return Marker(_is(str, content["label"]), _number(content["value"]), axis, until, _is(int, content["colour"]))


def _numbers(values: Any) -> list[float]:
    return [math.nan if value is None else _number(value) for value in _is(list, values)]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"no number: {value!r}")
    return float(value)


def _is(kind: type[Kind], value: Any) -> Kind:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"no {kind.__name__}: {value!r}")
    return value


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise ValueError(f"none of {', '.join(choices)}: {value!r}")
    return value
