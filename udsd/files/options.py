"""How files are read and written, besides how their images are restored."""

from __future__ import annotations

import math
import numbers
import secrets
from dataclasses import dataclass, field

from udsd.arguments import truth
from udsd.domains import DeblurOptions, FaceBoxes
from udsd.errors import ConfigError
from udsd.files.page_ranges import PageRange
from udsd.files.restorer import Restorer
from udsd.images import check_quality

CODECS = ("h264", "hevc", "av1", "vp9", "ffv1")
"""What clips can be coded by; `udsd.files.video.codecs` says how."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read.

    Attributes:
        pages: Pages of a PDF that are restored, or None for all.
        password: Of a PDF that is encrypted. It is not shown.
        steady: Of clips: whether decisions are held from frame to frame, and results smoothed along the motion.
    """

    pages: PageRange | None = None
    password: str | None = field(default=None, repr=False)
    steady: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.password, str | None):
            raise ConfigError("the password is no text")
        object.__setattr__(self, "steady", truth("steady", self.steady))


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How files are written.

    Attributes:
        quality: Of formats that lose something, 1 to 100, or None for that of the source.
        max_growth: At most so many times the bytes of the image that came in may a restored JPEG or JPEG 2000 of a PDF
            have; its quality is lowered until it fits. None for no limit.
        codec: Of clips; None for that of the source, where it can be written.
        recipe: What the results depend on besides the file: the model and the options. A run that was killed is
            continued only by one of the same recipe; an empty one is that of no other run.

    Raises:
        ConfigError: A number is out of range.
    """

    quality: int | None = None
    max_growth: float | None = None
    codec: str | None = None
    recipe: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "quality", check_quality(self.quality))
        if self.max_growth is not None:
            object.__setattr__(self, "max_growth", _factor(self.max_growth))
        if self.codec is not None and (not isinstance(self.codec, str) or self.codec not in CODECS):
            raise ConfigError(f"the codec is {self.codec!r}; give {', '.join(CODECS)}")


def _factor(growth: float) -> float:
    is_number = isinstance(growth, numbers.Real) and not isinstance(growth, bool)
    if not (is_number and math.isfinite(growth) and growth > 0):
        raise ConfigError(f"max_growth is {growth!r}; give a number above 0, such as 1.2")
    return float(growth)


def recipe_of(restorer: Restorer, options: DeblurOptions, boxes: FaceBoxes) -> str:
    """What results depend on besides their file: the model by its title, and the options.

    A model without a title is that of this run alone.
    """
    title = getattr(restorer, "title", "") or secrets.token_hex(8)
    return f"{title}\0{options!r}\0{boxes!r}"
