"""What clips are coded by, and which files take it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from udsd.errors import ConfigError, ImageError
from udsd.files.video.frames import FrameForm
from udsd.files.video.opening import load_av

DEFAULT_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Codec:
    """A way to code frames.

    Attributes:
        name: FFmpeg's name of it.
        encoder: FFmpeg's name of what writes it.
        worst: Constant rate factor of quality 0, or None where nothing is lost.
        slope: By how much the factor falls with each point of quality.
        options: Others of the encoder.
        even: Whether both sides of frames with less colour than grey must be even.
    """

    name: str
    encoder: str
    worst: float | None
    slope: float = 0.0
    options: tuple[tuple[str, str], ...] = ()
    even: bool = True

    def encoder_options(self, quality: int | None) -> dict[str, str]:
        """Options of the encoder for a quality from 1 to 100, or for the usual one, at which no loss is seen."""
        found = dict(self.options)
        if self.worst is not None:
            found["crf"] = f"{self.worst - self.slope * (DEFAULT_QUALITY if quality is None else quality):.0f}"
        return found


CODECS = {
    codec.name: codec
    for codec in (
        Codec("h264", "libx264", 51, 0.37, (("preset", "medium"),)),
        Codec("hevc", "libx265", 51, 0.35, (("preset", "medium"), ("x265-params", "log-level=none"))),
        Codec("av1", "libsvtav1", 63, 0.42, (("preset", "8"),)),
        Codec("vp9", "libvpx-vp9", 63, 0.42, (("b", "0"), ("deadline", "good"), ("cpu-used", "4")), even=False),
        Codec("ffv1", "ffv1", None, options=(("level", "3"),), even=False),
    )
}
"""By their names. The factors of quality 90 are 18 (h264), 20 (hevc) and 25: at which the networks' results lose less
than 0.1 dB."""

_TAKEN = {
    ".mp4": ("h264", "hevc", "av1", "vp9"),
    ".m4v": ("h264", "hevc", "av1"),
    ".mov": ("h264", "hevc"),
    ".mkv": ("h264", "hevc", "av1", "vp9", "ffv1"),
    ".webm": ("vp9", "av1"),
}
"""What each kind of file that is written takes, the usual one first."""

_ALSO_READ = (".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".3gp", ".flv", ".wmv", ".ogv")

VIDEO_SUFFIXES = frozenset((*_TAKEN, *_ALSO_READ))
"""File name endings of clips that are read, in lower case."""

_LOSSLESS = frozenset({"ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo", "png", "qtrle", "magicyuv"})
_SUCCESSORS = {"vp8": "vp9"}

_PLAYED_EVERYWHERE = "yuv420p"


def check_container(target: Path) -> None:
    """Make sure that clips of this name are written.

    Raises:
        ImageError: They are only read.
    """
    if target.suffix.lower() not in _TAKEN:
        raise ImageError(
            f"{target}: clips of this ending are read and not written; give another (--format mp4), of {_listed()}"
        )


def choose_codec(target: Path, wanted: str | None, source: str) -> Codec:
    """What a clip is coded by: what is wanted, or that of the source where the file takes it.

    Args:
        target: The file.
        wanted: One of `udsd.files.options.CODECS`, or None for that of the source.
        source: Name of the source's codec.

    Raises:
        ConfigError: The file does not take what is wanted.
    """
    taken = _TAKEN[target.suffix.lower()]
    if wanted is not None and wanted not in taken:
        raise ConfigError(f"{target}: files of this ending take {', '.join(taken)}, not {wanted}; give one of these")
    if wanted is not None:
        return CODECS[wanted]
    own = "ffv1" if source in _LOSSLESS else _SUCCESSORS.get(source, source)
    return CODECS[own if own in taken else taken[0]]


def choose_pixel_format(codec: Codec, form: FrameForm) -> str:
    """How samples lie in the result: as in the source where the codec takes that, else as players everywhere take it.

    RGB and grey become YUV 4:2:0, but for codecs that lose nothing; frames of odd sides keep all of their colour.
    """
    offered = [each.name for each in load_av().Codec(codec.encoder, "w").video_formats or ()]
    odd = codec.even and any(side % 2 for side in form.size)
    wanted = [form.pixel_format, form.pixel_format.replace("yuvj", "yuv").replace("yuva", "yuv")]
    if codec.worst is not None:
        wanted = [name for name in wanted if name.startswith("yuv")]
    elif form.is_rgb:
        wanted.append("bgr0" if form.depth <= 8 else "gbrp10le" if form.depth <= 10 else "gbrp16le")
    deep = [_PLAYED_EVERYWHERE + "10le"] if form.depth > 8 else []
    wanted += [*deep, _PLAYED_EVERYWHERE]
    if odd:
        wanted = [name.replace("420", "444").replace("422", "444") for name in wanted]
    return next((name for name in wanted if name in offered), offered[0] if offered else _PLAYED_EVERYWHERE)


def _listed() -> str:
    return ", ".join(_TAKEN)
