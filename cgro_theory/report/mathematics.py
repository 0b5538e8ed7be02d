"""Formulas as presentation MathML, which browsers draw natively: no network, no script, no font to load.

sympy writes LaTeX and latex2mathml makes MathML of it. A formula that they cannot set is shown as plain text.
"""

from __future__ import annotations

from html import unescape
from xml.etree import ElementTree

import sympy
from latex2mathml.converter import convert_to_element
from sympy.core.alphabets import greeks
from sympy.printing.latex import LatexPrinter, translate

_SIGNS = {"≤": r"\leq", "≥": r"\geq", "≈": r"\approx"}


class _Printer(LatexPrinter):  # type: ignore[misc]  # sympy has no types
    def _deal_with_super_sub(self, string: str, style: str = "plain") -> str:
        """The name of a symbol or function; one with braces or backslashes is LaTeX already."""
        if set(string) & set("{}\\"):
            return string
        base, *scripts = parts = [part for part in string.split("_") if part] or [string]
        below = [_word(part, 2) for part in scripts]
        if all(word.startswith(r"\text") for word in (_word(base, 2), *below)):
            return rf"\text{{{' '.join(parts)}}}"
        return _word(base, 1) + (f"_{{{','.join(below)}}}" if below else "")

    def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
        return sorted(super()._as_ordered_terms(expr, order), key=lambda term: term.could_extract_minus_sign())


def _word(name: str, letters: int) -> str:
    """A Greek letter by its name; what is longer than so many letters as an upright word; all else as it is."""
    if name.lower() in greeks:
        return str(translate({"epsilon": "varepsilon", "phi": "varphi"}.get(name, name)))
    return name if len(name) <= letters or name.isdigit() else rf"\text{{{name}}}"


def to_latex(expression: sympy.Basic) -> str:
    r"""The expression in LaTeX: Greek letters by name, words upright, positive terms first.

    >>> print(to_latex(1 - sympy.Symbol("sigma_max") > sympy.Symbol("train_error")))
    1 - \sigma_{\text{max}} > \text{train error}
    """
    return str(_Printer().doprint(expression))


def to_mathml(expression: sympy.Basic, sign: str = "") -> str:
    """The expression as a ``<math>`` element whose ``alttext`` is the same formula in plain text.

    With a sign it is what a quantity is compared with, such as "quantity ≤ 0".

    >>> to_mathml(sympy.Integer(0), "≤")
    '<math alttext="quantity ≤ 0"><mrow><mtext>quantity</mtext><mo>≤</mo><mn>0</mn></mrow></math>'
    """
    latex, plain = to_latex(expression), str(expression)
    if sign:
        latex, plain = rf"\text{{quantity}} {_SIGNS.get(sign, sign)} {latex}", f"quantity {sign} {plain}"
    try:
        root = convert_to_element(latex)
    except Exception:  # latex2mathml's errors have no class in common
        root = ElementTree.Element("math")
        ElementTree.SubElement(root, "mtext").text = plain
    root.attrib = {"alttext": plain}
    for row in root.iter():
        tall = {"mfrac", "munderover", "mtable"}.intersection(part.tag for part in row.iter())
        for before, part in zip([None, *row], row, strict=False):
            part.text = unescape(part.text or "")
            if part.tag == "mo" and part.text.isalpha():  # an operator's space is too much around min
                part.tag = "mi"
            if part.get("stretchy") and not tall:  # without a mathematical font, browsers stretch too far
                part.set("stretchy", "false")
            if part.text == "−" and (before is None or (before.tag == "mo" and before.get("form") != "postfix")):
                part.set("form", "prefix")  # a sign, not a difference
    return ElementTree.tostring(root, encoding="unicode")
