"""Samples for the gauge of print: blurred pictures, and what it should measure in each cell of 16 x 16 pixels.

It is part of `train_print_gauge.py`. A sample is a subject (a piece of a page, of a photograph, or a figure) that is
blurred, turned, inverted, lit and recorded; the labels go through the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from print_gauge_subjects import Levels, Photographs, Plane, Printer, Source, Subject, draw_figure, log_uniform

from udsd.degradation import apply_kernels, rasterize, sample_camera_paths, straight_camera_paths
from udsd.degradation.kernels import convolve_circular, defocus_discs, gaussian_kernels
from udsd.domains.pages.gauge import CELL

SIDE = 256
MARGIN = 80
SUBJECT_SIDE = SIDE + 2 * MARGIN
"""Subjects are larger than samples, so that blur and turning have true surroundings to draw on."""

LONGEST_PATH, WIDEST_DISC, WIDEST_GAUSSIAN = 110.0, 16.0, 8.0
UNCLEAR = -1
"""Label of cells that hold a little of both; they are not counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A picture and what is to be measured in it.

    Attributes:
        grey: (256, 256), uint8.
        print: (16, 16), int8: 1 where more than half of the cell is print, 0 where none is, else `UNCLEAR`.
        letters: (16, 16), float32: size of the letters (em) in pixels; 0 where there are none.
        is_light: (16, 16), int8: 1 where the picture was inverted, 0 where not, `UNCLEAR` on the border between.
        blur: (2,), float32: standard deviations of the blur kernel in pixels, where it is largest and across.
    """

    grey: Levels
    print: NDArray[np.int8]
    letters: Plane
    is_light: NDArray[np.int8]
    blur: Plane


class SampleDrawer:
    """Draw samples: 60 % pieces of pages, 32 % photographs, 8 % figures.

    Args:
        sources: Words and fonts by the name of their script.
        photographs: Photographs without text, cut to `SUBJECT_SIDE`.
        kernels: Where blur comes from.
    """

    def __init__(self, sources: Mapping[str, Source], photographs: Photographs, kernels: KernelDrawer) -> None:
        self._printer = Printer(sources, photographs)
        self._photographs = photographs
        self._kernels = kernels

    def draw(self, random: np.random.Generator) -> Sample:
        """A sample; those of equal generators are equal."""
        kind = random.random()
        if kind < 0.6:
            subject = self._printer.draw(random)
        elif kind < 0.92:
            subject = self._photographs.draw(random)
        else:
            subject = draw_figure(random, SUBJECT_SIDE)
        printed = subject.letters[subject.letters > 0]
        kernel = self._kernels.draw(random, float(np.median(printed)) if printed.size else log_uniform(random, 5, 60))
        matrix = random_matrix(random)
        subject = turned(blurred(subject, kernel), matrix)
        inside = slice(MARGIN, -MARGIN)
        grey, letters = subject.grey[inside, inside], subject.letters[inside, inside]
        is_light = _inverted(random, may_have_band=bool(printed.size))
        grey = _lit(np.where(is_light, 255 - grey, grey), random)
        recorded = _recorded(grey, _noise_level(random, may_be_grainy=not printed.size), random)
        return label(recorded, letters, is_light, matrix @ covariance(kernel) @ matrix.T)


class KernelDrawer:
    """Draw blur in proportion to letters, from none to so much that no letter can be made out.

    Args:
        random: Source of the camera paths.
        motions: Number of camera paths to choose from. To draw one takes as long as to draw a thousand together.
    """

    def __init__(self, random: np.random.Generator, motions: int) -> None:
        self._lengths = np.sort(np.exp(random.uniform(np.log(1.5), np.log(LONGEST_PATH), motions)))
        paths = sample_camera_paths(self._lengths, random)
        straight = np.flatnonzero(random.random(motions) < 0.3)
        paths[:, straight] = straight_camera_paths(self._lengths[straight], random)
        sizes = 2 * np.ceil(self._lengths / 2 + 2).astype(int) + 1
        self._motions = [rasterize(paths[:, [index]], size)[0] for index, size in enumerate(sizes.tolist())]

    def draw(self, random: np.random.Generator, letters: float) -> Plane:
        """A kernel for letters of a size in pixels: (K, K), K odd, summing to 1."""
        kernels = []
        defocus_alone = random.random() < 0.22
        if random.random() < 0.8 and not defocus_alone:
            length = min(random.uniform(0, 3.2) * letters, LONGEST_PATH)
            if length > 1.5:
                kernels.append(self._motion(random, length))
        if defocus_alone or random.random() < 0.25:
            radius = random.uniform(min(0.3, 0.1 * letters), min(0.45 * letters, WIDEST_DISC))
            kernels.append(defocus_discs(torch.tensor([radius]), 2 * int(np.ceil(radius)) + 3)[0])
        if random.random() < 0.3:
            sigma = random.uniform(0.2, max(0.3, min(0.2 * letters, WIDEST_GAUSSIAN)))
            kernels.append(gaussian_kernels(torch.tensor([sigma]), 2 * int(np.ceil(3 * sigma)) + 1)[0])
        return _combined(kernels)

    def _motion(self, random: np.random.Generator, length: float) -> torch.Tensor:
        """The kernel of a path of about that length."""
        spread = len(self._motions) // 120
        near = np.searchsorted(self._lengths, length) + random.integers(-spread, spread + 1)
        return torch.from_numpy(self._motions[int(np.clip(near, 0, len(self._motions) - 1))])


def _combined(kernels: list[torch.Tensor]) -> Plane:
    """One kernel that does what all of them do; of none, the one that does nothing."""
    if not kernels:
        return np.ones((1, 1), np.float32)
    size = sum(kernel.shape[0] - 1 for kernel in kernels) + 1
    widened = [F.pad(kernel, 4 * [(size - kernel.shape[0]) // 2])[None] for kernel in kernels]
    combined = widened[0]
    for kernel in widened[1:]:
        combined = convolve_circular(combined, kernel)
    return combined[0].numpy()


def covariance(kernel: Plane) -> NDArray[np.float64]:
    """Covariance (2, 2) of a kernel that sums to 1, in the order x, y, in square pixels."""
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]]
    return np.cov(np.stack([x.ravel(), y.ravel()]), aweights=kernel.ravel(), ddof=0)


def blurred(subject: Subject, kernel: Plane) -> Subject:
    """Blur a subject that is mirrored at its edges."""
    if kernel.size == 1:
        return subject
    side, reach = subject.grey.shape[0], kernel.shape[0] // 2
    # Fourier transforms of some sizes are several times as fast as those of the sizes next to them.
    spare = cv2.getOptimalDFTSize(side + 2 * reach) - side - 2 * reach
    padded = np.pad(subject.grey, (reach, reach + spare), mode="symmetric")
    grey = apply_kernels(torch.from_numpy(padded)[None, None], torch.from_numpy(kernel)[None])[0, 0, :side, :side]
    return Subject(grey.numpy(), subject.letters)


def random_matrix(random: np.random.Generator) -> NDArray[np.float64]:
    """A turn by some degrees, a zoom and a shear, or none of them: (2, 2), for points in the order x, y."""
    angle = np.deg2rad(random.normal(0, 3)) if random.random() < 0.7 else 0
    zoom = log_uniform(random, 0.6, 1.5) if random.random() < 0.4 else 1
    shear = random.normal(0, 0.03, (2, 2)) if random.random() < 0.26 else np.zeros((2, 2))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return zoom * turn + shear


def turned(subject: Subject, matrix: NDArray[np.float64]) -> Subject:
    """Move each point of a subject, and the sizes of its letters with it, by a matrix (2, 2) about the middle."""
    if np.array_equal(matrix, np.eye(2)):
        return subject
    zoom = float(np.sqrt(np.linalg.det(matrix)))
    side = subject.grey.shape[0]
    middle = np.full(2, (side - 1) / 2)
    affine = np.column_stack([matrix, middle - matrix @ middle])
    grey = subject.grey
    if zoom < 0.8:
        # Against moiré. Its blur, half a pixel of the result, is that of a good scan, which counts as sharp.
        grey = cv2.GaussianBlur(grey, (0, 0), 0.5 / zoom)  # type: ignore[assignment]
    letters = _moved(subject.letters, affine, cv2.INTER_NEAREST) * np.float32(zoom)
    return Subject(_moved(grey, affine, cv2.INTER_CUBIC), letters)


def _moved(plane: Plane, affine: NDArray[np.float64], interpolation: int) -> Plane:
    size = plane.shape[::-1]
    moved: Plane = cv2.warpAffine(plane, affine, size, flags=interpolation, borderMode=cv2.BORDER_REFLECT)  # type: ignore[assignment]
    return moved


def _inverted(random: np.random.Generator, *, may_have_band: bool) -> NDArray[np.bool_]:
    """Where a sample is inverted: everywhere, in a band, or nowhere."""
    inverted = np.zeros((SIDE, SIDE), np.bool_)
    chosen = random.random()
    if chosen < 0.3:
        inverted[:] = True
    elif chosen < 0.4 and may_have_band:
        top, bottom = np.sort(random.integers(0, SIDE, 2))
        inverted[top:bottom] = True
    return inverted


def _lit(grey: Plane, random: np.random.Generator) -> Plane:
    """Uneven light and little contrast."""
    if random.random() < 0.5:
        slope_x, slope_y = random.uniform(-0.3, 0.3, 2)
        position = np.linspace(-1, 1, SIDE)
        grey = grey * np.clip(1 + slope_x * position + slope_y * position[:, None], 0.4, 1.4)
    if random.random() < 0.5:
        contrast = random.uniform(0.35, 1)
        grey = grey * contrast + random.uniform(0, 1 - contrast) * 255
    return grey.astype(np.float32)


def _noise_level(random: np.random.Generator, *, may_be_grainy: bool) -> float:
    """Standard deviation of the noise in grey levels. Grain as strong as print occurs on what is none."""
    if may_be_grainy and random.random() < 0.25:
        return float(random.uniform(5, 50))
    return float(random.uniform(0, random.choice([0, 4, 12])))


def _recorded(grey: Plane, noise_level: float, random: np.random.Generator) -> Levels:
    """Add noise, and compress every second one as JPEG."""
    noisy = grey + noise_level * random.standard_normal(grey.shape)
    levels = noisy.clip(0, 255).round().astype(np.uint8)
    if random.random() < 0.5:
        _, compressed = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(random.uniform(25, 95))])
        levels = cv2.imdecode(compressed, cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]
    return levels


def label(grey: Levels, letters: Plane, is_light: NDArray[np.bool_], blur_covariance: NDArray[np.float64]) -> Sample:
    """Sum up in cells what is known of each pixel, in planes of the sample's size, and of its blur."""
    is_print = letters > 0
    share = _cell_means(is_print)
    spreads = np.sqrt(np.linalg.eigvalsh(blur_covariance).clip(min=0))[::-1]
    return Sample(
        grey,
        np.where(share > 0.5, 1, np.where(share > 0.02, UNCLEAR, 0)).astype(np.int8),
        (_cell_means(letters) / np.maximum(share, CELL**-2)).astype(np.float32),
        _decided(_cell_means(is_light), 0.1, 0.9),
        spreads.astype(np.float32),
    )


def _cell_means(plane: NDArray[np.bool_] | Plane) -> NDArray[np.float64]:
    rows, columns = (side // CELL for side in plane.shape)
    means: NDArray[np.float64] = plane.reshape(rows, CELL, columns, CELL).mean(axis=(1, 3), dtype=np.float64)
    return means


def _decided(share: NDArray[np.float64], low: float, high: float) -> NDArray[np.int8]:
    return np.where(share > high, 1, np.where(share < low, 0, UNCLEAR)).astype(np.int8)
