"""The page's section on limits: the maintained text, and what the read results leave open, computed from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from cgro_theory.claims import Outcome
from cgro_theory.report.html_claims import ClaimView
from cgro_theory.report.typeset import in_html

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class LimitsView:
    """What the page says about limits.

    ``open`` are the judged claims that did not pass, ``unrefuted`` those with a control that was not refuted,
    ``missing`` (file, label) pairs that a run was asked for and did not judge, ``silent`` the claims that say what
    their check does not show; ``text`` is the maintained page, empty where it was not at hand.
    """

    open: tuple[ClaimView, ...]
    unrefuted: tuple[ClaimView, ...]
    missing: tuple[tuple[str, str], ...]
    not_run: int
    silent: tuple[ClaimView, ...]
    text: Markup


def limits_view(
    views: Sequence[ClaimView], documents: Sequence[tuple[str, Mapping[str, Any]]], text: str
) -> LimitsView:
    """The section's content for the claims of the page; ``text`` is Markdown."""
    judged = [view for view in views if view.entry]
    return LimitsView(
        open=tuple(view for view in judged if not Outcome(view.own.key).passed),
        unrefuted=tuple(view for view in judged if view.missed),
        missing=tuple(_missing(documents)),
        not_run=len(views) - len(judged),
        silent=tuple(view for view in views if view.limitations),
        text=markdown_to_html(text),
    )


def _missing(documents: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    for file, document in documents:
        judged = {entry["label"] for entry in document["claims"]}
        asked = document.get("asked", ())
        yield from ((file, label) for label in asked if isinstance(label, str) and label not in judged)


def markdown_to_html(text: str) -> Markup:
    """Markdown as HTML that fits under a heading of the second level and loads nothing.

    The first-level heading is left out, the others move one level down; a link keeps its words alone, since the
    page leads nowhere but within itself; HTML in the text is shown as text, and comments are left out. The parts
    after the first are folded. Formulas are set.
    """
    parser = MarkdownIt("commonmark", {"html": False}).disable(["image"])
    parser.add_render_rule("text", lambda renderer, tokens, index, *rest: in_html(tokens[index].content))
    tokens = list(_without_title(parser.parse(_COMMENT.sub("", text))))
    for token in tokens:
        if token.type.startswith("heading_"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        token.children = [c for c in token.children or () if c.type not in ("link_open", "link_close")]
    first, *further = parser.renderer.render(tokens, parser.options, {}).split("<h3>")
    folded = (
        f"<details><summary><h3>{part.replace('</h3>', '</h3></summary>', 1)}</details>" for part in further[1:]
    )
    return Markup("".join([first, *(f"<h3>{part}" for part in further[:1]), *folded]))


def _without_title(tokens: Sequence[Token]) -> Iterator[Token]:
    inside = False
    for token in tokens:
        inside = inside or (token.type == "heading_open" and token.tag == "h1")
        if not inside:
            yield token
        inside = inside and token.type != "heading_close"
