"""A second opinion: `python verification/recheck.py results/` derives every verdict anew from the raw numbers.

It shares no code with cgro_theory. Exit codes: 0 everything agrees; 1 something disagrees; 2 bad input; 3 nothing
disagrees, but something was recorded without raw numbers, which is no agreement (docs/report.md).
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import operator
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Ends = tuple[float, float]
Entry = dict[str, Any]
LARGEST = sys.float_info.max
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError)


class BadInput(Exception):
    """What cannot be checked, in one line."""


def beta_tail(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function I_x(a, b), by its continued fraction (modified Lentz)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_tail(1.0 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value, m = d, 0
    while m == 0 or (abs(c * d - 1.0) > 1e-15 and m < 100_000):
        m += 1
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        for term in (even, -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            c, d = 1.0 + term / c or 1e-300, 1.0 / (1.0 + term * d or 1e-300)
            value *= c * d
    return math.exp(front) * value / a


def where(rising: Callable[[float], float], level: float, high: float) -> float:
    """Where a function that rises on [0, high] reaches the level: bisection down to neighbouring floats."""
    low = 0.0
    while low < (middle := (low + high) / 2.0) < high:
        low, high = (middle, high) if rising(middle) < level else (low, middle)
    return high


def clopper_pearson(k: int, n: int, p: float) -> Ends:
    """The exact interval of a probability, from k successes of n."""
    low = 0.0 if k == 0 else where(lambda x: beta_tail(x, k, n - k + 1), p / 2, 1.0)
    return low, 1.0 if k == n else 1.0 - where(lambda x: beta_tail(x, n - k, k + 1), p / 2, 1.0)


def student_quantile(v: float, p: float) -> float:
    """The t that |T| with v degrees of freedom exceeds with probability p."""
    return where(lambda t: -beta_tail(v / (v + t * t), v / 2, 0.5), -p, 1e12)


def mean_interval(reading: Entry) -> Ends:
    """Student's interval of a mean, or the empirical Bernstein one, cut to where every value lies."""
    values, p = np.array(reading.get("values", ())), reading["failure_probability"]
    moments = (len(values), values.mean(), values.var(ddof=1)) if len(values) else ()
    n, mean, variance = moments or (reading["size"], reading["mean"], reading["variance"])
    half = student_quantile(n - 1, p) * math.sqrt(variance / n) if reading["mean_by"] == "student" else 0.0
    if reading["mean_by"] == "bernstein":
        half = math.sqrt(2.0 * variance * math.log(4.0 / p) / n) + 7.0 * math.log(4.0 / p) / (3.0 * (n - 1))
    low, high = interval(reading.get("within", ["-inf", "inf"]))
    return float(min(max(mean - half, low), high)), float(max(min(mean + half, high), low))


def median_interval(values: list[Any], p: float) -> Ends:
    """Two order statistics, by the sign test."""
    sample, n = sorted(float(value) for value in values), len(values)
    rank, tail = 0, 1
    while rank <= n // 2 and tail / 2**n <= p / 2:
        rank += 1
        tail += math.comb(n, rank)
    return (sample[rank - 1], sample[n - rank]) if rank else (-math.inf, math.inf)


def slope_weights(sizes: list[float]) -> Any:
    """w with Σ w log y the least-squares slope of log y in log size; what only rounding leaves is 0."""
    centred = np.log(sizes) - np.log(sizes).mean()
    return np.where(abs(centred) < 1e-12 * abs(centred).max(), 0.0, centred) / (centred @ centred)


def log_slope(rows: list[Any]) -> Ends:
    """All slopes that an interval of y at each size allows; inf where one was never reached."""
    sides = np.array([interval(y) for _, y in rows])
    if not np.isfinite(sides[:, 0]).all():
        return math.inf, math.inf
    weights = slope_weights([size for size, _ in rows])[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.sort(np.where(weights == 0.0, 0.0, weights * np.log(np.maximum(sides, 0.0))), axis=1)
    return float(terms[:, 0].sum()), float(terms[:, 1].sum())


def fitted_power(reading: Entry) -> Ends:
    """The least-squares slope of log mean in log size, by the delta method."""
    sizes, means, errors = np.array(reading["power_of"]).T
    weights = slope_weights(sizes)
    half = student_quantile(reading["degrees"], reading["failure_probability"])
    half *= float(np.linalg.norm(weights * errors / means))
    slope = float(weights @ np.log(means))
    return reading["scale"] * (slope - half), reading["scale"] * (slope + half)


def interval(reading: Any) -> Ends:
    """The interval that is written there, or that follows from the numbers."""
    if not isinstance(reading, dict):
        low, high = reading if isinstance(reading, list) else (reading, reading)
        return float(low), float(high)
    if "trials" in reading:
        k, n, p = reading["successes"], reading["trials"], reading["failure_probability"]
        return clopper_pearson(k, n, p)[0], clopper_pearson(({"at_most": k} | reading)["at_most"], n, p)[1]
    if "mean_by" in reading:
        return mean_interval(reading)
    if "median_of" in reading:
        return median_interval(reading["median_of"], reading["failure_probability"])
    if "slope_of" in reading or "power_of" in reading:
        return log_slope(reading["slope_of"]) if "slope_of" in reading else fitted_power(reading)
    (low, high), (least, most) = map(interval, reading.get("quotient") or reading["difference"])
    if "difference" in reading:
        return low - most, high - least
    return low / most, high / least if least > 0 else math.inf


ARITHMETIC: Entry = {"Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv}
ORDER: Entry = {"Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt, "GtE": operator.ge, "Eq": operator.eq}
OPERATORS = ARITHMETIC | ORDER | {"Pow": operator.pow, "USub": operator.neg}
FUNCTIONS: Entry = {"sqrt": math.sqrt, "log": math.log, "exp": math.exp, "abs": abs, "And": all, "Or": any}


def evaluated(node: ast.AST, numbers: Entry) -> Any:
    """A condition's formula at its numbers: comparisons, arithmetic and four functions, nothing else."""
    match node:
        case ast.Constant(value=int() | float() as constant):
            return float(constant)
        case ast.Name(id=name):
            return math.nan if numbers[name] is None else float(numbers[name])
        case ast.Call(func=ast.Name(id=name), args=parts) if name.islower():
            return FUNCTIONS[name](*(evaluated(part, numbers) for part in parts))
        case ast.BoolOp(op=op, values=parts):
            return FUNCTIONS[type(op).__name__]([evaluated(part, numbers) for part in parts])
        case ast.UnaryOp(op=op, operand=part):
            return OPERATORS[type(op).__name__](evaluated(part, numbers))
        case ast.BinOp(op=op, left=left, right=right):
            return OPERATORS[type(op).__name__](evaluated(left, numbers), evaluated(right, numbers))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            sides = [evaluated(part, numbers) for part in (left, *rest)]
            pairs = zip(ops, sides[:-1], sides[1:], strict=True)
            return all(OPERATORS[type(op).__name__](a, b) for op, a, b in pairs)
    raise TypeError(f"a formula may not hold {type(node).__name__}")


def holds(condition: Entry) -> bool:
    """Whether a condition is met; at NaN, or where a power overflows, it is not."""
    try:
        return bool(evaluated(ast.parse(condition["formula"], mode="eval").body, condition["numbers"]))
    except (ArithmeticError, ValueError):
        return False


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
    sampled = entry["evidence"] == "statistical" or found["confidence"] < 1.0
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
    room = 1e-7 * max(abs(low), abs(high))
    if estimate is not None and math.isfinite(room) and not low - room <= float(estimate) <= high + room:
        return outcome, "the estimate lies outside its interval"
    stated = 1.0 - found["confidence"]
    allowed = claim.get("share_of_look", 1.0) if entry is claim and entry["evidence"] == "statistical" else 1.0
    overspent = spent(raw) > stated + 1e-12 or stated > allowed + 1e-12
    return outcome, "more failure probability is spent than stated" if overspent else ""


def shared_out(document: Entry) -> Iterator[Entry]:
    """The claims, each with what its last look may fail with: 2^-look of an equal share of the file's budget."""
    labels = {line["label"] for line in document.get("ledger", ())}
    budget = document["parameters"].get("failure_budget", 1.0)
    for claim in document["claims"]:
        looks = len(claim.get("looks", ())) or 1
        known = {"share_of_look": budget / len(labels) * 2.0**-looks} if claim["label"] in labels else {}
        yield claim | (known or {"share_of_look": claim["failure_probability"]})


def lines(document: Entry) -> Iterator[tuple[str, str, str, str]]:
    """Label, recorded and derived outcome and the comparison, of every claim and of its negative controls."""
    judged_here = {claim["label"] for claim in document["claims"]}
    for label in document.get("asked", ()):
        if label not in judged_here:
            yield label, "-", "-", "DISAGREE (asked for, and not there)"
    for claim in shared_out(document):
        for entry in (claim, *claim.get("planted_faults", ())):
            label = claim["label"] if entry is claim else f"  {claim['label'].split('.')[1]}: {entry['name']}"
            try:
                outcome, amiss = rederived(entry, claim) if "raw" in entry else ("-", "")
            except MALFORMED as error:
                raise BadInput(f"{label.strip()}: {type(error).__name__}: {error}") from error
            differs = f"DISAGREE ({amiss or 'another outcome'})"
            agrees = "agree" if outcome == entry["outcome"] and not amiss else differs
            yield label, entry["outcome"], outcome, agrees if "raw" in entry else "not recorded"


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
    agree, disagree, silent = (words.count(word) for word in ("agree", "DISAGREE", "not recorded"))
    print(f"{len(words)} verdicts: {agree} agree, {disagree} disagree, {silent} not recorded")
    return 1 if disagree else 3 if silent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
