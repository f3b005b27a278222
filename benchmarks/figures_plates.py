"""Pictures of number plates, drawn in fonts of named packages of Debian by the code of `examples/draw_plates.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from udsd.errors import ConfigError
from udsd.evaluation import SharpImage

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
from draw_plates import draw_picture, find_fonts
from plate_forms import SCRIPTS

PACKAGES = (
    "fonts-bebas-neue",
    "fonts-dejavu-core",
    "fonts-liberation",
    "fonts-lohit-deva",
    "fonts-opendin",
    "fonts-roboto-unhinted",
    "fonts-wqy-zenhei",
)
"""At least one font of every script of the plates; the model was trained on letters of these and of other packages."""

SEED = 23
"""Training draws with another."""


def draw(count: int, packages: Path) -> Iterator[SharpImage]:
    """Pictures of plates of all forms, each a function of its number.

    Args:
        count: How many.
        packages: Folder with a folder of its files for each of `PACKAGES`.

    Raises:
        ConfigError: The packages lack the fonts of a script.
    """
    fonts = find_fonts([packages / name for name in PACKAGES])
    if missing := [script for script in SCRIPTS if script not in fonts]:
        raise ConfigError(f"{packages} has no fonts for {', '.join(missing)} plates; remove it, to fetch it anew")
    for number in range(count):
        picture, _ = draw_picture(fonts, np.random.default_rng([SEED, number]))
        yield SharpImage(f"plate-{number}", picture)
