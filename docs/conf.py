"""Sphinx: the Markdown pages of this folder, built with every warning an error."""

project = "jitbridge"
copyright = "the jitbridge authors"  # noqa: A001  Sphinx chose the name
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "jitbridge"
myst_heading_anchors = 3
suppress_warnings: list[str] = []
