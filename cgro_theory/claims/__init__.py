"""The vocabulary of verification: claims, predictions, measurements, verdicts. Knows no machine learning."""

from cgro_theory.claims.claim import Claim, Provenance, Relation, Source
from cgro_theory.claims.conclusion import Conclusion, ExitCode, conclude
from cgro_theory.claims.condition import Condition, EvaluatedCondition, StatedAssumption, each_once, unmet
from cgro_theory.claims.evidence import Evidence, Measurement, Prediction
from cgro_theory.claims.figure import Figure, Marker, Panel, Series
from cgro_theory.claims.interval import Interval
from cgro_theory.claims.ledger import FailureLedger, LedgerEntry
from cgro_theory.claims.raw import Case, Contradictions, Contrast, Crossing, Extreme, OneReading, Tally, WorstCase
from cgro_theory.claims.reading import (
    Counts,
    Difference,
    FittedPower,
    LogSlope,
    Mean,
    MeanRule,
    Median,
    Quotient,
    Reading,
)
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
    "Case",
    "Claim",
    "Conclusion",
    "Condition",
    "Contradictions",
    "Contrast",
    "ControlVerdict",
    "Counts",
    "Crossing",
    "Difference",
    "Environment",
    "EvaluatedCondition",
    "Evidence",
    "ExitCode",
    "Extreme",
    "FailureLedger",
    "Figure",
    "FittedPower",
    "Interval",
    "LedgerEntry",
    "LogSlope",
    "Look",
    "Marker",
    "Mean",
    "MeanRule",
    "Measurement",
    "Median",
    "OneReading",
    "Outcome",
    "Panel",
    "Prediction",
    "Provenance",
    "Quotient",
    "Reading",
    "Relation",
    "Series",
    "Source",
    "StatedAssumption",
    "Tally",
    "Verdict",
    "VerificationResult",
    "WorstCase",
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
