"""Which options of a simulation go with descent and which with the flow; needs no training code."""

from __future__ import annotations

from collections.abc import Mapping

from cgro_theory.errors import InvalidInput, require_choice
from cgro_theory.setting.declared import TRAINING
from cgro_theory.setting.parameters import PatchSetting

DESCENT_OPTIONS = ("learning_rate", "steps", "dtype", "device")
FLOW_OPTIONS = ("horizon", "tolerance")


def method_asked(
    method: str, setting: PatchSetting, engine: str, adversary: str, given: Mapping[str, object]
) -> str:
    """``descent`` or ``flow`` where the request leaves no choice, else ``auto``.

    ``given``: the options of :data:`DESCENT_OPTIONS` and :data:`FLOW_OPTIONS` that were given a value; with
    ``auto`` they decide. Raises :class:`InvalidInput` for a method that the setting does not allow and for a value
    that would have no effect.
    """
    for name, value in (("method", method), ("engine", engine), ("adversary", adversary)):
        require_choice(name, value, TRAINING[name].words)
    only_descent = ""
    if engine == "dense":
        only_descent = "the dense engine"
    elif not setting.reduces:
        only_descent = f"a dimension below 1 + n + m = {1 + setting.num_noise + setting.width}"
    elif adversary == "l2":
        only_descent = "the l2 adversary"
    if only_descent and method == "flow":
        raise InvalidInput("method", method, f"auto or descent for {only_descent}")
    of_descent = [name for name in DESCENT_OPTIONS if name in given]
    of_flow = [name for name in FLOW_OPTIONS if name in given]
    if method == "auto" and (only_descent or of_descent):
        method = "descent"
    elif method == "auto" and of_flow:
        method = "flow"
    without_effect = of_flow if method == "descent" else of_descent if method == "flow" else []
    for name in without_effect:
        why = f"with {only_descent or f'the method {method}'}"
        if not only_descent and method == "descent" and of_descent:
            why = f"where {of_descent[0]} is given"
        raise InvalidInput(name, given[name], f"left out {why}: it would have no effect")
    if adversary == "l2" and "learning_rate" not in given:
        raise InvalidInput("learning_rate", "auto", "a number for the l2 adversary: no rule for its step is known")
    return method
