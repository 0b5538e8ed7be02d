"""The JSON Schema files (draft 2020-12) of the documents that this project writes."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from cgro_theory.errors import InvalidInput

NAMES = ("cgro-bound/1", "cgro-result/1", "cgro-trajectories/1")


def load_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a document whose ``schema`` is ``name``.

    >>> load_schema("cgro-bound/1")["title"]
    'cgro-bound/1'
    """
    if name not in NAMES:
        raise InvalidInput("schema", name, ", ".join(NAMES))
    file = resources.files(__name__).joinpath(name.replace("/", "-") + ".json")
    return dict(json.loads(file.read_text(encoding="utf-8")))
