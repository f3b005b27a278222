from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from udsd.errors import ImageError
from udsd.serving.desk import Desk
from udsd.serving.limits import Limits
from udsd.serving.requests import ClientGoneError, Wishes


def colours(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_each_file_has_its_result(desk: Desk, uploads: list[Path]) -> None:
    told: list[tuple[float, str]] = []
    restored = desk.restore(
        uploads,
        desk.models.names[0],
        Wishes(),
        "one",
        previews=True,
        tell=lambda share, name: told.append((share, name)),
    )
    assert [result.status for result in restored.results] == ["restored", "restored"]
    assert [path.name for path in restored.files] == ["0_restored.png", "1_restored.png"]
    for (name, before, after), upload in zip(restored.previews, uploads, strict=True):
        assert name == upload.name
        assert colours(before).shape == colours(after).shape
        assert np.array_equal(colours(before), colours(upload))
        assert not np.array_equal(colours(before), colours(after))
    assert [name for _, name in told] == sorted(name for _, name in told)
    assert told[-1] == (1.0, "1.png")
    desk.storage.close("one")
    assert not any(path.is_file() for path in desk.storage.root.rglob("*"))


def test_two_files_of_one_name_have_a_result_each(desk: Desk, uploads: list[Path]) -> None:
    same = uploads[1].with_name("0.png")
    uploads[1].rename(same)
    restored = desk.restore([uploads[0], same], desk.models.names[0], Wishes(), "one", previews=False)
    first, second = restored.files
    assert first.name == second.name
    assert first.read_bytes() != second.read_bytes()


def test_one_bad_file_stops_no_other(desk: Desk, uploads: list[Path]) -> None:
    uploads[0].write_bytes(b"\x89PNG\r\n\x1a\nhostile")
    restored = desk.restore(uploads, desk.models.names[0], Wishes(), "one", previews=True)
    assert [result.status for result in restored.results] == ["failed", "restored"]
    assert [name for name, _, _ in restored.previews] == ["1.png"]


def test_what_is_no_picture_is_told(desk: Desk, uploads: list[Path]) -> None:
    document = uploads[0].with_name("scan.PDF")
    document.write_bytes(b"%PDF-1.4")
    restored = desk.restore([document], desk.models.names[0], Wishes(), "one", previews=True)
    assert restored.files == []
    assert "scan.PDF: is no picture" in restored.results[0].reason


@pytest.mark.parametrize(
    ("count", "told"), [(0, "there are no pictures"), (4, "4 files came, and a request may have 3")]
)
def test_the_number_of_files_is_limited(desk: Desk, uploads: list[Path], count: int, told: str) -> None:
    with pytest.raises(ImageError, match=told):
        desk.restore([uploads[0]] * count, desk.models.names[0], Wishes(), "one", previews=False)


def test_work_ends_when_the_client_goes(desk: Desk, uploads: list[Path]) -> None:
    def leave(share: float, name: str) -> None:
        if name == "1.png":
            desk.storage.close("one")

    with pytest.raises(ClientGoneError):
        desk.restore(uploads, desk.models.names[0], Wishes(), "one", previews=False, tell=leave)
    assert not any(path.is_file() for path in desk.storage.root.rglob("*"))
    assert desk.turn.acquire(blocking=False)


def test_all_files_together_have_the_time_of_a_request(desk: Desk, uploads: list[Path]) -> None:
    hurried = Desk(desk.models, Limits(seconds=1), desk.storage)

    def sleep(share: float, name: str) -> None:
        if name == "0.png" and share == 0:
            time.sleep(1.1)

    restored = hurried.restore(uploads, desk.models.names[0], Wishes(), "one", previews=False, tell=sleep)
    assert [result.status for result in restored.results] == ["failed", "failed"]
    assert all("a request may take 1 seconds" in result.reason for result in restored.results)


def test_faces_are_found_and_drawn(desk: Desk, uploads: list[Path]) -> None:
    found = desk.find_faces(uploads[0], "one")
    assert found.boxes == []
    assert found.scale == 1
    drawn = desk.draw_boxes(uploads[0], [(10, 20, 30, 30)], "one")
    changed = (colours(found.picture) != colours(drawn.picture)).any(axis=2)
    assert changed[49, 39]
    assert not changed[:20].any()
    desk.storage.close("one")
    assert [path for path in desk.storage.root.rglob("*") if path.is_file()] == uploads[1:]
