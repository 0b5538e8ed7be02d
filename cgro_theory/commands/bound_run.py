"""What every subcommand of ``cgro bound`` does with its options: values or a range in, text or JSON out."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cgro_theory.errors import InvalidInput, require_choice
from cgro_theory.setting.declared import PATCH

if TYPE_CHECKING:
    from cgro_theory.calculator.answer import Answer

SIZE_NAMES = {"dimension": "input_dimension", "samples": "num_samples"}
PATCH_NAMES = {name: each.setting_name for name, each in PATCH.items() if each.setting_name}
_OTHER_LINEAR = ("signal_margin", "error_share", "seed", "run")
WORDS = {"attacked_fraction": "auto", "bandwidth": "auto", "gradient_variation": "cosine"}
"""Options that take a word in place of a number; the question says what it stands for."""
LINEAR = frozenset((*(name for name, each in PATCH.items() if each.low <= 0), *_OTHER_LINEAR))
"""Options whose ranges are linear; those of the others, which are scales and sizes, are only from LOW <= 0."""
_FROM_EXPONENTS = {
    "signal_strength": "signal_exponent",
    "noise_std": "noise_exponent",
    "init_std": "init_exponent",
}
"""Parameters that an exponent of d stands for, where they are no options themselves."""
_LONGEST_VALUE = 40
"""Longer values are not written out in an error, so that it stays one line."""


def run_bound(
    question: str,
    integers: Mapping[str, str],
    numbers: Mapping[str, str],
    answer: Callable[[Mapping[str, Any]], Answer],
    reported: Mapping[str, str],
    *,
    table: bool,
    json: bool,
    finish: Callable[[Sequence[Answer], str], None] | None = None,
) -> None:
    """Answer for every value of the one option that is a range, and print.

    ``reported``: option -> name of the parameter in the answer, where the two differ, and for options that errors
    name though they were not given. Options that the answer does
    not report itself are added to its parameters as given; errors name the option as it is typed. ``finish`` is
    called with the answers and the parameter that varies, before they are printed.
    """
    from cgro_theory.calculator.value_range import parse_integers

    if json and table:
        raise InvalidInput("--table", Shown("it beside --json"), "left out with --json: it would have no effect")
    options = (*integers, *numbers)
    try:
        values: dict[str, Sequence[Any]] = {
            name: parse_integers(name, text, linear=name in LINEAR) for name, text in integers.items()
        }
        for name, text in numbers.items():
            values[name] = _numbers_or_word(name, text)
        ranges = [name for name, given in values.items() if len(given) > 1]
        if len(ranges) > 1:
            raise InvalidInput("ranges", ", ".join(ranges), "given for one option at a time")
        over = ranges[0] if ranges else next(iter(values))
        single = {name: given[0] for name, given in values.items()}
        answers = [_complete(answer, single | {over: value}, reported) for value in values[over]]
    except InvalidInput as error:
        raise _as_typed(error, options, reported) from None
    if not ranges and not table:
        over = ""
    if finish is not None:
        finish(answers, reported.get(over, over))
    _print(question, answers, reported.get(over, over), json=json)


def _numbers_or_word(name: str, text: str) -> tuple[float | None, ...]:
    """The numbers, or None for the option's word: each question knows what it stands for."""
    from cgro_theory.calculator.value_range import parse_numbers

    word, linear = WORDS.get(name), name in LINEAR
    if word is None:
        return parse_numbers(name, text, linear=linear)
    if text == word:
        return (None,)
    try:
        return parse_numbers(name, text, linear=linear)
    except InvalidInput as error:
        raise InvalidInput(error.name, error.value, f"{error.allowed}, or {word}") from None


def _complete(
    answer: Callable[[Mapping[str, Any]], Answer], at: Mapping[str, Any], reported: Mapping[str, str]
) -> Answer:
    found = answer(at)
    given = {reported.get(name, name): value for name, value in at.items()}
    added = {name: value for name, value in given.items() if name not in found.parameters}
    return replace(found, parameters={**found.parameters, **added})


def _as_typed(error: InvalidInput, options: Sequence[str], reported: Mapping[str, str]) -> InvalidInput:
    """The same error with options in place of parameter names, and a value short enough for a line."""
    typed = {name: f"--{name.replace('_', '-')}" for name in (*options, *reported)}
    typed |= {parameter: typed[name] for name, parameter in reported.items()}

    def named(text: str, *, every: bool) -> str:
        # In a sentence a plain word such as "width" need not be the option.
        return re.sub(
            r"(?<![\w-])[a-z][a-z_]*", lambda m: typed.get(m[0], m[0]) if every or "_" in m[0] else m[0], text
        )

    shown = repr(error.value)
    if error.value is None:
        value = Shown("nothing")
    elif len(shown) <= _LONGEST_VALUE:
        value = error.value
    elif isinstance(error.value, int):
        value = Shown(f"about 1e{len(shown) - 1}")
    else:
        value = Shown(f"{shown[:_LONGEST_VALUE]}…")
    if error.name == "ranges":
        value = Shown(named(str(error.value), every=True))
    name = _FROM_EXPONENTS.get(error.name, "")
    if name in typed and error.name not in typed:
        value = Shown(f"{error.name} = {error.value:.6g}")
    else:
        name = error.name
    return InvalidInput(named(name, every=True), value, named(error.allowed, every=False))


class Shown(str):
    """Text that stands in an error without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _print(question: str, answers: Sequence[Answer], over: str, *, json: bool) -> None:
    if json:
        import json as encoder

        from cgro_theory.calculator.answer import answers_to_json

        document = answers_to_json(question, answers, over or None)
        text = encoder.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        from cgro_theory.commands.bound_text import answer_text, table_text
        from cgro_theory.commands.layout import UNLIMITED, columns

        width = columns(UNLIMITED)
        text = table_text(answers, over, width) if over else answer_text(answers[0], width)
    sys.stdout.write(text)


def norm_order_of(text: str) -> float:
    """p of ``1``, ``2`` or ``inf``; anything else is refused with the nearest of these."""
    return float(require_choice("--norm-order", text, ("1", "2", "inf")))
