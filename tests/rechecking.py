"""Verdicts derived twice: by the package, and from their raw numbers by ``verification/recheck.py``."""

import importlib
import json
import sys
from functools import cache
from pathlib import Path

import jsonschema

from cgro_theory.claims import Measurement, Prediction, Verdict
from cgro_theory.claims.claim_json import claim_to_json
from cgro_theory.schemas import load_schema
from cgro_theory.theorems import verification

PROGRAM = Path(__file__).parent.parent / "verification" / "recheck.py"


@cache
def program(name="recheck"):
    """One of its two files as a module."""
    if str(PROGRAM.parent) not in sys.path:
        sys.path.append(str(PROGRAM.parent))
    return importlib.import_module(name)


@cache
def _claims():
    schema = load_schema("cgro-result/1")
    return jsonschema.Draft202012Validator({**schema, "$ref": "#/$defs/claim", "required": [], "properties": {}})


def second_opinion(claim, found):
    """What is derived anew for the verdict on a claim, or on one of its negative controls."""
    if isinstance(found, Verdict):
        document = written(found)
        return program().rederived(document, document)
    unasked = Measurement.failed("not asked")
    of = Verdict(claim, Prediction(None), unasked, found.outcome, "", controls=(found,))
    document = written(of)
    return program().rederived(document["planted_faults"][0], document)


def written(verdict):
    """As a result file holds the claim; valid by the schema."""
    document = json.loads(json.dumps(claim_to_json(verdict, verdict.outcome), allow_nan=False))
    _claims().validate(document)
    return document


def judge_claim(claim, check, runs, failure_probability):
    """The package's verdict, which the second opinion must share."""
    found = verification.judge_claim(claim, check, runs, failure_probability)
    assert second_opinion(claim, found) == (found.outcome.value, "")
    return found


def judge_control(claim, check, runs, failure_probability, control):
    """The same for a negative control, which is recorded in brief."""
    found = verification.judge_control(claim, check, runs, failure_probability, control)
    if found.measurement is not None:  # it could be planted
        assert second_opinion(claim, found) == (found.outcome.value, "")
    return found
