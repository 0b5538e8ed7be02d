"""What a theorem comes to, as a declaration: which claims carry it, and what of their results is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MeasuredConstant:
    """A few words around numbers of one claim's result.

    ``text`` may name ``{measured}``, its upper end ``{high}``, and by ``{0}``, ``{1}``, … the claim's ``notes`` of
    these names. Where the result lacks one of them, nothing is told.
    """

    claim: str
    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TheoremCard:
    """One theorem for readers who want its answer. Whether it holds is computed from results, never declared.

    Attributes:
        label: the theorem's room.
        name, sentence: for the reader.
        claims: labels of the claims that carry it; all claims with the mark ``paper`` are among them.
        settings: tells from a result's ``parameters`` where it was tried. It may raise for parameters of a result
            that lacks something; nothing is told then.
        constants: the numbers that are told.
        not_shown: pairs of a claim's label and a piece of what that claim's ``limitations`` say, word for word.
        figure: name of the figure that shows most of it.
    """

    label: str
    name: str
    sentence: str
    claims: tuple[str, ...]
    settings: Callable[[Mapping[str, Any]], str]
    constants: tuple[MeasuredConstant, ...]
    not_shown: tuple[tuple[str, str], ...]
    figure: str = ""


def listed(values: object) -> str:
    """Numbers as text, powers of ten as such.

    >>> listed([1000, 20, 0.25, 10**12])
    '10^3, 20, 0.25, 10^12'
    """
    items = values if isinstance(values, list | tuple) else [values]
    return ", ".join(_number(value) for value in items)


def span(values: Sequence[float]) -> str:
    """The least and the greatest of the numbers.

    >>> span([64, 5, 8])
    '5 to 64'
    """
    low, high = min(values), max(values)
    return _number(low) if low == high else f"{_number(low)} to {_number(high)}"


def _number(value: Any) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    zeros = text[1:]
    return f"10^{len(zeros)}" if text[:1] == "1" and len(zeros) > 2 and set(zeros) == {"0"} else text
