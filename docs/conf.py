"""Settings of the documentation: Markdown pages, built with warnings as errors."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import catalogue
import compatibility

project = "tinygrad_mnist"
author = "The tinygrad_mnist contributors"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Deep learning whose engine one person can read"}
myst_heading_anchors = 3

TABLES = {"compatibility": compatibility.table, "catalogue": catalogue.table}


def generate(app, docname, source):
    """Put a generated table in the place where a page asks for it."""
    source[0] = re.sub(r"<!-- generated: (\w+) -->", lambda m: TABLES[m[1]](), source[0])


def setup(app):
    """Let pages be completed while they are read."""
    app.connect("source-read", generate)
