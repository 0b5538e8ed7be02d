"""Results of a verification run, in and out of the file format ``cgro-result/1``."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import atomic_write, read_whole
from cgro_theory.claims.claim_json import claim_to_json
from cgro_theory.claims.figure import Figure
from cgro_theory.claims.interval import Interval
from cgro_theory.claims.ledger import LedgerEntry
from cgro_theory.claims.reading import number
from cgro_theory.claims.verdict import Outcome, Verdict, inherited_outcomes, worst
from cgro_theory.errors import InvalidFile
from cgro_theory.tables import Tabular

RESULT_SCHEMA = "cgro-result/1"


@dataclass(frozen=True)
class Environment:
    """Where a run was made.

    ``instruction_set`` is that of torch's kernels on this processor, ``compiled_flows`` the compiler of the flow's
    right-hand side, or ``none``.
    """

    python: str
    torch: str
    device: str
    dtype: str
    version: str
    commit: str
    instruction_set: str = ""
    compiled_flows: str = ""


@dataclass(frozen=True)
class VerificationResult(Tabular):
    """Everything that one ``verify`` run of one theorem found; ``asked`` as in :attr:`asked_for`.

    ``seconds`` are of the wall clock, from when this theorem's turn came; runs that were made while another one
    was judged, as in ``verify all``, are not in them.
    """

    theorem: str
    profile: str
    seed: int
    seconds: float
    environment: Environment
    parameters: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    ledger: tuple[LedgerEntry, ...] = ()
    figures: tuple[Figure, ...] = field(default=(), compare=False)
    asked: tuple[str, ...] | None = None

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The labels that the user asked for, by default all; what they depend on is judged too."""
        return tuple(verdict.claim.label for verdict in self.verdicts) if self.asked is None else self.asked

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of any claim."""
        return worst(verdict.outcome for verdict in self.verdicts)

    @property
    def inherited(self) -> dict[str, Outcome]:
        """Per label the worst outcome among the claim and everything it depends on."""
        return inherited_outcomes(
            {verdict.claim.label: verdict.outcome for verdict in self.verdicts},
            {verdict.claim.label: verdict.claim.depends_on for verdict in self.verdicts},
        )

    def rows(self) -> list[dict[str, Any]]:
        """One row per claim: what was predicted and measured, and the verdict; None where there is no number."""
        return [
            {
                "claim": entry["label"],
                "mark": entry["mark"],
                "quantity": entry["quantity"],
                "predicted_low": entry["predicted"]["low"],
                "predicted_high": entry["predicted"]["high"],
                "measured_low": entry["measured"]["low"],
                "measured_high": entry["measured"]["high"],
                "runs": entry["measured"]["runs"],
                "outcome": entry["outcome"],
                "inherited": entry["inherited"],
            }
            for entry in self.to_json()["claims"]
        ]

    def to_json(self) -> dict[str, Any]:
        """The result as a ``cgro-result/1`` document: plain JSON values, infinities as strings."""
        inherited = self.inherited
        return {
            "schema": RESULT_SCHEMA,
            "theorem": self.theorem,
            "profile": self.profile,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "environment": asdict(self.environment),
            "parameters": {name: number(value) for name, value in self.parameters.items()},
            "asked": list(self.asked_for),
            "claims": [claim_to_json(each, inherited[each.claim.label]) for each in self.verdicts],
            "ledger": [asdict(entry) for entry in self.ledger],
            "outcome": self.outcome.value,
        }


def save_result(result: VerificationResult, path: str | Path) -> None:
    """Write the result as JSON, whole or not at all. Raises :class:`InvalidFile` when it cannot."""
    text = _raw_numbers_on_one_line(sealed(result.to_json()))
    with atomic_write(path) as stream:
        stream.write(text.encode() + b"\n")


def _raw_numbers_on_one_line(document: dict[str, Any]) -> str:
    """The document's text, indented but for what stands under ``raw``: long lists of numbers."""
    shown: dict[str, Any] = copy.deepcopy(document)
    raw: dict[str, str] = {}
    for claim in shown["claims"]:
        for entry in (claim, *claim["planted_faults"]):
            if "raw" in entry:
                name = f"\0{len(raw)}"  # as JSON has it no other string holds this
                raw[json.dumps(name)] = json.dumps(entry["raw"], ensure_ascii=False, allow_nan=False)
                entry["raw"] = name
    text = json.dumps(shown, indent=2, ensure_ascii=False, allow_nan=False)
    return re.sub(r'"\\u0000\d+"', lambda found: raw[found.group()], text)


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its checksum under ``sha256``: of all other keys, sorted, without spaces."""
    return document | {"sha256": _checksum(document)}


def _checksum(document: dict[str, Any]) -> str:
    others = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


_TOP_KEYS = ("theorem", "profile", "seed", "seconds", "environment", "parameters", "claims", "outcome")
_CLAIM_KEYS: tuple[str, ...] = ("label", "source", "mark", "relation", "predicted", "measured", "outcome")
_CLAIM_KEYS += ("inherited", "evidence", "depends_on", "failure_probability", "seconds", "reproduce")


def load_result(path: str | Path) -> dict[str, Any]:
    """Read and check a ``cgro-result/1`` file; return the document.

    Raises :class:`InvalidFile` when the file is missing, truncated, of another schema, lacks a key, names an
    unknown outcome, carries statuses that do not follow from its own claims, or does not fit its checksum.
    """
    text = read_whole(path)
    try:
        document = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidFile(path, f"not valid JSON (truncated?): {error}") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != RESULT_SCHEMA:
        raise InvalidFile(path, f"schema must be {RESULT_SCHEMA!r}, got {schema!r}")
    missing = [key for key in _TOP_KEYS if key not in document]
    if missing:
        raise InvalidFile(path, f"lacks the key {missing[0]!r}")
    if not isinstance(document["claims"], list):
        raise InvalidFile(path, "'claims' must be a list")
    for entry in document["claims"]:
        _check_claim(path, entry)
    _check_statuses(path, document)
    if document.get("sha256") != _checksum(document):
        raise InvalidFile(path, "its checksum does not fit: edited by hand, or by something else than cgro")
    return dict(document)


def _check_claim(path: str | Path, entry: Any) -> None:
    if not isinstance(entry, dict):
        raise InvalidFile(path, "each claim must be an object")
    missing = [key for key in _CLAIM_KEYS if key not in entry]
    if missing:
        raise InvalidFile(path, f"claim {entry.get('label')!r} lacks the key {missing[0]!r}")
    for side in ("predicted", "measured"):
        values = entry[side]
        if not isinstance(values, dict) or not {"low", "high"} <= values.keys():
            raise InvalidFile(path, f"claim {entry['label']!r}: {side!r} must have low and high")
        ends = (values["low"], values["high"])
        try:
            if None not in ends:
                Interval(float(ends[0]), float(ends[1]))
        except (TypeError, ValueError) as error:
            raise InvalidFile(path, f"claim {entry['label']!r}: {side!r} is no interval: {ends}") from error
    for key in ("outcome", "inherited"):
        if entry[key] not in list(Outcome):
            raise InvalidFile(path, f"claim {entry['label']!r}: unknown {key} {entry[key]!r}")


def _check_statuses(path: str | Path, document: dict[str, Any]) -> None:
    outcomes = {entry["label"]: Outcome(entry["outcome"]) for entry in document["claims"]}
    depends = {entry["label"]: tuple(entry["depends_on"]) for entry in document["claims"]}
    try:
        inherited = inherited_outcomes(outcomes, depends)
    except ValueError as error:
        raise InvalidFile(path, str(error)) from error
    for entry in document["claims"]:
        if entry["inherited"] != inherited[entry["label"]]:
            raise InvalidFile(path, f"claim {entry['label']!r}: inherited status does not follow")
    if document["outcome"] != worst(outcomes.values()):
        raise InvalidFile(path, f"outcome {document['outcome']!r} does not follow from the claims")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
