"""Plates as they are seen from the front: ground, band, letters, screws, dirt, frame.

It is part of `draw_plates.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from plate_forms import CODES, WORDS, Colour, Form, script_of

Plane = NDArray[np.float32]

GLYPHS = 160
"""Size at which letters are set, before they are brought to the size of their plate."""


@lru_cache(maxsize=256)
def load_font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def smooth_noise(random: np.random.Generator, shape: tuple[int, int], cells: int) -> Plane:
    """Noise of about `cells` spots from edge to edge, 0 to 1."""
    coarse = random.random((cells + 1, cells + 1), dtype=np.float32)
    return np.clip(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), 0, 1)


class PlateDrawer:
    """Draw one plate, seen from the front.

    Args:
        letters: Height in pixels of the letters of the tallest line.
    """

    def __init__(
        self,
        form: Form,
        lines: list[list[tuple[str, float]]],
        fonts: Mapping[str, list[Path]],
        letters: float,
        random: np.random.Generator,
    ) -> None:
        self.form, self.lines, self.random = form, lines, random
        self.fonts = {script: paths[int(random.integers(len(paths)))] for script, paths in fonts.items()}
        self.small_font = fonts["latin"][int(random.integers(len(fonts["latin"])))]
        top, bottom = (0.2, 0.17) if form.words else (0.22, 0.1) if form.band == "top" else (0.13, 0.13)
        self.top, self.bottom = top, bottom
        heights = np.array(form.lines[: len(lines)])
        self.gap = 0.08 if len(lines) > 1 else 0.0
        self.shares = heights / heights.sum() * (1 - top - bottom - self.gap * (len(lines) - 1))
        height = letters / self.shares.max()
        self.height, self.width = round(height), round(height * form.aspect * random.uniform(0.93, 1.07))
        ground, ink = form.colours[int(random.integers(len(form.colours)))]
        self.ground, self.ink = self._jitter(ground), self._jitter(ink)

    def draw(self) -> Plane:
        """The plate and its frame, (H, W, 4), RGB and what it covers, 0 to 255."""
        image = Image.new("RGB", (self.width, self.height), self.ground)
        pen = ImageDraw.Draw(image)
        if self.form.scenic:
            image = self._scenery(image)
            pen = ImageDraw.Draw(image)
        left, right = self._band(pen)
        self._border(pen)
        if self.form.words:
            self._small(pen, str(self.random.choice(WORDS)), self.width / 2, self.height * 0.1, self.height * 0.11)
            if self.random.random() < 0.6:
                low = self.height * 0.91
                self._small(pen, str(self.random.choice(WORDS)), self.width / 2, low, self.height * 0.09)
        self._stickers(pen)
        levels = np.asarray(image, dtype=np.float32)
        levels = self._print(levels, self._letters(left, right))
        return self._frame(self._wear(self._screws(levels)))

    def _jitter(self, colour: Colour) -> Colour:
        changed = np.clip(np.array(colour) + self.random.normal(0, 8) + self.random.normal(0, 4, 3), 0, 255)
        return tuple(int(level) for level in changed)  # type: ignore[return-value]

    def _scenery(self, image: Image.Image) -> Image.Image:
        """Sun, hills and clouds in colours near to that of the ground."""
        pen, base = ImageDraw.Draw(image), np.array(self.ground)
        for _ in range(int(self.random.integers(2, 6))):
            colour = self._jitter(tuple(np.clip(base + self.random.normal(0, 26, 3), 0, 255)))  # type: ignore[arg-type]
            x, y = self.random.uniform(0, self.width), self.random.uniform(0.1, 0.9) * self.height
            size = self.random.uniform(0.1, 0.6) * self.height
            if self.random.random() < 0.5:
                pen.ellipse([x - size, y - size / 2, x + size, y + size / 2], fill=colour)
            else:
                xs = np.linspace(0, self.width, 9)
                ys = y + self.random.normal(0, size / 3, 9)
                pen.polygon([(0, self.height), *zip(xs, ys, strict=True), (self.width, self.height)], fill=colour)
        return Image.fromarray(cv2.GaussianBlur(np.asarray(image), (0, 0), self.height / 60))

    def _band(self, pen: ImageDraw.ImageDraw) -> tuple[float, float]:
        """Draw the band; returns the edges between which the letters stand."""
        width, height, colour = self.width, self.height, self._jitter(self.form.band_colour)
        margin = 0.03 * width
        broad = min(0.1 * width, 0.45 * height)
        if self.form.band == "top":
            pen.rectangle([0, 0, width, height * 0.2], fill=colour)
            word = str(self.random.choice(WORDS)).split()[0]
            self._small(pen, word, width / 2, height * 0.1, height * 0.1, (235, 235, 235))
            return margin, width - margin
        left, right = margin, width - margin
        code = str(self.random.choice(CODES))
        for side in ("left", "right"):
            if self.form.band not in (side, "sides"):
                continue
            start = 0.0 if side == "left" else width - broad
            pen.rectangle([start, 0, start + broad, height], fill=colour)
            self._small(pen, code, start + broad / 2, height * 0.78, min(height * 0.2, broad * 0.5), (235, 235, 235))
            if self.random.random() < 0.7:
                for angle in np.arange(12) * np.pi / 6:
                    x, y = start + broad / 2 + broad * 0.3 * np.cos(angle), height * 0.3 + broad * 0.3 * np.sin(angle)
                    pen.circle((x, y), max(0.5, broad * 0.05), fill=(240, 205, 40))
            left, right = (broad + margin / 2, right) if side == "left" else (left, width - broad - margin / 2)
        return left, right

    def _border(self, pen: ImageDraw.ImageDraw) -> None:
        if self.random.random() < 0.6:
            inset, thick = self.height * self.random.uniform(0.01, 0.04), max(1, round(self.height * 0.02))
            box = [inset, inset, self.width - inset, self.height - inset]
            pen.rounded_rectangle(box, self.height * 0.08, outline=self.ink, width=thick)

    def _small(
        self, pen: ImageDraw.ImageDraw, text: str, x: float, y: float, size: float, ink: Colour | None = None
    ) -> None:
        pen.text(
            (x, y), text, font=load_font(self.small_font, max(4, round(size * 1.3))), fill=ink or self.ink, anchor="mm"
        )

    def _stickers(self, pen: ImageDraw.ImageDraw) -> None:
        """Stamps of registration in the corners of plates with words, seals of inspection on some others."""
        if self.random.random() > 0.35:
            return
        size = self.height * 0.14
        colour = self._jitter(tuple(self.random.integers(40, 230, 3)))  # type: ignore[arg-type]
        x = self.width * (0.1 if self.form.words else self.random.uniform(0.25, 0.45))
        y = self.height * (0.11 if self.random.random() < 0.5 else 0.89)
        if self.form.words:
            pen.rectangle([x - size, y - size / 2, x + size, y + size / 2], fill=colour)
            self._small(pen, f"{self.random.integers(1, 100):02d}", x, y, size * 0.7, (20, 20, 20))
        else:
            pen.circle((x, y), size * 0.45, fill=colour, outline=(90, 90, 90))

    def _line(self, line: list[tuple[str, float]]) -> Plane:
        """The letters of a line, cut out, 0 to 1."""
        spacing = GLYPHS * self.random.uniform(0.02, 0.12)
        canvas = Image.new("L", (GLYPHS * (len(line) + 2) * 2, GLYPHS * 2))
        pen, x = ImageDraw.Draw(canvas), float(GLYPHS // 2)
        for sign, scale in line:
            font = load_font(self.fonts[script_of(sign)], round(GLYPHS * scale))
            pen.text((x, GLYPHS * 1.4), sign, font=font, fill=255, anchor="ls")
            x += font.getlength(sign) * (0.7 if sign == " " else 1) + spacing
        return np.asarray(canvas.crop(canvas.getbbox()), dtype=np.float32) / 255

    def _letters(self, left: float, right: float) -> Plane:
        """All lines in their places, (H, W), 0 to 1."""
        mask = np.zeros((self.height, self.width), np.float32)
        y = self.top * self.height
        for line, share in zip(self.lines, self.shares, strict=True):
            glyphs = self._line(line)
            tall = share * self.height
            natural = glyphs.shape[1] / glyphs.shape[0] * tall * self.random.uniform(0.85, 1.15)
            wide = min(natural, (right - left) * self.random.uniform(0.9, 1.0))
            # Letters that would be squeezed out of shape are made smaller instead.
            height = round(tall * min(1.0, wide / natural / 0.6))
            size = (max(1, round(wide)), max(1, height))
            x, top = round((left + right - size[0]) / 2), round(y + (tall - size[1]) / 2)
            mask[top : top + size[1], x : x + size[0]] = cv2.resize(glyphs, size, interpolation=cv2.INTER_AREA)
            y += tall + self.gap * self.height
        return mask

    def _print(self, levels: Plane, mask: Plane) -> Plane:
        """Ink where the letters are, with lit and shaded edges where they are stamped."""
        ink = np.array(self.ink, dtype=np.float32)
        levels = levels + (ink - levels) * mask[..., None] * self.random.uniform(0.85, 1.0)
        if self.random.random() < 0.6:
            depth = max(1.0, self.height * self.random.uniform(0.008, 0.02))
            angle = self.random.uniform(0, 2 * np.pi)
            relief = cv2.GaussianBlur(mask, (0, 0), depth)
            shift = np.array([[1, 0, depth * np.cos(angle)], [0, 1, depth * np.sin(angle)]], np.float32)
            edges = relief - cv2.warpAffine(relief, shift, (self.width, self.height))
            levels = levels + edges[..., None] * self.random.uniform(40, 150)
        return levels

    def _screws(self, levels: Plane) -> Plane:
        levels = np.ascontiguousarray(levels)
        if self.random.random() < 0.5:
            radius = max(1, round(self.height * self.random.uniform(0.02, 0.04)))
            inset = self.random.uniform(0.08, 0.25)
            rows = ((0.07,), (0.07, 0.93), (0.5,))[int(self.random.integers(3))]
            for x in (inset if rows != (0.5,) else 0.015, 1 - inset if rows != (0.5,) else 0.985):
                for y in rows:
                    centre, shade = (round(x * self.width), round(y * self.height)), float(self.random.uniform(60, 210))
                    cv2.circle(levels, centre, radius, (shade * 0.5,) * 3, -1, cv2.LINE_AA)
                    cv2.circle(levels, centre, max(1, radius - 1), (shade,) * 3, -1, cv2.LINE_AA)
        return levels

    def _wear(self, levels: Plane) -> Plane:
        """Dirt, uneven light and the glare of a lamp that the plate reflects."""
        shape = levels.shape[:2]
        if self.random.random() < 0.5:
            dirt = smooth_noise(self.random, shape, 6) * smooth_noise(self.random, shape, 40)
            dirt = dirt * np.linspace(0.4, 1, shape[0], dtype=np.float32)[:, None] * self.random.uniform(0.2, 0.9)
            levels = levels + (np.array([95, 85, 70], np.float32) - levels) * dirt[..., None]
        light = 1 + (smooth_noise(self.random, shape, 2) - 0.5) * self.random.uniform(0, 0.5)
        if self.random.random() < 0.2:
            x, y = self.random.uniform(0, shape[1]), self.random.uniform(0, shape[0])
            columns, rows = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)
            spread = shape[1] * self.random.uniform(0.1, 0.5)
            spot = np.exp(-(((rows - y) / spread) ** 2))[:, None] * np.exp(-(((columns - x) / spread) ** 2))[None]
            light = light + spot * self.random.uniform(0.1, 0.7)
        return (levels * light[..., None]).astype(np.float32)

    def _frame(self, levels: Plane) -> Plane:
        """Round the corners, or put a frame around the plate, which may bear the name of a dealer."""
        margins = np.zeros(4, int)
        if framed := self.random.random() < 0.4:
            margins[:] = np.maximum(1, np.round(self.height * self.random.uniform(0.02, 0.07)))
            margins[1] += round(self.height * self.random.choice([0, 0, 0.13]))
        shade = (float(self.random.choice([25, 40, 70, 170, 200])),) * 3
        size = (self.width + margins[2] + margins[3], self.height + margins[0] + margins[1])
        cover = Image.new("L", size)
        ImageDraw.Draw(cover).rounded_rectangle([0, 0, size[0] - 1, size[1] - 1], self.height * 0.06, fill=255)
        if framed:
            levels = cv2.copyMakeBorder(levels, *map(int, margins), cv2.BORDER_CONSTANT, value=shade)
            if margins[1] > 2 * margins[0]:
                image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
                ink = (225, 225, 225) if shade[0] < 100 else (30, 30, 30)
                text, low = str(self.random.choice(WORDS)), size[1] - margins[1] / 2
                self._small(ImageDraw.Draw(image), text, size[0] / 2, low, margins[1] * 0.5, ink)
                levels = np.asarray(image, dtype=np.float32)
        return np.dstack([levels, np.asarray(cover, dtype=np.float32)])
