"""The calculator's answers as text: one block per value, or one table row per answer."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Any

from cgro_theory.calculator.answer import Answer, Direction, Number, Quantity
from cgro_theory.commands.layout import UNLIMITED, wrapped

_MET = {True: "met", False: "NOT MET", None: "not checked here"}
_DIGITS = 10
LARGEST = 1e300
"""Sizes beyond this, and below its inverse, are shown by their power of ten: floats end, or lose their digits."""
_ROUNDING = {Direction.UPPER: ROUND_CEILING, Direction.LOWER: ROUND_FLOOR}


def format_value(
    value: Number | None, log10: float | None = None, digits: int = _DIGITS, direction: Direction | None = None
) -> str:
    """``digits`` significant digits; as a power of ten where no float holds the value; a dash for None.

    An upper bound is rounded up and a lower bound down, so that the text is a bound, too.

    >>> format_value(6415), format_value(0.1234567890123), format_value(math.inf, 1234.5), format_value(None)
    ('6415', '0.123456789', '10^1234.5', '—')
    >>> format_value(0.1234, digits=3, direction=Direction.UPPER)
    '0.124'
    """
    if value is None:
        return "—"
    beyond = abs(value) > LARGEST if not isinstance(value, int) else value.bit_length() > 64
    tiny = abs(value) < 1.0 / LARGEST
    if log10 is not None and math.isfinite(log10) and (beyond or tiny):
        return f"10^{_rounded(log10, digits, direction)}"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 128 else f"about 10^{math.log10(value):.{digits}g}"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return _rounded(value, digits, direction)


def _rounded(value: float, digits: int, direction: Direction | None) -> str:
    if direction not in _ROUNDING or not math.isfinite(value):
        return f"{value:.{digits}g}"
    return f"{Context(prec=digits, rounding=_ROUNDING[direction]).create_decimal_from_float(value):.{digits}g}"


def answer_text(answer: Answer, width: int = UNLIMITED) -> str:
    """Every value of an answer with its direction, terms, formula and source; then the assumptions.

    Lines longer than ``width`` go on below, indented; no word is broken.
    """
    given = ", ".join(
        f"{name} = {_parameter(value)}" for name, value in answer.parameters.items() if value is not None
    )
    lines = [f"{answer.question}: {given}", ""]
    for quantity in answer.quantities:
        lines += [*_quantity_lines(quantity), ""]
    if answer.conditions:
        lines.append("assumptions")
        lines += [f"  [{_MET[each.met]}] {each.statement}" for each in answer.conditions]
    lines += [f"note: {note}" for note in answer.notes]
    return "\n".join(_fitted(lines, width)) + "\n"


def _fitted(lines: Sequence[str], width: int) -> list[str]:
    fitted = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())]
        fitted += [line] if len(line) <= width else wrapped(line.strip(), width, indent, indent + "    ")
    return fitted


def table_text(answers: Sequence[Answer], over: str, width: int = UNLIMITED) -> str:
    """One row per answer and one column per value, both ends where it has two.

    Columns that do not fit into ``width`` follow in further tables, each with the first column again.
    ``*`` marks vacuous bounds, ``!`` an unmet assumption, ``~`` a leading order in a column of enclosures.
    """
    names = list(dict.fromkeys(quantity.name for answer in answers for quantity in answer.quantities))
    quantities = [quantity for answer in answers for quantity in answer.quantities]
    directions = {quantity.name: quantity.direction.value for quantity in quantities}
    two_ended = {each.name: each.direction.value for each in quantities if _has_ends(each)}
    rows = [[over, *names]]
    for answer in answers:
        own = {quantity.name: quantity for quantity in answer.quantities}
        flag = "!" if answer.unmet else ""
        cells = [_cell(own.get(name), name in two_ended) for name in names]
        rows.append([_parameter(answer.parameters.get(over)) + flag, *cells])
    rows.insert(1, ["", *(two_ended.get(name, directions[name]) for name in names)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(names) + 1)]
    lines: list[str] = []
    for chosen in _beside_each_other(widths, width):
        told = ("  ".join(row[at].rjust(widths[at]) for at in chosen) for row in rows)
        lines += [*([""] if lines else []), *told]
    legend = []
    if any(quantity.vacuous for quantity in quantities):
        legend.append("* vacuous")
    if any(cell.startswith("~") for row in rows for cell in row):
        legend.append("~ leading order only")
    unmet: dict[str, str] = {}
    for condition in (each for answer in answers for each in answer.conditions if each.met is False):
        unmet.setdefault(condition.name, condition.statement)
    if unmet:
        numbers = " (numbers of the first such row)" if len(answers) > 1 else ""
        legend.append(f"! not met in that row{numbers}: " + "; ".join(unmet.values()))
    return "\n".join([*lines, *_fitted(legend, width)]) + "\n"


def _beside_each_other(widths: Sequence[int], width: int) -> list[list[int]]:
    """Columns, the first one with every group, in groups that fit beside each other."""
    groups: list[list[int]] = []
    for at in range(1, len(widths)):
        if groups and sum(widths[other] + 2 for other in groups[-1]) + widths[at] <= width:
            groups[-1].append(at)
        else:
            groups.append([0, at])
    return groups


def _quantity_lines(quantity: Quantity) -> list[str]:
    if quantity.absent:
        head = f"{quantity.name}: {quantity.absent}"
    else:
        value = f" = {format_value(quantity.value, quantity.log10, direction=quantity.direction)}"
        ends = f" in {_ends(quantity, _DIGITS)}" if _has_ends(quantity) else ""
        head = quantity.name + ("" if ends and quantity.value is None else value) + ends
        head += f"  ({quantity.direction.value}" + (f", {quantity.unit})" if quantity.unit else ")")
    if quantity.vacuous is not None:
        head += "  VACUOUS" if quantity.vacuous else "  not vacuous"
    lines = [head]
    if quantity.leading_order is not None:
        lines.append(f"  leading order: {format_value(quantity.leading_order)}")
    lines += [f"  formula: {quantity.formula}", f"  source:  {quantity.source}"]
    lines += [f"  term:    {term.name} {_term_value(term.value)}  ({term.formula})" for term in quantity.terms]
    if quantity.note:
        lines.append(f"  note:    {quantity.note}")
    return lines


def _term_value(value: Number | None) -> str:
    """``= value``; what only the smallest floats could hold is not a value but a bound."""
    if value is not None and 0.0 < abs(value) < sys.float_info.min:
        return f"below {1.0 / LARGEST:g}"
    return f"= {format_value(value)}"


def _has_ends(quantity: Quantity) -> bool:
    return quantity.low is not None and quantity.high is not None


def _ends(quantity: Quantity, digits: int) -> str:
    """``[low, high]``, rounded outward."""
    low = format_value(quantity.low, digits=digits, direction=Direction.LOWER)
    return f"[{low}, {format_value(quantity.high, digits=digits, direction=Direction.UPPER)}]"


def _cell(quantity: Quantity | None, beside_ends: bool) -> str:
    if quantity is None:
        return ""
    if quantity.absent:
        return quantity.absent
    value = format_value(quantity.value, quantity.log10, 6, quantity.direction)
    if _has_ends(quantity):
        return _ends(quantity, 6) if quantity.value is None else f"{value} in {_ends(quantity, 6)}"
    return ("~" if beside_ends and quantity.value is not None else "") + value + ("*" if quantity.vacuous else "")


def _parameter(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ",".join(_parameter(part) for part in value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10**9:
        exponent = len(str(value)) - 1
        return f"1e{exponent}" if value == 10**exponent else format_value(value)
    if not isinstance(value, float):
        return format_value(value) if isinstance(value, int) else str(value)
    text = format_value(value, digits=6)
    # Six digits are enough to know a number by, but not where they are those of another, rounder one.
    rounder = math.isfinite(value) and float(text) != value and f"{value:.5e}".partition("e")[0].endswith("00")
    return format_value(value, digits=16) if rounder else text
