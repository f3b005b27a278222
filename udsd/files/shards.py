"""A share of the files, for one of several machines that work on the same."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePath

from udsd.arguments import whole_number
from udsd.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several shares of files, which together are all, each file in one.

    A file belongs to a share by a hash of the place that its result has below the output folder. No machine so needs to
    know what the others found: new files, other orders of listing and other mounts of a drive change nothing, and a
    machine that starts again gets the same files. Two files that would give one result are in one share, where the
    second is refused. The price is that shares differ in size, as if each file had been drawn: of 10,000 files in 10
    shares each has 1,000, give or take 30.

    Attributes:
        number: Of this share, from 1.
        count: Of all shares.

    Raises:
        ConfigError: They are no such numbers.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        count = whole_number("the number of shards", self.count, 1)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "number", whole_number("the shard", self.number, 1, count))

    def holds(self, result: PurePath) -> bool:
        """Whether a file is in this share, by the place of its result below the output folder."""
        # File systems spell letters with accents in two ways, and some know no case: the same result, the same share.
        name = unicodedata.normalize("NFC", result.as_posix()).casefold()
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.number - 1


def shard(given: str | Shard | None) -> Shard | None:
    """A share, also given as text such as ``"2/8"``.

    Raises:
        ConfigError: It is none.
    """
    if given is None or isinstance(given, Shard):
        return given
    found = re.fullmatch(r"(\d+)/(\d+)", given) if isinstance(given, str) else None
    if found is None:
        raise ConfigError(f"the shard is {given!r}; give its number and how many there are, such as '2/8'")
    return Shard(int(found[1]), int(found[2]))
