"""Page numbers as people write them: ``3-7,12``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from udsd.errors import ConfigError

_PART = re.compile(r"(?P<first>\d{1,9})?\s*(?P<dash>-)?\s*(?P<last>\d{1,9})?")


@dataclass(frozen=True, slots=True)
class PageRange:
    """Some pages of a file, numbered from 1.

    Attributes:
        spans: First and last page of each span; None for the last page that there is.
    """

    spans: tuple[tuple[int, int | None], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``"3"``, ``"3-7"``, ``"-7"``, ``"3-"`` and several of them with commas between.

        Raises:
            ConfigError: It is none of these.
        """
        return cls(tuple(_span(part, text) for part in str(text).split(",")))

    def __contains__(self, number: int) -> bool:
        return any(first <= number and (last is None or number <= last) for first, last in self.spans)

    def __str__(self) -> str:
        return ",".join(
            f"{first}" if first == last else f"{first}-{'' if last is None else last}" for first, last in self.spans
        )


def page_range(given: str | PageRange | None) -> PageRange | None:
    """Pages as users give them: text, or None for all.

    Raises:
        ConfigError: It is neither.
    """
    return given if isinstance(given, PageRange | None) else PageRange.parse(given)


def _span(part: str, text: str) -> tuple[int, int | None]:
    found = _PART.fullmatch(part.strip())
    if found is not None and (found["first"] or found["last"]):
        first = int(found["first"] or 1)
        last = int(found["last"]) if found["last"] else None if found["dash"] else first
        if first >= 1 and (last is None or last >= first) and (found["dash"] or found["first"]):
            return first, last
    raise ConfigError(f"the pages are {text!r}; give numbers from 1 and ranges, such as 3-7,12")
