"""Damaged PDFs are restored as far as they can be read, or fail in a line; nothing else, and nothing is left behind."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest

from tests.files.pdf.making import fax, jpeg, make, picture, plain
from tests.files.pdf.test_restoring_pdfs import jbig2
from udsd.files import restore_files

COUNT = 90


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    data = bytearray(content)
    at = int(random.integers(len(data)))
    kind = random.integers(5)
    if kind == 0:
        for place in random.integers(len(data), size=20):
            data[place] = random.integers(256)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at : at + int(random.integers(1, 200))]
    elif kind == 3:
        data[at:at] = data[at : at + int(random.integers(1, 500))]
    else:
        numbers = list(re.finditer(rb"\d+", content))
        found = numbers[random.integers(len(numbers))]
        data[found.start() : found.end()] = str(random.choice([0, -1, 1, 2**31, 2**62, 99999999, 3])).encode()
    return bytes(data)


@pytest.mark.parametrize("kind", ["plain", "object streams", "encrypted"])
def test_damaged_files(kind: str, brighter: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    two = (picture() > 110).astype(np.uint8)
    saving: dict[str, Any] = {
        "plain": {},
        "object streams": {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
        "encrypted": {"encryption": pikepdf.Encryption(owner="", user="", R=6)},
    }[kind]
    images = [jpeg(picture(3)), plain(picture(top=15), bits=4), fax(two), jbig2(two), jpeg(picture(4))]
    content = make(tmp_path / "sound.pdf", images, text="words", **saving).read_bytes()
    random = np.random.default_rng(7)
    path, output = tmp_path / "damaged.pdf", tmp_path / "out"
    statuses = set()
    for _ in range(COUNT):
        path.write_bytes(damaged(content, random))
        (result,) = restore_files(brighter, [path], output, overwrite=True).results
        statuses.add(result.status)
        assert (result.status == "restored") == (not result.reason)
        assert "\n" not in result.reason
        if result.status == "restored":
            with pikepdf.open(io.BytesIO(result.target.read_bytes())) as pdf:
                assert len(pdf.pages) >= 1
        assert {entry.name for entry in output.iterdir()} <= {"damaged.pdf"} if output.exists() else True
    assert {"restored", "failed"} <= statuses
