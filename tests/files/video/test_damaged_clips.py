"""Clips that are damaged, empty or strange: one typed error, or the sound frames and a word."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.files.video.making import STEP, TIME_BASE, Darker, make, picture, read
from udsd import ImageError
from udsd.domains import Restoration
from udsd.errors import MemoryLimitError
from udsd.files import deblur_video, restore_files
from udsd.files.report import FileResult


def told(result: FileResult) -> list[str]:
    return [note for page in result.pages for note in page.notes]


def fails(path: Path) -> str:
    restorer = Darker()
    with pytest.raises(ImageError) as caught:
        deblur_video(restorer, path, path.parent / "out" / "b.mp4")
    assert not restorer.seen
    assert str(path) in str(caught.value)
    assert str(caught.value).count(str(path)) == 1
    assert not (path.parent / "out" / "b.mp4").exists()
    return str(caught.value)


def test_what_is_no_clip(tmp_path: Path) -> None:
    assert "no such file" in fails(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("a text\n" * 100)
    assert "no clip" in fails(tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").write_bytes(b"")
    assert "no clip" in fails(tmp_path / "empty.mp4")
    (tmp_path / "folder.mp4").mkdir()
    assert "a folder" in fails(tmp_path / "folder.mp4")


def test_a_list_of_pieces_opens_no_other_file(tmp_path: Path) -> None:
    make(tmp_path / "other.mp4", 5)
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
    assert "no clip" in fails(tmp_path / "list.mp4")


def test_sound_alone_has_no_frames(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 10, sound=True)
    with av.open(str(path)) as whole, av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream_from_template(whole.streams.audio[0])
        for packet in whole.demux(whole.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    assert "has no frames, but sound" in fails(tmp_path / "sound.mkv")


def test_a_clip_of_no_frames(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 5)
    with av.open(str(path)) as whole, av.open(str(tmp_path / "none.mkv"), "w") as container:
        container.add_stream_from_template(whole.streams.video[0])
        container.start_encoding()
    assert re.search("has no frames|no clip", fails(tmp_path / "none.mkv"))


def test_a_clip_without_its_end_is_restored_as_far_as_it_goes(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 40, options={"crf": "4", "g": "5"}, sound=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = len(read(path).frames)
    assert 5 < frames < 35
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    assert result.status == "restored"
    assert len(read(result.target).frames) == frames


def test_an_mp4_without_its_end_tells_how_much_is_missing(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", 40, options={"crf": "4", "g": "5"})
    path = deblur_video(Darker(), whole, tmp_path / "a.mp4").target  # with its table in front
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    kept = len(read(result.target).frames)
    assert 5 < kept < 40
    assert any(f"{40 - kept} frames are missing" in note for note in told(result))
    (tmp_path / "head.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])  # its table is at its end
    assert "cut off" in fails(tmp_path / "head.mp4")


def test_an_avi_without_its_end_tells_how_much_is_missing(tmp_path: Path) -> None:
    path = make(
        tmp_path / "a.avi",
        200,
        codec="mjpeg",
        pixel_format="yuvj420p",
        times=range(200),
        options={},
        time_base=Fraction(1, 15),
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    missing = 200 - len(read(result.target).frames)
    assert missing > 50
    assert f"{missing} frames are missing behind this one: the file is cut off" in told(result)


def test_frames_that_an_avi_skips_are_not_missing(tmp_path: Path) -> None:
    path = make(tmp_path / "a.avi", 4, codec="mjpeg", pixel_format="yuvj420p", options={})  # shows each for 40 ticks
    assert deblur_video(Darker(), path, tmp_path / "b.mp4").pages == ()


@pytest.mark.parametrize("end", ["start", "end"])
def test_frames_that_are_trimmed_off_are_not_missing(end: str, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 30, options={"crf": "4", "g": "30"})
    if end == "start":
        path = without_start(path, tmp_path / "b.mp4", 10 * STEP * TIME_BASE)
    else:
        content = bytearray(path.read_bytes())
        place = content.index(b"elst") + 12  # how long what is shown lasts, in ms
        content[place : place + 4] = (20 * STEP * 1000 // 600).to_bytes(4, "big")
        path.write_bytes(content)
    assert len(read(path).frames) == 20
    result = deblur_video(Darker(), path, tmp_path / "c.mp4")
    assert result.pages == ()
    assert len(read(result.target).frames) == 20


def test_a_trimmed_clip_without_its_end_tells_how_much_is_missing(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mp4", 40, options={"crf": "4", "g": "5"})
    path = without_start(whole, tmp_path / "a.mp4", 10 * STEP * TIME_BASE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    kept = len(read(result.target).frames)
    assert 5 < kept < 30
    assert any(f"{30 - kept} frames are missing" in note for note in told(result))


def without_start(path: Path, target: Path, seconds: Fraction) -> Path:
    """Copy a clip so that its first frames are decoded and not shown, as trimming without coding does."""
    options = {"movflags": "+faststart"}
    with av.open(str(path)) as whole, av.open(str(target), "w", options=options) as container:
        stream = container.add_stream_from_template(whole.streams.video[0], opaque=True)
        for packet in whole.demux(whole.streams.video[0]):
            if packet.size:
                packet.stream = stream
                packet.pts -= int(seconds / packet.time_base)
                packet.dts -= int(seconds / packet.time_base)
                container.mux(packet)
    return target


def test_damaged_frames_in_the_middle_are_told(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 30, codec="ffv1", pixel_format="yuv420p", options={"level": "3", "slicecrc": "1"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(content)
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    assert len(read(result.target).frames) >= 20
    assert result.status == "restored"


def test_frames_of_changing_size_are_brought_to_the_first_ones(tmp_path: Path) -> None:
    parts = [make(tmp_path / f"{side}.ts", 6, size=(side, side)) for side in (64, 96)]
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    result = deblur_video(Darker(), tmp_path / "a.ts", tmp_path / "b.mp4")
    frames = read(result.target).frames
    assert {frame.shape for frame in frames} == {(64, 64, 3)}
    assert len(frames) >= 11
    assert any("96 x 96 pixels where the first frame has 64 x 64" in note for note in told(result))


def test_a_codec_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 5)
    content = path.read_bytes()
    assert content.count(b"V_MPEG4/ISO/AVC") == 1
    path.write_bytes(content.replace(b"V_MPEG4/ISO/AVC", b"V_UNKNOWN/CODEC"))
    assert "cannot be decoded" in fails(path)


def test_nothing_but_damage(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 5)
    content = path.read_bytes()
    start = content.index(b"\x1f\x43\xb6\x75") + 40  # the first cluster
    path.write_bytes(content[:start] + b"\xff" * (len(content) - start))
    with pytest.raises(ImageError, match=r"no frames|none of its frames can be decoded"):
        deblur_video(Darker(), path, tmp_path / "b.mp4")


def test_frames_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "a.mp4", 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "--max-pixels" in fails(path)


def test_a_frame_that_cannot_be_restored_stays(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 8, codec="ffv1", pixel_format="yuv444p", options={})
    failing = Darker()
    restore = failing.restore_decoded

    def restore_most(images: Any, options: Any = None, on_progress: Any = None) -> Any:
        result = restore(images, options)
        if len(failing.seen) in (3, 8):
            raise MemoryLimitError("needs more memory")
        return result

    failing.restore_decoded = restore_most  # type: ignore[method-assign]
    result = deblur_video(failing, path, tmp_path / "b.mkv", steady=False)
    assert told(result) == ["needs more memory"]
    changes = [
        round(one.mean() - other.mean())
        for one, other in zip(read(path).frames, read(result.target).frames, strict=True)
    ]
    assert [change > 20 for change in changes] == [True, True, False, True, True, True, True, False]


def test_no_frame_that_can_be_restored(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 4)
    failing = Darker()

    def fail(images: Any, options: Any = None, on_progress: Any = None) -> Any:
        raise ImageError("of no kind")

    failing.restore_decoded = fail  # type: ignore[method-assign]
    with pytest.raises(ImageError, match=r"none of its frames can be restored \(frame 1: of no kind\)"):
        deblur_video(failing, path, tmp_path / "b.mp4")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_sharp_clips_are_left_out(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 4)
    sharp = Darker()
    sharp.restore_decoded = lambda images, options=None, on_progress=None: [  # type: ignore[method-assign]
        Restoration(image.pixels, notes=("sharp",), outcome="sharp") for image in images
    ]
    result = deblur_video(sharp, path, tmp_path / "b.mp4")
    assert (result.status, result.reason) == ("sharp", f"{path}: all of its frames are sharp already")
    assert not result.target.exists()


def test_one_bad_clip_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"bad")
    make(tmp_path / "in" / "b.mp4", 3)
    Image.fromarray(picture(0)).save(tmp_path / "in" / "c.png")
    report = restore_files(Darker(), [tmp_path / "in"], tmp_path / "out")
    assert sorted(path.name for path in report.restored) == ["b.mp4", "c.png"]
    assert [path.name for path in report.failed] == ["a.mp4"]


def test_times_that_fall_are_put_in_order(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 6, codec="mjpeg", pixel_format="yuvj420p", options={})
    with av.open(str(path)) as whole, av.open(str(tmp_path / "b.avi"), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(whole.demux(whole.streams.video[0])):
            if packet.size:
                packet.stream, packet.pts, packet.dts = stream, number // 2, number // 2
                packet.time_base = TIME_BASE
                with suppress(av.error.FFmpegError):
                    container.mux(packet)
    result = deblur_video(Darker(), tmp_path / "b.avi", tmp_path / "c.mp4")
    seconds = read(result.target).seconds
    assert seconds == sorted({*seconds})
