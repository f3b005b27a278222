"""Whatever the fields of an image file say, there is a result or a `UdsdError`, soon and in little memory.

UDSD_FIELDS=10000 makes it 10,000 images, and prints the slowest and the largest.
"""

from __future__ import annotations

import logging
import os
import resource
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fields import sound_files, with_other_fields
from tests.test_fuzz import LONGEST, limited_time
from udsd import UdsdError
from udsd.images import ImagePages, save_pages

IMAGES = int(os.environ.get("UDSD_FIELDS", "200"))
ENDINGS = ("tif", "png", "jpg", "gif")
MEGABYTES = 300
"""By which the largest memory of all may exceed that of the sound files: an image may have a million pixels."""

# Codecs warn of what they find in broken files in their own ways.
pytestmark = pytest.mark.filterwarnings("ignore")


def through(path: Path, target: Path) -> str:
    """What becomes of a file that is restored by nothing: read and written as the command does."""
    try:
        with ImagePages(path) as pages:
            save_pages((page.encode(page.pixels) for page in pages), target, mark=True)
    except UdsdError as error:
        return f"refused: {error}"
    return "restored"


def peak() -> float:
    """The largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def test_sound_files_are_restored(tmp_path: Path) -> None:
    """What the others are made of is good."""
    files = sound_files()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert through(tmp_path / name, tmp_path / f"out-{name}") == "restored", name
    assert len(files) > 60


def test_changed_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    caplog.set_level(logging.CRITICAL, logger="udsd")
    random = np.random.default_rng(11)
    files = {ending: [item for item in sound_files().items() if item[0].endswith(ending)] for ending in ENDINGS}
    outcomes: Counter[str] = Counter()
    times: dict[str, float] = {}
    before = peak()
    for number in range(IMAGES):
        ending = ENDINGS[number % len(ENDINGS)]
        name, content = files[ending][int(random.integers(len(files[ending])))]
        path = tmp_path / name
        path.write_bytes(with_other_fields(name, content, random))
        start = time.monotonic()
        with limited_time(f"image {number} ({name}), of at most {LONGEST} s"):
            outcome = through(path, tmp_path / f"out-{name}")
        times[f"{number} ({name})"] = time.monotonic() - start
        assert "\n" not in outcome
        outcomes[f"{ending} {outcome.partition(':')[0]}"] += 1
    slowest = max(times, key=lambda key: times[key])
    grown = peak() - before
    logging.getLogger("fuzz").critical(
        "%s; slowest %.2f s, image %s; memory %+.0f MB", dict(sorted(outcomes.items())), times[slowest], slowest, grown
    )
    assert sum(count for outcome, count in outcomes.items() if "refused" in outcome) > IMAGES / 10
    assert sum(count for outcome, count in outcomes.items() if "restored" in outcome) > IMAGES / 10
    assert grown < MEGABYTES
