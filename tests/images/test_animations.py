"""Animations come back frame by frame as they were seen, however their files put the frames together."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.pictures import colourful, through, with_info
from udsd.images import DeepImage, Page, decode_image, save_pages
from udsd.images.webp import is_lossless

DURATIONS = [100, 200, 300, 400]


def frames(kind: str) -> list[Image.Image]:
    """Four frames of a square that moves: on white, on nothing, or with soft edges on nothing."""
    made = []
    for number in range(4):
        frame = Image.new("RGBA", (40, 30), "white" if kind == "opaque" else (0, 0, 0, 0))
        frame.paste((200, 30 * number, 0, 255), (number * 9, 4, number * 9 + 10, 20))
        frame.paste((0, 0, 200, 255), (0, 25, 40, 30))
        if kind == "soft":
            frame.paste((0, 100, 0, 90), (5, 8 + number, 30, 14 + number))
        made.append(frame if kind != "opaque" else frame.convert("RGB"))
    return made


def seen(path: Path) -> tuple[NDArray[np.int16], list[float]]:
    """What is seen of each frame, and for how long."""
    shown, durations = [], []
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pixels = np.asarray(image.convert("RGBA")).astype(np.int16)
            shown.append(np.where(pixels[..., 3:] == 0, 0, pixels))
            durations.append(image.info.get("duration", 0))
    return np.array(shown), durations


def saved(path: Path, kind: str, **options: Any) -> Path:
    first, *others = frames(kind)
    others = [first, *others] if options.get("default_image") else others
    shown_before = Image.new(first.mode, first.size, "yellow") if options.get("default_image") else first
    shown_before.save(path, save_all=True, append_images=others, duration=DURATIONS, loop=3, **options)
    return path


@pytest.mark.parametrize("kind", ["opaque", "transparent"])
@pytest.mark.parametrize("disposal", [0, 1, 2, 3, [2, 1, 3, 2], [1, 2, 2, 1]])
def test_a_gif_leaves_no_trails(kind: str, disposal: int | list[int], tmp_path: Path) -> None:
    source = saved(tmp_path / "a.gif", kind, disposal=disposal)
    expected, durations = seen(source)
    shown, written = seen(through(source, tmp_path / "b.gif"))
    np.testing.assert_array_equal(shown, expected)
    assert written == durations == DURATIONS


@pytest.mark.parametrize("kind", ["opaque", "transparent", "soft"])
@pytest.mark.parametrize(("disposal", "blend"), [*itertools.product((0, 1, 2), (0, 1))])
@pytest.mark.parametrize("default_image", [False, True])
def test_an_animated_png(kind: str, disposal: int, blend: int, default_image: bool, tmp_path: Path) -> None:
    source = saved(tmp_path / "a.png", kind, disposal=disposal, blend=blend, default_image=default_image)
    expected, durations = seen(source)
    assert len(expected) == 4 + default_image
    shown, written = seen(through(source, tmp_path / "b.png"))
    np.testing.assert_array_equal(shown, expected)
    assert written == durations
    with Image.open(tmp_path / "b.png") as image:
        assert image.info.get("default_image", False) == default_image
        assert image.info["loop"] == 3


@pytest.mark.parametrize("mode", ["I;16", "deep"])
def test_frames_of_sixteen_bits_are_all_there_in_eight(
    mode: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    levels = [np.full((9, 7), level * 257, np.uint16) for level in (10, 11, 200)]
    pages: list[Page] = [with_info(Image.fromarray(grey), duration=50) for grey in levels]
    if mode == "deep":
        pages = [DeepImage(np.stack([grey] * 3, axis=-1), {"duration": 50}) for grey in levels]
    save_pages(pages, tmp_path / "a.png")
    shown, durations = seen(tmp_path / "a.png")
    assert [frame[0, 0, 0] for frame in shown] == [10, 11, 200]
    assert durations == [50, 50, 50]
    assert "8 bits per channel" in caplog.text


@pytest.mark.parametrize("ending", [".gif", ".webp", ".avif"])
def test_a_default_image_is_of_png_alone(ending: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = saved(tmp_path / "a.png", "transparent", default_image=True)
    shown, durations = seen(through(source, tmp_path / f"b{ending}"))
    assert "programs that show no animation" in caplog.text
    assert durations == DURATIONS
    assert np.abs(shown[..., 3] - seen(source)[0][1:, ..., 3]).max() <= 8


@pytest.mark.parametrize(("start", "end"), [*itertools.permutations((".gif", ".png", ".webp"), 2)])
def test_transparent_frames_in_another_format(start: str, end: str, tmp_path: Path) -> None:
    options = {".gif": {"disposal": 2}, ".png": {"disposal": 1}, ".webp": {"lossless": True}}[start]
    source = saved(tmp_path / f"a{start}", "transparent", **options)
    expected, _ = seen(source)
    shown, durations = seen(through(source, tmp_path / f"b{end}"))
    np.testing.assert_array_equal(shown[..., 3], expected[..., 3])
    assert durations == DURATIONS


@pytest.mark.parametrize("kind", ["opaque", "transparent", "soft"])
def test_an_animated_webp_without_loss_stays_so(kind: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "a.webp", kind, lossless=True)
    result = through(source, tmp_path / "b.webp")
    np.testing.assert_array_equal(seen(result)[0], seen(source)[0])
    with result.open("rb") as file:
        assert is_lossless(file)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("beside", [{}, {"xmp": b"<x/>", "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}])
def test_a_webp_without_loss_stays_so(mode: str, beside: dict[str, bytes], tmp_path: Path) -> None:
    image = colourful()
    if mode == "RGBA":
        image.putalpha(colourful().convert("L").point(lambda level: max(level - 60, 0)))
    image.save(tmp_path / "a.webp", lossless=True, exact=True, **beside)
    result = through(tmp_path / "a.webp", tmp_path / "b.webp")
    with Image.open(result) as written:
        np.testing.assert_array_equal(np.asarray(written), np.asarray(image))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_webp_with_loss_stays_small(mode: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, len(mode))).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.webp", quality=80)
    assert "lossless" not in decode_image(tmp_path / "a.webp").encode(decode_image(tmp_path / "a.webp").pixels).info
    with through(tmp_path / "a.webp", tmp_path / "b.webp").open("rb") as file:
        assert not is_lossless(file)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WEBPVP8X\xff\xff\xff\xff", b"GIF89a"]
)
def test_what_is_no_whole_webp_is_not_lossless(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.webp").write_bytes(content)
    with (tmp_path / "a.webp").open("rb") as file:
        assert not is_lossless(file)
        assert file.tell() == 0
