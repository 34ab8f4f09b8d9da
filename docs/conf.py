"""Sphinx: the Markdown pages of this folder, and those made from the code; warnings are errors."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import environments  # noqa: E402
import reference  # noqa: E402

from bridge import __version__  # noqa: E402

project = "jitbridge"
copyright = "the jitbridge authors"  # noqa: A001  Sphinx chose the name
version = release = __version__
extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"jitbridge {__version__}"
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = [
    "ref.python"
]  # a name in a signature, such as State, that several modules have
python_maximum_signature_line_length = 80

GENERATED = HERE / "generated"  # made anew by every build, ignored by git
reference.write(GENERATED / "reference")
environments.write(GENERATED / "environments")
