"""The vocabulary of verification: claims, predictions, measurements, verdicts. Knows no machine learning."""

from cgro_theory.claims.claim import Claim, Provenance, Relation, Source
from cgro_theory.claims.conclusion import Conclusion, ExitCode, conclude
from cgro_theory.claims.condition import Condition, EvaluatedCondition, StatedAssumption, each_once, unmet
from cgro_theory.claims.evidence import Evidence, Measurement, Prediction
from cgro_theory.claims.figure import Figure, Marker, Panel, Series
from cgro_theory.claims.interval import Interval
from cgro_theory.claims.ledger import FailureLedger, LedgerEntry
from cgro_theory.claims.result import (
    RESULT_SCHEMA,
    Environment,
    VerificationResult,
    load_result,
    save_result,
    sealed,
)
from cgro_theory.claims.verdict import (
    SEVERITY,
    ControlVerdict,
    Look,
    Outcome,
    Verdict,
    inherited_outcomes,
    judge,
    worst,
)

__all__ = [
    "RESULT_SCHEMA",
    "SEVERITY",
    "Claim",
    "Conclusion",
    "Condition",
    "ControlVerdict",
    "Environment",
    "EvaluatedCondition",
    "Evidence",
    "ExitCode",
    "FailureLedger",
    "Figure",
    "Interval",
    "LedgerEntry",
    "Look",
    "Marker",
    "Measurement",
    "Outcome",
    "Panel",
    "Prediction",
    "Provenance",
    "Relation",
    "Series",
    "Source",
    "StatedAssumption",
    "Verdict",
    "VerificationResult",
    "conclude",
    "each_once",
    "inherited_outcomes",
    "judge",
    "load_result",
    "save_result",
    "sealed",
    "unmet",
    "worst",
]
