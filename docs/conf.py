"""The documentation site: Sphinx reads the Markdown of this folder and the docstrings of the package.

`make docs` builds it into docs/_build/html, where every warning is an error: a link to a page, heading or file that is
not there is one. Links to other sites need a connection; `make linkcheck` asks for each of them.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jupytext

import udsd

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "udsd"
author = "the authors of udsd"
version = release = udsd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "command_help"]
exclude_patterns = ["_build"]

# Links such as training.md#recipes lead to headings, as they do on GitHub.
myst_heading_anchors = 4

# What a docstring has in single backticks is a name: a link where the site has it, code where it has not.
default_role = "py:obj"
highlight_language = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"udsd {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
if repository := os.environ.get("UDSD_REPOSITORY"):  # as in hatch_build.py: pages get links to their sources
    html_theme_options = {
        "source_repository": repository.removesuffix(".git"),
        "source_branch": "main",
        "source_directory": "docs/",
    }

# Addresses that stand for others in the text, and one that answers only those who are logged in.
linkcheck_ignore = [r"https://huggingface\.co/acme/.*", r"https://github\.com/ORG/.*"]


def setup(app: Sphinx) -> None:
    """Connect what this file adds to Sphinx."""
    app.connect("include-read", _as_markdown)


def _as_markdown(_app: Sphinx, path: Path, _parent: str, content: list[str]) -> None:
    """Model cards without their metadata for the Hub, and notebooks as Markdown: what pages include."""
    if path.suffix == ".py":
        text = jupytext.writes(jupytext.reads(content[0], fmt="py:percent"), fmt="md")
        content[0] = text.replace("```python\n!", "```sh\n")  # a cell that is a command of the shell
    content[0] = re.sub(r"\A---\n.*?\n---\n", "", content[0], flags=re.DOTALL)
