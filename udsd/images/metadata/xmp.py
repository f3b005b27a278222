"""XMP: what of it is still true of a restored image, and the long ones that JPEG has in two parts."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable

_ORIENTATION = re.compile(rb"tiff:Orientation(?:\s{0,9}=\s{0,9}[\"']|>\s{0,9})([1-8])\b")
_ORIENTATION_SAID = re.compile(
    rb"\s{0,99}tiff:Orientation\s{0,9}=\s{0,9}(?:\"\d{0,3}\"|'\d{0,3}')"
    rb"|\s{0,99}<tiff:Orientation>\s{0,9}\d{0,3}\s{0,9}</tiff:Orientation>"
)
_THUMBNAILS = ((b"<xmp:Thumbnails", b"</xmp:Thumbnails>"), (b"<xap:Thumbnails", b"</xap:Thumbnails>"))

SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_MOST_SEGMENT = 65533
_EXTENSION_PART = 65000
_NOTE = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
_NOTED = re.compile(rb"\s{0,99}xmpNote:HasExtendedXMP\s{0,9}=\s{0,9}[\"']([0-9A-Fa-f]{32})[\"']")
_RDF = re.compile(rb"<rdf:RDF(\s[^<>]{0,9999})?>")
_RDF_END = b"</rdf:RDF>"
_ONLY_RDF = re.compile(rb"\s*(xmlns:rdf\s*=\s*(\"[^\"]*\"|'[^']*')\s*)?")


def orientation(xmp: bytes) -> int | None:
    """1 to 8, or None where XMP does not say it."""
    said = _ORIENTATION.search(xmp)
    return int(said[1]) if said else None


def still_true(xmp: bytes) -> bytes:
    """XMP of an image that was restored and set upright: without orientation and thumbnails."""
    xmp = _ORIENTATION_SAID.sub(b"", xmp)
    for begin, end in _THUMBNAILS:
        parts, at = [], 0
        while (start := xmp.find(begin, at)) >= 0 and (stop := xmp.find(end, start)) >= 0:
            parts.append(xmp[at:start])
            at = stop + len(end)
        xmp = b"".join([*parts, xmp[at:]])
    return xmp


def from_segments(segments: Iterable[bytes]) -> tuple[bytes | None, bool]:
    """XMP of a JPEG's segments, put together if it has a second part; and whether all of it is there."""
    main: bytes | None = None
    parts: dict[bytes, dict[int, bytes]] = {}
    for segment in segments:
        if segment.startswith(SEGMENT) and main is None:
            main = segment[len(SEGMENT) :]
        elif segment.startswith(EXTENSION) and len(segment) >= len(EXTENSION) + 40:
            at = len(EXTENSION)
            (place,) = struct.unpack_from(">I", segment, at + 36)
            parts.setdefault(segment[at : at + 32].upper(), {})[place] = segment[at + 40 :]
    noted = _NOTED.search(main) if main else None
    if main is None or noted is None:
        return main, not parts
    second = parts.get(noted[1].upper(), {})
    joined = b"".join(second[place] for place in sorted(second))
    merged = (
        _merged(main, joined)
        if hashlib.md5(joined, usedforsecurity=False).hexdigest().upper().encode() == (noted[1].upper())
        else None
    )
    return (_NOTED.sub(b"", main), False) if merged is None else (merged, True)


def _merged(main: bytes, second: bytes) -> bytes | None:
    """The descriptions of both parts as one, None where that is more than putting them beside each other."""
    begin, end = _RDF.search(second), second.rfind(_RDF_END)
    place = main.rfind(_RDF_END)
    if begin is None or end < begin.end() or place < 0 or not _ONLY_RDF.fullmatch(begin[1] or b""):
        return None
    return _NOTED.sub(b"", main[:place]) + second[begin.end() : end] + main[place:]


def segments(xmp: bytes) -> list[bytes]:
    """XMP as segments of a JPEG; what is too long for one becomes an extension of a note that leads to it."""
    if len(SEGMENT) + len(xmp) <= _MOST_SEGMENT:
        return [SEGMENT + xmp]
    digest = hashlib.md5(xmp, usedforsecurity=False).hexdigest().upper().encode()
    parts = [
        EXTENSION + digest + struct.pack(">II", len(xmp), place) + xmp[place : place + _EXTENSION_PART]
        for place in range(0, len(xmp), _EXTENSION_PART)
    ]
    return [SEGMENT + _NOTE % digest, *parts]
