"""The form in which every image reaches a network, and the way back to the form it came in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from udsd.errors import ImageError
from udsd.images.hidden import continued_into

KindT_co = TypeVar("KindT_co", covariant=True)
OtherT = TypeVar("OtherT")

LARGEST_LEVEL = {torch.uint8: 255, torch.uint16: 65535}
"""White in each whole-number dtype."""

FLOAT_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

_RANGE_TOLERANCE = 1e-3

_ROWS = 256
"""Rows of an image that are encoded at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage(Generic[KindT_co]):
    """An image as a network takes it, which remembers what it was decoded from.

    Attributes:
        pixels: Colours (B, 3, H, W), float32 in [-1, 1]. Grey is repeated in the three channels; alpha is kept
            aside.
        encode: Turns restored colours (B, 3, H, W), any float dtype, any device, nominally in [-1, 1] and
            clamped to it, into an image of the kind, shape, dtype and device that was decoded. Whole numbers
            are rounded to nearest, grey is the mean of the three channels, alpha is the one that came in, and so
            is what lies under full transparency. No gradient passes. It may be called more than once. It raises
            `ImageError` if the shape is not that of ``pixels`` or a value is NaN or infinite.
    """

    pixels: Tensor
    encode: Callable[[Tensor], KindT_co]

    def then(self, finish: Callable[[KindT_co], OtherT]) -> DecodedImage[OtherT]:
        """The same pixels, with one more step on the way back."""
        return DecodedImage(self.pixels, lambda restored: finish(self.encode(restored)))


def decode_planes(planes: Tensor) -> DecodedImage[Tensor]:
    """Decode planes (B, C, H, W): grey, grey and alpha, RGB or RGBA for C = 1, 2, 3, 4.

    Args:
        planes: uint8 or uint16 over its whole range, or a float dtype in [0, 1].

    Raises:
        ImageError: The image is empty, of another dtype, or has values that are not finite or out of range.
    """
    planes = planes.detach()
    _check_values(planes)
    batch, channels, height, width = planes.shape
    colours = channels - 1 if channels in (2, 4) else channels
    dtype, device = planes.dtype, planes.device
    white = LARGEST_LEVEL.get(dtype, 1)
    alpha = planes[:, colours:].clone()
    # In place, and below in parts: of a large image each copy in float32 is most of the memory it takes.
    pixels = planes[:, :colours].to(torch.float32, copy=True).mul_(2 / white).sub_(1).clamp_(-1, 1)
    hidden = alpha == 0
    unseen = planes[:, :colours].clone() if hidden.any() else None
    if unseen is not None:
        pixels = continued_into(pixels, hidden)
    if colours == 1:
        pixels = pixels.expand(-1, 3, -1, -1).contiguous()

    def encode(restored: Tensor) -> Tensor:
        _check_restored(restored, (batch, 3, height, width))
        result = torch.empty((batch, channels, height, width), dtype=dtype, device=device)
        for rows, part in zip(_in_parts(result), _in_parts(restored.detach()), strict=True):
            values = part.to(torch.float32, copy=True).clamp_(-1, 1)
            if colours == 1:
                values = values.mean(dim=1, keepdim=True)
            values.add_(1).mul_(white / 2)
            if dtype in LARGEST_LEVEL:
                values.round_()
            # The device first: not every accelerator knows uint16 or float64.
            rows[:, :colours] = values.to(device).to(dtype)
        result[:, colours:] = alpha
        if unseen is not None:
            result[:, :colours] = torch.where(hidden, unseen, result[:, :colours])
        return result

    return DecodedImage(pixels, encode)


def _in_parts(image: Tensor) -> tuple[Tensor, ...]:
    return torch.split(image, _ROWS, dim=2)


def _check_restored(restored: Tensor, shape: tuple[int, int, int, int]) -> None:
    if tuple(restored.shape) != shape:
        raise ImageError(f"the restored image has shape {tuple(restored.shape)}; encode takes {shape}, that of pixels")
    broken = sum(part.numel() - int(part.isfinite().sum()) for part in _in_parts(restored.detach()))
    if broken:
        raise ImageError(
            f"the network gave {broken} of {restored.numel()} values as NaN or infinite; run it in float32, "
            "or check its weights"
        )


def _check_values(planes: Tensor) -> None:
    if planes.numel() == 0:
        raise ImageError(f"the image is empty (shape {tuple(planes.shape)}); give one of at least 1x1 pixels")
    if planes.dtype in LARGEST_LEVEL:
        return
    if planes.dtype not in FLOAT_DTYPES:
        raise ImageError(f"images of {planes.dtype} are not taken; give uint8 or uint16, or floats in [0, 1]")
    broken = int(planes.numel() - planes.isfinite().sum())
    if broken:
        raise ImageError(f"{broken} of {planes.numel()} values are NaN or infinite; replace them by numbers in [0, 1]")
    low, high = (float(bound) for bound in planes.aminmax())
    if low < -_RANGE_TOLERANCE or high > 1 + _RANGE_TOLERANCE:
        hint = "shift and scale" if low < -_RANGE_TOLERANCE else "divide by 255?" if high <= 255 else "scale"
        raise ImageError(f"values lie in [{low:.4g}, {high:.4g}]; floats must lie in [0, 1] ({hint})")
