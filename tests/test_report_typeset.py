"""Formulas inside plain text: what is a symbol is set as one on pages and in figures, what is a word is not."""

import pytest
from matplotlib.mathtext import MathTextParser

from cgro_theory.commands.report import NOTATION
from cgro_theory.report.notation import read_notation
from cgro_theory.report.typeset import in_html, in_mathtext
from cgro_theory.theorems.catalogue import ROOMS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("T_III ~ d^-0.24", "<var>T</var><sub>III</sub> ~ <var>d</var><sup>−0.24</sup>"),
        ("1e+12, 2.3e-13", "10<sup>12</sup>, 2.3·10<sup>−13</sup>"),
        ("N^(-1/(D+2))", "<var>N</var><sup>−1/(D+2)</sup>"),
        ("4^-(M+1) and (1 - 1/K)^N", "4<sup>−(M+1)</sup> and (1 - 1/<var>K</var>)<sup><var>N</var></sup>"),
        ("κ* <= κ_1, w*", "<var>κ</var><sup>*</sup> ≤ <var>κ</var><sub>1</sub>, <var>w</var><sup>*</sup>"),
        ("l_inf, l∞, ℓ∞", ", ".join(["<var>ℓ</var><sub>∞</sub>"] * 3)),
        ("p = inf", "<var>p</var> = ∞"),
        ("z² in E[g_r³]", "<var>z</var>² in E[<var>g</var><sub><var>r</var></sub>³]"),
        ("the (a, b) plane of a net", "the (<var>a</var>, <var>b</var>) plane of a net"),
        ("ε0", "<var>ε</var><sub>0</sub>"),
        (
            r"$\alpha^q U$ at $T_{III}$",
            "<var>α</var><sup><var>q</var></sup> <var>U</var> at <var>T</var><sub>III</sub>",
        ),
        ("I saw A point", "I saw A point"),
        ("theorem_1.signal_time", "theorem_1.signal_time"),
        ("P(|V| > 1)", "P(|<var>V</var>| &gt; 1)"),
        ("<b> & $x", "&lt;<var>b</var>&gt; &amp; $<var>x</var>"),
    ],
)
def test_a_page_sets_symbols_and_leaves_words(text, shown):
    assert in_html(text) == shown


def test_every_statement_can_be_set_in_a_figure():
    parser = MathTextParser("path")
    for claim in (claim for room in ROOMS for claim in room.claims[:1]):
        parser.parse(in_mathtext(claim.statement))


def test_a_symbol_is_linked_where_it_comes_first():
    shown = in_html("κ, κ_1 and κ again; x", {"κ": "#k", "κ_1": "#one"}.get)
    assert shown.count('href="#k"') == 1
    assert shown.count('href="#one"') == 1
    assert "<var>x</var>" in shown


def test_the_table_of_notation_is_read_whole():
    text = NOTATION.read_text(encoding="utf-8")
    notation = read_notation(text)
    section = text.partition("Notation\n")[2].partition("\n<a id")[0]
    assert len(notation.rows) == sum(line.startswith("| $`") for line in section.splitlines())
    row = {name: notation.link(name) for name in ("T_I", "T_III", "U", "u_max", "V", "V_i", "κ", "κ*", "x")}
    assert row["T_I"] == row["T_III"]
    assert row["U"] == row["u_max"]
    assert row["V"] == row["V_i"]
    assert len(set(row.values())) == 6
    assert row["x"] == ""
    assert read_notation("").rows == ()
