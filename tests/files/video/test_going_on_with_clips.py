"""Runs over clips that end in the middle, and are gone on with."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.files.video.making import Darker, make, read
from udsd.domains import DeblurOptions
from udsd.files import deblur_video, restore_files
from udsd.files.video import segments

PATIENCE = 120
WARMING = 8


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_MOST", 12)


def parts(folder: Path) -> list[Path]:
    return [*folder.glob(".udsd-parts-*/*.part")]


def clip(folder: Path, count: int = 40) -> Path:
    return make(folder / "a.mkv", count, codec="ffv1", pixel_format="yuv444p", options={}, sound=True)


def interrupt(path: Path, target: Path, stop_at: int, **arguments: Any) -> Darker:
    first = Darker(stop_at)
    with pytest.raises(KeyboardInterrupt):
        restore_files(first, [path], target, **arguments)
    return first


@pytest.mark.parametrize("steady", [True, False])
def test_the_next_run_restores_the_rest(steady: bool, tmp_path: Path) -> None:
    path, target = clip(tmp_path), tmp_path / "out" / "b.mkv"
    interrupt(path, target, 30, steady=steady)
    assert not target.exists()
    assert sorted(part.name for part in parts(target.parent)) == ["0-12.part", "12-12.part"]
    second = Darker()
    shares: list[float] = []
    result = deblur_video(second, path, target, steady=steady, on_progress=shares.append)
    assert result.status == "restored"
    assert len(second.seen) == (16 + WARMING if steady else 16)
    assert [entry.name for entry in target.parent.iterdir()] == ["b.mkv"]
    deblur_video(Darker(), path, tmp_path / "whole.mkv", steady=steady)
    pieced, whole = read(target), read(tmp_path / "whole.mkv")
    assert pieced.seconds == whole.seconds == read(path).seconds
    assert pieced.others == whole.others
    np.testing.assert_array_equal(pieced.frames, whole.frames)


def test_irregular_times_over_segments_with_reordered_frames(tmp_path: Path) -> None:
    """Encoders that change the order of frames, and times that jump where segments meet."""
    random = np.random.default_rng(0)
    times = np.cumsum(random.choice([20, 40, 41, 300], 60)).tolist()
    path = make(tmp_path / "a.mp4", 60, times=times)
    for ending in ("mp4", "mkv"):
        result = deblur_video(Darker(), path, tmp_path / f"b.{ending}", quality=50)
        assert read(result.target).seconds == pytest.approx(read(path).seconds, abs=0.001)


@pytest.mark.parametrize("change", ["model", "options", "quality", "codec", "steady"])
def test_segments_of_another_run_are_not_taken(change: str, tmp_path: Path) -> None:
    path, target = clip(tmp_path), tmp_path / "b.mkv"
    interrupt(path, target, 30)
    assert len(parts(tmp_path)) == 2
    arguments: dict[str, Any] = {
        "options": {"options": DeblurOptions(strength=0.5)},
        "quality": {"quality": 50},
        "codec": {"codec": "h264"},
        "steady": {"steady": False},
    }.get(change, {})
    second = Darker()
    second.title = "another" if change == "model" else second.title
    restore_files(second, [path], target, **arguments)
    assert len(second.seen) == 40
    assert not parts(tmp_path)


def test_segments_that_are_cut_off_are_made_again(tmp_path: Path) -> None:
    path, target = clip(tmp_path), tmp_path / "b.mkv"
    interrupt(path, target, 39)
    assert len(parts(tmp_path)) == 3
    (second,) = (part for part in parts(tmp_path) if part.name.startswith("12-"))
    second.write_bytes(second.read_bytes()[:-5])
    again = Darker()
    restore_files(again, [path], target)
    assert len(again.seen) == 28 + WARMING


def test_the_next_clip_after_a_run_that_ended_before_its_first_segment(tmp_path: Path) -> None:
    path, target = clip(tmp_path), tmp_path / "b.mkv"
    interrupt(path, target, 5)
    assert not parts(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mkv"]


def test_a_killed_command_goes_on_behind_the_last_whole_segment(model_folder: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 400, sound=True)  # 250 are a segment
    target = tmp_path / "out" / "b.mp4"
    command = [sys.executable, "-m", "udsd", "deblur", path, "-o", target, "--model", model_folder, "--scale", "off"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = time.monotonic()
    while not parts(target.parent) and process.poll() is None and time.monotonic() - started < PATIENCE:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (part,) = parts(target.parent)
    changed = part.stat().st_mtime_ns
    assert not target.exists()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not target.exists() and process.poll() is None:
        try:
            assert part.stat().st_mtime_ns == changed  # what was finished is not made again
        except FileNotFoundError:
            break
        time.sleep(0.01)
    assert process.wait() == 0
    assert [entry.name for entry in target.parent.iterdir()] == ["b.mp4"]
    before, after = read(path), read(target)
    assert after.seconds == before.seconds
    assert after.others == before.others
