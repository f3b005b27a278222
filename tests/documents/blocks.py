"""Blocks of code in Markdown, and what the comments before them say of running them.

A block in ``sh``, ``console`` (commands behind ``$``, and what they print) or ``python`` is run, unless a comment right
before it says why not. The comments, each on a line of its own:

    <!-- not run: takes packages from an index -->
    <!-- slow: trains a model -->
    <!-- run with "20s" in place of "8min" -->

Slow ones are run by ``make commands``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

RUN = ("sh", "console", "python")
SHOWN = ("bibtex", "json", "text", "{eval-rst}", "{include}", "{toctree}")

_FENCE = re.compile(r"^(`{3,})\s*(\S*)")
_COMMENT = re.compile(r"^<!-- (.*) -->$")
_NOT_RUN = re.compile(r"not run: (\S.*)")
_SLOW = re.compile(r"slow: (\S.*)")
_CHANGE = re.compile(r'run with "(.*)" in place of "(.*)"')


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        document: The file, as seen from the root of the repository.
        line: That of its fence, from 1.
        language: What stands behind the fence.
        text: As it is written.
        comments: The lines of HTML comments right before it, without their marks.
    """

    document: str
    line: int
    language: str
    text: str
    comments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def why_not(self) -> str:
        """Why it is not run; empty if it is."""
        return next((found[1] for comment in self.comments if (found := _NOT_RUN.fullmatch(comment))), "")

    @property
    def is_slow(self) -> bool:
        return any(_SLOW.fullmatch(comment) for comment in self.comments)

    @property
    def to_run(self) -> str:
        """The text with the changes that its comments make.

        Raises:
            ValueError: What is to be changed is not in the text.
        """
        text = self.text
        for comment in self.comments:
            if found := _CHANGE.fullmatch(comment):
                if found[2] not in text:
                    raise ValueError(f"{self} has no {found[2]!r}")
                text = text.replace(found[2], found[1])
        return text

    def unknown_comments(self) -> list[str]:
        known = (_NOT_RUN, _SLOW, _CHANGE)
        return [comment for comment in self.comments if not any(form.fullmatch(comment) for form in known)]


def all_blocks() -> list[Block]:
    """Those of README, CONTRIBUTING and docs."""
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [block for document in documents if "_build" not in document.parts for block in blocks_of(document)]


def blocks_of(document: Path) -> Iterator[Block]:
    """The blocks of one file, from its top."""
    name = document.relative_to(ROOT).as_posix()
    comments: list[str] = []
    fence, first, language, text = "", 0, "", ""
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        if fence:
            if line.strip() == fence:
                yield Block(name, first, language, text, tuple(comments))
                fence, comments = "", []
            else:
                text += f"{line}\n"
        elif found := _FENCE.match(line):
            fence, first, language, text = found[1], number, found[2], ""
        elif comment := _COMMENT.match(line):
            comments.append(comment[1])
        else:
            comments = []
    if fence:
        raise ValueError(f"{name}:{first} has no end")
