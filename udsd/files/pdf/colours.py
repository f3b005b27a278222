"""The colours of an image in a PDF, by what its dictionary says of them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from udsd.errors import ImageError
from udsd.files.pdf.opening import load_pikepdf
from udsd.files.pdf.spaces import Colours, Inks, Levels, Palette

_Kind = Literal["grey", "rgb", "inks"]
_COMPONENTS: dict[_Kind, int] = {"grey": 1, "rgb": 3, "inks": 4}
_KIND_OF: dict[int, _Kind] = {1: "grey", 3: "rgb", 4: "inks"}
_DEVICE: dict[str, _Kind] = {
    "/DeviceGray": "grey",
    "/CalGray": "grey",
    "/G": "grey",
    "/DeviceRGB": "rgb",
    "/CalRGB": "rgb",
    "/RGB": "rgb",
    "/DeviceCMYK": "inks",
    "/CMYK": "inks",
}


def colours_of(space: Any, decode: Any) -> Colours:
    """The colours of an image.

    Args:
        space: Its ColorSpace.
        decode: Its Decode array, or None.

    Raises:
        ImageError: The space is not one that can be restored.
    """
    ranges = _ranges(decode)
    name = _name(space)
    if name in ("/Indexed", "/I"):
        return Palette(_palette(space), ranges)
    kind = _kind(space)
    if ranges is not None and len(ranges) != _COMPONENTS[kind]:
        raise ImageError("its Decode array does not fit its colours")
    ranges = ranges or [(0.0, 1.0)] * _COMPONENTS[kind]
    # Of a single ink more is darker.
    ranges = [(1 - low, 1 - high) for low, high in ranges] if name == "/Separation" else ranges
    if any(low == high for low, high in ranges):
        raise ImageError("its Decode array makes all colours one")
    return Inks(ranges) if kind == "inks" else Levels(ranges)


def colours_of_channels(count: int) -> Colours:
    """The colours of a JPEG 2000 that says itself what its channels are."""
    if count not in _KIND_OF:
        raise ImageError(f"it has {count} channels")
    ranges = [(0.0, 1.0)] * count
    return Inks(ranges) if count == _COMPONENTS["inks"] else Levels(ranges)


def with_palette(space: Any, palette: NDArray[np.uint8]) -> Any:
    """An Indexed space of other colours, above the same space if that holds them, else above the device's.

    Args:
        space: The Indexed space.
        palette: RGB (N, 3) or grey (N, 1).
    """
    pikepdf = load_pikepdf()
    base, kind = space[1], _kind(space[1])
    if kind == "rgb":
        palette = np.broadcast_to(palette, (len(palette), 3))
    elif palette.shape[1] == 3 or kind == "inks":
        base = pikepdf.Name.DeviceRGB if palette.shape[1] == 3 else pikepdf.Name.DeviceGray
    elif _name(base) == "/Separation":
        palette = 255 - palette
    return pikepdf.Array([pikepdf.Name.Indexed, base, len(palette) - 1, pikepdf.String(palette.tobytes())])


def _name(space: Any) -> str:
    pikepdf = load_pikepdf()
    return str(space[0]) if isinstance(space, pikepdf.Array) and len(space) else str(space)


def _kind(space: Any) -> _Kind:
    name = _name(space)
    if name in _DEVICE:
        return _DEVICE[name]
    if name == "/Separation":
        return "grey"
    if name == "/ICCBased":
        profile = space[1] if len(space) > 1 else None
        if not isinstance(profile, load_pikepdf().Stream):
            raise ImageError("the profile of its colours is missing")
        count = profile.get("/N")
        if _name(profile.get("/Alternate")) != "/Lab" and count in _KIND_OF:
            return _KIND_OF[count]
    raise ImageError(f"its colour space {name[1:]} is not restored; grey, RGB, CMYK and Indexed are")


def _ranges(decode: Any) -> list[tuple[float, float]] | None:
    if decode is None:
        return None
    numbers = [float(value) for value in decode]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _palette(space: Any) -> NDArray[np.uint8]:
    """The colours of an Indexed space as RGB (N, 3), or grey (N, 1) where all are."""
    pikepdf = load_pikepdf()
    kind = _kind(space[1])
    table = space[3]
    data = table.read_bytes() if isinstance(table, pikepdf.Stream) else bytes(table)
    count = int(space[2]) + 1
    channels = _COMPONENTS[kind]
    if not 1 <= count <= 256 or len(data) < count * channels:
        raise ImageError("its palette is cut off")
    entries = np.frombuffer(data, np.uint8, count * channels).reshape(count, channels)
    if kind == "inks":
        entries = Inks([(0.0, 1.0)] * channels).view(entries[None], 8)[0]
    if _name(space[1]) == "/Separation":
        entries = 255 - entries  # as in `colours_of`
    is_grey = entries.shape[1] == 1 or bool((entries == entries[:, :1]).all())
    return entries[:, :1] if is_grey else entries
