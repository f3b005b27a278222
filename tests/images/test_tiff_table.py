"""Every combination of what a TIFF page is made of is right or refused; docs/images.md has the table."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.tiff_files import COMPRESSIONS, PREDICTED, Layout, tiff_file
from udsd.errors import ImageError
from udsd.images import DeepImage, ImagePages

DOCS = Path(__file__).parents[2] / "docs" / "images.md"
DEPTHS = (1, 2, 4, 8, 12, 16, 32)
COLOURS = {"white is zero": (0, 1), "black is zero": (1, 1), "palette": (3, 1), "RGB": (2, 3), "CMYK": (5, 4)}
COLOURS |= {"YCbCr": (6, 3), "Lab": (8, 3)}
"""Number of the photometric interpretation, and channels."""
EXTRAS = {"": (), "unassociated alpha": (2,), "associated alpha": (1,), "unspecified channel": (0,)}
SIZE = (18, 20)


def layouts(
    bits: int, photometric: int, channels: int, extra: tuple[int, ...], palette: tuple[int, ...]
) -> list[Layout]:
    """Planes, tiles, compressions, predictors, both byte orders, both orders of bits: all that go together."""
    predicted = [(name, 1) for name in COMPRESSIONS] + [(name, 2) for name in PREDICTED if bits in (8, 16, 32)]
    planes = (False, True) if channels > 1 else (False,)
    return [
        Layout(bits, photometric, extra, planar, tiled, compression, predictor, order, 1, fill_order, palette)
        for planar, tiled, (compression, predictor), (order, fill_order) in itertools.product(
            planes, (False, True), predicted, (("<", 1), (">", 1), ("<", 2))
        )
    ]


def sampled(bits: int, channels: int, extra: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    """Noise that is sound: nothing is fully transparent, and no colour exceeds the alpha that it was multiplied by."""
    samples = rng.integers(0, 2**bits, (*SIZE, channels))
    if extra in ((1,), (2,)):
        samples[..., -1] |= 2 ** (bits - 1)
    if extra == (1,):
        samples[..., :-1] = samples[..., :-1] * samples[..., -1:] // (2**bits - 1)
    return samples


def expected(samples: NDArray[np.int64], bits: int, colours: str, extra: tuple[int, ...]) -> NDArray[np.float64]:
    """Grey, RGB or inks from 0 to 1, black being 0, with alpha behind them: by what TIFF 6.0 says."""
    channels = COLOURS[colours][1]
    values = samples / (2**bits - 1)
    shown = values[..., :channels]
    if colours == "white is zero":
        shown = 1 - shown
    if extra in ((), (0,)):
        return shown
    alpha = values[..., channels:]
    return np.concatenate([np.minimum(shown / alpha, 1) if extra == (1,) else shown, alpha], axis=-1)


def restored(path: Path) -> NDArray[np.float64]:
    """What the page would be written as, (H, W, C) from 0 to 1; grey with alpha as grey with alpha."""
    with ImagePages(path) as pages:
        page = pages.read(0)
    image = page.encode(page.pixels)
    pixels = image.pixels if isinstance(image, DeepImage) else np.asarray(image)
    values = pixels.reshape(*SIZE, -1) / np.iinfo(pixels.dtype).max
    return np.asarray(values)


def outcome(path: Path, wanted: NDArray[np.float64], bits: int, colours: str) -> str:
    try:
        values = restored(path)
    except ImageError:
        return "refused"
    if colours == "CMYK":
        inks = np.rint(wanted[..., :4] * 255).astype(np.uint8)
        wanted = np.asarray(Image.frombytes("CMYK", SIZE[::-1], inks.tobytes()).convert("RGB")) / 255
    if values.shape[2] == 4 and wanted.shape[2] == 2:
        wanted = wanted[..., [0, 0, 0, 1]]
    largest = 255 if bits <= 8 or colours == "CMYK" else 65535
    is_right = values.shape == wanted.shape and np.abs(values - wanted).max() <= 1.01 / largest
    return "right" if is_right else "wrong"


def rows() -> Iterator[tuple[str, str]]:
    """Colours, and what lies besides."""
    yield from itertools.product(("white is zero", "black is zero", "RGB", "CMYK"), EXTRAS)
    yield from ((colours, "") for colours in ("palette", "YCbCr", "Lab"))


def cell(outcomes: Counter[str]) -> str:
    """Of many files in one word, or in one word and how many are another."""
    (most, _), *others = outcomes.most_common()
    return ", ".join([most, *(f"{count} of {outcomes.total()} {other}" for other, count in others)])


def reference(colours: str, samples: NDArray[np.int64], wanted: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    """What is expected of colours that no line of code here converts: what Pillow makes of the plainest file."""
    if colours not in ("YCbCr", "Lab"):
        return wanted
    path.write_bytes(tiff_file(samples, Layout(8, COLOURS[colours][0])))
    return restored(path)


def table_cell(colours: str, besides: str, bits: int, path: Path) -> str:
    photometric, channels = COLOURS[colours]
    extra = EXTRAS[besides]
    rng = np.random.default_rng(0)
    samples = sampled(bits, channels + len(extra), extra, rng)
    palette = tuple(int(level) * 257 for level in rng.integers(0, 256, 3 * 2**bits)) if bits <= 8 else ()
    if colours != "palette":
        wanted, palette = expected(samples, bits, colours, extra), ()
        if bits == 8:
            wanted = reference(colours, samples, wanted, path)
    else:
        wanted = np.zeros((*SIZE, 3)) if bits > 8 else np.array(palette).reshape(3, -1).T[samples[..., 0]] / 65535
    outcomes: Counter[str] = Counter()
    for layout in layouts(bits, photometric, channels + len(extra), extra, palette):
        path.write_bytes(tiff_file(samples, layout))
        outcomes[outcome(path, wanted, bits, colours)] += 1
    return cell(outcomes)


@pytest.mark.slow
@pytest.mark.parametrize(("colours", "besides"), [*rows()])
def test_every_combination_is_right_or_refused(
    colours: str, besides: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    cells = [table_cell(colours, besides, bits, tmp_path / "a.tif") for bits in DEPTHS]
    assert "wrong" not in " ".join(cells)
    line = f"| {colours}{', ' if besides else ''}{besides} | {' | '.join(cells)} |"
    assert line in DOCS.read_text(encoding="utf-8").splitlines(), f"docs/images.md has another line than\n{line}"


@pytest.mark.parametrize(("bits", "sample_format"), [(8, 2), (16, 2), (32, 2), (16, 3), (32, 3)])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_signed_and_floating_samples_are_refused(
    bits: int, sample_format: int, photometric: int, tmp_path: Path
) -> None:
    channels = 3 if photometric == 2 else 1
    samples = sampled(bits, channels, (), np.random.default_rng(0))
    (tmp_path / "a.tif").write_bytes(tiff_file(samples, Layout(bits, photometric, sample_format=sample_format)))
    with pytest.raises(ImageError):
        restored(tmp_path / "a.tif")
