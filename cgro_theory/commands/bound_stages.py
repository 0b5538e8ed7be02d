"""What ``cgro bound stages`` answers: the typical draw, one draw, or many; and the figure of many over a range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cgro_theory.atomic_file import atomic_write, require_outputs
from cgro_theory.commands.bound_run import Shown
from cgro_theory.errors import InvalidInput

if TYPE_CHECKING:
    from cgro_theory.calculator.answer import Answer
    from cgro_theory.claims.figure import Panel

SUFFIXES = (".png", ".svg", ".json")
_SIZES = {"patch_dimension": "d", "num_samples": "N", "width": "m"}


def answer_stages(at: Mapping[str, Any]) -> Answer:
    """The answer at the values of the options: over ``draws``, for the draw of ``seed``, or without a draw."""
    from cgro_theory.calculator.stages import RegimeExponents, stages
    from cgro_theory.setting.parameters import PatchSetting

    setting = PatchSetting.from_options(at)
    if "draws" in at:
        from cgro_theory.calculator.stages_over_draws import stages_over_draws

        return stages_over_draws(
            setting,
            at["draws"],
            coverage=at["coverage"],
            failure_probability=at["failure_probability"],
            seed=at.get("seed", 0),
            setting_at=lambda dimension: PatchSetting.from_options({**at, "dimension": dimension}),
        )
    if "seed" in at:
        from cgro_theory.calculator.drawn_stages import drawn_stages

        return drawn_stages(setting, at["seed"], at["learning_rate"])
    if at["learning_rate"] != 0.0:
        raise InvalidInput("--learning-rate", at["learning_rate"], "given with --seed only")
    regime = RegimeExponents(at["signal_exponent"], at["noise_exponent"], -at["init_exponent"])
    return stages(setting, regime)


def require_figure(path: str, given: Iterable[str]) -> None:
    """Refuse, before anything is drawn, what no figure can be made of or written to. ``given``: the options."""
    if not any("," in text or ":" in text for text in given):
        raise InvalidInput("--figure", Shown("neither"), "given with a list or a range, over which it is drawn")
    if Path(path).suffix not in SUFFIXES:
        raise InvalidInput("--figure", path, f"a file that ends in {', '.join(SUFFIXES)}")
    require_outputs({"--figure": path})


def write_figure(path: str, answers: Sequence[Answer], over: str) -> None:
    """The probability of the order, the limits of the times and the smallest d over the parameter ``over``."""
    from cgro_theory.claims.figure import Figure
    from cgro_theory.report.figures import render

    caption = "; ".join(answers[0].notes)
    figure = Figure("stages_over_draws", "The stages over draws", caption, _panels(answers, over), ())
    with atomic_write(path) as stream:
        stream.write(render(figure)[Path(path).suffix[1:]])


def _panels(answers: Sequence[Answer], over: str) -> tuple[Panel, ...]:
    from cgro_theory.claims.figure import Panel, Series

    x = [float(answer.parameters[over]) for answer in answers]
    scale: Literal["linear", "log"] = "log" if over in _SIZES else "linear"
    label = _SIZES.get(over, over)

    def ends(name: str, end: str) -> list[float]:
        return [float(getattr(answer[name], end)) for answer in answers]

    order = Series("at least", x, ends("stage_order_probability", "low"), 0)
    most = Series("at most", x, ends("stage_order_probability", "high"), 7, "dashed")
    times = (
        Series("$T_I$ lies between", x, ends("signal_time", "high"), 0),
        Series("", x, ends("signal_time", "low"), 0),
        Series("$T_{III}$ lies above", x, ends("memorization_time", "low"), 1),
    )
    found = [(at, answer["smallest_dimension"].value) for at, answer in zip(x, answers, strict=True)]
    known = [(at, float(value)) for at, value in found if value is not None]
    panels = [Panel("$P(T_I < T_{III})$", label, "probability over draws", (order, most), x_scale=scale)]
    if any(0.0 < value < math.inf for each in times for value in each.y):
        panels.append(Panel("Tolerance limits", label, "time (η · step)", times, x_scale=scale, y_scale="log"))
    if known and over != "patch_dimension":
        smallest = Series("from this d on", [at for at, _ in known], [d for _, d in known], 2, "points")
        panels.append(Panel("Smallest d tried", label, "d", (smallest,), x_scale=scale, y_scale="log"))
    return tuple(panels)
