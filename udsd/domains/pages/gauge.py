"""A small network that measures print under blur: where it is, how large its letters and its blur are.

Blur hides letters, but not the rhythm of lines and strokes. `examples/train_print_gauge.py` trained it on drawn text in
many scripts, blurred, turned, on all kinds of ground, and on photographs without text.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from importlib.resources import as_file, files

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

CELL = 16
"""Side in pixels of the squares that are measured."""

WEIGHTS = "print_gauge.safetensors"

_BAND = 4_000_000
"""Pixels that are measured at once: feature maps take some 50 bytes for each."""

_IN_VIEW = 20
"""Cells above and below others that they see at most."""

SMALLEST_LETTERS, LARGEST_LETTERS = 4.0, 128.0
_SIZE_STEPS = 26
SMALLEST_BLUR, LARGEST_BLUR = 0.3, 30.0
_BLUR_STEPS = 14

_WIDTHS = (16, 32, 64, 96)
_DILATIONS = (1, 2, 4, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What was measured in each cell of 16 x 16 pixels; all float32 (H / 16, W / 16), rounded up.

    Attributes:
        print: How likely it holds print, from 0 to 1. The others mean nothing where it does not.
        letters: Size of the letters (em) in pixels.
        blur: To what distance light was spread, in the direction where that is furthest: the standard deviation of the
            blur kernel in pixels.
        across: The same at right angles to it. Motion has little of it, defocus as much.
        is_light: How likely its letters are lighter than their ground.
    """

    print: Tensor
    letters: Tensor
    blur: Tensor
    across: Tensor
    is_light: Tensor

    def scaled(self, scale: float) -> Measures:
        """The measures of the image at ``scale`` times its size."""
        return replace(self, letters=self.letters * scale, blur=self.blur * scale, across=self.across * scale)


class PrintGauge(nn.Module):
    """Measure print, fully convolutionally, one set of measures for each cell of 16 x 16 pixels.

    Sizes are answered as a distribution over steps on a logarithmic scale, of which the mean is taken: the error of a
    size is a factor.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _WIDTHS
        self.layers = nn.Sequential(
            _convolution(1, a, 5, 2),
            _convolution(a, b, 3, 2),
            _convolution(b, b),
            _convolution(b, c, 3, 2),
            _Residual(c, 1),
            _Residual(c, 1),
            _convolution(c, d, 3, 2),
            *(_Residual(d, dilation) for dilation in _DILATIONS),
        )
        self.head = nn.Conv2d(d, 2 + _SIZE_STEPS + 2 * _BLUR_STEPS, 1)

    def forward(self, grey: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Measure.

        Args:
            grey: (B, 1, H, W) in [-1, 1], sides multiples of 16.

        Returns:
            Logits, each (B, C, H / 16, W / 16): of print and of light letters; of the steps of letter sizes;
            of the steps of blur sizes, along and across.
        """
        counts = [2, _SIZE_STEPS, _BLUR_STEPS, _BLUR_STEPS]
        flags, sizes, along, across = torch.split(self.head(self.layers(grey)), counts, dim=1)
        return flags, sizes, along, across


def measure_print(grey: Tensor) -> Measures:
    """Measure an image.

    Args:
        grey: (H, W), float32 in [-1, 1], on the CPU, of any size.
    """
    rows = math.ceil(grey.shape[0] / CELL)
    band = max(_BAND // (CELL * grey.shape[1]), 1)
    bands = [_measure_rows(grey, top, min(top + band, rows)) for top in range(0, rows, band)]
    return Measures(*(torch.cat(parts) for parts in zip(*bands, strict=True)))


def _measure_rows(grey: Tensor, first: int, stop: int) -> tuple[Tensor, ...]:
    """The measures of some rows of cells, in the order of `Measures`, with what lies above and below in view."""
    top = max(first - _IN_VIEW, 0)
    seen = grey[top * CELL : (stop + _IN_VIEW) * CELL]
    height, width = seen.shape
    padded = F.pad(seen[None, None], (0, -width % CELL, 0, -height % CELL), mode="replicate")
    with torch.inference_mode():
        flags, sizes, along, across = trained_gauge()(padded)
    is_print, is_light = flags[0].sigmoid()
    measures = (is_print, size_of(sizes)[0], blur_of(along)[0], blur_of(across)[0], is_light)
    return tuple(measure[first - top : stop - top] for measure in measures)


@functools.cache
def trained_gauge() -> PrintGauge:
    """The gauge with the weights that lie beside this file, in eval mode; threads share it."""
    gauge = PrintGauge().float()  # whatever the default dtype is
    with as_file(files(__package__) / WEIGHTS) as path:
        tensors = load_file(path)
    gauge.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return gauge.eval().requires_grad_(False)


def size_of(logits: Tensor) -> Tensor:
    """Letter sizes in pixels (B, H, W) from their logits (B, C, H, W)."""
    return _mean_size(logits, SMALLEST_LETTERS, LARGEST_LETTERS)


def blur_of(logits: Tensor) -> Tensor:
    """Blur sizes in pixels (B, H, W) from their logits (B, C, H, W)."""
    return _mean_size(logits, SMALLEST_BLUR, LARGEST_BLUR)


def size_steps() -> Tensor:
    """Letter sizes in pixels that the steps stand for."""
    return _steps(SMALLEST_LETTERS, LARGEST_LETTERS, _SIZE_STEPS)


def blur_steps() -> Tensor:
    """Blur sizes in pixels that the steps stand for."""
    return _steps(SMALLEST_BLUR, LARGEST_BLUR, _BLUR_STEPS)


def _steps(low: float, high: float, count: int) -> Tensor:
    return torch.exp(torch.linspace(math.log(low), math.log(high), count, dtype=torch.float32))


def _mean_size(logits: Tensor, low: float, high: float) -> Tensor:
    steps = _steps(low, high, logits.shape[1]).to(logits).log()[:, None, None]
    return (logits.softmax(dim=1) * steps).sum(dim=1).exp()


def _convolution(inputs: int, outputs: int, side: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (side // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, side, stride, padding, dilation, bias=False, padding_mode="replicate"),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels, channels, dilation=dilation),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False, padding_mode="replicate"),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features + self.body(features))
