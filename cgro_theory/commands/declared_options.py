"""Options of the command line from the declared parameters."""

from __future__ import annotations

from typing import Any

import typer

from cgro_theory.setting.declared import PATCH, PERTURBATION_RADIUS, TRAINING

_DECLARED = {**PATCH, **TRAINING, PERTURBATION_RADIUS.name: PERTURBATION_RADIUS}


def declared(name: str) -> Any:
    """The option of a declared parameter, with its help."""
    parameter = _DECLARED[name]
    kind = "|".join(parameter.words) if parameter.type == "word" else f"<{parameter.type}>"
    return typer.Option(f"--{name.replace('_', '-')}", help=parameter.description, metavar=kind)


def default_text(name: str) -> str:
    """Its default as it would be typed."""
    return str(_DECLARED[name].default)
