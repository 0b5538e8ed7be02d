"""The CGRO theory lab: the claims of arXiv 2306.01271 made computable, measured and judged.

What most programs need stands here, and is imported when it is first used:

>>> from cgro_theory import PatchSetting, stages
>>> round(stages(PatchSetting.version_1(10**9))["signal_time"].value, 4)
0.0205
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cgro_theory.api import (
        PatchSetting,
        certify,
        flatness,
        memorizer,
        robust_size,
        simulate,
        stages,
        verify,
    )

__version__ = "0.2.0"
__all__ = ["PatchSetting", "certify", "flatness", "memorizer", "robust_size", "simulate", "stages", "verify"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("cgro_theory.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
