"""Results as rows: a table in a notebook, a pandas frame for whoever asks for one."""

from __future__ import annotations

import html
from typing import Any


class Tabular:
    """What can be told in rows, one dictionary each with the same keys."""

    def rows(self) -> list[dict[str, Any]]:
        """The rows, in order."""
        raise NotImplementedError  # abstract: every table has rows of its own

    def to_dataframe(self) -> Any:
        """A ``pandas.DataFrame`` of :meth:`rows`; it needs pandas, which this project does not install."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_dataframe needs pandas: pip install pandas") from error
        return pandas.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        """The rows as an HTML table, as notebooks show it."""
        rows = self.rows()
        head = "".join(f"<th>{html.escape(str(name))}</th>" for name in (rows[0] if rows else ()))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_shown(value))}</td>" for value in row.values()) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: Any) -> str:
    if value is None:
        return "—"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
