"""Whatever comes, there is a result or a `UdsdError`, soon, and nothing is kept.

UDSD_FUZZ=10000,2000 makes it 10,000 images and 2,000 model folders.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from PIL import Image

from udsd import Deblurrer, UdsdError
from udsd.files import restore_files
from udsd.pretrained import load_model_folder

from .fuzzing import damaged, damaged_folders, sound_images

IMAGES, FOLDERS = (int(count) for count in os.environ.get("UDSD_FUZZ", "400,100").split(","))
LONGEST = 10
MEGABYTES = 150

# Codecs warn of what they find in broken files in their own ways.
pytestmark = pytest.mark.filterwarnings("ignore")


@contextmanager
def limited_time(what: str) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"{what} took more than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def resident() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def load(folder: Path) -> tuple[str, str]:
    try:
        load_model_folder(folder)
    except UdsdError as error:
        return type(error).__name__, str(error)
    return "loaded", ""


def report(kind: str, outcomes: Counter[str], slowest: float, grown: float) -> None:
    logging.getLogger("fuzz").warning("%s: %s; slowest %.2f s; %+.0f MB", kind, dict(outcomes), slowest, grown)


def test_sound_images_are_restored(model_folder: Path, tmp_path: Path) -> None:
    """What the others are made of is good."""
    deblurrer = Deblurrer.from_pretrained(model_folder, device="cpu")
    files = sound_images()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        with limited_time(name):
            assert not restore_files(deblurrer, [tmp_path / name], tmp_path / "out", overwrite=True).failed, name
    assert len(files) > 35


def test_damaged_images(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20_000)
    caplog.set_level(logging.ERROR, logger="udsd")
    deblurrer = Deblurrer.from_pretrained(model_folder, device="cpu")
    random = np.random.default_rng(7)
    files = [*sound_images().items()]
    outcomes: Counter[str] = Counter()
    slowest, first = 0.0, 0.0
    for number in range(IMAGES):
        name, content = files[number % len(files)]
        path = tmp_path / name
        path.write_bytes(damaged(content, random))
        start = time.monotonic()
        with limited_time(f"image {number} ({name})"):
            done = restore_files(deblurrer, [path], tmp_path / "out", overwrite=True)
        slowest = max(slowest, time.monotonic() - start)
        outcomes["refused" if done.failed else "restored"] += 1
        for reason in done.failed.values():
            assert "\n" not in reason
            assert str(path) in reason
        assert not any((tmp_path / "out").glob(".*"))
        if number == min(IMAGES // 4, 1000):
            first = resident()
    grown = resident() - first
    report("images", outcomes, slowest, grown)
    assert outcomes["refused"] > IMAGES / 10
    assert outcomes["restored"] > IMAGES / 10
    assert grown < MEGABYTES


def test_damaged_model_folders(model_folder: Path) -> None:
    outcomes: Counter[str] = Counter()
    slowest, first = 0.0, 0.0
    for number, _ in zip(range(FOLDERS), damaged_folders(model_folder, np.random.default_rng(8)), strict=False):
        start = time.monotonic()
        with limited_time(f"folder {number}"):
            outcome, message = load(model_folder)
        outcomes[outcome] += 1
        assert "\n" not in message
        slowest = max(slowest, time.monotonic() - start)
        if number == FOLDERS // 4:
            first = resident()
    grown = resident() - first
    report("folders", outcomes, slowest, grown)
    assert outcomes["IncompatibleWeightsError"] > FOLDERS / 2
    assert grown < MEGABYTES
