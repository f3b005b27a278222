"""Pages of running text, drawn from named packages of Debian by the code of `examples/draw_pages.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from figures_sets import Drawing
from PIL import Image, ImageDraw

from udsd.errors import ConfigError
from udsd.evaluation import SharpImage

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
from draw_pages import PageDrawer, Script, find_fonts, read_words

PACKAGES = (
    "manpages",
    "manpages-ru",
    "manpages-zh",
    "manpages-ja",
    "fonts-dejavu-core",
    "fonts-wqy-zenhei",
    "fonts-ipafont-mincho",
)
LINES, LETTERS_IN_A_LINE = 8, 30


@dataclass(frozen=True, slots=True)
class Writing:
    """A script with its texts, in a package of Debian, and the language that tesseract reads it as."""

    package: str
    script: Script
    language: str


SCRIPTS = {
    "english": Writing("manpages", Script(("man/man7/*",), ("DejaVuSans.", "DejaVuSerif."), 1), "eng"),
    "mono": Writing("manpages", Script(("man/man7/*",), ("DejaVuSansMono.",), 1), "eng"),
    "cyrillic": Writing("manpages-ru", Script(("man/ru/*/*",), ("DejaVuSans.", "DejaVuSerif."), 1), "rus"),
    "chinese": Writing("manpages-zh", Script(("man/zh_CN/*/*",), ("wqy-zenhei",), 1, spaced=False), "chi_sim"),
    "japanese": Writing("manpages-ja", Script(("man/ja/*/*",), ("ipam",), 1, spaced=False), "jpn"),
}


def draw(drawing: Drawing, count: int, packages: Path) -> Iterator[SharpImage]:
    """Pages of a kind, each a function of its number.

    Args:
        drawing: Their kind.
        count: How many.
        packages: Folder with a folder of its files for each of `PACKAGES`.

    Raises:
        ConfigError: The packages hold no texts or no fonts of that kind.
    """
    writing = SCRIPTS[drawing.script]
    words, fonts = _words(drawing.script, packages), _fonts(drawing.script, packages)
    if not words or not fonts:
        raise ConfigError(
            f"{packages} has no texts or no fonts for {drawing.script} pages; remove it, to fetch it anew"
        )
    for number in range(count):
        drawer = Column(writing.script, words, fonts, np.random.default_rng(number))
        page, text = drawer.draw_lines(drawing)
        yield SharpImage(f"{drawing.script}-{number}", np.asarray(page), text, writing.language)


class Column(PageDrawer):
    """A page of one column whose text is told."""

    def draw_lines(self, drawing: Drawing) -> tuple[Image.Image, str]:
        """A page in letters of one size, RGB, and its text."""
        self.letters = drawing.letters
        font, pitch = self._font(), round(1.4 * drawing.letters)
        width = LETTERS_IN_A_LINE * drawing.letters
        ground, ink = ((24, 24, 24), "white") if drawing.light_on_dark else ("white", "black")
        page = Image.new("RGB", (width, LINES * pitch + drawing.letters), ground)
        lines = [self._line(font, width - drawing.letters) for _ in range(LINES)]
        pen = ImageDraw.Draw(page)
        for row, line in enumerate(lines):
            pen.text((drawing.letters // 2, drawing.letters // 2 + row * pitch), line, font=font, fill=ink)
        return page, "\n".join(lines)


@cache
def _words(script: str, packages: Path) -> list[str]:
    writing = SCRIPTS[script]
    words: list[str] = read_words(packages / writing.package / "usr" / "share", writing.script)
    return words


@cache
def _fonts(script: str, packages: Path) -> list[Path]:
    names = SCRIPTS[script].script.fonts
    return [
        path for package in PACKAGES if package.startswith("fonts-") for path in find_fonts(names, packages / package)
    ]
