"""Runs that end in the middle, and are gone on with."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
import torch
from filelock import FileLock

from tests.files.pdf.making import images_in, jpeg, make, picture, plain
from udsd.domains import DeblurOptions, Restoration
from udsd.files import deblur_pdf, restore_files
from udsd.files.parts import parts_of
from udsd.files.pdf.encoding import Encoded
from udsd.files.pdf.parts import IMAGES
from udsd.images import DecodedImage

PATIENCE = 120


class Counting:
    """In place of a model: darkens, notes the mean of each image, and is interrupted once."""

    device = torch.device("cpu")
    title = "counting"

    def __init__(self, stop_at: int | None = None) -> None:
        self.seen: list[float] = []
        self._stop_at = stop_at

    def restore_decoded(
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        if len(self.seen) == self._stop_at:
            raise KeyboardInterrupt
        self.seen += [round(float(image.pixels.mean()), 4) for image in images]
        return [Restoration(image.pixels - 0.1) for image in images]


def scan(folder: Path, count: int = 6) -> Path:
    return make(folder / "scan.pdf", [plain(picture() // 2 + 10 * number) for number in range(count)])


def parts(folder: Path) -> list[Path]:
    return [*folder.glob(".udsd-parts-*/*.part")]


def interrupt(path: Path, target: Path, stop_at: int, **arguments: Any) -> Counting:
    first = Counting(stop_at)
    with pytest.raises(KeyboardInterrupt):
        restore_files(first, [path], target, **arguments)
    return first


def test_the_next_run_restores_the_rest(tmp_path: Path) -> None:
    path, target = scan(tmp_path), tmp_path / "out" / "b.pdf"
    first = interrupt(path, target, 4)
    assert not target.exists()
    assert len(parts(target.parent)) == 4
    second = Counting()
    shares: list[float] = []
    result = deblur_pdf(second, path, target, on_progress=shares.append)
    assert result.status == "restored"
    assert len(first.seen) + len(second.seen) == len({*first.seen, *second.seen}) == 6
    assert [entry.name for entry in target.parent.iterdir()] == ["b.pdf"]
    deblur_pdf(Counting(), path, tmp_path / "whole.pdf")
    with pikepdf.open(target) as pieced, pikepdf.open(tmp_path / "whole.pdf") as whole:
        for one, other in zip(images_in(pieced), images_in(whole), strict=True):
            assert one.read_raw_bytes() == other.read_raw_bytes()


@pytest.mark.parametrize("change", ["model", "options", "quality", "content", "nameless"])
def test_parts_of_another_run_are_not_taken(change: str, tmp_path: Path) -> None:
    path, target = scan(tmp_path), tmp_path / "b.pdf"
    interrupt(path, target, 4)
    second = Counting()
    arguments: dict[str, Any] = {}
    if change == "model":
        second.title = "another"
    if change == "nameless":
        second.title = ""
    if change == "options":
        arguments["options"] = DeblurOptions(strength=0.5)
    if change == "quality":
        arguments["quality"] = 50
    if change == "content":
        with pikepdf.open(path, allow_overwriting_input=True) as pdf:
            pdf.docinfo["/Author"] = "somebody"
            pdf.save(path)
    restore_files(second, [path], target, **arguments)
    assert len(second.seen) == 6
    assert not parts(tmp_path)


def test_pages_that_were_not_chosen_before_are_added(tmp_path: Path) -> None:
    path, target = scan(tmp_path), tmp_path / "b.pdf"
    interrupt(path, target, 2, pages="1-3")
    second = Counting()
    restore_files(second, [path], target, pages="2-")
    assert len(second.seen) == 4
    with pikepdf.open(path) as before, pikepdf.open(target) as after:
        same = [
            one.read_raw_bytes() == other.read_raw_bytes()
            for one, other in zip(images_in(before), images_in(after), strict=True)
        ]
    assert same == [True, False, False, False, False, False]


def test_parts_that_are_cut_off_are_made_again(tmp_path: Path) -> None:
    path, target = scan(tmp_path), tmp_path / "b.pdf"
    interrupt(path, target, 4)
    first, second, *_ = parts(tmp_path)
    first.write_bytes(first.read_bytes()[:-5])
    second.write_bytes(b"")
    again = Counting()
    restore_files(again, [path], target)
    assert len(again.seen) == 4


def test_one_process_writes_a_result(tmp_path: Path) -> None:
    path, target = scan(tmp_path), tmp_path / "b.pdf"
    interrupt(path, target, 4)
    (folder,) = {part.parent for part in parts(tmp_path)}
    with FileLock(folder / "lock"):
        (result,) = restore_files(Counting(), [path], target).results
    assert result.status == "failed"
    assert "is being written by another process" in result.reason
    assert len(parts(tmp_path)) == 4


def test_what_stays_as_it_is_is_not_looked_at_again(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"a")
    encoded = Encoded(b"data", "/FlateDecode", {"Columns": 3}, 4, np.zeros((2, 3), np.uint8))

    def stop_in_the_middle() -> None:
        with parts_of(tmp_path / "b.pdf", source, "recipe", IMAGES) as kept:
            kept.add((3, 0), None)
            kept.add((4, 0), encoded)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_in_the_middle()
    with parts_of(tmp_path / "b.pdf", source, "recipe", IMAGES) as found:
        assert found.finished == {(3, 0), (4, 0)}
        assert found.get((3, 0)) is None
        again = found.get((4, 0))
        assert again is not None
        assert (again.data, again.filter, again.parameters, again.bits) == (b"data", "/FlateDecode", {"Columns": 3}, 4)
        np.testing.assert_array_equal(again.palette, encoded.palette)  # type: ignore[arg-type]
    assert not [*tmp_path.glob(".udsd*")]


def test_a_killed_command_loses_nothing_and_does_nothing_twice(model_folder: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture(3, seed, height=96, width=160)) for seed in range(40)])
    target = tmp_path / "out" / "b.pdf"
    command = [sys.executable, "-m", "udsd", "deblur", path, "-o", target, "--model", model_folder, "--scale", "off"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    started = time.monotonic()
    while len(parts(target.parent)) < 5 and process.poll() is None and time.monotonic() - started < PATIENCE:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {part: part.stat().st_mtime_ns for part in parts(target.parent)}
    assert 5 <= len(done) < 40
    assert not target.exists()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not target.exists() and process.poll() is None:
        # What was finished is not written again.
        for part, changed in done.items():
            try:
                assert part.stat().st_mtime_ns == changed
            except FileNotFoundError:
                break
        time.sleep(0.01)
    assert process.wait() == 0
    assert [entry.name for entry in target.parent.iterdir()] == ["b.pdf"]
    with pikepdf.open(path) as before, pikepdf.open(target) as after:
        for one, other in zip(images_in(before), images_in(after), strict=True):
            assert one.read_raw_bytes() != other.read_raw_bytes()
