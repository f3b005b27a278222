"""How many bits a colour has in files of which Pillow reads 8 without a word: JPEG 2000, AVIF and HEIC."""

from __future__ import annotations

from typing import BinaryIO

_SEARCHED = 2**16
"""Bytes at the beginning in which the properties lie."""
_CODESTREAM = b"\xff\x4f\xff\x51"
_COMPONENT = 42
"""From the beginning of a JPEG 2000 codestream to the depth of its first component (ISO 15444-1, A.5.1)."""
_AV1 = b"av1C"
_HIGH, _TWELVE = 0x40, 0x20
"""Flags of AV1: more than 8 bits, 12 of them (AV1-ISOBMFF, 2.3)."""
_HEVC = b"hvcC"
_LUMA = 17
"""From HEVC's configuration to the bits of luma beyond 8 (ISO 14496-15, 8.3.3.1)."""


def stored_bits(file: BinaryIO) -> int:
    """Bits of a colour, as the first configuration in a file says; 8 where none is found. The file is left as it is."""
    position = file.tell()
    file.seek(0)
    start = file.read(_SEARCHED)
    file.seek(position)
    if (at := start.find(_CODESTREAM)) >= 0:
        return (_byte(start, at + _COMPONENT) & 0x7F) + 1
    if (at := start.find(_AV1)) >= 0:
        flags = _byte(start, at + len(_AV1) + 2)
        return 8 if not flags & _HIGH else 12 if flags & _TWELVE else 10
    if (at := start.find(_HEVC)) >= 0:
        return 8 + (_byte(start, at + len(_HEVC) + _LUMA) & 7)
    return 8


def _byte(content: bytes, at: int) -> int:
    return content[at] if at < len(content) else 0
