"""Settings of the documentation: Markdown pages, built with warnings as errors."""

project = "tinygrad_mnist"
author = "The tinygrad_mnist contributors"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Deep learning that one person can read"}
myst_heading_anchors = 3
