"""Photoshop's image resources, in which JPEG and TIFF have IPTC."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping

SEGMENT = b"Photoshop 3.0\0"
_MOST_PART = 65533 - len(SEGMENT)

_SIGNATURES = (b"8BIM", b"PHUT", b"AgHg", b"DCSR", b"MeSa")
_IPTC = 1028
_IPTC_MARK = 0x1C
_STALE = (1033, 1036, 1039, 1058, 1059, 1060)
"""Thumbnails, which would go on showing the blurred image; profile, EXIF and XMP, which stand elsewhere."""
_OF_LAYERS = range(1024, 1027)
_OF_PLACES = (1032, 1050, *range(2000, 3000))
"""Guides, slices and paths."""


def still_true(resources: bytes, *, is_turned: bool) -> bytes:
    """The resources of a restored image, without thumbnails and, where it was turned, without places in it."""
    unwanted = {*_STALE, *_OF_LAYERS, *(_OF_PLACES if is_turned else ())}
    return b"".join(whole for number, _, whole in _each(resources) if number not in unwanted)


def with_iptc(resources: bytes, iptc: bytes) -> bytes:
    """The resources with these records in place of those that there are."""
    others = b"".join(whole for number, _, whole in _each(resources) if number != _IPTC)
    return others + _one(_IPTC, iptc)


def _one(number: int, content: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)


def iptc_of(resources: bytes) -> bytes | None:
    """The records of IPTC, None where there are none."""
    return next((content for number, content, _ in _each(resources) if number == _IPTC and content), None)


def from_profile(profile: bytes) -> bytes:
    """The resources of what a PNG or TIFF gives as IPTC: the records alone, or resources that hold them."""
    if profile[:4] in _SIGNATURES:
        return profile
    # Some TIFFs have them as numbers of four bytes in the file's byte order.
    if profile[3:4] == bytes([_IPTC_MARK]) and profile[0] != _IPTC_MARK:
        profile = profile[: len(profile) // 4 * 4]
        profile = struct.pack(f">{len(profile) // 4}I", *struct.unpack(f"<{len(profile) // 4}I", profile))
    return with_iptc(b"", profile) if profile[:1] == bytes([_IPTC_MARK]) else b""


def from_numbers(resources: Mapping[int, object]) -> bytes:
    """The resources as Pillow gives them, by their numbers; those that it has understood are left out."""
    return b"".join(
        _one(number, content) for number, content in resources.items() if isinstance(content, bytes) and number < 2**16
    )


def from_segments(segments: Iterable[bytes]) -> bytes:
    """The resources of a JPEG's segments."""
    return b"".join(segment[len(SEGMENT) :] for segment in segments if segment.startswith(SEGMENT))


def segments(resources: bytes) -> list[bytes]:
    """The resources as segments of a JPEG."""
    return [SEGMENT + resources[at : at + _MOST_PART] for at in range(0, len(resources), _MOST_PART)]


def _each(resources: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, content and all of each resource, up to one that is broken."""
    at = 0
    while resources[at : at + 4] in _SIGNATURES and at + 12 <= len(resources):
        (number,) = struct.unpack_from(">H", resources, at + 4)
        length_at = at + 6 + (resources[at + 6] + 2) // 2 * 2
        if length_at + 4 > len(resources):
            return
        (length,) = struct.unpack_from(">I", resources, length_at)
        stop = length_at + 4 + length
        if stop > len(resources):
            return
        yield number, resources[length_at + 4 : stop], resources[at:stop].ljust(stop + length % 2 - at, b"\0")
        at = stop + length % 2
