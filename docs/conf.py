"""How the documentation is built: `make docs`, warnings are errors."""

from amos_hdl import __version__

project = "amos-hdl"
copyright = "the amos-hdl contributors, Apache-2.0"
release = __version__
extensions = ["myst_parser", "sphinx_click"]
exclude_patterns = ["_build"]
html_title = "amos-hdl"
html_theme = "alabaster"
html_theme_options = {"page_width": "68rem"}
# headings can be linked to, as on the page of the repository
myst_heading_anchors = 3
# links from docs/ to other files of the repository, such as benchmarks/README.md: a test follows them
suppress_warnings = ["myst.xref_missing"]
