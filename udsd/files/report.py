"""What became of each file of a run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from udsd.domains import Region

Status = Literal["restored", "kept", "failed"]


@dataclass(frozen=True, slots=True)
class PageReport:
    """How one page was brought to the model.

    Attributes:
        number: Of the page in its file, from 1.
        regions: What was brought to the model in another form than it came in.
        notes: What else a user should know, as sentences.
    """

    number: int
    regions: tuple[Region, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file.

    Attributes:
        source: The input.
        target: The output.
        status: ``"restored"``, ``"kept"`` (it was there already, and was left alone) or ``"failed"``.
        seconds: Time spent on it, reading and writing included.
        reason: Why it failed, else empty.
        pages: Of the pages of which there is something to tell.
    """

    source: Path
    target: Path
    status: Status
    seconds: float = 0.0
    reason: str = ""
    pages: tuple[PageReport, ...] = ()

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), default=str)


@dataclass(slots=True)
class FileReport:
    """What became of each file.

    Attributes:
        results: One for each input, in the order in which they were done.
    """

    results: list[FileResult] = field(default_factory=list)

    @property
    def restored(self) -> list[Path]:
        """Files written in this run."""
        return [result.target for result in self.results if result.status == "restored"]

    @property
    def kept(self) -> list[Path]:
        """Files that were there already, and were left alone."""
        return [result.target for result in self.results if result.status == "kept"]

    @property
    def failed(self) -> dict[Path, str]:
        """Inputs that could not be restored, each with the reason."""
        return {result.source: result.reason for result in self.results if result.status == "failed"}

    def to_json(self) -> str:
        """All results as a JSON document: counts, and one entry for each file."""
        counts = {"restored": len(self.restored), "kept": len(self.kept), "failed": len(self.failed)}
        files = [asdict(result) for result in self.results]
        return json.dumps({**counts, "files": files}, default=str, indent=2) + "\n"
