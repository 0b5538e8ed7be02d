"""What every subcommand of ``cgro bound`` does with its options: values or a range in, text or JSON out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cgro_theory.errors import InvalidInput, require_choice

if TYPE_CHECKING:
    from cgro_theory.calculator.answer import Answer
    from cgro_theory.setting.parameters import PatchSetting

SIZE_NAMES = {"dimension": "input_dimension", "samples": "num_samples"}
PATCH_NAMES = {
    "dimension": "patch_dimension",
    "samples": "num_samples",
    "patches": "num_patches",
    "attacked_fraction": "attacked_signal_fraction",
}
_AUTOMATIC = ("attacked_fraction", "bandwidth")


def run_bound(
    question: str,
    integers: Mapping[str, str],
    numbers: Mapping[str, str],
    answer: Callable[[Mapping[str, Any]], Answer],
    reported: Mapping[str, str],
    *,
    table: bool,
    json: bool,
) -> None:
    """Answer for every value of the one option that is a range, and print. ``reported``: option -> parameter."""
    from cgro_theory.calculator.value_range import parse_integers, parse_numbers

    values: dict[str, Sequence[Any]] = {name: parse_integers(name, text) for name, text in integers.items()}
    for name, text in numbers.items():
        automatic = text == "auto" and name in _AUTOMATIC
        values[name] = (None,) if automatic else parse_numbers(name, text)
    ranges = [name for name, options in values.items() if len(options) > 1]
    if len(ranges) > 1:
        raise InvalidInput("ranges", ", ".join(ranges), "given for one option at a time")
    over = ranges[0] if ranges else next(iter(values))
    single = {name: options[0] for name, options in values.items()}
    answers = [answer(single | {over: value}) for value in values[over]]
    if not ranges and not table:
        over = ""
    _print(question, answers, reported.get(over, over), json=json)


def _print(question: str, answers: Sequence[Answer], over: str, *, json: bool) -> None:
    if json:
        import json as encoder

        from cgro_theory.calculator.answer import answers_to_json

        document = answers_to_json(question, answers, over or None)
        text = encoder.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        from cgro_theory.commands.bound_text import answer_text, table_text

        text = table_text(answers, over) if over else answer_text(answers[0])
    sys.stdout.write(text)


def norm_order_of(text: str) -> float:
    """p of ``1``, ``2`` or ``inf``; anything else is refused with the nearest of these."""

    return float(require_choice("norm_order", text, ("1", "2", "inf")))


def patch_setting(at: Mapping[str, Any]) -> PatchSetting:
    """The version-1 regime at the options' values."""
    from cgro_theory.setting.parameters import PatchSetting

    return PatchSetting.version_1(
        at["dimension"],
        num_samples=at["samples"],
        num_patches=at["patches"],
        width=at["width"],
        degree=at["degree"],
        signal_exponent=at["signal_exponent"],
        noise_exponent=at["noise_exponent"],
        init_exponent=at["init_exponent"],
        attacked_signal_fraction=at["attacked_fraction"],
        adversarial_weight=at["adversarial_weight"],
    )
