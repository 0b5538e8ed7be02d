"""A second opinion: `python verification/recheck.py results/` derives every verdict anew from the raw numbers.

It shares no code with cgro_theory. Exit codes: 0 everything agrees; 1 something disagrees; 2 bad input; 3 nothing
disagrees, but a negative control is missing or not refuted, or something was recorded without raw numbers, which
is no agreement (docs/report.md).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from recheck_numbers import Ends, Entry, holds, interval

LARGEST = sys.float_info.max
SEVERITY = ("certified", "consistent", "vacuous", "out_of_scope", "inconclusive", "refuted")
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError)


class BadInput(Exception):
    """What cannot be checked, in one line."""


def standing(predicted: Ends, measured: Ends) -> int:
    """0 the measured interval lies inside the predicted one, 1 it sticks out, 2 they are disjoint."""
    if predicted[0] <= measured[0] and measured[1] <= predicted[1]:
        return 0
    return 2 if predicted[1] < measured[0] or measured[1] < predicted[0] else 1


def widened(reading: Any, claim: Entry) -> Ends:
    """What was predicted, with the tolerance of the claim, which its natural range cuts."""
    (low, high), (least, most) = interval(reading), interval(claim["natural_range"])
    if claim["relation"] != "equals":
        return low, high
    wide = max(low - claim["tolerance"], least), min(high + claim["tolerance"], most)
    return wide if wide[0] <= wide[1] else (low, high)


def judged(entry: Entry, claim: Entry, predicted: Ends, measured: Ends) -> str:
    """The rule that turns two intervals into a verdict."""
    found, estimate = entry["measured"], float(entry["measured"]["estimate"] or 0.0)
    if found.get("failure") or not found["runs"] or not found["confidence"] or found["estimate"] is None:
        return "inconclusive"
    if standing(predicted, interval(claim["natural_range"])) == 0:
        return "vacuous"
    if standing(predicted, measured) or math.isinf(estimate):
        return "refuted" if standing(predicted, measured) != 1 else "inconclusive"
    both = claim["relation"] in ("within", "equals")
    if not np.isfinite(measured).all() or (both and not np.isfinite(predicted).all()):
        return "inconclusive"
    doubts_only = entry.get("raw", {}).get("doubts", {}).get("measured")
    sampled = entry["evidence"] == "statistical" or found["confidence"] < 1.0
    sampled = sampled or (claim["statistical"] and not doubts_only)
    return "vacuous" if found.get("binding") == 0 else "consistent" if sampled else "certified"


def combined(raw: Entry) -> Ends:
    """The measured interval that several numbers make, by any rule but ``worst``."""
    if raw["rule"] == "one":
        return interval(raw["measured"])
    if raw["rule"] == "sum":
        total = float(sum(raw["parts"].values()))
        return total, total
    if raw["rule"] == "contradictions":
        count = float(raw.get("omitted_contradicting", 0))
        for case in raw["cases"]:
            told, counted = interval(case["told"]), interval(case["counted"])
            above = counted[0] > case.get("bound", math.inf)
            count += above or standing(told, counted) >= (1 if case.get("inside") else 2)
        return count, count
    if raw["rule"] == "crossing":
        bits = {size: (parameters, interval(found)) for size, parameters, found in raw["cases"]}
        failing = [size for size, (parameters, (_, high)) in bits.items() if high <= 0.0 or parameters < 1]
        first = max(failing, default=min(bits) - 1) + 1
        last = max([first - 1, *(size for size, (_, (low, _)) in bits.items() if not low > 0.0)]) + 1
        return float(first), math.inf if last > max(bits) else float(last)
    sides = [interval(case) for case in raw["cases"]]
    pick = {"least": min, "greatest": max}[raw["rule"]]
    return pick(low for low, _ in sides), pick(high for _, high in sides)


def compared(part: Entry, claim: Entry) -> Iterator[tuple[int, Ends, Ends]]:
    """Standing and both sides of each case of rule ``worst``; a value never reached is outside everything."""
    told, found = part["predicted"], part["measured"]
    for one, other in zip(told * (len(found) if len(told) == 1 else 1), found, strict=True):
        low, high = (-math.inf, math.inf) if one is None else widened(one, claim)
        measured = (math.inf, math.inf) if other is None else interval(other)
        if measured[0] == measured[1] and math.isinf(measured[0]):
            yield 2, (min(max(low, -LARGEST), LARGEST), max(min(high, LARGEST), -LARGEST)), measured
        else:
            yield 1 if one is None else standing((low, high), measured), (low, high), measured


def same(a: Ends, b: Ends, exact: bool) -> bool:
    """Whether two intervals agree: to the bit where nothing was computed, else to 1e-7 of the largest end."""
    room = 0.0 if exact else 1e-7 * max((abs(x) for x in (*a, *b) if math.isfinite(x)), default=0.0)
    return all(x == y or abs(x - y) <= room for x, y in zip(a, b, strict=True))


def spent(raw: Entry) -> float:
    """The failure probabilities of all intervals that confirm, together."""
    text = json.dumps({name: part for name, part in raw.items() if name != "doubts"})
    found = re.findall(r'\{[^{}]*"failure_probability"[^{}]*\}', text)
    distinct = set(found) if '"quotient"' in text else found  # neighbouring quotients share an interval
    return math.fsum(json.loads(each)["failure_probability"] for each in distinct)


def rederived(entry: Entry, claim: Entry) -> tuple[str, str]:
    """The outcome of a claim or of a negative control, and what is amiss with what the file shows, if anything."""
    conditions, raw, found = (claim | entry)["assumptions"], entry["raw"], entry["measured"]
    met = [holds(each) for each in conditions]
    if met != [each["met"] for each in conditions]:
        return "-" if all(met) else "out_of_scope", "a condition does not come out as it says"
    if not all(met):
        return "out_of_scope", ""
    sides = [[side["low"], side["high"]] for side in (entry["predicted"], found)]
    shown = [None if None in side else interval(side) for side in sides]
    if raw["rule"] == "worst":
        cases = list(compared(raw, claim))
        cases += [case for case in compared(raw["doubts"], claim) if case[0] == 2] if "doubts" in raw else []
        left, broken, top = raw.get("left_out", 0), raw.get("broken", 0), max((c[0] for c in cases), default=0)
        allowed = raw.get("left_out_at_most", 0.0) * (len(cases) + raw.get("omitted", 0) + left + broken)
        if not cases or (top < 2 and (broken or None in raw["predicted"] or left > allowed)):
            return "inconclusive", "" if shown[1] is None else "a number is shown where none follows"
        pairs = [case[1:] for case in cases if case[0] == top]
    elif raw["rule"] == "none" or raw["told"] is None:
        return "inconclusive", "" if None in shown else "a number is shown where none follows"
    else:
        pairs = [(widened(raw["told"], claim), combined(raw))]
    exact = not any(name in json.dumps(raw) for name in ('"failure_probability"', '"slope_of"'))
    fitting = [pair for pair in pairs if all(b and same(a, b, exact) for a, b in zip(pair, shown, strict=True))]
    outside = raw["rule"] in ("worst", "contradictions") and standing(*pairs[0]) == 2
    stands = entry | {"measured": found | {"failure": ""}} if outside else entry  # whatever else went wrong
    outcome = judged(stands, claim, *(fitting or pairs)[0])
    if not fitting:
        return outcome, "the intervals shown do not follow from the numbers"
    (low, high), estimate = fitting[0][1], found["estimate"]
    room = 1e-7 * max((abs(end) for end in (low, high) if math.isfinite(end)), default=0.0)
    if estimate is not None and not low - room <= float(estimate) <= high + room:
        return outcome, "the estimate lies outside its interval"
    if raw["rule"] == "sum" and raw["of"] != found["runs"]:
        return outcome, "the runs are not those that were counted"
    stated = 1.0 - found["confidence"]
    overspent = spent(raw) > stated + 1e-12 or stated > claim.get("share_of_look", 1.0) + 1e-12
    return outcome, "more failure probability is spent than stated" if overspent else ""


def shared_out(document: Entry) -> Iterator[Entry]:
    """The claims, with an equal share of the file's budget for each of the ledger, of which look k may spend 2^-k.

    A claim of the ledger is statistical; older files do not say so beside the claim.
    """
    labels = {line["label"] for line in document.get("ledger", ())}
    for claim in document["claims"]:
        in_ledger = claim["label"] in labels
        share = document["parameters"].get("failure_budget", 1.0) / len(labels) if in_ledger else 0.0
        own = {"share": share, "share_of_look": share * 2.0 ** -len(claim.get("looks", ()))}
        yield {"statistical": in_ledger} | claim | own


def misbooked(claim: Entry, ledger: list[Entry]) -> str:
    """What a claim's looks, its part of the ledger, its controls and its verdict tell differently, if anything."""
    looks, controls = claim["looks"], claim["planted_faults"]
    shares = [claim["share"] * 2.0**-number for number in range(1, len(looks) + 1)]
    lines = [(line["look"], line["probability"]) for line in ledger if line["label"] == claim["label"]]
    spends = [(look["number"], look["failure_probability"]) for look in looks]
    last = {
        "failure_probability": claim["share_of_look"] if claim["evidence"] == "statistical" else 0.0,
        "outcome": claim["outcome"],
        "runs": claim["measured"]["runs"],
        "uncaught": sum(control["outcome"] != "refuted" for control in controls),
    }
    if not looks or looks[-1] | last != looks[-1]:
        return "the last look is not what the claim shows"
    if lines != (list(enumerate(shares, start=1)) if claim["statistical"] else []):
        return "the ledger holds something else than its equal share, look by look"
    if any(number != k or p not in (0.0, shares[k - 1]) for k, (number, p) in enumerate(spends, start=1)):
        return "a look spends something else than its share"
    whole = math.fsum(p for _, p in spends)
    return "" if math.isclose(claim["failure_probability"], whole) else "its looks spend something else"


def with_all_below(labels: list[str], claims: list[Entry]) -> list[str]:
    """The labels, and all that they depend on, directly or not."""
    below, found = {claim["label"]: claim["depends_on"] for claim in claims}, list(labels)
    for label in found:  # which grows
        found += [each for each in below.get(label, ()) if each not in found]
    return found


def amiss_in_the_whole(document: Entry) -> Iterator[tuple[str, str, str, str]]:
    """A line per claim too few or too many, and per verdict that is not the worst of what it rests on."""
    claims = document["claims"]
    told, outcomes = [claim["label"] for claim in claims], {claim["label"]: claim["outcome"] for claim in claims}
    needed = with_all_below(document.get("asked", told), claims)
    for label in sorted({*needed, *(line["label"] for line in document.get("ledger", ()))} - {*told}):
        yield label, "-", "-", "DISAGREE (asked for, needed or spent on, and not there)"
    for label in sorted(outcomes):
        if label not in needed or told.count(label) > 1:
            yield label, "-", "-", "DISAGREE (not asked for, or there twice)"
    rests_on = [(claim["label"], claim["inherited"], with_all_below([claim["label"]], claims)) for claim in claims]
    for label, recorded, below in (*rests_on, ("all claims", document["outcome"], told)):
        found = [outcomes.get(each, "inconclusive") for each in below]
        worst = max(found, key=SEVERITY.index, default="inconclusive")
        if recorded != worst:
            yield label, recorded, worst, "DISAGREE (not the worst of all that it rests on)"


def lines(document: Entry) -> Iterator[tuple[str, str, str, str]]:
    """Label, recorded and derived outcome and the comparison, of every claim and of its negative controls."""
    yield from amiss_in_the_whole(document)
    for claim in shared_out(document):
        controls = claim.get("planted_faults", ())
        for entry in (claim, *controls):
            label = claim["label"] if entry is claim else f"  {claim['label'].split('.')[1]}: {entry['name']}"
            if "raw" not in entry:
                yield label, entry["outcome"], "-", "not recorded"
                continue
            try:
                outcome, amiss = rederived(entry, claim)
                if outcome == entry["outcome"] and entry is claim and not amiss:
                    amiss = misbooked(claim, document["ledger"])
            except MALFORMED as error:
                raise BadInput(f"{label.strip()}: {type(error).__name__}: {error}") from error
            word = "agree" if entry is claim or outcome == "refuted" else "open (agrees, and is not refuted)"
            agrees = outcome == entry["outcome"] and not amiss
            yield label, entry["outcome"], outcome, word if agrees else f"DISAGREE ({amiss or 'another outcome'})"
        if not controls:
            yield claim["label"], "-", "-", "open (no negative control)"


def read(path: Path) -> Entry | None:
    """A result file whose checksum is right; None for JSON of another kind, such as a figure's numbers."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise BadInput("is no regular file")  # a pipe or a device may never end
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise BadInput(f"cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != "cgro-result/1":
        return None
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if document.get("sha256") != hashlib.sha256(text.encode()).hexdigest():
        raise BadInput("its checksum is wrong")
    return document


def main(arguments: list[str]) -> int:
    """Print one line per claim and negative control of the files and folders, and a sum; return the exit code."""
    places = [Path(each) for each in arguments] or [Path("results")]
    files = [
        file for place in places for file in (sorted(place.glob("*.json")) if os.path.isdir(place) else [place])
    ]
    words: list[str] = []
    try:
        for file in files:
            if (document := read(file)) is None and file not in places:
                continue
            if document is None:
                raise BadInput("not a cgro-result/1 file")
            print(f"{file}: {document['theorem']}, profile {document['profile']}, seed {document['seed']}")
            for label, recorded, outcome, word in lines(document):
                print(f"{label:52} {recorded:13} {outcome:13} {word}")
                words.append(word.split(" (")[0])
    except (BadInput, *MALFORMED) as error:
        what = f"{error}" if isinstance(error, BadInput) else f"malformed, {type(error).__name__}: {error}"
        print(f"recheck: {file}: {what:.400}", file=sys.stderr)
        return 2
    if not words:
        print(f"recheck: {' '.join(map(str, places))}: no cgro-result/1 file with claims", file=sys.stderr)
        return 2
    agree, disagree, silent, left = map(words.count, ("agree", "DISAGREE", "not recorded", "open"))
    unclear = f", {left} open" if left else ""
    print(f"{len(words)} verdicts: {agree} agree, {disagree} disagree, {silent} not recorded{unclear}")
    return 1 if disagree else 3 if silent or left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
