"""Where a face lies in a picture, and the crop in which it stands as in the pictures of training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from udsd.domains.faces.face import Face
from udsd.domains.options import Box

EYES_AND_MOUTH = np.array([[-0.1105, 0.022], [0.1105, 0.022], [0.0, 0.263]])
"""Where eyes and mouth lie in an aligned crop: x and y from its middle, as parts of its side.

The medians of what BlazeFace finds in 416 faces of CelebA as the model `face` saw them (aligned, rows 20 to 198 of 218,
scaled to 160 x 160 px), made symmetric."""

BOX_SIDE = 0.573
"""Side of BlazeFace's box in an aligned crop, as a part of the crop's side (median of the same faces)."""

BOX_CENTER = np.array([0.0, 0.112])
"""The middle of that box, from the middle of the crop, as parts of its side."""

_LANDMARKS = (0, 1, 3)
"""The eyes and the mouth among BlazeFace's landmarks."""

_SIDE_RANGE = (0.8, 1.25)
"""How far the crop may differ from the one that the face's box alone would give: in profile the eyes lie close
together."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A square in a picture, turned as a face is.

    Attributes:
        center: Its middle, x and y in pixels; the middle of the first pixel is (0.5, 0.5).
        side: Its side in pixels.
        angle: By how many degrees it is turned, clockwise as pictures are seen (y points down).
    """

    center: tuple[float, float]
    side: float
    angle: float = 0

    @classmethod
    def of_face(cls, face: Face) -> Self:
        """The square in which a face's eyes and mouth lie as in training (least squares over turn, size and place)."""
        points = _as_complex(face.landmarks[list(_LANDMARKS)])
        template = _as_complex(EYES_AND_MOUTH)
        centered = template - template.mean()
        turn = np.vdot(centered, points - points.mean()) / np.vdot(centered, centered)
        middle = points.mean() - turn * template.mean()
        by_box = face.size / BOX_SIDE
        side = min(max(abs(turn), _SIDE_RANGE[0] * by_box), _SIDE_RANGE[1] * by_box)
        return cls((float(middle.real), float(middle.imag)), float(side), math.degrees(np.angle(turn)))

    @classmethod
    def of_box(cls, box: Box, angle: float = 0) -> Self:
        """The square in which a face lies of which its box and its turn are all that is known."""
        left, top, width, height = box
        upright = cls((left + width / 2, top + height / 2), max(width, height) / BOX_SIDE, angle)
        x, y = upright.to_picture(-BOX_CENTER[None])[0]
        return cls((float(x), float(y)), upright.side, angle)

    def grown(self, factor: float) -> Placement:
        """The square about the same middle with ``factor`` times the side."""
        return Placement(self.center, factor * self.side, self.angle)

    def axes(self) -> NDArray[np.float64]:
        """(2, 2): from the square's own x and y, as parts of its side, to pixels of the picture."""
        turn = math.radians(self.angle)
        return self.side * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])

    def to_picture(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (N, 2), from the square's middle and as parts of its side, in pixels of the picture."""
        moved: NDArray[np.float64] = points @ self.axes().T + np.array(self.center)
        return moved

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the upright rectangle that holds the square."""
        corners = self.to_picture(np.array([[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]))
        left, top = corners.min(axis=0)
        right, bottom = corners.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


@dataclass(frozen=True, slots=True)
class Window:
    """Whole pixels of a picture: those from left to right and from top to bottom, the ends left out."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def about(cls, placement: Placement, height: int, width: int, margin: float = 0) -> Window | None:
        """The pixels of a picture that hold a square, and ``margin`` more on each side; None if there are none."""
        left, top, right, bottom = placement.bounds()
        window = cls(
            max(math.floor(left - margin), 0),
            max(math.floor(top - margin), 0),
            min(math.ceil(right + margin), width),
            min(math.ceil(bottom + margin), height),
        )
        return window if window.left < window.right and window.top < window.bottom else None

    def of(self, image: Tensor) -> Tensor:
        """These pixels of an image (..., H, W), as a view of it."""
        return image[..., self.top : self.bottom, self.left : self.right]


Interpolation = Literal["bicubic", "bilinear"]


def cut(image: Tensor, placement: Placement, size: int, interpolation: Interpolation = "bicubic") -> Tensor:
    """Cut a square out of a picture, upright and at another size, without aliases.

    Beyond the picture's border its mirror image is seen.

    Args:
        image: (1, 3, H, W), float32 in [-1, 1].
        placement: The square; it must share pixels with the picture.
        size: Side of the result in pixels.
        interpolation: ``"bilinear"`` takes a third of the time, and is a little softer.

    Returns:
        (1, 3, size, size), float32 in [-1, 1].
    """
    height, width = image.shape[-2:]
    reach = 2 * max(placement.side / size, 1) + 2  # of bicubic weights, at the coarser of the two sizes
    window = Window.about(placement, height, width, reach)
    if window is None:
        raise ValueError(f"{placement} lies outside of the picture, {width} x {height} px")
    pixels = window.of(image)
    # Sampling has no filter of its own against aliases: the picture is brought to about the size before.
    shrunk = _shrunk(pixels, size / placement.side, interpolation)
    down, right = (small / large for small, large in zip(shrunk.shape[-2:], pixels.shape[-2:], strict=True))
    steps = (torch.arange(size, dtype=torch.float64) + 0.5) / size - 0.5
    v, u = torch.meshgrid(steps, steps, indexing="ij")
    axes, (x, y) = placement.axes(), placement.center
    columns = (axes[0, 0] * u + axes[0, 1] * v + (x - window.left)) * right
    rows = (axes[1, 0] * u + axes[1, 1] * v + (y - window.top)) * down
    return _sampled(shrunk, columns, rows, "reflection", interpolation).clamp_(-1, 1)


def put_back(crop: Tensor, placement: Placement, window: Window) -> Tensor:
    """A crop as it lies in a picture: the reverse of `cut`, on the pixels of a window.

    Args:
        crop: (1, C, size, size), float32.
        placement: Where it was cut out.
        window: The pixels of the picture that are wanted.

    Returns:
        (1, C, h, w), the crop's values; beyond its border its outermost ones.
    """
    shrunk = _shrunk(crop, placement.side / crop.shape[-1], "bicubic")
    u, v = in_square(placement, window)
    size = shrunk.shape[-1]
    return _sampled(shrunk, (u + 0.5) * size, (v + 0.5) * size, "border", "bicubic")


def in_square(placement: Placement, window: Window) -> tuple[Tensor, Tensor]:
    """Where the pixels of a window lie in a square: x and y (h, w) from its middle, as parts of its side."""
    x, y = placement.center
    columns = torch.arange(window.left, window.right, dtype=torch.float64) + 0.5 - x
    rows = (torch.arange(window.top, window.bottom, dtype=torch.float64) + 0.5 - y)[:, None]
    inverse = np.linalg.inv(placement.axes())
    return inverse[0, 0] * columns + inverse[0, 1] * rows, inverse[1, 0] * columns + inverse[1, 1] * rows


def _shrunk(image: Tensor, scale: float, interpolation: Interpolation) -> Tensor:
    """An image at the nearest size in whole pixels to ``scale`` times its own; as it is if that is larger."""
    if scale >= 1:
        return image
    height, width = (max(round(side * scale), 1) for side in image.shape[-2:])
    return F.interpolate(image, (height, width), mode=interpolation, antialias=True)


def _sampled(image: Tensor, columns: Tensor, rows: Tensor, padding: str, interpolation: Interpolation) -> Tensor:
    """Samples at places in pixels, (h, w) each, where the middle of the first pixel is (0.5, 0.5)."""
    height, width = image.shape[-2:]
    grid = torch.stack([2 * columns / width - 1, 2 * rows / height - 1], dim=-1)
    return F.grid_sample(
        image, grid[None].to(image.dtype), mode=interpolation, padding_mode=padding, align_corners=False
    )


def _as_complex(points: NDArray[np.float64]) -> NDArray[np.complex128]:
    return points[:, 0] + 1j * points[:, 1]
