"""Whether a WebP keeps every pixel, which Pillow does not say."""

from __future__ import annotations

from typing import BinaryIO

_MOST_CHUNKS = 64
"""Chunks before the first picture: a profile, EXIF, XMP and a few of others."""
_FRAME_HEADER_BYTES = 16


def is_lossless(file: BinaryIO) -> bool:
    """Whether the first picture of a file is a WebP without loss. The file is left where it stands.

    The container is described at https://developers.google.com/speed/webp/docs/riff_container
    """
    position = file.tell()
    try:
        file.seek(0)
        header = file.read(12)
        return header[:4] == b"RIFF" and header[8:] == b"WEBP" and _first_picture(file) == b"VP8L"
    finally:
        file.seek(position)


def _first_picture(file: BinaryIO) -> bytes:
    """The name of the first chunk of compressed pixels behind the header; of an animation, that of its first frame."""
    for _ in range(_MOST_CHUNKS):
        head = file.read(8)
        if head[:4] in (b"VP8 ", b"VP8L"):
            return head[:4]
        if len(head) < 8:
            break
        length = int.from_bytes(head[4:], "little")
        is_frame = head[:4] == b"ANMF"
        file.seek(_FRAME_HEADER_BYTES if is_frame else length + length % 2, 1)
    return b""
