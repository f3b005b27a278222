"""What lies between a picture and a model: the interface behind which every kind of picture stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from torch import Tensor

from udsd.domains.copies import Copy
from udsd.domains.options import Box, DeblurOptions
from udsd.inference.backend import OnProgress

if TYPE_CHECKING:
    from udsd.domains.look import Look


class Restore(Protocol):
    """The model, run by a back-end."""

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        """Restore images.

        Args:
            images: (B, 3, H, W), float32 in [-1, 1], on the CPU.
            overwrite: The result may take the images' place, which saves memory.
            on_progress: Called with the share of these images that is done.

        Returns:
            (B, 3, H, W), float32 in [-1, 1], on the CPU.
        """
        ...


Outcome = Literal["restored", "sharp", "unsuitable"]
"""What became of a picture."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture, and how it was brought to the model.

    Attributes:
        box: Where: left, top, width and height in pixels of the picture.
        scale: Its size before the networks, as a part of its own size; 1 where it was restored as it is.
        inverted: Whether light and dark were exchanged before the networks, and back after them.
        angle: By how many degrees it was turned, against the clock.
        size: Of its letters (em) or its face in pixels, or None where that is not known.
        score: Of a face: how sure the detector is, from 0 to 1.
    """

    box: Box
    scale: float = 1
    inverted: bool = False
    angle: float = 0
    size: float | None = None
    score: float | None = None

    def describe(self) -> str:
        """What was done, in words."""
        left, top, width, height = self.box
        parts = [f"{width:.0f} x {height:.0f} pixels at ({left:.0f}, {top:.0f})"]
        if self.size is not None:
            parts.append(f"size {self.size:.0f}")
        if self.scale != 1:
            parts.append(f"restored at {self.scale:.2g} times its size")
        if self.inverted:
            parts.append("light on dark")
        if self.angle:
            parts.append(f"turned by {self.angle:.0f} degrees")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Restoration:
    """A restored picture.

    Attributes:
        pixels: (1, 3, H, W), float32 in [-1, 1], on the CPU.
        regions: What was brought to the model in another form than it came in, and the face of an aligned crop.
            Otherwise empty where the picture was restored as it is.
        notes: What else a user should know, as sentences.
        outcome: ``"restored"``; ``"sharp"`` if the picture was sharp already, and ``"unsuitable"`` if no model is for
            such pictures: then the pixels are those that came.
        model: Name and version of the model, if these are known.
    """

    pixels: Tensor
    regions: tuple[Region, ...] = ()
    notes: tuple[str, ...] = ()
    outcome: Outcome = "restored"
    model: str = ""


@dataclass(frozen=True, slots=True)
class AsExpected:
    """A look at a picture has found nothing to do: it goes to the model as it is.

    Attributes:
        regions: Where in it that is which the model is for, if that was found: the face of an aligned crop.
        notes: What else a user should know, as sentences.
        is_sharp: Whether the picture is sharp already.
    """

    regions: tuple[Region, ...] = ()
    notes: tuple[str, ...] = ()
    is_sharp: bool = False


class Findings(Protocol):
    """What a look at a picture has found, where there is something to do."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """What will be brought to the model in another form."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What else a user should know, as sentences."""
        ...

    @property
    def is_sharp(self) -> bool:
        """Whether the picture is sharp already."""
        ...

    @property
    def pixel_count(self) -> int:
        """About how many pixels the model will restore."""
        ...

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        """Restore the picture that was looked at.

        Args:
            image: (1, 3, H, W), float32 in [-1, 1], on the CPU. It may be overwritten.
            restore: The model.
        """
        ...


class Domain(Protocol):
    """A kind of pictures."""

    @property
    def copies(self) -> Sequence[Copy]:
        """Of what ``quality="best"`` takes the mean."""
        ...

    def examine(self, look: Look, options: DeblurOptions) -> Findings | AsExpected:
        """Look at a picture, at a small part of the cost of the model; what was seen before is not looked for again."""
        ...

    def for_clip(self, looks: Sequence[Look]) -> Domain:
        """The same for the frames of a clip, examined in their order: what is found in one holds on in the next.

        Args:
            looks: At some frames from all over the clip.
        """
        ...
