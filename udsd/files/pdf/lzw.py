"""How long LZW data are when they are decoded, found out without decoding them."""

from __future__ import annotations

from PIL import Image

from udsd.errors import ImageError

_CLEAR, _END, _FIRST_FREE = 256, 257, 258
_LARGEST_CODE = 4095
_MOST_A_BYTE = 1400
"""Bytes that one byte may become."""
_BYTES_A_PIXEL = 8


def check_lzw(data: bytes) -> None:
    """Refuse data that become more than the largest image takes. qpdf, which decodes them, has no limit on LZW.

    Raises:
        ImageError: They are too long.
    """
    most = Image.MAX_IMAGE_PIXELS
    if most is None or len(data) * _MOST_A_BYTE <= _BYTES_A_PIXEL * most:
        return
    if _decoded_length(data, _BYTES_A_PIXEL * most) > _BYTES_A_PIXEL * most:
        raise ImageError("its LZW data become more than the largest image takes")


def _decoded_length(data: bytes, most: int) -> int:
    """Bytes that LZW data become, counted to a little more than ``most``."""
    total = 0
    lengths: list[int] = []
    width, previous = 9, 0
    held, held_bits = 0, 0
    for byte in data:
        held, held_bits = (held << 8) | byte, held_bits + 8
        if held_bits < width:
            continue
        held_bits -= width
        code, held = held >> held_bits, held & ((1 << held_bits) - 1)
        if code == _CLEAR:
            lengths, width, previous = [], 9, 0
            continue
        if code == _END:
            break
        if code < _CLEAR:
            length = 1
        elif code - _FIRST_FREE < len(lengths):
            length = lengths[code - _FIRST_FREE]
        else:
            length = previous + 1
        if previous and _FIRST_FREE + len(lengths) <= _LARGEST_CODE:
            lengths.append(previous + 1)
            # A code earlier than the table is full, as nearly all encoders have it; one width too many or too few
            # changes this count little.
            width = min(12, max(9, (_FIRST_FREE + len(lengths) + 1).bit_length()))
        total += length
        previous = length
        if total > most:
            break
    return total
