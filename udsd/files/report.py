"""What became of each file of a run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

from udsd.domains import Region

Status = Literal["restored", "kept", "sharp", "unsuitable", "failed"]


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
        status: ``"restored"``, ``"kept"`` (it was there already, and was left alone), ``"sharp"`` (it was sharp
            already, and nothing was written), ``"unsuitable"`` (no model is for it, and nothing was written) or
            ``"failed"``.
        seconds: Time spent on it, reading and writing included.
        reason: Why it was not restored, else empty.
        pages: Of the pages of which there is something to tell.
        model: Name and version of the model that restored it; of several pages, that of the last.
    """

    source: Path
    target: Path
    status: Status
    seconds: float = 0.0
    reason: str = ""
    pages: tuple[PageReport, ...] = ()
    model: str = ""

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
    def sharp(self) -> list[Path]:
        """Inputs that were sharp already, and of which nothing was written."""
        return [result.source for result in self.results if result.status == "sharp"]

    @property
    def unsuitable(self) -> dict[Path, str]:
        """Inputs that no model is for, each with the reason."""
        return {result.source: result.reason for result in self.results if result.status == "unsuitable"}

    @property
    def models(self) -> list[str]:
        """Names and versions of the models that restored files."""
        return [*dict.fromkeys(result.model for result in self.results if result.model and result.status == "restored")]

    @property
    def failed(self) -> dict[Path, str]:
        """Inputs that could not be restored, each with the reason."""
        return {result.source: result.reason for result in self.results if result.status == "failed"}

    def to_json(self) -> str:
        """All results as a JSON document: counts, and one entry for each file."""
        counts = dict.fromkeys(get_args(Status), 0)
        for result in self.results:
            counts[result.status] += 1
        files = [asdict(result) for result in self.results]
        return json.dumps({**counts, "models": self.models, "files": files}, default=str, indent=2) + "\n"
