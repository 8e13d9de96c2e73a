"""Settings of the documentation, built with warnings as errors."""

import re
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "examples"))  # the guide uses engine.py

import catalogue
import compatibility
import compiled_scripts
import reference

project = "tinygrad_mnist"
author = "The tinygrad_mnist contributors"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx_copybutton",
    "sphinx_design",
    "mathml",
    "docstrings",
    "plot_directive",
    "notebooks",
    "tables",
]
exclude_patterns = ["_build"]
nitpicky = True
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "tinygrad_mnist"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_domain_indices = False
pygments_dark_style = "a11y-dark"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

add_module_names = False
autodoc_inherit_docstrings = False
autodoc_typehints = "none"
maximum_signature_line_length = 100

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

doctest_test_doctest_blocks = ""  # pytest runs the examples of docstrings
doctest_default_flags = ELLIPSIS | NORMALIZE_WHITESPACE

TABLES = {
    "compatibility": compatibility.table,
    "catalogue": catalogue.table,
    "compiled_scripts": compiled_scripts.table,
}


def generate(app, docname, source):
    """Put a generated table in the place where a page asks for it."""
    source[0] = re.sub(r"<!-- generated: (\w+) -->", lambda m: TABLES[m[1]](), source[0])


def setup(app):
    """Let pages be completed while they are read, and write those of the reference."""
    if bare := reference.undocumented():
        raise SystemExit(f"public names without a docstring: {', '.join(bare)}")
    reference.write(Path(app.srcdir) / "reference")
    app.connect("source-read", generate)
