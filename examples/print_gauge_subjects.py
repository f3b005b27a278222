"""What the gauge of print learns from, still sharp: pieces of pages in many scripts, photographs and figures.

It is part of `train_print_gauge.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from draw_pages import SCRIPTS, find_fonts, read_words
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from udsd.errors import ConfigError, ImageError

Plane = NDArray[np.float32]
Levels = NDArray[np.uint8]

LETTERS = (5.0, 100.0)
SHARES = {
    "latin": 4.0,
    "cyrillic": 2.0,
    "greek": 1.0,
    "chinese": 2.0,
    "japanese": 1.5,
    "arabic": 1.0,
    "devanagari": 1.0,
}
PHOTOGRAPH_SIDE = 1600
SMALLEST_SCALE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A square picture in grey.

    Attributes:
        grey: (S, S), float32, 0 to 255.
        letters: (S, S), float32: size of the letters (em) in pixels; 0 where there is no print.
    """

    grey: Plane
    letters: Plane


def log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


class Photographs:
    """Photographs without text, from which pieces are cut.

    Args:
        paths: Image files. They are kept in memory, 1600 px long at most; those that cannot be read are left out.
        side: Side in pixels of the pieces; smaller photographs are left out.

    Raises:
        ImageError: None are left.
    """

    def __init__(self, paths: Iterable[Path], side: int) -> None:
        read = (_read_grey(path) for path in paths)
        small = (
            _shrunk(photograph, PHOTOGRAPH_SIDE / max(photograph.shape))
            for photograph in read
            if photograph is not None
        )
        self._photographs = [photograph for photograph in small if min(photograph.shape) >= side]
        self.side = side
        if not self._photographs:
            raise ImageError(f"no photographs of {side} x {side} px or more; give a folder that holds some")

    def draw(self, random: np.random.Generator) -> Subject:
        """A piece of one of them, most often shrunk; what is then missing is mirrored."""
        photograph = self._photographs[int(random.integers(len(self._photographs)))]
        if random.random() < 0.7:
            photograph = _shrunk(photograph, log_uniform(random, SMALLEST_SCALE, 1))
            missing = [max(0, self.side - length) for length in photograph.shape]
            photograph = np.pad(photograph, [(n // 2, n - n // 2) for n in missing], mode="reflect")
        y, x = (random.integers(length - self.side + 1) for length in photograph.shape)
        grey = photograph[y : y + self.side, x : x + self.side].astype(np.float32)
        return Subject(grey, np.zeros_like(grey))


def _read_grey(path: Path) -> Levels | None:
    levels: Levels | None = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]
    return levels


def _shrunk(image: Levels, scale: float) -> Levels:
    if scale >= 1:
        return image
    shrunk: Levels = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return shrunk


def draw_figure(random: np.random.Generator, side: int) -> Subject:
    """Lines, circles, boxes and polygons in all greys, some on coarse noise: edges that are no print."""
    grey = np.full((side, side), random.uniform(0, 255), np.float32)
    for _ in range(random.integers(0, 12)):
        corners = random.integers(-side // 4, side * 5 // 4, (4, 2)).astype(np.int32)
        first, second = corners[0].tolist(), corners[1].tolist()
        shade = float(random.uniform(0, 255))
        match int(random.integers(4)):
            case 0:
                cv2.line(grey, first, second, shade, int(random.integers(1, 12)))
            case 1:
                cv2.circle(grey, first, int(random.integers(4, side // 2)), shade, int(random.choice([-1, 1, 2, 5])))
            case 2:
                cv2.rectangle(grey, first, second, shade, int(random.choice([-1, 1, 3])))
            case _:
                cv2.fillPoly(grey, [corners], shade)
    if random.random() < 0.3:
        grains = side // int(random.integers(1, 9)) + 1
        noise = random.standard_normal((grains, grains)).astype(np.float32) * np.float32(random.uniform(2, 50))
        grey += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return Subject(grey.clip(0, 255), np.zeros_like(grey))


@dataclass(frozen=True, slots=True)
class Source:
    """The words of a script, what stands between two of them, and the font files it is printed in."""

    words: Sequence[str]
    joint: str
    fonts: Sequence[Path]


def read_sources(texts: Path) -> dict[str, Source]:
    """The sources of all scripts that have both words and fonts.

    Args:
        texts: Folder with man/ and hunspell/, as for `draw_pages.py`.

    Raises:
        ConfigError: No script has both.
    """
    found = {name: (read_words(texts, SCRIPTS[name]), find_fonts(SCRIPTS[name].fonts)) for name in SHARES}
    sources = {
        name: Source(words, " " if SCRIPTS[name].spaced else "", fonts)
        for name, (words, fonts) in found.items()
        if words and fonts
    }
    if not sources:
        raise ConfigError(f"{texts}: no script has both texts here and fonts installed; see examples/draw_pages.py")
    return sources


class Printer:
    """Draw pieces of pages: text, tables and headings, running over the edges or not.

    Args:
        sources: By the name of the script, one of `SHARES`.
        photographs: Some pages have one behind their print. Its side is that of the pages.
    """

    def __init__(self, sources: Mapping[str, Source], photographs: Photographs) -> None:
        self._sources = [sources[name] for name in SHARES if name in sources]
        shares = np.array([SHARES[name] for name in SHARES if name in sources])
        self._shares = shares / shares.sum()
        self._photographs = photographs

    def draw(self, random: np.random.Generator) -> Subject:
        """One block of print, in one font of one script."""
        side = self._photographs.side
        source = self._sources[random.choice(len(self._sources), p=self._shares)]
        letters = log_uniform(random, *LETTERS)
        ground, ink = _shades(random)
        grey = np.full((side, side), int(ground), np.uint8)
        if random.random() < 0.08:
            grey = (self._photographs.draw(random).grey * 0.3 + ground * 0.7).astype(np.uint8)
        writer = _Writer(grey, source, int(ink), random)
        _write_block(writer, letters, side, random)
        return writer.subject()


def _shades(random: np.random.Generator) -> tuple[float, float]:
    """Ground and ink, dark on light; some on grey or of little contrast."""
    if random.random() < 0.12:
        ground = random.uniform(120, 200)
        return ground, random.uniform(0, ground - 90)
    return random.uniform(200, 255), random.uniform(0, 90)


def _write_block(writer: _Writer, letters: float, side: int, random: np.random.Generator) -> None:
    """A block of lines, some of other sizes; a table's lines have gaps, and perhaps rules between its columns."""
    left = random.uniform(-0.6 * side, 0.35 * side)
    y = random.uniform(-3 * letters, 2 * letters if random.random() < 0.7 else 0.7 * side)
    pitch = letters * random.uniform(1.05, 1.9)
    bottom = side if random.random() < 0.7 else y + random.uniform(1, 6) * pitch
    right = 1.2 * side if random.random() < 0.6 else random.uniform(0.4 * side, side)
    layout = random.random()
    is_table, is_ruled = layout < 0.2, layout < 0.1
    while y < min(bottom, side):
        size = letters
        if random.random() < 0.06:
            size = letters * random.uniform(1.2, 2.2)
        if random.random() < 0.05:
            size = letters * random.uniform(0.6, 0.85)
        if is_table:
            _write_row(writer, size, left, y, min(right, side), is_ruled, random)
        elif left < right:
            writer.write(left, y, size, writer.text(right - left, size))
        y += pitch * (1 if random.random() < 0.93 else 1.8)
        if random.random() < 0.02:
            writer.rule((left, y - 0.2 * letters), (right, y - 0.2 * letters), letters / 16)


def _write_row(
    writer: _Writer, size: float, left: float, y: float, right: float, is_ruled: bool, random: np.random.Generator
) -> None:
    """A line of a table: words and numbers."""
    x = left
    while x < right:
        text = writer.text(random.uniform(2, 9) * size, size)
        if random.random() < 0.4:
            text = f"{random.uniform(0, 10 ** random.integers(1, 6)):,.2f}"
        x += writer.write(x, y, size, text) + random.uniform(0.6, 2) * size
        if is_ruled:
            middle = x - 0.3 * size
            writer.rule((middle, y), (middle, y + 1.4 * size), size / 14)


class _Writer:
    """Write in one font, and note where the print lies and how large it is."""

    def __init__(self, grey: Levels, source: Source, ink: int, random: np.random.Generator) -> None:
        self._page = Image.fromarray(grey)
        self._pen = ImageDraw.Draw(self._page)
        self._letters = np.zeros(grey.shape, np.float32)
        self._source, self._ink, self._random = source, ink, random
        self._font = source.fonts[int(random.integers(len(source.fonts)))]
        self._position = int(random.integers(len(source.words)))

    def text(self, room: float, size: float) -> str:
        """About as much of the words as there is room for in pixels; now and then less."""
        source, text = self._source, ""
        middle = len(source.words) // 2
        sample = source.joint.join(source.words[middle : middle + 60])
        count = max(int(0.97 * room / (size * _advance(self._font, sample))), 1)
        while len(text) < min(count, 400):
            word = source.words[self._position % len(source.words)]
            self._position += 1
            text = f"{text}{source.joint}{word}" if text else word
            if self._random.random() < 0.01:
                break
        return text[:count]

    def write(self, x: float, y: float, size: float, text: str) -> float:
        """Write from a point on, in letters of a size rounded to whole pixels; returns the width in pixels."""
        font = _font(self._font, max(4, round(size)))
        self._pen.text((x, y), text, font=font, fill=self._ink)
        left, top, right, bottom = font.getbbox(text)
        rows = _span(y + top - 0.1 * font.size, y + bottom + 0.1 * font.size)
        columns = _span(x + left - 0.2 * font.size, x + right + 0.2 * font.size)
        self._letters[rows, columns] = font.size
        return right - left

    def rule(self, start: tuple[float, float], end: tuple[float, float], thickness: float) -> None:
        self._pen.line([start, end], fill=self._ink, width=max(1, round(thickness)))

    def subject(self) -> Subject:
        return Subject(np.asarray(self._page, np.float32), self._letters)


def _span(start: float, end: float) -> slice:
    return slice(max(0, int(start)), max(0, int(end)))


@lru_cache(maxsize=3000)
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


@lru_cache(maxsize=3000)
def _advance(path: Path, sample: str) -> float:
    """Mean width of the characters of a sample in a font, in units of its size."""
    return _font(path, 32).getlength(sample[:300]) / len(sample[:300]) / 32
