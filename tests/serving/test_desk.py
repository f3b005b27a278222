from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from udsd.domains import DeblurOptions
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
        with_previews=True,
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
    restored = desk.restore([uploads[0], same], desk.models.names[0], Wishes(), "one", with_previews=False)
    first, second = restored.files
    assert first.name == second.name
    assert first.read_bytes() != second.read_bytes()


def test_one_bad_file_stops_no_other(desk: Desk, uploads: list[Path]) -> None:
    uploads[0].write_bytes(b"\x89PNG\r\n\x1a\nhostile")
    restored = desk.restore(uploads, desk.models.names[0], Wishes(), "one", with_previews=True)
    assert [result.status for result in restored.results] == ["failed", "restored"]
    assert [name for name, _, _ in restored.previews] == ["1.png"]


def test_pdfs_and_clips_are_restored_among_pictures(
    desk: Desk, uploads: list[Path], document: Path, clip: Path
) -> None:
    told: list[tuple[float, str]] = []
    restored = desk.restore(
        [document, uploads[0], clip],
        desk.models.names[0],
        Wishes(file_format="jpg"),
        "one",
        with_previews=True,
        tell=lambda share, name: told.append((share, name)),
    )
    assert [result.status for result in restored.results] == ["restored"] * 3
    assert [path.name for path in restored.files] == ["scan_restored.pdf", "0_restored.jpg", "clip_restored.mp4"]
    assert [name for name, _, _ in restored.previews] == ["scan.pdf", "0.png", "clip.mp4"]
    for _, before, after in restored.previews:
        assert colours(before).shape == colours(after).shape
        assert not np.array_equal(colours(before), colours(after))
    names = [*dict.fromkeys(name for _, name in told)]
    frames = [f"clip.mp4, frame {number} of 6" for number in range(1, 7)]
    assert names == ["scan.pdf, page 1 of 2", "scan.pdf, page 2 of 2", "0.png", *frames]
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1][0] == 1.0
    desk.storage.close("one")
    assert [path for path in desk.storage.root.rglob("*") if path.is_file()] == uploads[1:]


def test_work_on_a_document_ends_when_time_is_over_or_nobody_waits(desk: Desk, document: Path, clip: Path) -> None:
    """At once, and not page by page."""
    hurried = Desk(desk.models, Limits(seconds=1), desk.storage)
    told: list[str] = []

    def sleep(share: float, name: str) -> None:
        told.append(name)
        if share == 0:
            time.sleep(1.1)

    def leave(share: float, name: str) -> None:
        if name.endswith("2 of 2") or name.endswith("2 of 6"):
            desk.storage.close(name.partition(",")[0])

    for path in (document, clip):
        restored = hurried.restore([path], desk.models.names[0], Wishes(), "one", with_previews=True, tell=sleep)
        assert restored.results[0].status == "failed"
        assert restored.results[0].reason.startswith(f"{path.name}: a request may take 1 seconds")
        with pytest.raises(ClientGoneError):
            desk.restore([path], desk.models.names[0], Wishes(), path.name, with_previews=False, tell=leave)
    assert {name.partition(",")[2] for name in told} == {" page 1 of 2", " frame 1 of 6"}


def test_what_is_damaged_is_told(desk: Desk, document: Path, clip: Path) -> None:
    document.write_bytes(document.read_bytes()[:300])
    clip.write_bytes(b"no clip")
    restored = desk.restore([document, clip], desk.models.names[0], Wishes(), "one", with_previews=True)
    assert [result.status for result in restored.results] == ["failed", "failed"]
    assert restored.results[0].reason.startswith("scan.pdf: ")
    assert restored.results[1].reason.startswith("clip.mp4: damaged, cut off or no clip")


def test_boxes_are_for_pictures_alone(desk: Desk, document: Path) -> None:
    boxes = Wishes(DeblurOptions(faces=[(0, 0, 9, 9)]))
    with pytest.raises(ImageError, match=r"scan\.pdf: boxes are drawn on pictures alone"):
        desk.restore([document], desk.models.names[0], boxes, "one", with_previews=False)
    with pytest.raises(ImageError, match=r"scan\.pdf: boxes"):
        desk.find_faces(document, "one")
    with pytest.raises(ImageError, match=r"scan\.pdf: boxes"):
        desk.draw_boxes(document, [], "one")


def test_a_result_that_cannot_be_shown_is_there_all_the_same(
    desk: Desk, uploads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(before: Path, after: Path, folder: Path) -> tuple[Path, Path]:
        raise ImageError("no page")

    monkeypatch.setattr("udsd.serving.desk.previews", fail)
    restored = desk.restore(uploads, desk.models.names[0], Wishes(), "one", with_previews=True)
    assert len(restored.files) == 2
    assert restored.previews == []


@pytest.mark.parametrize(("count", "told"), [(0, "there are no files"), (4, "4 files came, and a request may have 3")])
def test_the_number_of_files_is_limited(desk: Desk, uploads: list[Path], count: int, told: str) -> None:
    with pytest.raises(ImageError, match=told):
        desk.restore([uploads[0]] * count, desk.models.names[0], Wishes(), "one", with_previews=False)


def test_work_ends_when_the_client_goes(desk: Desk, uploads: list[Path]) -> None:
    def leave(share: float, name: str) -> None:
        if name == "1.png":
            desk.storage.close("one")

    with pytest.raises(ClientGoneError):
        desk.restore(uploads, desk.models.names[0], Wishes(), "one", with_previews=False, tell=leave)
    assert not any(path.is_file() for path in desk.storage.root.rglob("*"))
    assert desk.turn.acquire(blocking=False)


def test_all_files_together_have_the_time_of_a_request(desk: Desk, uploads: list[Path]) -> None:
    hurried = Desk(desk.models, Limits(seconds=1), desk.storage)

    def sleep(share: float, name: str) -> None:
        if name == "0.png" and share == 0:
            time.sleep(1.1)

    restored = hurried.restore(uploads, desk.models.names[0], Wishes(), "one", with_previews=False, tell=sleep)
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
