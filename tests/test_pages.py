"""The notebook runs from top to bottom, and so does the Python of the README."""

import contextlib
import io
import json
import re
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


def test_python_of_the_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(block, {})
        assert printed.getvalue()
