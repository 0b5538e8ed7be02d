"""One claim told whole, in Markdown: statement, formula, prediction, measurement, verdict, negative controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgro_theory.claims import Claim, Outcome
from cgro_theory.errors import InvalidInput
from cgro_theory.report.mathematics import to_latex
from cgro_theory.report.text import COLUMNS, format_number, verdict_rows


def claim_markdown(claim: Claim, document: Mapping[str, Any]) -> str:
    """What the ``cgro-result/1`` document found about the claim; the formula is the catalogue's.

    Where the result is of a version that worded the claim otherwise, both statements are given, as in the report.
    Raises :class:`InvalidInput` when the document does not judge the claim.
    """
    entry = next((each for each in document["claims"] if each["label"] == claim.label), None)
    if entry is None:
        raise InvalidInput("claim", claim.label, f"a claim that the result of {document['theorem']} judges")
    row = dict(zip(COLUMNS, verdict_rows({"claims": [entry]})[0], strict=True))
    lines = [f"**Claim** `{claim.label}` ({entry['mark']}). {entry['statement']}", ""]
    if entry["statement"] != claim.statement:
        lines += [f"*Judged in these words by an earlier version. Today the claim reads: {claim.statement}*", ""]
    leading = entry["predicted"].get("leading_order")
    formula = rf"\text{{{claim.quantity}}}" if claim.expression is None else to_latex(claim.expression)
    if leading is not None:
        formula += rf" \approx {format_number(leading)} \quad\text{{(leading order)}}"
    lines += ["```math", formula, "```", ""]
    lines += [
        f"- Measured quantity: {entry['quantity']}.",
        f"- Predicted: **{row['predicted']}**. Measured: **{row['measured']}**, over {row['runs']} runs.",
        f"- Verdict: **{Outcome(entry['outcome']).in_words}** ({entry['reason']}).",
    ]
    for control in entry["planted_faults"]:
        outcome = Outcome(control["outcome"]).in_words
        lines.append(f"- Negative control `{control['name']}` ({control['description']}): **{outcome}**.")
    lines.append(f"- Check it yourself: `{entry['reproduce']}`")
    return "\n".join(lines) + "\n"
