"""A kind of files that is no image comes in and goes out by one entry of the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from udsd import ImageError
from udsd.domains import DeblurOptions, Restoration
from udsd.files import kinds, restore_files
from udsd.files.kinds import FileKind, known_suffixes, open_source, sink_for
from udsd.files.options import ReadOptions, WriteOptions
from udsd.files.sinks import ImageSink
from udsd.files.sources import Source
from udsd.files.video import VIDEO_SUFFIXES
from udsd.images import DecodedImage, ImagePages, Page, decode_image
from udsd.images.formats import IMAGE_SUFFIXES


class Levels:
    """Lines of grey levels, each a page."""

    pixel_count = 64

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.lines = path.read_text().split()
        self.count = len(self.lines)

    def __iter__(self) -> Iterator[DecodedImage[Page]]:
        for line in self.lines:
            yield decode_image(Image.new("L", (8, 8), int(line)))

    def close(self) -> None:
        pass


class LevelsSink:
    def check(self, target: Path) -> None:
        pass

    def write(self, pages: Iterator[Page], target: Path, source: Source, options: WriteOptions) -> None:
        target.parent.mkdir(exist_ok=True)
        levels = [str(np.asarray(page)[0, 0]) for page in pages]
        target.write_text(f"{source.path.name} {' '.join(levels)}")


class Inverting:
    device = torch.device("cpu")

    def restore_decoded(
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        return [Restoration(-image.pixels) for image in images]


@pytest.fixture
def _levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_KINDS", (*kinds._KINDS, FileKind(frozenset({".levels"}), Levels, LevelsSink())))


@pytest.mark.usefixtures("_levels")
def test_another_kind_of_files_is_found_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.levels").write_text("10 200")
    (tmp_path / "in" / "b.levels").write_text("30")
    Image.new("L", (8, 8), 40).save(tmp_path / "in" / "c.png")
    report = restore_files(Inverting(), [tmp_path / "in"], tmp_path / "out")
    assert [path.name for path in report.restored] == ["a.levels", "b.levels", "c.png"]
    assert (tmp_path / "out" / "a.levels").read_text() == "a.levels 245 55"
    assert (tmp_path / "out" / "b.levels").read_text() == "b.levels 225"


@pytest.mark.usefixtures("_levels")
def test_one_kind_may_be_written_as_another(tmp_path: Path) -> None:
    (tmp_path / "a.levels").write_text("10 200")
    (result,) = restore_files(Inverting(), [tmp_path / "a.levels"], tmp_path / "out", file_format="tif").restored
    with Image.open(result) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        assert image.getpixel((0, 0)) == 245


def test_images_are_found_by_their_endings_and_opened_under_any(tmp_path: Path) -> None:
    assert known_suffixes() == IMAGE_SUFFIXES | {".pdf"} | VIDEO_SUFFIXES
    Image.new("L", (8, 8)).save(tmp_path / "scan", "PNG")
    source = open_source(tmp_path / "scan")
    assert isinstance(source, ImagePages)
    assert (source.count, source.pixel_count) == (1, 64)


def test_a_name_that_no_kind_can_write_is_refused() -> None:
    assert isinstance(sink_for(Path("a.TIF")), ImageSink)
    with pytest.raises(ImageError, match=r"a\.docx: no image format"):
        sink_for(Path("a.docx"))
