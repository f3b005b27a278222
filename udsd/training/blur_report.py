"""A report on a set of blurs for people: pictures of typical kernels, histograms, and the settings that describe it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from udsd.atomic import whole_files
from udsd.degradation import BlurConfig, BlurSet
from udsd.errors import UdsdError
from udsd.training.recipe_files import recipe_text

KERNELS_FILE = "kernels.png"
HISTOGRAMS_FILE = "histograms.png"
SETTINGS_FILE = "blur.toml"
SUMMARY_FILE = "README.md"
REPORT_FILES = (KERNELS_FILE, HISTOGRAMS_FILE, SETTINGS_FILE, SUMMARY_FILE)

_ROWS, _COLUMNS = 5, 10
_MAGNIFIED = 3
_GAP = 6

_CHART = (420, 220)
_MARGINS = (40, 34, 14, 30)
"""Left, top, right, bottom of a chart, in pixels."""

_BINS = 24
_INK, _BAR = (30, 30, 30), (66, 106, 170)

_QUANTILES = (0.05, 0.95)
"""Of a set's values those that become the ranges of settings."""


def write_report(blurs: BlurSet, folder: Path) -> None:
    """Write the report: two pictures, the settings, and a summary.

    Raises:
        UdsdError: The folder cannot be written.
    """
    try:
        with whole_files(folder) as unfinished:
            kernels_picture(blurs).save(unfinished / KERNELS_FILE)
            histograms_picture(blurs).save(unfinished / HISTOGRAMS_FILE)
            table = recipe_text({"blur": _set_ranges(describe_as_ranges(blurs))})
            (unfinished / SETTINGS_FILE).write_text(table, encoding="utf-8")
            (unfinished / SUMMARY_FILE).write_text(_summary(blurs, table), encoding="utf-8")
    except OSError as error:
        raise UdsdError(f"cannot write the report to {folder} ({error}); choose another folder") from error


def describe_blurs(blurs: BlurSet) -> list[str]:
    """A set in a few lines: shares, and of each size the median with the range of the middle nine tenths."""
    moves, straight = blurs.moves, blurs.straight
    lines = []
    if moves.any() and blurs.weights[moves].sum() >= 0.005:
        share, lines_share = blurs.weights[moves].sum(), blurs.weights[straight].sum() / blurs.weights[moves].sum()
        direction, spread = _directions(blurs, moves)
        lines.append(
            f"motion in {share:.0%} of images, {lines_share:.0%} of it straight: "
            f"{_range(blurs, blurs.lengths, moves)} px long, mean direction {direction:.0f} degrees ({spread})"
        )
    for name, sizes in (("defocus", blurs.radii), ("Gaussian", blurs.sigmas)):
        share = blurs.weights[sizes > 0].sum()
        if share >= 0.005:
            what = "radius" if name == "defocus" else "standard deviation"
            lines.append(f"{name} in {share:.0%} of images: {what} {_range(blurs, sizes, sizes > 0, digits=1)} px")
    share = blurs.weights[blurs.gammas > 1].sum()
    if share >= 0.005:
        lines.append(f"blurred in linear light, as by a camera: {share:.0%} of images")
    lines.append(f"noise of {_range(blurs, blurs.noise, np.ones(len(blurs), bool), digits=1)} grey levels")
    compressed = blurs.qualities > 0
    share = blurs.weights[compressed].sum()
    quality = f" of quality {_range(blurs, blurs.qualities, compressed)}" if share >= 0.005 else ""
    lines.append(f"JPEG in {share:.0%} of images{quality}")
    return lines


def describe_as_ranges(blurs: BlurSet) -> BlurConfig:
    """The settings of `[blur]` whose ranges come nearest to a set: of each size the middle nine tenths."""
    moves, defocused, softened, compressed = blurs.moves, blurs.radii > 0, blurs.sigmas > 0, blurs.qualities > 0
    in_light = blurs.gammas > 1
    everything = np.ones(len(blurs), bool)

    def share(chosen: NDArray[np.bool_], of: NDArray[np.bool_] = everything) -> float:
        total = blurs.weights[of].sum()
        return round(float(np.clip(blurs.weights[chosen & of].sum() / total, 0, 1)), 2) if total > 0 else 0.0

    def limits(
        values: NDArray[np.float64], chosen: NDArray[np.bool_], least: float, most: float
    ) -> tuple[float, float]:
        if not share(chosen):
            return (least, least)
        low, high = (round(float(np.clip(value, least, most)), 1) for value in _quantiles(blurs, values, chosen))
        return low, high

    return BlurConfig(
        path_length=limits(blurs.lengths, moves, 0.0, 255.0),
        motion_probability=share(moves),
        straight_probability=share(blurs.straight, moves),
        defocus_probability=share(defocused),
        defocus_radius=limits(blurs.radii, defocused, 0.1, 32.0),
        gaussian_probability=share(softened),
        gaussian_sigma=limits(blurs.sigmas, softened, 0.1, 16.0),
        gamma_probability=share(in_light),
        gamma=limits(blurs.gammas, in_light, 1.0, 4.0),
        noise=limits(blurs.noise, everything, 0.0, 255.0),
        jpeg_probability=share(compressed),
        jpeg_quality=limits(blurs.qualities, compressed, 1.0, 100.0),
    )


def kernels_picture(blurs: BlurSet) -> Image.Image:
    """Fifty kernels of a set, drawn by their weights, white on black, each as bright as its brightest point allows."""
    drawn = blurs.draw(_ROWS * _COLUMNS, np.random.default_rng(0))
    # Ordered, so that alike ones stand together.
    drawn = drawn.take(np.argsort(drawn.lengths + 2 * drawn.radii + 2 * drawn.sigmas))
    side = max(15, drawn.kernel_size)
    kernels = drawn.kernels(side).numpy()
    step = side * _MAGNIFIED + _GAP
    sheet = Image.new("L", (_COLUMNS * step + _GAP, _ROWS * step + _GAP), 90)
    for index, kernel in enumerate(kernels):
        levels = (255 * (kernel / kernel.max()) ** 0.7).round().astype(np.uint8)
        tile = Image.fromarray(levels).resize((side * _MAGNIFIED,) * 2, Image.Resampling.NEAREST)
        row, column = divmod(index, _COLUMNS)
        sheet.paste(tile, (_GAP + column * step, _GAP + row * step))
    return sheet


def histograms_picture(blurs: BlurSet) -> Image.Image:
    """Six histograms: length and direction of motion, defocus, Gaussian, noise and JPEG quality."""
    moves = blurs.moves
    everything = np.ones(len(blurs), bool)
    charts = [
        ("length of motion, px", blurs.lengths, moves, None),
        ("direction, degrees (0: to the right, 90: down)", blurs.angles, moves, (-90.0, 90.0)),
        ("radius of defocus, px", blurs.radii, blurs.radii > 0, None),
        ("standard deviation of Gaussian, px", blurs.sigmas, blurs.sigmas > 0, None),
        ("noise, grey levels of 255", blurs.noise, everything, None),
        ("JPEG quality", blurs.qualities, blurs.qualities > 0, (0.0, 100.0)),
    ]
    width, height = _CHART
    sheet = Image.new("RGB", (2 * width, 3 * height), "white")
    for index, (title, values, chosen, limits) in enumerate(charts):
        row, column = divmod(index, 2)
        sheet.paste(_histogram(title, values[chosen], blurs.weights[chosen], limits), (column * width, row * height))
    return sheet


def _histogram(
    title: str, values: NDArray[np.float64], weights: NDArray[np.float64], limits: tuple[float, float] | None
) -> Image.Image:
    width, height = _CHART
    left, top, right, bottom = _MARGINS
    picture = Image.new("RGB", _CHART, "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    draw.text((left, 8), f"{title}: {weights.sum():.0%} of images", fill=_INK, font=font)
    base = height - bottom
    draw.line([(left, base), (width - right, base)], fill=_INK)
    low, high = limits or (0.0, max(1.0, float(values.max(initial=0.0)) * 1.05))
    bars, _ = np.histogram(values, bins=_BINS, range=(low, high), weights=weights)
    step = (width - left - right) / _BINS
    tallest = max(float(bars.max()), 1e-9)
    for index, bar in enumerate(bars):
        if bar > 0:
            first = left + index * step
            rise = (base - top) * float(bar) / tallest
            draw.rectangle([first + 1, base - max(rise, 1), first + step - 1, base], fill=_BAR)
    for value, anchor in ((low, "la"), ((low + high) / 2, "ma"), (high, "ra")):
        place = left + (value - low) / (high - low) * (width - left - right)
        draw.text((place, base + 5), f"{value:g}" if limits else f"{value:.1f}", fill=_INK, font=font, anchor=anchor)
    draw.text((left - 4, top), f"{tallest:.0%}", fill=_INK, font=font, anchor="ra")
    return picture


def _summary(blurs: BlurSet, table: str) -> str:
    lines = "\n".join(f"- {line}" for line in describe_blurs(blurs))
    return (
        f"# The blur of a folder\n\n{lines}\n\nOf each size the median, and in parentheses the middle nine tenths.\n\n"
        f"![kernels]({KERNELS_FILE})\n\n![histograms]({HISTOGRAMS_FILE})\n\n"
        f"The settings that come nearest to it, for a recipe:\n\n```toml\n{table}```\n"
    )


def _set_ranges(config: BlurConfig) -> dict[str, object]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(config).items()
        if value != ""
    }


def _directions(blurs: BlurSet, chosen: NDArray[np.bool_]) -> tuple[float, str]:
    """Mean direction in degrees of what moves, and in words how much alike directions are. Opposite ones are one."""
    doubled = np.exp(2j * np.radians(blurs.angles[chosen]))
    mean = np.average(doubled, weights=blurs.weights[chosen])
    if abs(mean) < 0.3:
        return float(np.degrees(np.angle(mean)) / 2), "all directions"
    deviation = np.degrees(np.sqrt(-2 * np.log(min(abs(mean), 1 - 1e-9)))) / 2
    return float(np.degrees(np.angle(mean)) / 2), f"standard deviation {deviation:.0f}"


def _range(blurs: BlurSet, values: NDArray[np.float64], chosen: NDArray[np.bool_], digits: int = 0) -> str:
    low, high = _quantiles(blurs, values, chosen)
    (middle,) = _quantiles(blurs, values, chosen, (0.5,))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _quantiles(
    blurs: BlurSet, values: NDArray[np.float64], chosen: NDArray[np.bool_], at: tuple[float, ...] = _QUANTILES
) -> list[float]:
    order = np.argsort(values[chosen])
    cumulated = np.cumsum(blurs.weights[chosen][order])
    places = np.searchsorted(cumulated / cumulated[-1], at).clip(max=order.size - 1)
    return [float(value) for value in values[chosen][order][places]]
