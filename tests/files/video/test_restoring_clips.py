"""Clips in, clips out: what is restored, and what stays as it was."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.commands import run
from tests.files.video.making import STEP, Darker, Pixels, make, read
from udsd import ConfigError, ImageError
from udsd.domains import Region, Restoration
from udsd.files import compare_file, deblur_video, restore_files, write_face_crops
from udsd.files.report import FileResult, PageReport
from udsd.images.mark import is_marked

IRREGULAR = [0, 40, 60, 180, 200, 440, 441, 500, 700, 1300]


def levels_changed(before: Path, after: Path) -> float:
    """By how many levels all frames became darker; each by about as many."""
    changes = [
        float(one.astype(float).mean() - other.astype(float).mean())
        for one, other in zip(read(before).frames, read(after).frames, strict=True)
    ]
    assert np.ptp(changes) < 4  # at the ends neighbours lie on one side alone
    return float(np.mean(changes))


def test_a_clip_is_restored_and_all_else_kept(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 20, sound=True)
    shares: list[float] = []
    restorer = Darker()
    result = deblur_video(lambda: restorer, path, tmp_path / "out" / "b.mp4", on_progress=shares.append)
    assert (result.status, result.pages) == ("restored", ())
    before, after = read(path), read(result.target)
    assert levels_changed(path, result.target) == pytest.approx(25.5, abs=1.5)
    assert after.seconds == before.seconds
    assert (after.codec, after.pixel_format, after.language) == ("h264", "yuv420p", "fra")
    assert after.metadata["title"] == "a clip"
    assert after.others == before.others
    assert len(after.others["1 audio"]) > 20
    assert restorer.seen == pytest.approx([frame.mean() / 127.5 - 1 for frame in before.frames], abs=0.002)
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["b.mp4"]
    assert is_marked(result.target)


def test_frames_of_any_times_keep_them(tmp_path: Path) -> None:
    for ending in ("mp4", "mkv", "mov"):
        path = make(tmp_path / f"a.{ending}", 10, times=IRREGULAR)
        result = deblur_video(Darker(), path, tmp_path / f"b.{ending}")
        assert read(result.target).seconds == read(path).seconds


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9"])
def test_frames_that_are_shown_for_an_hour(codec: str, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", times=[0, 3600 * 600, 7200 * 600])
    result = deblur_video(Darker(), path, tmp_path / "b.mp4", codec=codec)
    assert read(result.target).seconds == [0, 3600, 7200]


def test_times_that_do_not_begin_at_zero(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", times=[600 + STEP * number for number in range(10)], sound=True)
    result = deblur_video(Darker(), path, tmp_path / "b.mkv")
    assert read(result.target).seconds == read(path).seconds
    assert read(path).seconds[0] == pytest.approx(1.0)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turned_clips_are_restored_upright_and_stay_turned(rotation: int, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 4, rotation=rotation)
    restorer = Darker()
    result = deblur_video(restorer, path, tmp_path / "b.mp4")
    assert abs(read(result.target).rotation) == abs(read(path).rotation) == abs(rotation)
    assert read(result.target).rotation == read(path).rotation
    assert {*restorer.shapes} == {(64, 96) if rotation == 180 else (96, 64)}
    assert levels_changed(path, result.target) == pytest.approx(25.5, abs=1.5)


@pytest.mark.parametrize(
    ("ending", "codec", "pixel_format", "expected"),
    [
        ("mkv", "libx264", "yuv444p", ("h264", "yuv444p")),
        ("mp4", "libx264", "yuv420p10le", ("h264", "yuv420p10le")),
        ("mp4", "mpeg4", "yuv420p", ("h264", "yuv420p")),
        ("mkv", "ffv1", "bgr0", ("ffv1", "bgr0")),
        ("mkv", "ffv1", "gray", ("ffv1", "gray")),
        ("mkv", "mjpeg", "yuvj422p", ("h264", "yuvj422p")),
    ],
)
def test_codecs_and_samples_are_those_of_the_clip_where_these_are_written(
    ending: str, codec: str, pixel_format: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    options = {"crf": "4"} if codec == "libx264" else {}
    path = make(tmp_path / f"a.{ending}", 4, codec=codec, pixel_format=pixel_format, options=options)
    result = deblur_video(Darker(), path, tmp_path / f"b.{ending}")
    content = read(result.target)
    assert (content.codec, content.pixel_format) == expected
    assert levels_changed(path, result.target) == pytest.approx(25.5, abs=2)


def unchanging() -> Darker:
    restorer = Darker()
    restorer.restore_decoded = lambda images, options=None, on_progress=None: [  # type: ignore[method-assign]
        Restoration(image.pixels) for image in images
    ]
    return restorer


def of_one_colour(number: int, size: tuple[int, int]) -> Pixels:
    return np.full((size[1], size[0], 3), (200, 100, 30), np.uint8)


@pytest.mark.parametrize(
    ("source", "codec", "pixel_format", "target", "expected", "most"),
    [
        ("mov", "png", "rgb24", "mp4", ("h264", "yuv420p"), 2),
        ("mkv", "libx264rgb", "rgb24", "mkv", ("h264", "yuv420p"), 2),
        ("mkv", "ffv1", "bgr0", "mp4", ("h264", "yuv420p"), 2),
        ("mov", "png", "rgb24", "mkv", ("ffv1", "bgr0"), 0),
        ("mov", "qtrle", "rgb24", "mkv", ("ffv1", "bgr0"), 0),
        ("mov", "png", "rgb48be", "mkv", ("ffv1", "gbrp16le"), 0),
        ("mkv", "ffv1", "gbrp10le", "mkv", ("ffv1", "gbrp10le"), 0),
    ],
)
def test_colours_of_rgb_are_kept(
    source: str, codec: str, pixel_format: str, target: str, expected: tuple[str, str], most: int, tmp_path: Path
) -> None:
    options = {"crf": "4"} if codec == "libx264rgb" else {}
    path = make(
        tmp_path / f"a.{source}", 3, codec=codec, pixel_format=pixel_format, draw=of_one_colour, options=options
    )
    content = read(deblur_video(unchanging(), path, tmp_path / f"b.{target}", steady=False).target)
    assert (content.codec, content.pixel_format) == expected
    assert np.abs(content.frames[1].astype(int) - (200, 100, 30)).max() <= most
    if expected[1] == "yuv420p":  # limited, by BT.601: what players take for small clips alone if it is not told
        assert (content.colors[0], content.colors[3]) == (1, 5)


def test_grey_of_full_range_is_not_told_to_be_rgb(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mov", 3, codec="png", pixel_format="gray", options={})
    content = read(deblur_video(unchanging(), path, tmp_path / "b.mp4", steady=False).target)
    assert (content.colors[0], content.colors[3]) == (2, 5)
    assert np.abs(content.frames[0].astype(int) - read(path).frames[0]).max() <= 8


def test_what_is_not_changed_comes_back(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 4, codec="ffv1", pixel_format="yuv444p", options={})
    result = deblur_video(unchanging(), path, tmp_path / "b.mkv", steady=False)
    for one, other in zip(read(path).frames, read(result.target).frames, strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 3  # levels of YUV are coarser than of RGB


def test_colours_are_told_as_they_were(tmp_path: Path) -> None:
    color = {"color_range": 1, "color_primaries": 1, "color_trc": 1, "colorspace": 1}
    path = make(tmp_path / "a.mp4", 4, color=color)
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    assert read(result.target).colors == read(path).colors == (1, 1, 1, 1)


@pytest.mark.parametrize("codec", ["hevc", "av1", "vp9", "h264"])
def test_a_codec_can_be_named(codec: str, tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 5)
    result = deblur_video(Darker(), path, tmp_path / "b.mkv", codec=codec, quality=70)
    assert read(result.target).codec == codec
    assert levels_changed(path, result.target) == pytest.approx(25.5, abs=2)
    assert read(result.target).seconds == pytest.approx(read(path).seconds, abs=0.001)


def test_less_quality_takes_fewer_bytes(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 20)
    sizes = [
        deblur_video(Darker(), path, tmp_path / f"{quality}.mp4", quality=quality).target.stat().st_size
        for quality in (20, 60, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[2] > 1.5 * sizes[0]


def test_odd_sides(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 4, size=(45, 37), codec="ffv1", pixel_format="yuv420p", options={})
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    assert read(result.target).frames[0].shape == (37, 45, 3)


def test_what_a_file_does_not_take_is_told(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 4, sound=True)
    result = deblur_video(Darker(), path, tmp_path / "b.webm")
    assert told(result) == ["stream 1, audio (aac), is left out: a webm file does not take it"]
    with pytest.raises(ConfigError, match=r"take vp9, av1, not h264"):
        deblur_video(Darker(), path, tmp_path / "c.webm", codec="h264")
    with pytest.raises(ImageError, match="read and not written"):
        deblur_video(Darker(), path, tmp_path / "c.avi")
    with pytest.raises(ConfigError, match="the codec is 'theora'"):
        deblur_video(Darker(), path, tmp_path / "c.mp4", codec="theora")
    with pytest.raises(ConfigError, match="steady"):
        deblur_video(Darker(), path, tmp_path / "c.mp4", steady="yes")  # type: ignore[arg-type]


@pytest.mark.parametrize(("source", "target"), [("avi", "mp4"), ("mkv", "mp4"), ("mkv", "mov"), ("avi", "mkv")])
def test_sound_without_an_order_of_channels_is_kept(source: str, target: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"a.{source}", 20, codec="mjpeg", pixel_format="yuvj420p", options={}, sound="pcm_s16le")
    result = deblur_video(Darker(), path, tmp_path / f"b.{target}")
    assert result.pages == ()
    assert b"".join(read(result.target).others["1 audio"]) == b"".join(read(path).others["1 audio"])


def test_sound_that_the_header_refuses_is_told(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 20, sound="libopus")
    result = deblur_video(Darker(), path, tmp_path / "b.mov")
    assert told(result) == ["stream 1, audio (opus), is left out: a mov file does not take it"]
    assert len(read(result.target).frames) == 20


def with_covers(path: Path, target: Path) -> Path:
    """Copy a clip, and add two covers and a font."""
    with av.open(str(path)) as whole, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0], opaque=True)
        container.add_attachment("front.jpg", "image/jpeg", encoded("JPEG"))
        container.add_attachment("back.png", "image/png", encoded("PNG"))
        container.add_attachment("letters.ttf", "application/x-truetype-font", b"letters")
        for packet in whole.demux(whole.streams.video[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    return target


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (9, 200, 9)).save(file, kind)
    return file.getvalue()


def covers_of(path: Path) -> list[tuple[bytes, str]]:
    """Pictures, and the names of their files."""
    with av.open(str(path)) as container:
        streams = container.streams.video[1:]
        assert all(stream.disposition == stream.disposition.attached_pic for stream in streams)
        pictures = [packet for packet in container.demux(streams) if packet.size] if streams else []
        return [(bytes(packet), packet.stream.metadata.get("filename", "")) for packet in pictures]


def test_covers_are_copied(tmp_path: Path) -> None:
    path = with_covers(make(tmp_path / "a.mkv", 4), tmp_path / "b.mkv")
    both = [(encoded("JPEG"), "front.jpg"), (encoded("PNG"), "back.png")]
    assert covers_of(path) == both
    result = deblur_video(Darker(), path, tmp_path / "c.mkv")
    assert result.pages == ()
    assert covers_of(result.target) == both
    with av.open(str(result.target)) as container:
        assert [stream.data for stream in container.streams.attachments] == [b"letters"]

    as_mp4 = deblur_video(Darker(), path, tmp_path / "d.mp4")
    assert told(as_mp4) == ["stream 3, attachment, is left out: a mp4 file does not take it"]
    assert covers_of(as_mp4.target) == [(picture, "") for picture, _ in both]
    assert len(read(as_mp4.target).frames) == 4
    again = deblur_video(Darker(), as_mp4.target, tmp_path / "e.mp4")
    assert again.pages == ()
    assert covers_of(again.target) == covers_of(as_mp4.target)
    back = deblur_video(Darker(), as_mp4.target, tmp_path / "f.mkv")
    assert back.pages == ()
    assert covers_of(back.target) == [(both[0][0], "cover.jpg"), (both[1][0], "cover.png")]


@pytest.mark.parametrize("ending", ["mov", "webm"])
def test_covers_that_a_file_does_not_take_are_told(ending: str, tmp_path: Path) -> None:
    path = with_covers(make(tmp_path / "a.mkv", 4), tmp_path / "b.mkv")
    result = deblur_video(Darker(), path, tmp_path / f"c.{ending}")
    assert told(result) == [
        f"stream {number}, {what}, is left out: a {ending} file does not take it"
        for number, what in enumerate(("video (mjpeg)", "video (png)", "attachment"), 1)
    ]
    assert covers_of(result.target) == []


def told(result: FileResult) -> list[str]:
    return [note for page in result.pages for note in page.notes]


def test_the_command_and_folders(model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    path = make(tmp_path / "in" / "a.mp4", 3)
    assert run("deblur", tmp_path / "in", "-o", tmp_path / "out", "--model", model_folder, "--codec", "hevc") == 0
    assert "1 restored" in capsys.readouterr().out
    assert read(tmp_path / "out" / "a.mp4").codec == "hevc"
    assert run("deblur", path, "--model", model_folder, "--frame-by-frame") == 0
    assert is_marked(tmp_path / "in" / "a_restored.mp4")


def test_results_among_inputs_are_told_by_their_mark(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mkv"):
        make(tmp_path / name, 3)
        report = restore_files(Darker(), [tmp_path], tmp_path, suffix="_sharp")
        assert len(report.restored) == 1
        (tmp_path / name).unlink()
    assert len(read(tmp_path / "b_sharp.mkv").frames) == 3


def test_pictures_of_before_and_after_show_the_first_frame(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 3)
    assert compare_file(Darker(), path, tmp_path / "a.png").status == "restored"
    with pytest.raises(ImageError, match="is no clip"):
        compare_file(Darker(), path, tmp_path / "b.mp4")


def test_clips_are_made_of_clips_alone(pages: Path, tmp_path: Path) -> None:
    (result,) = restore_files(Darker(), [pages / "0.png"], tmp_path / "b.mp4").results
    assert result.status == "failed"
    assert "clips are made of clips alone" in result.reason


def test_frames_are_smoothed_along_the_motion(tmp_path: Path) -> None:
    """A restorer that flickers: every other frame is brighter."""
    path = make(tmp_path / "a.mkv", 12, codec="ffv1", pixel_format="yuv444p", options={})
    means = {}
    for steady in (False, True):
        flickering = Darker()
        restore = flickering.restore_decoded
        flickering.restore_decoded = lambda images, options=None, on_progress=None, f=flickering, r=restore: (  # type: ignore[method-assign]
            _brighter(r(images, options), 0.05 * (len(f.seen) % 2))
        )
        result = deblur_video(flickering, path, tmp_path / f"{steady}.mkv", steady=steady)
        means[steady] = np.diff([frame.mean() for frame in read(result.target).frames])
    assert np.abs(means[True]).mean() < 0.5 * np.abs(means[False]).mean()


def _brighter(restorations: Any, amount: float) -> Any:
    for restoration in restorations:
        restoration.pixels.add_(amount)
    return restorations


def test_face_crops_are_those_of_the_first_frame(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 3)
    result = deblur_video(Darker(), path, tmp_path / "b.mp4")
    face = Region((20, 10, 30, 30), size=52, score=0.9)
    written = write_face_crops(replace(result, pages=(PageReport(1, (face,), ()),)), tmp_path / "faces")
    assert [picture.name for picture in written] == ["b.mp4-face1-before.png", "b.mp4-face1-after.png"]


def test_single_frames(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", 1)
    (result,) = restore_files(Darker(), [path], tmp_path / "out").results
    assert result.status == "restored"
    assert len(read(result.target).frames) == 1
