"""Draw sharp pictures of number plates of many countries' forms: training images for the recipe `plate`.

    apt-get install fonts-bebas-neue fonts-opendin fonts-roboto fonts-liberation fonts-dejavu fonts-freefont-ttf \
        fonts-lato fonts-hack fonts-urw-base35 fonts-noto-cjk fonts-wqy-zenhei fonts-hosny-amiri fonts-lohit-deva
    python examples/draw_plates.py -o plates/ --count 3000

`labels.csv` in the folder has each picture's name, and the text of its plate from left to right, line after line;
small words, country codes and bars are not in it. A picture is a function of the seed and its number. Forms whose
fonts are not installed are left out. Devanagari needs a Pillow with Raqm (its wheels have it).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plate_drawer import PlateDrawer
from plate_forms import FORMS, SCRIPTS, label, script_of, write
from plate_surroundings import draw_surroundings

Plane = NDArray[np.float32]

FONTS = Path("/usr/share/fonts")
LETTERS = (10.0, 60.0)
SMALLEST, LARGEST = (160, 128), (480, 320)
OVERSAMPLING = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    fonts = find_fonts([FONTS])
    with (arguments.output / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("file", "text"))
        for number in range(arguments.count):
            picture, text = draw_picture(fonts, np.random.default_rng([arguments.seed, number]))
            name = f"plate-{number:05d}.png"
            Image.fromarray(picture).save(arguments.output / name, compress_level=1)
            table.writerow((name, text))


def find_fonts(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """The fonts of each script that has any in some folders."""
    endings = ("ttf", "otf", "ttc")
    files = sorted(path for folder in folders for ending in endings for path in folder.rglob(f"*.{ending}"))
    found = {script: [path for path in files if path.name.startswith(names)] for script, names in SCRIPTS.items()}
    return {script: paths for script, paths in found.items() if paths}


def draw_picture(fonts: Mapping[str, list[Path]], random: np.random.Generator) -> tuple[NDArray[np.uint8], str]:
    """A picture, (H, W, 3), RGB, and the text of its plate."""
    weights = np.array([form.weight for form in FORMS])
    while True:
        form = FORMS[int(random.choice(len(FORMS), p=weights / weights.sum()))]
        lines = write(form, random)
        if all(script_of(sign) in fonts for line in lines for sign, _ in line):
            break
    letters = LETTERS[0] * (LETTERS[1] / LETTERS[0]) ** (random.random() ** 0.7) * OVERSAMPLING
    plate = PlateDrawer(form, lines, fonts, letters, random).draw()
    scene = mount(plate, random)
    scene = cv2.resize(scene, None, fx=1 / OVERSAMPLING, fy=1 / OVERSAMPLING, interpolation=cv2.INTER_AREA)
    return photograph(scene, random), label(lines)


def mount(plate: Plane, random: np.random.Generator) -> Plane:
    """Put a plate on a car, turned and seen from aside, in a picture that is as large as it wants to be."""
    height, width = plate.shape[:2]
    corners = np.array([[-width, -height], [width, -height], [width, height], [-width, height]], np.float32) / 2
    turned = corners.copy()
    yaw, pitch = random.normal(0, 0.1), random.normal(0, 0.04)
    turned *= 1 + (corners[:, :1] / width * yaw + corners[:, 1:] / height * pitch)
    turned[:, 0] *= 1 - 2 * abs(yaw)
    angle = np.radians(random.normal(0, 2.5 if random.random() < 0.85 else 10))
    shear = np.tan(np.radians(random.normal(0, 3)))
    turned = turned @ np.array([[np.cos(angle), np.sin(angle) + shear], [-np.sin(angle), np.cos(angle)]], np.float32)
    turned -= turned.min(axis=0)
    largest = np.array(LARGEST) * OVERSAMPLING
    turned *= min(1.0, float((largest * 0.94 / turned.max(axis=0)).min()))
    extent = turned.max(axis=0)
    room = 1.06 + 3 * random.random() ** 4
    wanted = (extent[0] * room, max(extent[1] * room, extent[0] * room * random.uniform(0.5, 0.8)))
    size = (
        np.clip(wanted, np.array(SMALLEST) * OVERSAMPLING * random.uniform(1, 1.3), largest).astype(int)
        // OVERSAMPLING
        * OVERSAMPLING
    )
    spare = size - extent
    place = spare * np.clip(random.normal(0.5, 0.15, 2), 0.05, 0.95)
    scene = draw_surroundings((int(size[0]), int(size[1])), (*place, *(place + extent)), random)
    view = cv2.getPerspectiveTransform(
        corners + np.array([width, height], np.float32) / 2, (turned + place).astype(np.float32)
    )
    seen = cv2.warpPerspective(plate, view, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR)
    cover = seen[..., 3:] / 255
    depth = float(extent[1]) * random.uniform(0.01, 0.06)
    fall = np.array([[1, 0, random.normal(0, depth)], [0, 1, depth]], np.float32)
    shadow = cv2.GaussianBlur(cv2.warpAffine(cover, fall, (int(size[0]), int(size[1]))), (0, 0), depth)
    if random.random() < 0.12:  # at night a lamp lights the plate more than what is around it
        scene = scene * random.uniform(0.05, 0.4)
    scene = scene * (1 - shadow[..., None] * random.uniform(0.2, 0.8))
    return scene * (1 - cover) + seen[..., :3] * cover


def photograph(scene: Plane, random: np.random.Generator) -> NDArray[np.uint8]:
    """What a camera makes of a scene in its light: shadows, exposure, tint or grey, and slight noise."""
    height, width = scene.shape[:2]
    if random.random() < 0.25:
        edge = (random.normal(0, 1) * np.arange(width)[None] / width + np.arange(height)[:, None] / height) * 8
        dark = 1 / (1 + np.exp(-np.clip((edge - random.uniform(0, 8)) * random.uniform(2, 20), -50, 50)))
        scene = scene * (1 - dark[..., None] * random.uniform(0.3, 0.7))
    gamma, gain = float(np.exp(random.normal(-0.2, 0.2))), float(np.exp(random.normal(0.05, 0.25)))
    scene = 255 * (np.clip(scene / 255 * gain, 0, 1) ** gamma)
    scene = scene * random.normal(1, 0.04, 3).astype(np.float32)
    if random.random() < 0.4:
        scene = np.repeat(scene @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, axis=2)
    floor, ceiling = random.uniform(0, 40), random.uniform(190, 255)
    scene = floor + scene / 255 * (ceiling - floor)
    noise = random.standard_normal(scene.shape[:2], np.float32) * random.uniform(0, 2)
    return np.clip(np.round(scene + noise[..., None]), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
