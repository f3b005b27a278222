"""Draw pages of text in many scripts, fonts, sizes and layouts: training images that PDF documents do not give.

    apt-get install fonts-noto-cjk fonts-wqy-zenhei fonts-ipafont-mincho fonts-hosny-amiri fonts-lohit-deva \
        fonts-freefont-ttf fonts-dejavu fonts-liberation fonts-lato fonts-comic-neue fonts-humor-sans
    apt-get download manpages-zh manpages-ru manpages-ja manpages-el manpages-de hunspell-hi hunspell-ar
    for f in *.deb; do dpkg -x $f docs; done
    python examples/draw_pages.py docs/usr/share -o drawn/ --count 1000

Texts are translated manual pages, and words of the spelling dictionaries of languages that have none. A page is a
function of the seed and its number. Arabic and Devanagari need a Pillow with Raqm (its wheels have it).
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts")
ASPECT = (0.6, 1.5)
LETTERS = (8.0, 48.0)
MANUAL_PAGES_READ = 400


@dataclass(frozen=True)
class Script:
    """A way of writing: where its texts lie, what it is printed in, how often it is drawn."""

    texts: tuple[str, ...]
    fonts: tuple[str, ...]
    weight: float
    spaced: bool = True
    right_to_left: bool = False


EUROPEAN = (
    "DejaVuSans",
    "DejaVuSerif",
    "DejaVuSansMono",
    "LiberationSans-",
    "LiberationSerif-",
    "LiberationMono-",
    "Free",
)
SCRIPTS = {
    "latin": Script(
        ("man/de/*/*", "man/fr/*/*", "man/es/*/*"),
        (*EUROPEAN, "Lato-", "Roboto-", "EBGaramond", "Inconsolata", "Humor", "ComicNeue", "DancingScript", "Hack-"),
        3,
    ),
    "cyrillic": Script(("man/ru/*/*",), EUROPEAN, 2),
    "greek": Script(("man/el/*/*",), EUROPEAN, 1),
    "chinese": Script(
        ("man/zh_CN/*/*", "man/zh_TW/*/*"), ("wqy-zenhei", "NotoSansCJK", "NotoSerifCJK"), 3, spaced=False
    ),
    "japanese": Script(("man/ja/*/*",), ("ipam", "NotoSansCJK", "NotoSerifCJK"), 2, spaced=False),
    "arabic": Script(("hunspell/ar.dic",), ("Amiri", "FreeSerif.", "DejaVuSans."), 1, right_to_left=True),
    "devanagari": Script(("hunspell/hi_IN.dic",), ("Lohit-Devanagari", "FreeSerif.", "FreeSans."), 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path, help="folder that holds man/ and hunspell/")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--letters", nargs=2, type=float, default=LETTERS, metavar=("LOW", "HIGH"), help="their size in px (8 to 48)"
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    words = {name: read_words(arguments.texts, script) for name, script in SCRIPTS.items()}
    fonts = {name: find_fonts(script.fonts) for name, script in SCRIPTS.items()}
    names = [name for name in SCRIPTS if words[name] and fonts[name]]
    weights = np.array([SCRIPTS[name].weight for name in names])
    for number in range(arguments.count):
        random = np.random.default_rng([arguments.seed, number])
        name = str(random.choice(names, p=weights / weights.sum()))
        page = PageDrawer(SCRIPTS[name], words[name], fonts[name], random, tuple(arguments.letters)).draw()
        page.save(arguments.output / f"{name}-{number:05d}.png")


def read_words(folder: Path, script: Script) -> list[str]:
    """The words of a script's texts; single characters where it does not space them."""
    files = sorted(path for pattern in script.texts for path in folder.glob(pattern) if path.is_file())
    text = " ".join(map(read_text, files[:: max(1, len(files) // MANUAL_PAGES_READ)]))
    if not script.spaced:
        # Words in Latin letters, which manual pages are full of, have a script of their own here.
        return list(re.sub(r"\s+|[!-~]{3,}", "", text))
    return text.split()


def read_text(path: Path) -> str:
    """A manual page without its markup, or a dictionary without its flags, whose words are shuffled."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode("utf-8", errors="ignore")
    if path.suffix == ".dic":
        lines = [line.split("/")[0].strip() for line in text.splitlines()[1:]]
        return " ".join(np.random.default_rng(0).permutation([line for line in lines if line]).tolist())
    lines = [line for line in text.splitlines() if not line.startswith((".", "'"))]
    return re.sub(r"\\f.|\\\(..|\\[&%|/\-e*]", "", "\n".join(lines))


def find_fonts(names: Sequence[str], folder: Path | None = None) -> list[Path]:
    files = sorted(path for ending in ("ttf", "otf", "ttc") for path in (folder or FONTS).rglob(f"*.{ending}"))
    return [path for path in files if path.name.startswith(tuple(names))]


class PageDrawer:
    """Draw one page of one script."""

    def __init__(
        self,
        script: Script,
        words: list[str],
        fonts: list[Path],
        random: np.random.Generator,
        letters: tuple[float, float] = LETTERS,
    ) -> None:
        self.script, self.words, self.fonts, self.random = script, words, fonts, random
        self.letters = float(np.exp(random.uniform(*np.log(letters))))
        self.side = int(np.clip(self.letters * random.uniform(24, 48), 320, 1400))
        self.position = int(random.integers(len(words)))

    def draw(self) -> Image.Image:
        """A page, RGB, about as many letters wide at any size of letters."""
        width, height = self.side, int(self.side * self.random.uniform(*ASPECT))
        page = Image.new("RGB", (width, height), self._ground())
        pen = ImageDraw.Draw(page)
        layouts = (self._text, self._text, self._text, self._table, self._receipt, self._screen)
        layouts[int(self.random.integers(len(layouts)))](pen, width, height)
        return page

    def _ground(self) -> tuple[int, int, int]:
        if self.random.random() < 0.7:
            return (255, 255, 255)
        light = self.random.integers(225, 256)
        return tuple(int(light - self.random.integers(0, 12)) for _ in range(3))  # type: ignore[return-value]

    def _ink(self) -> tuple[int, int, int]:
        if self.random.random() < 0.7:
            return (0, 0, 0)
        return tuple(int(self.random.integers(0, 110)) for _ in range(3))  # type: ignore[return-value]

    def _font(self, scale: float = 1.0) -> ImageFont.FreeTypeFont:
        path = self.fonts[int(self.random.integers(len(self.fonts)))]
        return ImageFont.truetype(str(path), max(6, round(self.letters * scale)))

    def _line(self, font: ImageFont.FreeTypeFont, width: float) -> str:
        """As much of the text as fits."""
        joint = " " if self.script.spaced else ""
        line = ""
        for _ in range(200):
            word = self.words[self.position % len(self.words)]
            longer = f"{line}{joint}{word}" if line else word
            if font.getlength(longer) > width:
                self.position += not line  # a word wider than the page is left out
                break
            line = longer
            self.position += 1
        return line

    def _write(self, pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, x: float, y: float, width: float) -> None:
        line = self._line(font, width)
        if self.script.right_to_left:
            x += width - font.getlength(line)
        pen.text((x, y), line, font=font, fill=self.ink)

    def _text(self, pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        self.ink = self._ink()
        columns = 1 if self.letters > 20 or self.random.random() < 0.6 else 2
        margin, spacing = width * self.random.uniform(0.02, 0.1), self.random.uniform(1.15, 1.7)
        room = (width - margin * (columns + 1)) / columns
        for column in range(columns):
            y, font = margin * self.random.uniform(0.2, 1), self._font()
            while y < height:
                if self.random.random() < 0.08:
                    y += self.letters
                    heading = self._font(self.random.uniform(1.1, 2))
                    self._write(pen, heading, margin + column * (room + margin), y, room)
                    y += heading.size * 1.5
                indent = room * 0.05 if self.random.random() < 0.1 else 0
                self._write(pen, font, margin + column * (room + margin) + indent, y, room - indent)
                y += font.size * spacing

    def _table(self, pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        self.ink = self._ink()
        font, pitch = self._font(), self.letters * self.random.uniform(1.4, 2.2)
        columns = np.cumsum(self.random.uniform(3, 9, size=8) * self.letters)
        ruled = self.random.random() < 0.6
        for row in range(int(height / pitch) + 1):
            y = row * pitch + 2
            for start, end in zip([0.0, *columns[:-1]], columns, strict=True):
                if start > width:
                    break
                room = end - start - self.letters * 0.6
                if self.random.random() < 0.5:
                    self._write(pen, font, start + self.letters * 0.3, y, room)
                else:
                    number = f"{self.random.uniform(0, 10 ** self.random.integers(1, 6)):,.2f}"
                    pen.text((start + self.letters * 0.3, y), number, font=font, fill=self.ink)
                if ruled:
                    pen.line([(end, 0), (end, height)], fill=self.ink, width=max(1, round(self.letters / 16)))
            if ruled:
                pen.line([(0, y - 1), (width, y - 1)], fill=self.ink, width=max(1, round(self.letters / 16)))

    def _receipt(self, pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        self.ink = self._ink()
        font, y = self._font(), self.letters
        while y < height:
            self._write(pen, font, self.letters, y, width * 0.6)
            price = f"{self.random.uniform(0, 300):.2f}"
            pen.text((width - self.letters - font.getlength(price), y), price, font=font, fill=self.ink)
            y += font.size * 1.3
            if self.random.random() < 0.1:
                pen.text((self.letters, y), "-" * int(width / font.getlength("-") - 4), font=font, fill=self.ink)
                y += font.size * 1.3

    def _screen(self, pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        """Boxes, buttons and bars of several light shades, with text in each, as windows have."""
        y = 0.0
        while y < height:
            x, tall = 0.0, self.letters * self.random.uniform(2, 8)
            while x < width:
                wide = self.letters * self.random.uniform(5, 25)
                shade = tuple(int(level) for level in self.random.integers(200, 256, size=3))
                self.ink = self._ink()
                pen.rectangle(
                    [x, y, x + wide, y + tall], fill=shade, outline=self._ink() if self.random.random() < 0.5 else None
                )
                font, line = self._font(self.random.uniform(0.8, 1.2)), y + self.letters * 0.3
                while line + font.size * 1.2 < y + tall:
                    self._write(pen, font, x + self.letters * 0.4, line, wide - self.letters * 0.8)
                    line += font.size * 1.35
                x += wide
            y += tall


if __name__ == "__main__":
    main()
