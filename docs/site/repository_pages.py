"""Makes a site of pages that are written for GitHub: a Sphinx extension.

Formulas between ``$`` and ``$`` with backquotes become MathML, ``<a id=…>`` becomes a target for links, a notebook
becomes a page with what its cells print, the README gets the table of contents, and the pages of commands and
parameters are made from the code. After the build every link is followed.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

import typer.main
from built_site import faults
from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.logging import getLogger
from sphinx.util.nodes import make_refnode
from typer.cli import get_docs_for_click

from cgro_theory.cli import app as command_line
from cgro_theory.commands.sweep_kinds import KINDS

LOGGER = getLogger(__name__)

CONTENTS = {
    "Start": "docs/walkthroughs docs/first_steps docs/where",
    "Theory": "docs/theory/README docs/theory/setting docs/theory/theorem_1 docs/theory/theorem_2 "
    "docs/theory/theorem_3 docs/theory/over_attack docs/theory/questions docs/theory/neighbours",
    "How it is judged": "docs/theory/verdicts docs/power docs/reverification docs/mutants",
    "Results": "docs/results paper_map docs/limits docs/measured docs/changed_results docs/artifact docs/report",
    "Use": "docs/calculator docs/simulate docs/certify docs/sweeps docs/python",
    "Reference": "docs/site/api docs/site/commands docs/site/parameters",
    "Take part": "CONTRIBUTING docs/adding_a_theorem docs/plugins CHANGELOG",
}
"""The pages of the sidebar; what is in none of the groups comes last, under "More"."""

MATHEMATICS = LatexToMathML(fancy_error=False)
FORMULA = re.compile(r"\$(`+)(.+?)\1\$", re.DOTALL)


def prepare_source(app: Sphinx, page: str, source: list[str]) -> None:
    """A page as the site's parser expects it."""
    if app.env.doc2path(page).suffix == ".ipynb":
        source[0] = notebook_page(json.loads(source[0]))
    source[0] = FORMULA.sub(r"{math}\1\2\1", source[0])
    if page == app.config.root_doc:
        source[0] += contents(app.env.found_docs - {page})
    elif page == "docs/site/commands":
        source[0] += commands_reference()
    elif page == "docs/site/parameters":
        source[0] += parameters_reference()


def contents(pages: set[str]) -> str:
    """The table of contents in the sidebar."""
    groups = {title: listed.split() for title, listed in CONTENTS.items()}
    groups["More"] = sorted(pages.difference(*groups.values()))
    return "".join(
        f"\n\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n"
        + "\n".join(f"/{page}" for page in listed)
        + "\n```\n"
        for title, listed in groups.items()
        if listed
    )


def notebook_page(notebook: dict[str, Any]) -> str:
    """A notebook in Markdown: its code is run, and what each cell prints and shows stands below it."""
    parts, names = [], {}
    for cell in notebook["cells"]:
        code = "".join(cell["source"])
        if cell["cell_type"] == "code":
            printed, shown = run_cell(code, names)
            code = f"```python\n{code}\n```"
            if printed:
                code += f"\n\n```text\n{printed}```"
            code += f'\n\n<div class="table-wrapper docutils container">{shown}</div>' if shown else ""
        parts.append(code)
    return "\n\n".join(parts)


def run_cell(code: str, names: dict[str, Any]) -> tuple[str, str]:
    """What a cell prints, and its last expression's value in HTML."""
    *statements, last = ast.parse(code).body
    value = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(statements, []), "notebook", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "notebook", "eval"), names)
        else:
            exec(compile(code, "notebook", "exec"), names)
    shown = getattr(value, "_repr_html_", lambda: "" if value is None else f"<pre>{escape(repr(value))}</pre>")()
    return printed.getvalue(), shown.replace("<table>", '<table class="docutils shown">')


def commands_reference() -> str:
    """Every command with its arguments and options, as the command line's library writes them."""
    root: Any = typer.main.get_command(command_line)
    listed = [
        f"- [`cgro {name}`](#cgro-{name}): {each.help.split(chr(10) * 2)[0]}"
        for name, each in root.commands.items()
    ]
    text = get_docs_for_click(obj=root, ctx=typer.Context(root), indent=1, name="cgro")
    text = re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+", "", text)  # its own lists cut sentences short
    return "\n" + "\n".join(listed) + "\n\n" + text.replace("```console\n$ ", "```text\n")


def parameters_reference() -> str:
    """The parameters of each kind of run, from their declarations."""
    text = ""
    for kind in KINDS.values():
        text += f"\n## {kind.name}\n\n{kind.help[:1].upper()}{kind.help[1:]}.\n\n"
        text += "| parameter | symbol | values | default | meaning |\n| --- | --- | --- | --- | --- |\n"
        for each in kind.parameters:
            default = {None: "required", "": "empty"}.get(each.default, f"`{each.default}`")
            cells = (f"`{each.name}`", each.symbol, each.allowed, default, each.help)
            text += "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"
    return text


class WrittenAnchors(SphinxTransform):
    """Lets links lead to ``<a id="…"></a>``, as they do on GitHub."""

    default_priority = 250  # before docutils moves targets to what they stand before

    def apply(self, **options: Any) -> None:
        """Put a target in the place of each."""
        for raw in list(self.document.findall(nodes.raw)):
            found = re.match(r"<a id=[\"']([^\"']+)", raw.astext())
            if found and found[1] not in self.document.ids:
                target = nodes.target("", "", ids=[found[1]], names=[found[1]])
                self.document.note_explicit_target(target)
                raw.replace_self(target)
            elif found or raw.astext() == "</a>":
                raw.parent.remove(raw)


class PunctuationAfterFormulas(SphinxTransform):
    """Keeps a full stop or comma on the line of the formula before it."""

    default_priority = 900

    def apply(self, **options: Any) -> None:
        """Move it into the formula's node, from which it is written."""
        for formula in list(self.document.findall(nodes.math)):
            text = formula.next_node(descend=False, siblings=True)
            found = re.match(r"[.,;:)]+", text.astext()) if isinstance(text, nodes.Text) else None
            if found:
                formula["after"] = found[0]
                text.parent.replace(text, nodes.Text(text.astext()[found.end() :]))


def find_by_name(app: Sphinx, env: Any, node: nodes.Element, text: nodes.Element) -> nodes.Element | None:
    """What a docstring names without its module, if the site has it; all else (None) stays text."""
    name = node["reftarget"].rpartition(".")[2]
    python = env.domains.python_domain
    full = [each for each in python.objects if node.get("refdomain") == "py" and each.rpartition(".")[2] == name]
    if len(full) != 1:
        return None
    place = python.objects[full[0]]
    return make_refnode(app.builder, node["refdoc"], place.docname, place.node_id, text, full[0])


def draw_formula(translator: Any, node: nodes.Element) -> None:
    """Write a formula in MathML, which browsers draw without a script or a font from elsewhere."""
    block = isinstance(node, nodes.math_block)
    try:
        formula = MATHEMATICS.convert_with_local_state(node.astext(), displaystyle=block)
    except LatexError as error:
        LOGGER.warning("%s", error, location=node)
    else:
        if block:
            formula = f'<div class="formula">{formula}</div>\n'
        elif "after" in node:
            formula = f'<span class="formula">{formula}{node["after"]}</span>'
        translator.body.append(formula)
    raise nodes.SkipNode


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Give the site an index.html, and warn of broken links and of what is loaded from elsewhere."""
    if exception:
        return
    site = Path(app.outdir)
    shutil.copyfile(site / f"{app.config.root_doc}.html", site / "index.html")
    for fault in faults(site):
        LOGGER.warning("%s", fault)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx's events."""
    app.connect("source-read", prepare_source)
    app.connect("missing-reference", find_by_name)
    app.connect("build-finished", finish)
    app.add_transform(WrittenAnchors)
    app.add_transform(PunctuationAfterFormulas)
    app.add_html_math_renderer("mathml", (draw_formula, None), (draw_formula, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
