from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.pictures import deep_pixels, deep_png
from tests.unfinished import dead_process, leave_unfinished
from udsd import Deblurrer, UdsdError
from udsd.domains import DeblurOptions, Restoration
from udsd.files import FileResult, pipeline, restore_files
from udsd.files.pipeline import Pipeline, Settings
from udsd.files.plan import Job
from udsd.files.sinks import ImageSink
from udsd.images import DecodedImage, ImagePages, save_pages

PATIENCE = 120
"""Seconds after which a test that waits for something else gives up, and fails."""

SETTINGS = Settings(overwrite=False, compare=False, batch_size=1)


def save(path: Path, size: tuple[int, int] = (16, 12), level: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).save(path)
    return path


def level(path: Path) -> int:
    with Image.open(path) as image:
        return int(np.asarray(image).flat[0])


def test_images_of_one_size_run_together_whatever_lies_between(brighter: Any, tmp_path: Path) -> None:
    for index in range(9):
        save(tmp_path / "in" / f"{index}.png", (16, 12) if index % 3 else (20, 8))
    report = restore_files(brighter, [tmp_path / "in"], tmp_path / "out", batch_size=3)
    assert len(report.restored) == 9
    assert brighter.batches == [3, 3, 3]
    assert {level(path) for path in report.restored} == {73}


def test_an_unexpected_error_of_a_batch_stops_no_other(brighter: Any, tmp_path: Path) -> None:
    for index in range(4):
        save(tmp_path / "in" / f"{index}.png")

    def fail_once() -> None:
        if len(brighter.batches) == 1:
            raise IndexError("out of range")

    brighter.before = fail_once
    report = restore_files(brighter, [tmp_path / "in"], tmp_path / "out", batch_size=2)
    assert [path.name for path in report.restored] == ["2.png", "3.png"]
    assert all("an error within udsd (IndexError: out of range)" in reason for reason in report.failed.values())


def test_a_window_bounds_how_long_an_odd_size_waits(brighter: Any, tmp_path: Path) -> None:
    for index in range(30):
        save(tmp_path / "in" / f"{index:02}.png", (8 + index, 8))
    told: list[FileResult] = []
    restore_files(brighter, [tmp_path / "in"], tmp_path / "out", batch_size=2, on_result=told.append)
    assert brighter.batches == [1] * 30
    assert [result.source.name for result in told] == [f"{index:02}.png" for index in range(30)]


def test_files_are_taken_ahead_but_not_far(brighter: Any, tmp_path: Path) -> None:
    taken: list[Job] = []
    taken_at_work: list[int] = []

    def jobs() -> Iterator[Job]:
        for index in range(8):
            taken.append(Job(save(tmp_path / "in" / f"{index}.png"), tmp_path / "out" / f"{index}.png"))
            yield taken[-1]

    brighter.before = lambda: taken_at_work.append(len(taken))
    results = [*Pipeline(brighter, SETTINGS).run(jobs())]
    assert [result.source for result in results] == [job.source for job in taken]
    assert taken_at_work == [3, 4, 5, 6, 7, 8, 8, 8]  # the one in work, and two ahead


def test_the_next_files_are_read_while_the_network_runs(
    brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {save(tmp_path / "in" / f"{index}.png"): threading.Event() for index in range(3)}

    def noting(path: Path, options: object) -> ImagePages:
        read[path].set()
        return ImagePages(path)

    monkeypatch.setattr(pipeline, "open_source", noting)
    brighter.before = lambda: [event.wait(PATIENCE) for event in read.values()]
    assert len(restore_files(brighter, [tmp_path / "in"], tmp_path / "out").restored) == 3
    assert all(event.is_set() for event in read.values())


def test_results_are_written_while_the_network_runs(
    brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(2):
        save(tmp_path / "in" / f"{index}.png")
    written = threading.Event()
    in_time: list[bool] = []

    class Noting(ImageSink):
        def write(self, *arguments: Any) -> None:
            super().write(*arguments)
            written.set()

    monkeypatch.setattr(pipeline, "sink_for", lambda target: Noting())
    # The second image is not done before the first is on the disk.
    brighter.before = lambda: in_time.append(len(brighter.batches) == 1 or written.wait(PATIENCE))
    restore_files(brighter, [tmp_path / "in"], tmp_path / "out")
    assert in_time == [True, True]


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("compare", [False, True])
def test_a_file_is_opened_once(
    brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: bool, compare: bool
) -> None:
    folder = tmp_path / "in"
    save(folder / "plain.png")
    (folder / "deep.png").write_bytes(deep_png(deep_pixels()))
    save_pages([Image.new("L", (9, 9), level) for level in (1, 2, 3)], folder / "pages.tif")
    if not small:
        monkeypatch.setattr(pipeline, "_SMALL", 10)
    opened: list[str] = []
    open_file = os.open

    def noting(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(path).parent == folder:
            opened.append(Path(path).name)
        return open_file(path, *arguments, **options)

    monkeypatch.setattr(os, "open", noting)
    assert len(restore_files(brighter, [folder], tmp_path / "out", compare=compare).restored) == 3
    assert sorted(opened) == ["deep.png", "pages.tif", "plain.png"]


def test_a_large_file_waits_until_all_before_it_are_written(
    brighter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_SMALL", 500)
    for index in range(4):
        save(tmp_path / "in" / f"{index}.png", (40, 40) if index == 3 else (16, 12))
    there: list[int] = []
    brighter.before = lambda: there.append(len([*tmp_path.glob("out/*.png")]))
    report = restore_files(brighter, [tmp_path / "in"], tmp_path / "out")
    assert len(report.restored) == 4
    assert there[3] == 3


def test_every_page_is_restored(brighter: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pages = [Image.new("L", (10 + index, 8), 50 + index) for index in range(4)]
    pages[0].save(tmp_path / "in" / "scan.tif", save_all=True, append_images=pages[1:])
    (result,) = restore_files(brighter, [tmp_path / "in"], tmp_path / "out").restored
    with Image.open(result) as image:
        found = []
        for index in range(4):
            image.seek(index)
            found.append((image.size, image.getpixel((0, 0))))
    assert found == [((10 + index, 8), 63 + index) for index in range(4)]


def test_a_broken_page_fails_its_file_alone(brighter: Any, tmp_path: Path) -> None:
    save(tmp_path / "in" / "b.png")
    pages = [Image.effect_noise((40, 40), 50) for _ in range(4)]
    pages[0].save(tmp_path / "in" / "a.tif", save_all=True, append_images=pages[1:])
    content = (tmp_path / "in" / "a.tif").read_bytes()
    (tmp_path / "in" / "a.tif").write_bytes(content[:-1500])
    report = restore_files(brighter, [tmp_path / "in"], tmp_path / "out")
    assert [path.name for path in report.restored] == ["b.png"]
    (reason,) = report.failed.values()
    assert reason.startswith(f"{tmp_path / 'in' / 'a.tif'}: ")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]


def test_sixteen_bit_colours_are_restored_at_sixteen_bits(brighter: Any, tmp_path: Path) -> None:
    ramp = np.arange(30 * 20 * 3, dtype=np.uint16).reshape(20, 30, 3) * 7
    cv2.imwrite(str(tmp_path / "deep.png"), ramp)
    restore_files(brighter, [tmp_path / "deep.png"], tmp_path / "out")
    restored = cv2.imread(str(tmp_path / "out" / "deep.png"), cv2.IMREAD_UNCHANGED)
    assert restored is not None
    assert restored.dtype == np.uint16
    np.testing.assert_allclose(restored.astype(float) - ramp, 65535 * 0.05, atol=1.5)


def test_quality_is_that_of_the_source_unless_told_otherwise(brighter: Any, tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 60).save(tmp_path / "a.jpg", quality=35)
    with Image.open(tmp_path / "a.jpg") as source:
        for quality, same in ((None, True), (90, False)):
            restore_files(brighter, [tmp_path / "a.jpg"], tmp_path / f"{quality}", quality=quality)
            with Image.open(tmp_path / f"{quality}" / "a.jpg") as result:
                assert (result.quantization == source.quantization) == same  # type: ignore[attr-defined]


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"quality": 0}, {"quality": 101}])
def test_bad_settings_are_refused_at_once(brighter: Any, tmp_path: Path, options: dict[str, int]) -> None:
    save(tmp_path / "in" / "a.png")
    with pytest.raises(UdsdError, match=r"give a whole number (of at least 1|from 1 to 100)"):
        restore_files(brighter, [tmp_path / "in"], tmp_path / "out", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_what_killed_runs_left_is_removed_and_what_runs_is_not(brighter: Any, tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    restore_files(brighter, [tmp_path / "in"], tmp_path / "out")
    dead, alive = (leave_unfinished(tmp_path / "out", process) for process in (dead_process(), os.getpid()))
    other = tmp_path / "out" / ".hidden"
    other.touch()
    restore_files(brighter, [tmp_path / "in"], tmp_path / "out", overwrite=True)
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()


KILLED = """
import sys
from udsd.cli import main
sys.exit(main(sys.argv[1:]))
"""


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of each finished file: both change when a file is written once more."""
    found = (path for path in folder.rglob("*.png") if not path.name.startswith("."))
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def test_a_run_killed_again_and_again_ends_with_every_file_once(model_folder: Path, tmp_path: Path) -> None:
    """UDSD_KILL_TEST=500,20 makes it 500 images and 20 kills."""
    count, kills = (int(number) for number in os.environ.get("UDSD_KILL_TEST", "40,3").split(","))
    random = np.random.default_rng(0)
    for index in range(count):
        save(tmp_path / "in" / f"{index % 7}" / f"{index:03}.png", (120, 90), index % 200)
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILLED, "deblur", tmp_path / "in", "-o", out, "--model", model_folder]
    before: dict[str, tuple[int, int]] = {}
    for kill in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        aim = count * (kill + random.random()) / kills
        while len(identities(out)) < aim and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        now = identities(out)
        assert {name: now[name] for name in before} == before
        before = now
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    now = identities(out)
    assert len(now) == count
    assert {name: now[name] for name in before} == before
    assert done.stdout.startswith(f"{count - len(before)} restored")
    for path in out.rglob("*"):
        if path.is_file():
            assert not path.name.startswith(".")
            with Image.open(path) as image:
                image.load()
                assert image.size == (120, 90)


INTERRUPTED = """
import signal, sys, threading
from udsd import Deblurrer
from udsd.cli import main
from udsd.images import saving

patience = float(sys.argv.pop(1))
writing, interrupted = threading.Event(), threading.Event()
restore, write_pages = Deblurrer.restore_decoded, saving._write_pages
calls = []

def interrupting(self, images, options, on_progress):
    calls.append(len(images))
    if len(calls) == 4:
        writing.wait(patience)
        interrupted.set()
        signal.raise_signal(signal.SIGINT)
    return restore(self, images, options, on_progress)

def slow(first, others, destination):
    write_pages(first, others, destination)
    if destination.path.name == "1.png":
        writing.set()
        interrupted.wait(patience)

Deblurrer.restore_decoded, saving._write_pages = interrupting, slow
sys.exit(main(sys.argv[1:]))
"""
"""The command, interrupted when it works on the fourth file while the second is being written."""


def test_interrupting_finishes_the_file_that_is_being_written(model_folder: Path, tmp_path: Path) -> None:
    for index in range(9):
        save(tmp_path / "in" / f"{index}.png", (64, 48))
    out = tmp_path / "out"
    arguments = [str(PATIENCE), "deblur", tmp_path / "in", "-o", out, "--model", model_folder]
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    finished = {path.name for path in out.iterdir()}
    # The third may have been begun in the moment between the two.
    assert {"0.png", "1.png"} <= finished <= {"0.png", "1.png", "2.png"}
    for name in finished:
        with Image.open(out / name) as image:
            image.load()


def test_memory_stays_flat_over_many_files(model_folder: Path, tmp_path: Path) -> None:
    """Of what is done nothing is kept but its result."""
    alive: list[int] = []

    class Counting(Deblurrer):
        def restore_decoded(
            self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
        ) -> list[Restoration]:
            alive.append(sum(type(thing) is DecodedImage for thing in gc.get_objects()))
            return super().restore_decoded(images, options, on_progress)

    for index in range(60):
        save(tmp_path / "in" / f"{index:03}.png", (20, 20))
    deblurrer = Counting.from_pretrained(model_folder, device="cpu")
    assert len(restore_files(deblurrer, [tmp_path / "in"], tmp_path / "out").restored) == 60
    assert max(alive) <= 24  # of 180: each image decodes in two or three steps


WITHOUT_THREADS = """
import faulthandler, threading
from udsd.files.pipeline import Pipeline, Settings
faulthandler.dump_traceback_later(60, exit=True)  # a hang ends the process, with another status
start, begun = threading.Thread.start, []
def start_once(self):
    if self.name.startswith("udsd-"):
        begun.append(self.name)
        if len(begun) > 1:
            raise RuntimeError("can't start new thread")
    start(self)
threading.Thread.start = start_once
try:
    list(Pipeline(None, Settings(False, False, None, 1)).run([]))
except RuntimeError as error:
    print(error, len(begun))
"""


def test_a_thread_that_cannot_start_does_not_keep_the_others_waiting() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_THREADS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "can't start new thread 2\n"
