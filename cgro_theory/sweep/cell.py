"""One point of a grid, and the identity under which its result is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from cgro_theory.sweep.run_kind import Parameters, RunKind

IDENTITY_SCHEMA = "cgro-run/1"


@dataclass(frozen=True)
class Cell:
    """A run that a grid asks for.

    Attributes:
        kind: name of the kind of run.
        version: the kind's version.
        parameters: every parameter of the kind, defaults included, in canonical form.
        identity: 32 hexadecimal digits, see :func:`make_cell`.
    """

    kind: str
    version: int
    parameters: Parameters
    identity: str

    @property
    def parameters_json(self) -> str:
        """The parameters as canonical JSON."""
        return canonical_json(self.parameters)


def make_cell(kind: RunKind, parameters: Parameters) -> Cell:
    """The cell of complete, parsed ``parameters``.

    Its identity is SHA-256 (first 128 bits) of kind, version and canonical parameters: the same run has the
    same identity in every grid, order and process, and a changed version has another.
    """
    return cell_of(kind.name, kind.version, parameters)


def cell_of(kind: str, version: int, parameters: Parameters) -> Cell:
    """The same from the kind's name and version, as a result holds them."""
    content = f"{IDENTITY_SCHEMA}\n{kind}\n{version}\n{canonical_json(parameters)}"
    return Cell(kind, version, dict(parameters), hashlib.sha256(content.encode()).hexdigest()[:32])


def canonical_json(parameters: Parameters) -> str:
    """Sorted, without spaces, floats by their shortest decimal that reads back exactly.

    >>> canonical_json({"seed": 1, "adversarial_weight": 0.1})
    '{"adversarial_weight":0.1,"seed":1}'
    """
    return json.dumps(dict(parameters), sort_keys=True, separators=(",", ":"), allow_nan=False)
