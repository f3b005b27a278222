"""What restoring a PDF costs over the network alone, and whether memory stays flat.

    python benchmarks/pdf.py                                  # 6 pages of 2 megapixels, the model text
    python benchmarks/pdf.py --model text-small --pages 12 --coding flate
    python benchmarks/pdf.py --memory 500                     # no network, peaks of memory at 50 and at 500 pages

Time is that of the processor, over all threads, so that other programs on the machine change little; all take turns,
and medians count. The network alone restores the same pixels, decoded beforehand. Without the network what it made of
them is given back, and all else is done: on machines whose speed changes from minute to minute, as shared ones do, that
tells more than the difference of two long times.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pikepdf
from file_costs import AS_IT_IS, Darker, Remembered, counted, peak_and_size, restored_alone, tell_memory, tell_times
from pikepdf import Name
from PIL import Image

from udsd import Deblurrer
from udsd.files import deblur_pdf
from udsd.files.options import ReadOptions
from udsd.files.pdf import PdfSource

WIDTH, HEIGHT = 1240, 1654


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="text")
    parser.add_argument("--pages", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--coding", choices=("jpeg", "flate"), default="jpeg")
    parser.add_argument("--memory", type=int, metavar="PAGES")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.peak_of:
            print(peak_of(options.peak_of, Path(folder)))
        elif options.memory:
            tell_memory(__file__, options.memory, "pages")
        else:
            tell_time(options, Path(folder))


def tell_time(options: argparse.Namespace, folder: Path) -> None:
    path = make(folder / "scan.pdf", options.pages, options.coding)
    deblurrer = Deblurrer.from_pretrained(options.model, device="cpu")
    decoded = list(PdfSource(path, ReadOptions()))
    times: dict[str, list[float]] = {"network alone": [], "without the network": [], "whole": []}
    for number in range(options.rounds):
        with counted(times["network alone"]):
            restorations = restored_alone(deblurrer, decoded)
        with counted(times["without the network"]):
            deblur_pdf(Remembered(restorations), path, folder / f"{number}-without.pdf", options=AS_IT_IS)
        with counted(times["whole"]):
            deblur_pdf(deblurrer, path, folder / f"{number}.pdf", options=AS_IT_IS)
    print(f"{options.model}, {options.pages} pages of {WIDTH * HEIGHT / 1e6:.1f} megapixels, {options.coding}:")
    tell_times(times)


def peak_of(pages: int, folder: Path) -> str:
    path = make(folder / "scan.pdf", pages, "jpeg")
    deblur_pdf(Darker(), path, folder / "b.pdf")
    return peak_and_size(folder / "b.pdf")


def make(path: Path, count: int, coding: str) -> Path:
    """A scan of pages of bars in the sizes of letters, each another."""
    with pikepdf.new() as pdf:
        for number in range(count):
            random = np.random.default_rng(number)
            page = np.full((HEIGHT, WIDTH), 235, np.uint8)
            for top in range(60, HEIGHT - 60, 34):
                page[top : top + 18, 60:-60] -= (
                    np.repeat(random.random((WIDTH - 120) // 8 + 1) < 0.5, 8)[: WIDTH - 120].astype(np.uint8) * 190
                )
            page += random.integers(0, 12, page.shape, np.uint8)
            file = io.BytesIO()
            Image.fromarray(page).save(file, "JPEG", quality=80)
            data, name = (
                (file.getvalue(), Name.DCTDecode)
                if coding == "jpeg"
                else (zlib.compress(page.tobytes()), Name.FlateDecode)
            )
            image = pikepdf.Stream(pdf, data, Type=Name.XObject, Subtype=Name.Image, Width=WIDTH, Height=HEIGHT)
            image.ColorSpace, image.BitsPerComponent, image.Filter = Name.DeviceGray, 8, name
            sheet = pdf.add_blank_page(page_size=(595, 794))
            sheet.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
            sheet.obj.Contents = pikepdf.Stream(pdf, b"595 0 0 794 0 0 cm /Im0 Do")
        pdf.save(path)
    return path


if __name__ == "__main__":
    main()
