"""What is around a number plate: bumpers, grilles, the rear of a car, a street out of focus.

It is part of `draw_plates.py`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Plane = NDArray[np.float32]
Box = tuple[float, float, float, float]


def draw_surroundings(size: tuple[int, int], plate: Box, random: np.random.Generator) -> Plane:
    """A scene without its plate.

    Args:
        size: Width and height in pixels.
        plate: Left, top, right and bottom of the place of the plate.
        random: Numbers.

    Returns:
        (H, W, 3), RGB, 0 to 255.
    """
    kinds = (_bumper, _bumper, _grille, _rear, _rear, _street)
    return kinds[int(random.integers(len(kinds)))](size, plate, random)


def _paint(random: np.random.Generator) -> NDArray[np.float64]:
    """The colour of a car: grey from black to white, or a hue."""
    level = 15 + 225 * random.random() ** 0.7
    if random.random() < 0.6:
        return np.full(3, level) + random.normal(0, 5, 3)
    return random.uniform(0.2, 1, 3) * level


def _fill(colour: NDArray[np.float64] | float) -> tuple[int, int, int]:
    levels = np.clip(np.broadcast_to(colour, 3), 0, 255).astype(int)
    return (int(levels[0]), int(levels[1]), int(levels[2]))


def _body(size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """Sheet metal: a colour that is lighter and darker by height, as the sky and the road are mirrored in it."""
    width, height = size
    knots = random.uniform(0.55, 1.3, int(random.integers(3, 7)))
    light = np.interp(np.linspace(0, 1, height), np.linspace(0, 1, len(knots)), knots)
    across = 1 + random.normal(0, 0.15) * np.linspace(-1, 1, width) ** 2
    levels = (light[:, None] * across[None]).astype(np.float32)[..., None] * _paint(random).astype(np.float32)
    texture = cv2.resize(random.standard_normal((40, 60), np.float32), size, interpolation=cv2.INTER_CUBIC)
    levels = levels + texture[..., None] * random.uniform(0, 3)
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def _levels(image: Image.Image, blur: float = 0.8) -> Plane:
    return cv2.GaussianBlur(np.asarray(image, dtype=np.float32), (0, 0), blur)  # type: ignore[no-any-return]


def _seams(image: Image.Image, plate: Box, random: np.random.Generator) -> None:
    pen, (width, height) = ImageDraw.Draw(image), image.size
    tall = plate[3] - plate[1]
    for _ in range(int(random.integers(0, 4))):
        y, slope = random.uniform(0, height), random.normal(0, 0.04) * height
        thick = max(1, round(tall * random.uniform(0.01, 0.06)))
        shade = float(random.choice([15.0, 40.0, 90.0, 210.0]))
        pen.line([(0, y), (width / 2, y - slope), (width, y)], fill=_fill(shade), width=thick)
        pen.line([(0, y + thick), (width / 2, y - slope + thick), (width, y + thick)], fill=_fill(shade + 60), width=1)
    if random.random() < 0.5:  # the recess that the plate lies in
        grow = tall * random.uniform(0.08, 0.5)
        box = [plate[0] - grow, plate[1] - grow, plate[2] + grow, plate[3] + grow]
        pen.rounded_rectangle(box, tall * 0.2, fill=_fill(_paint(random) * 0.5), outline=_fill(30.0), width=2)


def _bumper(size: tuple[int, int], plate: Box, random: np.random.Generator) -> Plane:
    image = _body(size, random)
    _seams(image, plate, random)
    pen, tall = ImageDraw.Draw(image), plate[3] - plate[1]
    for _ in range(int(random.integers(0, 4))):  # sensors, a tow hook's lid, a badge
        x, y, radius = random.uniform(0, size[0]), random.uniform(0, size[1]), tall * random.uniform(0.04, 0.14)
        pen.circle((x, y), radius, fill=_fill(_paint(random)), outline=_fill(30.0))
    return _levels(image)


def _grille(size: tuple[int, int], plate: Box, random: np.random.Generator) -> Plane:
    image = Image.new("RGB", size, _fill(random.uniform(8, 45)))
    pen, (width, height), tall = ImageDraw.Draw(image), size, plate[3] - plate[1]
    pitch = tall * random.uniform(0.12, 0.45)
    bar, thick = (
        _fill(random.choice([60.0, 90.0, 190.0]) + random.normal(0, 10)),
        max(1, round(pitch * random.uniform(0.15, 0.6))),
    )
    slant = float(random.choice([0, 0, 1]))
    if random.random() < 0.7 or slant:
        for y in np.arange(-width * slant, height + width * slant, pitch):
            pen.line([(0, y), (width, y + width * slant)], fill=bar, width=thick)
    if random.random() < 0.4 or slant:
        for x in np.arange(0, width + height * slant, pitch * random.uniform(0.8, 2)):
            pen.line([(x, 0), (x - height * slant, height)], fill=bar, width=thick)
    top, bottom = random.uniform(-0.3, 0.3) * height, random.uniform(0.75, 1.3) * height
    body = _body(size, random)
    mask = Image.new("L", size)
    cut = ImageDraw.Draw(mask)
    cut.rectangle([0, 0, width, max(0.0, top)], fill=255)
    cut.rectangle([0, min(bottom, height), width, height], fill=255)
    image.paste(body, mask=mask)
    return _levels(image)


def _rear(size: tuple[int, int], plate: Box, random: np.random.Generator) -> Plane:
    """A car from behind or in front: window, sheet metal, lamps at both sides, the road below."""
    image = _body(size, random)
    _seams(image, plate, random)
    pen, (width, height) = ImageDraw.Draw(image), size
    middle, wide, tall = (plate[0] + plate[2]) / 2, plate[2] - plate[0], plate[3] - plate[1]
    window, road = plate[1] - tall * random.uniform(1, 2.5), plate[3] + tall * random.uniform(0.6, 2.5)
    half = wide * random.uniform(0.8, 1.6)
    glass = _fill(_paint(random) * 0.5)
    pen.polygon(
        [(middle - half * 0.8, 0), (middle + half * 0.8, 0), (middle + half, window), (middle - half, window)], glass
    )
    pen.rectangle([0, min(road, height), width, height], fill=_fill(random.uniform(15, 110)))
    bar = plate[1] - tall * random.uniform(0.15, 0.5)
    if random.random() < 0.6:  # the handle, with the lamps of the plate below it
        box = [middle - wide * 0.6, bar - tall * 0.14, middle + wide * 0.6, bar]
        pen.rounded_rectangle(box, tall * 0.06, fill=_fill(random.choice([30.0, 200.0])), outline=_fill(40.0))
    colour = np.array(((200, 20, 25), (225, 225, 215), (230, 130, 30))[int(random.choice(3, p=[0.6, 0.3, 0.1]))], float)
    lit = random.random() < 0.5
    y, lamp = plate[1] + tall * random.normal(-0.3, 0.4), tall * random.uniform(0.4, 1)
    for side in (-1, 1):
        x = middle + side * wide * (0.55 + lamp / wide + random.uniform(0.05, 0.5))
        box = [x - lamp * 0.9, y - lamp * 0.6, x + lamp * 0.9, y + lamp * 0.6]
        pen.rounded_rectangle(box, lamp * 0.25, fill=_fill(colour * 0.8), outline=_fill(30.0), width=2)
        pen.rectangle([x - lamp * 0.9, y + lamp * 0.1, x + lamp * 0.9, y + lamp * 0.15], fill=_fill(colour * 0.4))
        pen.circle((x - side * lamp * 0.3, y - lamp * 0.2), lamp * 0.3, fill=_fill(colour * 1.2 + 40))
    levels = _levels(image)
    return _glow(levels, (middle, y, wide, lamp), colour, random) if lit else levels


def _glow(levels: Plane, lamps: Box, colour: NDArray[np.float64], random: np.random.Generator) -> Plane:
    """Light around both lamps, which are saturated in the middle."""
    middle, y, wide, lamp = lamps
    rows, columns = np.arange(levels.shape[0], dtype=np.float32), np.arange(levels.shape[1], dtype=np.float32)
    spread, gain = lamp * random.uniform(0.5, 1.2), random.uniform(0.6, 1.6)
    beside = wide * 0.75 + lamp
    for side in (-1, 1):
        across = np.exp(-(((columns - middle - side * beside) / spread) ** 2))
        spot = np.exp(-(((rows - y) / spread) ** 2))[:, None] * across[None]
        levels = levels + spot[..., None] * (colour * gain + 30).astype(np.float32)
    return levels.astype(np.float32)


def _street(size: tuple[int, int], plate: Box, random: np.random.Generator) -> Plane:
    """Spots of any colour out of focus, and often sharp things before them: poles, walls, branches."""
    levels = np.zeros((size[1], size[0], 3), np.float32) + _paint(random).astype(np.float32)
    for cells in (2, 4, 8, 16, 32):
        coarse = random.normal(0, 1, (cells + 1, cells + 1, 3)).astype(np.float32)
        coarse = coarse * 0.25 + coarse.mean(axis=2, keepdims=True)
        levels += cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC) * random.uniform(5, 90 / cells**0.5)
    image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    if random.random() < 0.6:
        pen, tall = ImageDraw.Draw(image), plate[3] - plate[1]
        for _ in range(int(random.integers(4, 25))):
            x, y, fill = random.uniform(0, size[0]), random.uniform(0, size[1]), _fill(_paint(random))
            points = [(x + dx, y + dy) for dx, dy in random.normal(0, tall * random.uniform(0.1, 0.8), (4, 2))]
            if random.random() < 0.5:
                pen.polygon(points, fill=fill)
            else:
                pen.line(points, fill=fill, width=max(1, round(tall * random.uniform(0.01, 0.08))), joint="curve")
    return _levels(image)
