"""What follows from the raw numbers of a result file: intervals, and whether a condition holds. For recheck.py.

It shares no code with cgro_theory; the statistics are its own.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Ends = tuple[float, float]
Entry = dict[str, Any]


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
            return float(numbers[name])
        case ast.Call(func=ast.Name(id=name), args=parts) if name.islower():
            return FUNCTIONS[name](*(evaluated(part, numbers) for part in parts))
        case ast.BoolOp(op=op, values=parts):
            return FUNCTIONS[type(op).__name__]([truth(part, numbers) for part in parts])
        case ast.UnaryOp(op=op, operand=part):
            return OPERATORS[type(op).__name__](evaluated(part, numbers))
        case ast.BinOp(op=op, left=left, right=right):
            return OPERATORS[type(op).__name__](evaluated(left, numbers), evaluated(right, numbers))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            sides = [evaluated(part, numbers) for part in (left, *rest)]
            if any(map(math.isnan, sides)):
                raise ValueError("NaN stands in no order")
            pairs = zip(ops, sides[:-1], sides[1:], strict=True)
            return all(OPERATORS[type(op).__name__](a, b) for op, a, b in pairs)
    raise TypeError(f"a formula may not hold {type(node).__name__}")


def truth(node: ast.AST, numbers: Entry) -> bool:
    """What a comparison, or several that are joined, come to at the numbers; anything else says nothing."""
    if not isinstance(found := evaluated(node, numbers), bool):
        raise TypeError("a formula must compare")
    return found


def holds(condition: Entry) -> bool:
    """Whether a condition is met; where anything in it is NaN (None), or where a power overflows, it is not."""
    known = {name: math.nan if value is None else value for name, value in condition["numbers"].items()}
    try:
        met = truth(ast.parse(condition["formula"], mode="eval").body, known)
        return met and not any(math.isnan(float(value)) for value in known.values())
    except (ArithmeticError, ValueError):
        return False
