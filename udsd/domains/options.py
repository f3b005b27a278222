"""What users may say about how pictures are brought to a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict, get_args

from udsd.arguments import real_number, truth
from udsd.errors import ConfigError
from udsd.models.config import LARGEST_SCALE

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""

Background = Literal["restore", "keep"]
Quality = Literal["fast", "normal", "best"]
Scale = Literal["auto", "off"]
Faces = Literal["auto", "center", "off"]


_FARTHEST = 1e9
"""Pixels; what lies farther out cannot be of a picture."""


class DeblurKeywords(TypedDict, total=False):
    """The fields of `DeblurOptions`, as keywords of a call."""

    scale: Scale | float
    faces: Faces | Sequence[Box]
    background: Background
    min_face: float
    strength: float
    quality: Quality
    skip_sharp: bool


@dataclass(frozen=True, slots=True)
class DeblurOptions:
    """How a picture is brought to the model, and its result back.

    Attributes:
        scale: Of pages, and for models of no known kind; those of faces bring each face to a size of its own.
            ``"auto"``: of pages chosen by the size of letters and blur, where the model's config says which it expects;
            else that of the config, or the picture's own. A number: the picture is brought to so many times its size
            before the networks, and back after. ``"off"``: the picture is restored as it is.
        faces: Of faces. ``"auto"``: all that are found, each aligned. ``"center"``: only the one nearest the centre.
            ``"off"``: the picture is restored as it is. Boxes: faces are where these say.
        background: What lies outside of faces: ``"restore"``, at its own scale, or ``"keep"``, as it came.
        min_face: Smaller faces are left to the background; the shorter side in pixels.
        strength: Of the change: 0 gives the picture back as it came, 1 the result of the model, and what lies between
            is a blend of the two.
        quality: ``"normal"`` makes what the networks restore explain its picture (`udsd.consistency`), if the model's
            config asks for it; ``"fast"`` leaves it as they made it, which saves a tenth of the time. ``"best"``
            restores the picture more than once: again from what has been restored, or in copies, pages shifted and
            faces mirrored, whose mean is taken. A little better, and two to four times as slow.
        skip_sharp: Give a picture that is sharp already back as it came; not where ``scale`` or ``faces`` is off, for
            then nothing is looked at, and of pages and faces alone: what is no such kind is restored, with a note.

    Raises:
        ConfigError: A value is none of these.
    """

    scale: Scale | float = "auto"
    faces: Faces | Sequence[Box] = "auto"
    background: Background = "restore"
    min_face: float = 16
    strength: float = 1
    quality: Quality = "normal"
    skip_sharp: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.scale, str) or self.scale not in get_args(Scale):
            allowed = f"{_listed(Scale)} or {1 / LARGEST_SCALE} to {LARGEST_SCALE:g}"
            self._set("scale", real_number("scale", self.scale, 1 / LARGEST_SCALE, LARGEST_SCALE, allowed))
        if isinstance(self.faces, str):
            if self.faces not in get_args(Faces):
                raise ConfigError(f"faces is {self.faces!r}; give {_listed(Faces)}, or boxes")
        else:
            self._set("faces", tuple(_checked_box(box) for box in _as_sequence(self.faces)))
        if not isinstance(self.background, str) or self.background not in get_args(Background):
            raise ConfigError(f"background is {self.background!r}; give {_listed(Background)}")
        self._set("min_face", real_number("min_face", self.min_face, 0, math.inf, "a number of pixels"))
        self._set("strength", real_number("strength", self.strength, 0, 1, "a number from 0 to 1"))
        if not isinstance(self.quality, str) or self.quality not in get_args(Quality):
            raise ConfigError(f"quality is {self.quality!r}; give {_listed(Quality)}")
        self._set("skip_sharp", truth("skip_sharp", self.skip_sharp))

    def _set(self, name: str, value: Any) -> None:
        """Put Python's own value in place of another library's: options are compared, and keys of batches."""
        object.__setattr__(self, name, value)


def _listed(choices: Any) -> str:
    return " or ".join(repr(choice) for choice in get_args(choices))


def _as_sequence(boxes: Any) -> Sequence[Any]:
    try:
        return tuple(boxes)
    except TypeError:
        raise ConfigError(f"faces is {boxes!r}; give {_listed(Faces)}, or boxes (left, top, width, height)") from None


def _checked_box(box: Any) -> Box:
    try:
        left, top, width, height = (real_number("box", number, -_FARTHEST, _FARTHEST) for number in box)
    except (TypeError, ValueError):  # of which our errors are some
        width = height = 0.0
    if width <= 0 or height <= 0:
        raise ConfigError(f"a face's box is {box!r}; give (left, top, width, height) in pixels, of a size above 0")
    return left, top, width, height
