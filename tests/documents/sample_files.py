"""Small pictures under the names that the documents use, all from what the repository has."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.documents.blocks import ROOT

PLATES = 16


def make_samples(folder: Path) -> None:
    """Write all of them into an empty folder, and make links to what commands take from a clone."""
    blurred = Image.open(ROOT / "examples" / "page_blurred.png").convert("RGB").crop((40, 140, 460, 320))
    sharp = Image.open(ROOT / "examples" / "page_sharp.png").convert("RGB").crop((40, 140, 460, 320))
    portrait = _portrait()
    blurred.save(folder / "scan.png")
    blurred.save(folder / "blurred.png")
    sharp.save(folder / "sharp.png")
    Image.open(ROOT / "docs" / "images" / "photo.jpg").crop((4, 20, 330, 220)).save(folder / "photo.jpg")
    blurred.save(folder / "large.tif")
    blurred.save(folder / "fax.tif", save_all=True, append_images=[blurred])
    _scan_of_pages(blurred, folder / "scan.pdf", 12)
    group = Image.new("RGB", (420, 220), (90, 100, 120))
    for left in (10, 220):
        group.paste(portrait.resize((190, 190)), (left, 15))
    group.save(folder / "group.jpg")
    _pictures(blurred, portrait, folder)
    _plates(folder)
    _clips(blurred, folder)
    for name in ("benchmarks", "examples", "constraints.txt"):
        (folder / name).symlink_to(ROOT / name)


def _portrait() -> Image.Image:
    """The blurred face at the left of the middle row of docs/images/face.png."""
    return Image.open(ROOT / "docs" / "images" / "face.png").convert("RGB").crop((5, 247, 165, 407))


def _scan_of_pages(page: Image.Image, path: Path, pages: int) -> None:
    small = page.crop((0, 0, 210, 90))
    small.save(path, save_all=True, append_images=[small] * (pages - 1))


def _clips(page: Image.Image, folder: Path) -> None:
    """A camera that moves over a page, for three frames."""
    (folder / "clips").mkdir()
    for path in (folder / "clip.mp4", folder / "clip.mov", folder / "clips" / "clip.mp4"):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10, options={"crf": "18"})
            stream.width, stream.height, stream.pix_fmt = 240, 120, "yuv420p"
            for left in (0, 2, 4):
                picture = page.crop((left, 0, left + 240, 120))
                container.mux(stream.encode(av.VideoFrame.from_image(picture)))
            container.mux(stream.encode(None))


def _pictures(blurred: Image.Image, portrait: Image.Image, folder: Path) -> None:
    for name in ("pictures", "scans", "pages", "blurred-pages", "box", "box/letters"):
        (folder / name).mkdir()
    blurred.save(folder / "pictures" / "page.png")
    portrait.save(folder / "pictures" / "portrait.jpg", quality=95)
    for number in (1, 2):
        blurred.save(folder / "scans" / f"scan-{number}.png")
        blurred.save(folder / "blurred-pages" / f"{number}.png")
        shutil.copy(ROOT / "examples" / "page_sharp.png", folder / "pages" / f"{number}.png")
    _scan_of_pages(blurred, folder / "scans" / "scan.pdf", 1)
    for name in ("page-1", "page-2", "page-3", "page-4", "letters/letter-1"):
        blurred.crop((0, 0, 420, 120)).save(folder / "box" / f"{name}.png")
    damaged = folder / "box" / "page-2.png"
    damaged.write_bytes(damaged.read_bytes()[:9000])


def _plates(folder: Path) -> None:
    """Number plates: sharp ones, and others that were moved."""
    random = np.random.default_rng(0)
    for name in ("plates", "sharp", "my-images", "held-out", "blurred"):
        (folder / name).mkdir()
        for number in range(PLATES):
            plate = _plate(random)
            if name == "blurred":
                plate = plate.filter(ImageFilter.Kernel((5, 5), [0] * 10 + [1] * 5 + [0] * 10))
            plate.save(folder / name / f"{number}.png")
    plate.save(folder / "plate.jpg")


def _plate(random: np.random.Generator) -> Image.Image:
    letters = "".join(random.choice(list("ABCDEFGHKLMNPRSTUVXYZ0123456789"), 7))
    plate = Image.new("RGB", (192, 128), tuple(int(level) for level in random.integers(190, 256, 3)))
    draw = ImageDraw.Draw(plate)
    for row in range(3):
        draw.text((8, 4 + 40 * row), letters[row:] + letters[:row], font=ImageFont.load_default(34), fill=(20, 20, 20))
    return plate
