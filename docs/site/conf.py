"""Settings of the documentation site, `make docs`. Sphinx reads the repository's own pages, where they are."""

import sys
from pathlib import Path

from cgro_theory import __version__

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

project = "CGRO theory lab"
version = release = __version__
html_title = f"{project} {version}"
root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "paper_map.md", "docs/**"]
exclude_patterns = [".*", "build", "results", "site"]
source_suffix = {".md": "markdown", ".ipynb": "markdown"}
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "repository_pages"]

myst_heading_anchors = 6
myst_fence_as_directive = {"math"}
html_math_renderer = "mathml"

autodoc_class_signature = "separated"
autodoc_default_options = {"exclude-members": "__init__"}
autodoc_typehints_format = "short"
napoleon_use_ivar = True
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False
html_use_index = False
html_domain_indices = False
