"""How exactly estimators of blur tell known blurs, on sharp images that none of them was trained on.

    python benchmarks/blur_estimators.py held-out/ --estimator general --estimator faces.safetensors

Each image is blurred by straight motion, by defocus, and not at all; blurred ones get noise, and half of them JPEG. The
table has medians of absolute errors, each other estimator's in relation to the first one's, and in brackets the 90 %
interval of that ratio over images drawn anew (bootstrap).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from udsd.degradation import PATH_POINTS, BlurSet
from udsd.estimation import BlurEstimate, BlurEstimator, estimate_at_any_scale, general_estimator, luminance
from udsd.estimation.folders import SHARP, typical_extent
from udsd.estimation.transfer import KERNEL_SIZE, describe
from udsd.images import decode_image
from udsd.training.image_lists import check_images, list_images

SIDE = 512
"""Pixels of an image that are used, at most: of six random squares the one of most contrast."""

LENGTHS, RADII, NOISE, QUALITIES = (4.0, 40.0), (1.5, 5.0), (0.0, 8.0), (30, 95)
CHANCE = 45.0
"""Degrees by which a direction is off if none is told."""

BOOTSTRAPS = 2000

Errors = Mapping[str, NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sharp", nargs="+", help="folders of sharp images, or lists of files")
    parser.add_argument("--estimator", action="append", required=True, help="general, or a file; may be repeated")
    parser.add_argument("--images", type=int, default=120, help="images of each kind of blur (default: 120)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    files = check_images(list_images(options.sharp), 0)
    chosen = [files[index] for index in random.permutation(len(files))[: options.images]]
    samples = [sample for path in chosen for sample in blurred_in_all_ways(sharp_part(path, random), random)]
    measured = {name: errors_of(_loaded(name), samples) for name in options.estimator}
    print(f"{len(chosen)} images of {' '.join(options.sharp)}")
    for line in table(measured):
        print(line)


def sharp_part(path: Path, random: np.random.Generator) -> torch.Tensor:
    """A part (1, 3, H, W) of an image in [-1, 1]."""
    pixels = decode_image(path).pixels
    height, width = (min(side, SIDE) for side in pixels.shape[2:])
    parts = []
    for _ in range(6):
        top, left = (
            int(random.integers(side - part + 1)) for side, part in zip(pixels.shape[2:], (height, width), strict=True)
        )
        parts.append(pixels[:, :, top : top + height, left : left + width])
    return max(parts, key=lambda part: float(part.std()))


def blurred_in_all_ways(sharp: torch.Tensor, random: np.random.Generator) -> list[tuple[str, BlurSet, torch.Tensor]]:
    """The part through straight motion, through defocus, and as it is: kind, true blur and pixels (1, 3, H, W)."""
    length = float(np.exp(random.uniform(*np.log(LENGTHS))))
    path = length * np.exp(1j * random.uniform(0, np.pi)) * np.linspace(-0.5, 0.5, PATH_POINTS)
    quality = float(random.integers(*QUALITIES)) * (random.random() < 0.5)
    noise = random.uniform(*NOISE, size=2)
    motion = _one(path, 0.0, noise[0], quality)
    defocus = _one(path * 0, random.uniform(*RADII), noise[1], quality)
    blurred = [
        (kind, blur, BlurEstimate.of(blur).apply(sharp, jpeg=True, seed=int(random.integers(2**31))))
        for kind, blur in (("motion", motion), ("defocus", defocus))
    ]
    return [*blurred, ("sharp", _one(path * 0, 0.0, 0.0, 0.0), sharp)]


def _one(path: NDArray[np.complex128], radius: float, noise: float, quality: float) -> BlurSet:
    rest = [np.array([value]) for value in (radius, 0.0, noise, quality, 1.0, 1.0)]
    return BlurSet(path[:, None], *rest)


def errors_of(estimator: BlurEstimator, samples: list[tuple[str, BlurSet, torch.Tensor]]) -> Errors:
    """What an estimator is wrong by, by measure."""
    errors = defaultdict(list)
    for kind, truth, pixels in samples:
        blur = estimate_at_any_scale(estimator, luminance(pixels[0]))
        found, true = BlurEstimate.of(blur), BlurEstimate.of(truth)
        if kind == "sharp":
            extent = typical_extent(blur)
            errors["extent of sharp images, px"].append(extent)
            errors["sharp images taken for blurred, %"].append(100.0 * (extent >= SHARP))
            errors["noise of sharp images, levels"].append(found.noise)
            continue
        if kind == "motion":
            errors["length, px"].append(abs(found.length - true.length))
            turned = abs((found.angle - true.angle + 90) % 180 - 90) if found.length else CHANCE
            errors["direction, degrees"].append(turned)
        else:
            errors["defocus radius, px"].append(abs(found.defocus_radius - true.defocus_radius))
        transfers = [
            describe(one, one.kernels(max(KERNEL_SIZE, one.kernel_size))[:, *_middle(one)]) for one in (blur, truth)
        ]
        off = (transfers[0] - transfers[1])[:, :-3].abs().mean()
        errors[f"transfer of {kind}, %"].append(100 * float(off))
        errors["noise, levels"].append(abs(found.noise - true.noise))
        if true.jpeg_quality is not None:
            errors["JPEG quality"].append(abs((found.jpeg_quality or 100) - true.jpeg_quality))
        else:
            errors["not compressed, taken for JPEG, %"].append(100.0 * (found.jpeg_quality is not None))
    return {name: np.array(values, dtype=np.float64) for name, values in errors.items()}


def _middle(blur: BlurSet) -> tuple[slice, slice]:
    """The middle of a kernel that may be larger than what transfers are told of."""
    start = (max(KERNEL_SIZE, blur.kernel_size) - KERNEL_SIZE) // 2
    return slice(start, start + KERNEL_SIZE), slice(start, start + KERNEL_SIZE)


def table(measured: Mapping[str, Errors]) -> list[str]:
    """Lines of Markdown, with a column for each estimator and its ratio to the first one."""
    first, *others = measured
    names = [first, *(column for other in others for column in (Path(other).stem, "ratio"))]
    lines = [f"| measure | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    for measure, errors in measured[first].items():
        cells = [f"{_middle_of(measure, errors):.2f}"]
        for other in others:
            theirs = measured[other][measure]
            cells += [f"{_middle_of(measure, theirs):.2f}", _ratio(measure, errors, theirs)]
        lines.append(f"| {measure} | {' | '.join(cells)} |")
    return lines


def _middle_of(measure: str, errors: NDArray[np.float64]) -> float:
    """The median, or the mean of what is a share."""
    return float(errors.mean() if "taken for" in measure else np.median(errors))


def _ratio(measure: str, first: NDArray[np.float64], other: NDArray[np.float64]) -> str:
    random = np.random.default_rng(0)
    drawn = (random.integers(len(first), size=len(first)) for _ in range(BOOTSTRAPS))
    pairs = [(_middle_of(measure, first[indices]), _middle_of(measure, other[indices])) for indices in drawn]
    ratios = [theirs / ours for ours, theirs in pairs if ours]
    whole = _middle_of(measure, first)
    if not ratios or not whole:
        return "-"
    low, high = np.quantile(ratios, (0.05, 0.95))
    return f"{_middle_of(measure, other) / whole:.2f} ({low:.2f} to {high:.2f})"


def _loaded(name: str) -> BlurEstimator:
    return general_estimator() if name == "general" else BlurEstimator.load(Path(name))


if __name__ == "__main__":
    main()
