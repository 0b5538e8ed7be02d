"""What a claim assumes: formulas that predictions evaluate with the actual numbers, or words and who sees to them.

One text serves evaluation, words and typesetting, so that they cannot disagree. Needs sympy only to typeset.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cgro_theory.errors import InvalidInput

if TYPE_CHECKING:
    import sympy

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True)
class _Language:
    """What a formula's parts become: numbers and truth values, or expressions."""

    functions: Mapping[str, Callable[..., Any]]
    every: Callable[..., Any]
    some: Callable[..., Any]
    equal: Callable[..., Any]


_NUMBERS = _Language(
    {"sqrt": math.sqrt, "log": math.log, "exp": math.exp, "abs": abs},
    lambda *parts: all(parts),
    lambda *parts: any(parts),
    operator.eq,
)


@dataclass(frozen=True)
class Condition:
    """A named inequality between quantities that a prediction knows when it is made.

    Attributes:
        name: a word or two, unique among a claim's assumptions.
        formula: comparisons in Python's notation, joined by ``and`` and ``or``, with + - * / **, sqrt, log, exp,
            abs. Its names are the symbols; one that Python reserves ends in ``_``, as in ``0 < lambda_ < 1``.
        meaning: the same in words.

    A formula of which some part compares nothing, or names no quantity, is refused: that part would say nothing.
    """

    name: str
    formula: str
    meaning: str

    def __post_init__(self) -> None:
        try:
            _read(self._tree, dict.fromkeys(self.symbols, 0.5), _NUMBERS)
        except (KeyError, TypeError) as error:
            raise InvalidInput("condition", self.formula, f"a comparison of numbers ({error})") from error
        except (ArithmeticError, ValueError):
            pass  # no value at that point, but readable
        if not _compares(self._tree):
            raise InvalidInput("condition", self.formula, "a comparison that names some quantity, in every part")

    @cached_property
    def _tree(self) -> ast.expr:
        try:
            return ast.parse(self.formula, mode="eval").body
        except SyntaxError as error:
            raise InvalidInput("condition", self.formula, "an expression") from error

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The names of the quantities that it compares, in alphabetical order."""
        return tuple(sorted(_named(self._tree)))

    def given(self, **numbers: float) -> EvaluatedCondition:
        """The condition with the actual numbers, exactly one for each of its symbols.

        It counts as unmet where it has no value, such as where a power overflows, and where anything in it is NaN.
        """
        if numbers.keys() != set(self.symbols):
            raise InvalidInput(f"numbers of {self.name!r}", sorted(numbers), f"exactly {list(self.symbols)}")
        values = {name: float(value) for name, value in numbers.items()}
        try:
            met = not any(map(math.isnan, values.values())) and bool(_read(self._tree, values, _NUMBERS))
        except (ArithmeticError, ValueError):
            met = False
        return EvaluatedCondition(self, tuple(sorted(values.items())), met)

    @property
    def expression(self) -> sympy.Basic:
        """The formula in sympy's terms, with real symbols. Needs sympy."""
        import sympy

        symbols = {name: sympy.Symbol(name.rstrip("_"), real=True) for name in self.symbols}
        functions = {"sqrt": sympy.sqrt, "log": sympy.log, "exp": sympy.exp, "abs": sympy.Abs}
        read: sympy.Basic = _read(self._tree, symbols, _Language(functions, sympy.And, sympy.Or, sympy.Eq))
        return read

    @property
    def checked(self) -> str:
        """Who sees to it."""
        return "the prediction, with the actual numbers"


@dataclass(frozen=True)
class EvaluatedCondition:
    """A condition with the numbers that a prediction gave it, and whether it holds there."""

    condition: Condition
    numbers: tuple[tuple[str, float], ...]
    met: bool

    def __str__(self) -> str:
        """Such as ``attack: 0 < lambda with lambda = 0``."""
        numbers = ", ".join(f"{name.rstrip('_')} = {value:.6g}" for name, value in self.numbers)
        return f"{self.condition.name}: {self.condition.meaning} ({self.condition.formula}; here {numbers})"


@dataclass(frozen=True)
class StatedAssumption:
    """An assumption that no prediction can evaluate: its name, its meaning, and who sees to it."""

    name: str
    meaning: str
    checked: str

    @property
    def expression(self) -> None:
        """It has no formula, and does not pretend to have one."""
        return None


def unmet(conditions: Iterable[EvaluatedCondition]) -> tuple[EvaluatedCondition, ...]:
    """Those that do not hold."""
    return tuple(each for each in conditions if not each.met)


def each_once(conditions: Iterable[EvaluatedCondition]) -> tuple[EvaluatedCondition, ...]:
    """Of each condition the first evaluation that fails, else the first of all."""
    told: dict[Condition, EvaluatedCondition] = {}
    for each in conditions:
        if told.setdefault(each.condition, each).met and not each.met:
            told[each.condition] = each
    return tuple(told.values())


def _named(node: ast.AST) -> set[str]:
    """The names of quantities below a node."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - _NUMBERS.functions.keys()


def _compares(node: ast.AST) -> bool:
    """Whether every part that ``and`` and ``or`` join is a comparison that names a quantity."""
    if isinstance(node, ast.BoolOp):
        return all(map(_compares, node.values))
    return isinstance(node, ast.Compare) and bool(_named(node))


def _read(node: ast.AST, values: Mapping[str, Any], language: _Language) -> Any:
    def value(part: ast.AST) -> Any:
        return _read(part, values, language)

    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](value(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](value(left), value(right))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return language.functions[name](*map(value, arguments))
        case ast.BoolOp(op=op, values=parts):
            return (language.every if isinstance(op, ast.And) else language.some)(*map(value, parts))
        case ast.Compare(left=left, ops=ops, comparators=right_sides):
            sides = [value(left), *map(value, right_sides)]
            if any(side != side for side in sides):
                raise ValueError("NaN stands in no order")
            compare = [language.equal if isinstance(op, ast.Eq) else _OPERATORS[type(op)] for op in ops]
            return language.every(*(f(a, b) for f, a, b in zip(compare, sides[:-1], sides[1:], strict=True)))
    raise TypeError(f"{type(node).__name__} is not understood")
