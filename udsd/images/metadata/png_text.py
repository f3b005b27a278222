"""The texts of a PNG: what is hidden in them, and which of them Pillow can read in the result.

A text is carried over as it came, with its language, and compressed if it was. Pillow refuses a PNG in which a
compressed text has more than a megabyte; such a text is written without compression.
"""

from __future__ import annotations

import logging
import zlib

logger = logging.getLogger(__name__)

XMP_KEYWORD = b"XML:com.adobe.xmp"
_PROFILE_KEYWORD = b"Raw profile type "
_PILLOWS_MOST = 2**20
"""Bytes to which Pillow expands a text."""
_MOST_BYTES = 2**23
"""Of a text; those of workflows have some hundred KB."""
_MOST_TOGETHER = 2**25
"""Bytes that all texts of an image may be expanded to."""


class Texts:
    """The texts of one image.

    Args:
        name: What logged warnings call the image.

    Attributes:
        chunks: Texts that go on.
        profiles: What ImageMagick and exiftool put into texts: EXIF, IPTC, XMP and colour profiles, by their kinds.
        xmp: XMP.
    """

    def __init__(self, name: str) -> None:
        self.chunks: list[tuple[bytes, bytes]] = []
        self.profiles: dict[str, bytes] = {}
        self.xmp: bytes | None = None
        self._name = name
        self._left = _MOST_TOGETHER

    def add(self, kind: bytes, content: bytes) -> None:
        """Take a chunk: tEXt, zTXt or iTXt."""
        head, text, is_compressed = _parts(kind, content)
        if is_compressed:
            whole = expanded(text, min(_MOST_BYTES, self._left))
            if whole is None:
                what = head.partition(b"\0")[0].decode("latin-1")
                logger.warning("%s: its text %r is damaged or too long, and is left out", self._name, what)
                return
            self._left -= len(whole)
            text = whole
        keyword = head.partition(b"\0")[0]
        if keyword == XMP_KEYWORD and kind == b"iTXt":
            self.xmp = self.xmp or text
        elif keyword.startswith(_PROFILE_KEYWORD) and kind != b"iTXt":
            self._add_profile(keyword[len(_PROFILE_KEYWORD) :].decode("latin-1"), text)
        elif is_compressed and len(text) > _PILLOWS_MOST:
            plain = head + text if kind == b"iTXt" else keyword + b"\0" + text
            self.chunks.append((b"iTXt" if kind == b"iTXt" else b"tEXt", plain))
        else:
            self.chunks.append((kind, content))

    def _add_profile(self, kind: str, text: bytes) -> None:
        lines = text.lstrip(b"\n").split(b"\n", 2)
        try:
            profile = bytes.fromhex(lines[2].decode("ascii"))
        except (ValueError, IndexError):
            logger.warning("%s: the %s profile in its text is broken and is left out", self._name, kind)
        else:
            self.profiles.setdefault(kind, profile)


def _parts(kind: bytes, content: bytes) -> tuple[bytes, bytes, bool]:
    """What stands before a text (without compression, were it written so), the text, and whether it is compressed."""
    keyword, _, rest = content.partition(b"\0")
    if kind == b"tEXt":
        return keyword + b"\0", rest, False
    if kind == b"zTXt":
        return keyword + b"\0", rest[1:], True
    language, _, more = rest[2:].partition(b"\0")
    translated, _, text = more.partition(b"\0")
    head = b"\0".join([keyword, b"\0\0" + language, translated, b""])
    return head, text, rest[:1] == b"\1"


def profile_text(kind: str, content: bytes) -> bytes:
    """The content of a zTXt chunk that holds a profile for which PNG has no chunk, as ImageMagick writes it."""
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{kind}\n{len(content):8}\n{lines}\n"
    return _PROFILE_KEYWORD + kind.encode() + b"\0\0" + zlib.compress(text.encode())


def expanded(compressed: bytes, most: int) -> bytes | None:
    """What was compressed; None if it is damaged, or more than so many bytes."""
    expander = zlib.decompressobj()
    try:
        content = expander.decompress(compressed, max(most, 1))
    except zlib.error:
        return None
    return None if expander.unconsumed_tail or not expander.eof else content
