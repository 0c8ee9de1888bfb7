"""Settings of Sphinx for the documentation; ``make docs`` builds it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import rooms  # noqa: E402 - beside this file

from provagent.contract.version import __version__  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "provagent"
author = "The provagent developers"
project_copyright = author
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_click",
]
exclude_patterns = ["_build", "_generated"]
html_theme = "pydata_sphinx_theme"
html_title = f"provagent {release}"
html_theme_options = {
    "show_nav_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_copy_source = False
html_show_sphinx = False

# Headings have the anchors that GitHub gives them, so that links work in both places.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

# The tutorial is executed at each build; a command that fails ends the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

nitpicky = True
# Names of other packages and of typing: no inventory of theirs is read at a build.
nitpick_ignore_regex = [
    (r"py:.*", r"(os|typing|collections|pathlib|datetime|types|abc|io|enum|duckdb|click)\..*"),
    (r"py:.*", r"(Any|BinaryIO|Callable|Iterator|Iterable|Mapping|Sequence|Path|Self|optional)"),
    (r"py:.*", r"provagent\.(reading|recording|contract|definition|integrations)\..*"),
    (r"py:.*", r"(duckdb|model|Wanted).*"),
    (r"py:class", r".*[\[\]].*"),  # parts of aliases of types
    (r"py:class", r"[A-Z][A-Za-z]+"),  # classes of annotations that have no page
]
suppress_warnings = ["mystnb.unknown_mime_type"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the picture and the table of rooms from the code, before the pages are read."""
    app.connect("builder-inited", lambda _: rooms.write(HERE / "_generated"))
    return {"parallel_read_safe": True}
