"""What is told of results: to people as HTML, to programs as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from udsd.domains import Region
from udsd.files import FileResult
from udsd.files.kinds import part_name
from udsd.shown import shown

_LINES = 8
"""Lines of a file that are seen at once."""

_WORDS = {
    "restored": "restored",
    "unsuitable": "left as it is",
    "sharp": "sharp already",
    "kept": "kept",
    "failed": "not restored",
}


def as_html(results: Sequence[FileResult]) -> str:
    """A line for each file, and below it what else there is to tell."""
    return "".join(_entry(result) for result in results)


def as_json(results: Sequence[FileResult]) -> list[dict[str, Any]]:
    """An object for each file, as in the reports of ``udsd deblur``, with names in place of paths."""
    return [asdict(result) | {"source": result.source.name, "target": result.target.name} for result in results]


def error_html(message: object) -> str:
    """What went wrong with a whole request."""
    return f'<div class="udsd-file udsd-failed"><p>{escape(shown(message))}</p></div>'


def _entry(result: FileResult) -> str:
    how = _WORDS[result.status]
    if result.status == "restored":
        model = f" by {result.model}" if result.model else ""
        how = f"{how}{model} in {result.seconds:.1f} s"
    lines = [f"<p><strong>{escape(shown(result.source.name))}</strong> <span>{escape(shown(how))}</span></p>"]
    told = [result.reason.removeprefix(f"{result.source.name}: ")] if result.reason else []
    part = part_name(result.source).capitalize()
    for page in result.pages:
        where = f"{part} {page.number}: " if page.number > 1 or len(result.pages) > 1 else ""
        told += [f"{where}{note}" for note in page.notes]
        if page.regions:
            told.append(f"{where}{_regions(page.regions)}")
    # Of a picture that no model is for, the reason and the note on its only page are the same.
    lines += _folded([f"<p>{escape(shown(line))}</p>" for line in dict.fromkeys(told)])
    return f'<div class="udsd-file udsd-{result.status}">{"".join(lines)}</div>'


def _folded(lines: list[str]) -> list[str]:
    """Lines of which only some are seen until the others are asked for."""
    if len(lines) <= _LINES:
        return lines
    rest = lines[_LINES:]
    return [*lines[:_LINES], f"<details><summary>{len(rest)} more</summary>{''.join(rest)}</details>"]


def _regions(regions: Sequence[Region]) -> str:
    faces = [region for region in regions if region.score is not None]
    if faces:
        return f"{len(faces)} {'face' if len(faces) == 1 else 'faces'} restored"
    if len(regions) == 1:
        return _print(regions[0])
    return f"{len(regions)} regions of print, each brought to the model at a scale of its own"


def _print(region: Region) -> str:
    """What was done with a page that was brought to the model as a whole."""
    parts = [] if region.size is None else [f"letters of some {region.size:.0f} pixels"]
    if region.scale != 1:
        parts.append(f"picture restored at {region.scale:.2g} times its size")
    if region.inverted:
        parts.append("light print on dark ground")
    return ", ".join(parts)
