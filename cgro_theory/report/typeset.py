"""Formulas inside plain text: symbols with their sub- and superscripts, powers of ten, for a page and for figures.

Statements, captions and labels are plain text, as terminals and files show it: ``T_III``, ``κ*``, ``10^6``,
``N^(-1/(D+2))``. Here those pieces are found, so that a page and a figure can set them as formulas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from latex2mathml.converter import convert
from markupsafe import Markup, escape

NAMES = {
    "alpha": "α", "beta": "β", "delta": "δ", "epsilon": "ε", "eta": "η", "kappa": "κ", "lambda": "λ",
    "phi": "φ", "psi": "ψ", "rho": "ρ", "sigma": "σ", "tau": "τ", "xi": "ξ", "ell": "ℓ",
}  # fmt: skip
_LATEX = {letter: rf"\{name}" for name, letter in NAMES.items()} | {
    "Σ": r"\Sigma", "Φ": r"\Phi", "Δ": r"\Delta", "Θ": r"\Theta", "Ω": r"\Omega", "π": r"\pi",
    "ϕ": r"\phi", "φ": r"\varphi", "ε": r"\varepsilon", "θ": r"\theta", "∞": r"\infty", "∇": r"\nabla",
}  # fmt: skip
_ACCENTS = {"\N{COMBINING TILDE}": r"\tilde", "\N{COMBINING CIRCUMFLEX ACCENT}": r"\hat"}
_COMMANDS = {
    r"\,": " ", r"\frac{1}{2}": "1/2", r"\ge": " ≥ ", r"\sum": "Σ", r"\Delta": "Δ", r"\lvert ": "|",
    r"\rvert": "|",
}  # fmt: skip
_ALONE = frozenset("BCDFGJKLMNPTUVWbcdfghmnpqruvwxyz")
"""Latin letters that stand for a quantity even without a script; the others are words or units too."""

_GROUP = r"\{[^{}]*\}|\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]"
_LETTER = r"[^\W\d_²³]"
_PIECE = re.compile(
    rf"""\$(?P<math>[^$\n]+)\$
    | (?<![\w.^])(?P<mantissa>\d+(?:\.\d+)?)e(?P<power>[+-]?\d+)(?![\w.])
    | (?P<base>(?<![\w.])\d+(?=\^)|[)|](?=\^)
        |(?<!{_LETTER})(?:l(?=_inf|_?∞|_\d)|(?:{"|".join(NAMES)})(?=[_*^])|(?P<a>a)(?=\)|,?[ ]b\b|[ ](?:=|-[ ]b))
          |(?!P\(){_LETTER}))
      (?P<accent>[{"".join(_ACCENTS)}]?)(?!{_LETTER})(?P<star>(?<=[κw])\*)?
      (?:_(?P<below>{_GROUP}|∞|-(?!\w)|[^\W_²³]+)|(?P<index>(?<=[α-ω])\d|(?<=[lℓ])∞))?
      (?:\^(?P<above>-?(?:{_GROUP})|\*|-?\d+(?:\.\d+)?(?:/\d+)?(?!\w)|-?[^\W_]+))?
    """,
    re.VERBOSE,
)
_SIGNS = {"<=": "≤", ">=": "≥", "!=": "≠", "+-": "±"}
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)) + r"|(?<![\w.])inf(?!\w)")
Link = Callable[[str], str]
"""The address of what a symbol means, such as ``#symbol-3`` for ``T_I``; empty for none."""


@dataclass(frozen=True)
class Symbol:
    """One piece of formula: what stands on the line, below and above it; ``math`` is LaTeX that says it all."""

    base: str = ""
    below: str = ""
    above: str = ""
    math: str = ""

    @property
    def name(self) -> str:
        """What a table of notation calls it: the base and what stands below; a star belongs to the name."""
        return self.base + (f"_{self.below}" if self.below else "") + ("*" if self.above == "*" else "")

    @property
    def latex(self) -> str:
        """The piece in the LaTeX that matplotlib knows."""
        if self.math:
            return self.math
        below = f"_{{{_in_latex(self.below)}}}" if self.below else ""
        above = f"^{{{_in_latex(self.above)}}}" if self.above else ""
        return _in_latex(self.base) + below + above


def pieces(text: str, formula: bool = False) -> Iterator[str | Symbol]:
    """The text in order, formulas apart; inside a formula every letter is a symbol.

    >>> [each if isinstance(each, str) else each.name for each in pieces("the margin of T_III")]
    ['the margin of ', 'T_III']
    """
    done = 0
    for found in _PIECE.finditer(text):
        symbol = _symbol(found, formula)
        if symbol is None:
            continue
        if found.start() > done:
            yield _plain(text[done : found.start()])
        simple = without_commands(symbol.math)
        yield from pieces(simple, formula=True) if simple else (symbol,)
        done = found.end()
    if done < len(text):
        yield _plain(text[done:])


def without_commands(math: str) -> str:
    """LaTeX as the plain text that stands for it, where it needs no more than that; else nothing.

    >>> without_commands(r"T_{\\mathrm{III}}"), without_commands(r"\\int f")
    ('T_{III}', '')
    """
    plain = re.sub(r"\\mathrm(?:\{(\w+)\}|\s+(\w))", r"\1\2", math)
    plain = re.sub(r"\\sqrt\{?(\w)\}?", r"√\1", plain)
    plain = re.sub(r"\\tilde\s*(\w)", "\\1\N{COMBINING TILDE}", plain)
    plain = re.sub(r"[_^]?\\ast", "*", plain)
    for command, shown in _COMMANDS.items():
        plain = plain.replace(command, shown)
    plain = re.sub(r"\\(?:var)?([a-z]+)", lambda found: NAMES.get(found[1], found[0]), plain)
    plain = re.sub(r"([_^])(\w)(?=\w)", r"\1{\2} ", plain)
    plain = re.sub(r"(?<![\w{])([A-Za-z])([A-Za-z])(?![\w}])", r"\1 \2", re.sub(r"\s*=\s*", " = ", plain))
    return "" if "\\" in plain or "$" in plain else plain


def _symbol(found: re.Match[str], formula: bool) -> Symbol | None:
    """The piece, or nothing where a letter is only a letter."""
    if found["math"]:
        return Symbol(math=found["math"])
    if found["power"]:
        factor = "" if found["mantissa"] == "1" else f"{found['mantissa']}·"
        return Symbol(f"{factor}10", above=_ungrouped(str(int(found["power"]))))
    base = NAMES.get(found["base"], found["base"])
    below, above = _ungrouped(found["below"] or found["index"] or ""), _ungrouped(found["above"] or "")
    known = base in _ALONE or "α" <= base <= "ω" or found["a"] or formula
    if not (known or below or above):
        return None
    return Symbol("ℓ" if base == "l" else base + found["accent"], below, ("*" if found["star"] else "") + above)


def _ungrouped(script: str) -> str:
    sign, group = ("-", script[1:]) if script[:2] == "-(" else ("", script)
    inner = sign + (group if sign or group[:1] not in ("(", "{") else group[1:-1])
    return re.sub(r"\binf\b", "∞", inner).replace("-", "−").replace("<=", "≤").replace(">=", "≥")


def _plain(text: str) -> str:
    return _SIGN.sub(lambda found: _SIGNS.get(found[0], "∞"), text)


@lru_cache(4096)
def in_html(text: str, link: Link | None = None) -> Markup:
    """The text for a page: symbols in italics, scripts raised and lowered, everything else escaped.

    What has an address is linked to it where it comes first.

    >>> print(in_html("κ_1 <= 10^6"))
    <var>κ</var><sub>1</sub> ≤ 10<sup>6</sup>
    """
    shown, linked = Markup(""), {""}
    for piece in pieces(text):
        if isinstance(piece, str):
            shown += escape(piece)
            continue
        address = link(piece.name) if link else ""
        formula = _html_of(piece)
        new = address not in linked
        shown += Markup('<a class="symbol" href="{}">{}</a>').format(address, formula) if new else formula
        linked.add(address)
    return shown


def _html_of(symbol: Symbol) -> Markup:
    if symbol.math:
        try:
            return Markup(convert(symbol.math))
        except Exception:  # latex2mathml's errors have no class in common
            return escape(symbol.math)
    letters = symbol.base.rstrip("".join(_ACCENTS))
    shown = Markup("<var>{}</var>").format(symbol.base) if letters.isalpha() else escape(symbol.base)
    for tag, script in (("sub", symbol.below), ("sup", symbol.above)):
        if script:
            single = len(script) == 1 and script.isalpha() and script != "I"
            word = Markup("<var>{}</var>").format(script) if single else script
            shown += Markup(f"<{tag}>{{}}</{tag}>").format(word)
    return shown


def in_mathtext(text: str) -> str:
    r"""The text for a figure: formulas between dollars, as matplotlib sets them.

    >>> print(in_mathtext("κ* at d = 10^6"))
    $\kappa^{*}$ at $d$ = $10^{6}$
    """
    parts = (piece if isinstance(piece, str) else f"${piece.latex}$" for piece in pieces(text))
    return "".join(parts).replace("$$", "")


def _in_latex(text: str) -> str:
    """Greek letters by name, words upright, accents as commands."""
    if len(text) == 2 and text[1] in _ACCENTS:
        return rf"{_ACCENTS[text[1]]}{{{_in_latex(text[0])}}}"
    if text == "I" or (text.isascii() and text.isalpha() and len(text) > 2):
        return rf"\mathrm{{{text}}}"
    return (
        "".join(f"{_LATEX[letter]} " if letter in _LATEX else letter for letter in text).replace("−", "-").strip()
    )
