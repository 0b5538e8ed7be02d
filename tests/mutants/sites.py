"""Where a module can be changed at one point, and to what."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass

ARITHMETIC = {
    ast.Add: ("-",),
    ast.Sub: ("+",),
    ast.Mult: ("/",),
    ast.Div: ("*",),
    ast.FloorDiv: ("*",),
    ast.Mod: ("//",),
    ast.Pow: ("*",),
    ast.BitAnd: ("|",),
    ast.BitOr: ("&",),
}
COMPARISON = {
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">="),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
PAIRS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("amin", "amax"),
    ("any", "all"),
    ("floor", "ceil"),
    ("upper", "lower"),
    ("high", "low"),
    ("upper_float", "lower_float"),
    ("sin", "cos"),
    ("erf", "erfc"),
    ("gammainc", "gammaincc"),
    ("bdtr", "bdtrc"),
    ("betaincinv", "betainccinv"),
    ("exp", "expm1"),
    ("log", "log1p"),
    ("sum", "prod"),
    ("less", "at_most"),
    ("at_least", "at_most"),
)
RENAMED: dict[str, tuple[str, ...]] = {}
for _one, _other in PAIRS:
    RENAMED[_one] = (*RENAMED.get(_one, ()), _other)
    RENAMED[_other] = (*RENAMED.get(_other, ()), _one)
SYMMETRIC = {"min", "max", "minimum", "maximum", "array_equal", "multiply", "hypot", "union1d", "zip"}
"""Functions whose first two arguments may be swapped."""
UNTOUCHED_KEYWORDS = {"strict", "dtype", "copy", "endpoint", "invalid", "divide", "over", "under"}


@dataclass(frozen=True)
class Site:
    """One change: the bytes from ``start`` to ``end`` of the module become ``new``.

    ``name`` is unique within the module and does not move with the lines: function, old text, new text.
    """

    module: str
    function: str
    operator: str
    line: int
    last_line: int
    start: int
    end: int
    old: str
    new: str
    name: str

    def planted(self, source: bytes) -> bytes:
        """The module's text with the change in it."""
        return source[: self.start] + self.new.encode() + source[self.end :]


class _Finder(ast.NodeVisitor):
    def __init__(self, module: str, source: bytes) -> None:
        self.module, self.source = module, source
        self.offsets = [0]
        for line in source.splitlines(keepends=True):
            self.offsets.append(self.offsets[-1] + len(line))
        self.function: list[str] = []
        self.statement: ast.stmt | None = None
        self.found: list[Site] = []
        self.seen: Counter[str] = Counter()

    def put(self, node: ast.AST, new: str, operator: str) -> None:
        start = self.offsets[node.lineno - 1] + node.col_offset
        end = self.offsets[node.end_lineno - 1] + node.end_col_offset
        old = " ".join(self.source[start:end].decode().split())
        function = ".".join(self.function) or "module"
        name = f"{function}: {old} -> {new}"
        self.seen[name] += 1
        if self.seen[name] > 1:
            name += f" (#{self.seen[name]})"
        first, last = node.lineno, node.end_lineno
        # A line that holds a part of a longer expression is reported under the statement's first line.
        if self.statement is not None and not isinstance(self.statement, ast.FunctionDef | ast.ClassDef):
            compound = isinstance(self.statement, ast.If | ast.For | ast.While | ast.With | ast.Try | ast.Match)
            first, last = self.statement.lineno, last if compound else self.statement.end_lineno
        self.found.append(Site(self.module, function, operator, first, last, start, end, old, new, name))

    def visit(self, node: ast.AST) -> None:
        before = self.statement
        if isinstance(node, ast.stmt):
            self.statement = node
        super().visit(node)
        self.statement = before

    def visit_Raise(self, node: ast.Raise) -> None:
        """Messages are not what is tested here; whether it is raised is decided by the condition above it."""

    visit_JoinedStr = visit_Import = visit_ImportFrom = visit_Assert = visit_Raise

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.function.append(node.name)
        for default in [*node.args.defaults, *(each for each in node.args.kw_defaults if each)]:
            self.visit(default)
        self.body(node.body)
        self.function.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.function.append(node.name)
        self.body(node.body)
        self.function.pop()

    def visit_Module(self, node: ast.Module) -> None:
        self.body(node.body)

    def body(self, statements: list[ast.stmt]) -> None:
        for each in statements:
            if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)):
                self.visit(each)

    def visit_Assign(self, node: ast.Assign) -> None:
        alias = isinstance(node.value, ast.Subscript) and isinstance(node.value.slice, ast.Attribute)
        if not (alias and not self.function):
            self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        target, value = ast.unparse(node.target), ast.unparse(node.value)
        for new in ARITHMETIC.get(type(node.op), ()):
            self.put(node, f"{target} {new}= {value}", "arithmetic")
        self.put(node, "pass", "dropped term")
        self.visit(node.value)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        left, right = ast.unparse(node.left), ast.unparse(node.right)
        text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        if not text:
            for new in ARITHMETIC.get(type(node.op), ()):
                self.put(node, f"(({left}) {new} ({right}))", "arithmetic")
            if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
                self.put(node, f"({left})", "dropped term")
            if isinstance(node.op, ast.Add | ast.Mult):
                self.put(node, f"({right})", "dropped term")
            if isinstance(node.op, ast.MatMult):
                self.put(node, f"(({left}) @ ({right}).T)", "transposed")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [ast.unparse(each) for each in (node.left, *node.comparators)]
        for index, op in enumerate(node.ops):
            for new in COMPARISON.get(type(op), ()):
                parts = [sides[0]]
                for k, each in enumerate(node.ops):
                    parts += [new if k == index else _symbol(each), sides[k + 1]]
                self.put(node, f"({' '.join(parts)})", "comparison")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        parts = [f"({ast.unparse(each)})" for each in node.values]
        word = " or " if isinstance(node.op, ast.And) else " and "
        self.put(node, f"({word.join(parts)})", "and/or")
        for index in range(len(parts)):
            rest = parts[:index] + parts[index + 1 :]
            self.put(node, f"({(' and ' if isinstance(node.op, ast.And) else ' or ').join(rest)})", "dropped term")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub | ast.Not):
            self.put(node, f"({ast.unparse(node.operand)})", "sign")
        if not isinstance(node.operand, ast.Constant):
            self.visit(node.operand)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.put(node, str(not value), "constant")
        elif isinstance(value, int):
            self.put(node, str(value + 1), "constant")
            if value > 0:
                self.put(node, str(value - 1), "constant")
        elif isinstance(value, float):
            self.put(node, "1.0" if value == 0.0 else repr(value * 2.0), "constant")
            if value != 0.0:
                self.put(node, repr(value / 2.0), "constant")

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)
        self.visit(node.slice)

    def visit_Call(self, node: ast.Call) -> None:
        for new in _renamed(node.func):
            arguments = [*map(ast.unparse, node.args), *(_keyword(each) for each in node.keywords)]
            self.put(node, f"{new}({', '.join(arguments)})", "other function")
        if isinstance(node.func, ast.Attribute | ast.Call):
            self.visit(node.func.value if isinstance(node.func, ast.Attribute) else node.func)
        if getattr(node.func, "attr", "") == "nextafter" and len(node.args) == 2:
            self.put(node, f"({ast.unparse(node.args[0])})", "rounding")
        plain = [ast.unparse(each) for each in node.args if not isinstance(each, ast.Starred)]
        if len(plain) == len(node.args) >= 2 and plain[0] != plain[1]:
            rest = [*plain[2:], *(_keyword(each) for each in node.keywords)]
            arguments = ", ".join([plain[1], plain[0], *rest])
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name not in SYMMETRIC:
                self.put(node, f"{ast.unparse(node.func)}({arguments})", "swapped arguments")
        for each in node.args:
            self.visit(each)
        for each in node.keywords:
            if each.arg not in UNTOUCHED_KEYWORDS:
                self.visit(each.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load) and node.attr in ("low", "high", "lower", "upper"):
            for new in RENAMED[node.attr]:
                self.put(node, f"({ast.unparse(node.value)}).{new}", "other end")
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.put(node.test, f"(not ({ast.unparse(node.test)}))", "condition")
            self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.put(node, f"({ast.unparse(node.body)})", "condition")
        self.put(node, f"({ast.unparse(node.orelse)})", "condition")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        number = isinstance(node.value, ast.BinOp | ast.Name) or (
            isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in ("float", "np.asarray")
        )
        if number and not _is_text(node.value):
            self.put(node.value, f"(-({ast.unparse(node.value)}))", "sign")
        self.generic_visit(node)


def _symbol(op: ast.cmpop) -> str:
    return ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("b")]))[2:-2]


def _keyword(each: ast.keyword) -> str:
    return f"{each.arg}={ast.unparse(each.value)}" if each.arg else f"**{ast.unparse(each.value)}"


def _renamed(function: ast.expr) -> list[str]:
    if isinstance(function, ast.Name):
        return list(RENAMED.get(function.id, ()))
    if isinstance(function, ast.Attribute):
        owner = ast.unparse(function.value)
        owner = owner if isinstance(function.value, ast.Name | ast.Attribute | ast.Call) else f"({owner})"
        return [f"{owner}.{new}" for new in RENAMED.get(function.attr, ())]
    return []


def _is_text(node: ast.expr) -> bool:
    return any(isinstance(each, ast.JoinedStr) for each in ast.walk(node))


def sites(module: str, source: bytes) -> list[Site]:
    """All single changes of a module, in the order of its text; each one is still Python."""
    finder = _Finder(module, source)
    finder.visit(ast.parse(source))
    return finder.found
