"""The notebook runs from top to bottom."""

import contextlib
import io
import json
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent


def test_notebook_runs_from_top_to_bottom():
    notebook = json.loads((REPOSITORY / "docs" / "first_steps.ipynb").read_text(encoding="utf-8"))
    namespace = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), namespace)
    assert "robust test error in [0.4" in printed.getvalue()
