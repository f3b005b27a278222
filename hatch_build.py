"""What an index shows of a release: README with links that work away from the repository, and the project's addresses.

The address of the repository is known to whoever makes a release alone, who gives it in the environment variable
UDSD_REPOSITORY. Without it README is taken as it is, and only the paper's address is named.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

REPOSITORY_VARIABLE = "UDSD_REPOSITORY"
PAPER = "https://arxiv.org/abs/1903.01594"

_LINK = re.compile(r"(!?\[[^\]]*\]\()(?![a-z]+:|#|/)([^)\s]+)(\))")
"""A link or picture of Markdown whose target is a path inside the repository."""


class IndexPage(MetadataHookInterface):
    """The dynamic fields of the project's metadata, beside the version."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set ``readme`` and ``urls``."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        version = re.search(r'^__version__ = "(.+)"$', Path(self.root, "udsd/__init__.py").read_text("utf-8"), re.M)
        if version is None:
            raise ValueError("udsd/__init__.py has no line __version__ = ...")
        repository = os.environ.get(REPOSITORY_VARIABLE, "")
        if repository:
            text = with_absolute_links(text, repository, f"v{version[1]}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = project_urls(repository)


def with_absolute_links(text: str, repository: str, tag: str) -> str:
    """Markdown whose links into the repository lead to a tag of it, as GitHub serves them: pictures as raw files."""
    address = _checked(repository)

    def absolute(link: re.Match[str]) -> str:
        view = "raw" if link[1].startswith("!") else "blob"
        return f"{link[1]}{address}/{view}/{tag}/{link[2]}{link[3]}"

    return _LINK.sub(absolute, text)


def project_urls(repository: str) -> dict[str, str]:
    """The addresses that an index shows beside the project; the repository's is empty if it is not known."""
    if not repository:
        return {"Paper": PAPER}
    address = _checked(repository)
    return {
        "Repository": address,
        "Documentation": f"{address}/tree/main/docs",
        "Changelog": f"{address}/blob/main/CHANGELOG.md",
        "Issues": f"{address}/issues",
        "Paper": PAPER,
    }


def _checked(repository: str) -> str:
    if not re.fullmatch(r"https://[\w.-]+/[\w./-]+", repository):
        raise ValueError(
            f"{REPOSITORY_VARIABLE} is {repository!r}; give an address such as https://github.com/org/udsd"
        )
    return repository.rstrip("/").removesuffix(".git")
