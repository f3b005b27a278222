from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from udsd.errors import ConfigError, ImageError
from udsd.images import ImagePages, decode_image, read_size
from udsd.images.content import is_content, name_of


@pytest.fixture
def file(photo: Image.Image, tmp_path: Path) -> Path:
    photo.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def pixels(given: Any) -> Any:
    return np.asarray(decode_image(given).encode(decode_image(given).pixels))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_are_what_the_file_is(kind: Any, file: Path) -> None:
    content = kind(file.read_bytes())
    assert np.array_equal(pixels(content), pixels(file))
    assert read_size(content) == read_size(file) == (45, 37)


def test_a_file_object_is_read_from_its_beginning_and_left_open(file: Path) -> None:
    with file.open("rb") as opened:
        opened.read(10)
        assert np.array_equal(pixels(opened), pixels(file))
        assert not opened.closed
        with ImagePages(opened) as pages:
            assert (pages.path, pages.count) == (file, 1)


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
def test_a_pipe_is_read_to_its_end(file: Path) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as stream:
            stream.write(file.read_bytes())

    thread = threading.Thread(target=write)
    thread.start()
    with os.fdopen(reading, "rb") as stream:
        decoded = decode_image(stream)
    thread.join()
    assert np.array_equal(np.asarray(decoded.encode(decoded.pixels)), pixels(file))


class Endless:
    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int) -> bytes:
        self.given += size
        return bytes(size)


def test_what_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    endless = Endless()
    with pytest.raises(ImageError, match="image: does not end within 4000000 bytes"):
        decode_image(endless)
    assert endless.given < 6_000_000


def closed() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "image: is empty"),
        (io.BytesIO(), "image: is empty"),
        (b"no image", "image: not an image that can be read here"),
        (io.StringIO("text"), "image: is opened as text; open it for bytes"),
        (closed(), "image: cannot be read .I/O operation on closed file"),
    ],
)
def test_what_is_no_image_is_one_error(content: Any, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        decode_image(content)


def test_what_messages_call_it(file: Path) -> None:
    with file.open("rb") as opened:
        assert name_of(opened) == file
    assert name_of(b"") == Path("image")
    assert not is_content("photo.png")
    assert not is_content(np.zeros((2, 2)))
    with pytest.raises(ConfigError, match="path is 3"):
        ImagePages(3)  # type: ignore[arg-type]
