from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.pictures import pages_of_tiff
from udsd.domains import DeblurOptions, Outcome, Restoration
from udsd.errors import ImageError
from udsd.files.restorer import NotRestoredError, restored_pages
from udsd.images import DecodedImage, ImagePages


class Telling:
    """In place of a model: gives images back as they came, with an outcome."""

    device = torch.device("cpu")

    def __init__(self, outcome: Outcome = "restored") -> None:
        self.outcome = outcome
        self.count = 0

    def restore_decoded(
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        self.count += 1
        if on_progress is not None:
            on_progress(1)
        return [Restoration(image.pixels, notes=("as it came",), outcome=self.outcome) for image in images]


def test_a_page_is_restored_when_it_is_asked_for(tmp_path: Path) -> None:
    restorer, told, shares = Telling(), [], []
    source = ImagePages(pages_of_tiff(tmp_path))
    pages = restored_pages(
        restorer, source, DeblurOptions(), lambda restoration, number: told.append(number), shares.append
    )
    assert restorer.count == 0
    next(pages)
    assert (restorer.count, told) == (1, [1])
    rest = [*pages]
    assert told == [*range(1, len(rest) + 2)]
    assert shares[-1] == 1


def test_a_single_page_that_was_not_restored_gives_nothing_to_write(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(NotRestoredError, match=r"a\.png: as it came") as raised:
        next(restored_pages(Telling("sharp"), ImagePages(tmp_path / "a.png"), DeblurOptions()))
    assert raised.value.outcome == "sharp"
    assert next(restored_pages(Telling("sharp"), ImagePages(pages_of_tiff(tmp_path)), DeblurOptions()))


def test_errors_name_the_file(tmp_path: Path) -> None:
    class Failing(Telling):
        def restore_decoded(self, *_: Any) -> list[Restoration]:
            raise ImageError("it is no use")

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png: it is no use"):
        next(restored_pages(Failing(), ImagePages(tmp_path / "a.png"), DeblurOptions()))
