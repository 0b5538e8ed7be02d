"""Options of the command line from the declared parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from cgro_theory.parameter import Parameter
from cgro_theory.setting.declared import PATCH, PERTURBATION_RADIUS, RUNS, SEED, TRAINING
from cgro_theory.vision.declared import LANDSCAPE, RESTARTS

MINUTES = Parameter("minutes", "number", 60.0, 1e-9, help="refuse sizes that would take longer")
PLUGIN_MINUTES = Parameter("plugin_minutes", "number", low=1e-9, high=1e6)
WORKERS = Parameter("workers", "integer", 0, 0, 1024, help="local worker processes; 0 runs in this process")

DECLARED: Mapping[str, Parameter] = {
    **PATCH,
    **TRAINING,
    **{each.name: each for each in (PERTURBATION_RADIUS, RUNS, SEED, MINUTES, WORKERS)},
}
IMAGES: Mapping[str, Parameter] = {**LANDSCAPE, RESTARTS.name: RESTARTS, SEED.name: SEED}


def declared(name: str, among: Mapping[str, Parameter] = DECLARED) -> Any:
    """The option of a declared parameter, with its help."""
    parameter = among[name]
    kind = "|".join(parameter.words) if parameter.type == "word" else f"<{parameter.type}>"
    return typer.Option(f"--{name.replace('_', '-')}", help=parameter.description, metavar=kind)


def default_text(name: str, among: Mapping[str, Parameter] = DECLARED) -> str:
    """Its default as it would be typed."""
    return str(among[name].default)
