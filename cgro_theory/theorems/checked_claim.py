"""A claim that carries its own check and its negative controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from cgro_theory.claims import Claim, Measurement, Prediction


@dataclass(frozen=True)
class CheckedPair:
    """The two sides of one check, before they are judged."""

    prediction: Prediction
    measurement: Measurement


Check = Callable[[Any, float], CheckedPair]
"""A check takes a theorem's runs and a failure probability. It raises for nothing that a run can do."""


@dataclass(frozen=True)
class NegativeControl:
    """A deliberately wrong version of a claim, which its check must refute; anything else is not caught.

    Attributes:
        name, description: what is wrong.
        alter: maps the theorem's runs to runs that are not what the claim says: a run or the data is changed,
            never the measured number at the end.
        check: a check with one function replaced, such as a formula by a wrong one; None for the claim's own.
        told: what the claim's own check is told, by the names of its parameters; it needs no ``check``.
    """

    name: str
    description: str
    alter: Callable[[Any], Any] | None = None
    check: Check | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


def with_wrong(name: str, description: str, **told: Any) -> NegativeControl:
    """The control in which the claim's own check is told something wrong, by the names of its parameters."""
    return NegativeControl(name, description, told=told)


@dataclass(frozen=True)
class CheckedClaim:
    """A claim, the check that compares its prediction with runs, and its negative controls.

    Attributes:
        claim: the statement.
        check: makes both sides of the comparison from the theorem's runs.
        controls: at least one; names differ.
        numeric: the function that computes the claim's formula, for the test that holds one against the other. Its
            keywords are all symbols of ``claim.expression`` but one (``lambda_`` for λ), and it returns that one.
        needs: the sets of runs, by the names of the fields of the theorem's runs, that the check and its controls
            look at; none for what needs no run.
    """

    claim: Claim
    check: Check
    controls: tuple[NegativeControl, ...]
    needs: tuple[str, ...] = ()
    numeric: Callable[..., float] | None = None

    def __post_init__(self) -> None:
        controls = (
            replace(each, check=partial(self.check, **each.told), told={}) if each.told else each
            for each in self.controls
        )
        object.__setattr__(self, "controls", tuple(controls))

    @property
    def label(self) -> str:
        """The claim's label."""
        return self.claim.label

    def on_part(self, name: str) -> CheckedClaim:
        """The same claim for runs that hold this claim's runs in the field ``name``."""

        def part_of(runs: Any) -> Any:
            part = getattr(runs, name)
            if part is None:
                raise ValueError(f"the runs of {name} were not made")
            return part

        def lifted(check: Check) -> Check:
            return lambda runs, failure_probability: check(part_of(runs), failure_probability)

        def lifted_control(control: NegativeControl) -> NegativeControl:
            alter, check = control.alter, control.check
            return NegativeControl(
                control.name,
                control.description,
                None if alter is None else lambda runs: replace(runs, **{name: alter(part_of(runs))}),
                None if check is None else lifted(check),
            )

        return replace(self, check=lifted(self.check), controls=tuple(map(lifted_control, self.controls)))
