"""Files that say something beside their pixels, made byte by byte, sound and broken; and what they say when read."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from tests.pictures import MAKER, ORIENTATION
from udsd.images import DeepImage, save_image

Entry = tuple[int, int, int, bytes | int]
"""Number, TIFF type, number of elements, and bytes or the place of them."""
SIDEWAYS: Entry = (ORIENTATION, 3, 1, 6)
MADE: Entry = (MAKER, 2, 6, b"Leica\0")
IPTC = b"\x1c\x02\x78\x00\x06Ledger"


def sideways() -> Image.Image:
    """48x32, dark in the corner that is at the top right when it is set upright."""
    pixels = np.full((32, 48, 3), 200, np.uint8)
    pixels[:16, :24] = 0
    return Image.fromarray(pixels)


def is_upright(image: Image.Image) -> bool:
    """Whether it is `sideways`, set upright."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    return image.size == (32, 48) and pixels[4:12, -8:-4].max() < 40 and pixels[-8:-4, 4:12].min() > 160


def exif_block(entries: Sequence[Entry], *, order: str = "<", following: int = 0) -> bytes:
    """EXIF of one directory at place 8, its values behind it."""
    values, body = b"", b""
    beyond = 8 + 2 + 12 * len(entries) + 4
    for number, kind, count, value in entries:
        if isinstance(value, bytes) and len(value) > 4:
            content = struct.pack(f"{order}I", beyond + len(values))
            values += value + bytes(len(value) % 2)
        elif isinstance(value, bytes):
            content = value.ljust(4, b"\0")
        else:
            content = struct.pack(f"{order}H" if kind == 3 and count == 1 else f"{order}I", value).ljust(4, b"\0")
        body += struct.pack(f"{order}HHI", number, kind, count) + content
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    return head + body + struct.pack(f"{order}I", following) + values


def chunk(kind: bytes, content: bytes) -> bytes:
    """Of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(path: Path, *chunks: tuple[bytes, bytes], image: Image.Image | None = None) -> Path:
    """A PNG with further chunks behind its header."""
    file = io.BytesIO()
    (sideways() if image is None else image).save(file, "PNG")
    content = file.getvalue()
    path.write_bytes(content[:33] + b"".join(chunk(*one) for one in chunks) + content[33:])
    return path


def chunks_of(path: Path) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG, whose checksums must be right."""
    content, at, found = path.read_bytes(), 8, []
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        if zlib.crc32(kind + data) != int.from_bytes(content[at + 8 + length : at + 12 + length]):
            raise ValueError(f"the checksum of {kind!r} is wrong")
        found.append((kind, data))
        at += 12 + length
    return found


def raw_profile(kind: str, content: bytes) -> bytes:
    """A profile as ImageMagick puts it into a PNG's text."""
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{kind}\n{len(content):8}\n{lines}\n".encode()
    return b"Raw profile type " + kind.encode() + b"\0\0" + zlib.compress(text)


def jpeg_with(path: Path, *segments: tuple[int, bytes], image: Image.Image | None = None) -> Path:
    """A JPEG with further segments (their second byte, content) at its beginning."""
    file = io.BytesIO()
    (sideways() if image is None else image).save(file, "JPEG", quality=95)
    content = file.getvalue()
    made = b"".join(b"\xff" + bytes([kind]) + struct.pack(">H", len(data) + 2) + data for kind, data in segments)
    path.write_bytes(content[:2] + made + content[2:])
    return path


def segments_of(path: Path) -> list[tuple[int, bytes]]:
    """The segments of a JPEG before its scan."""
    content, at, found = path.read_bytes(), 2, []
    while content[at + 1] != 0xDA:
        length = int.from_bytes(content[at + 2 : at + 4])
        found.append((content[at + 1], content[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def photo(path: Path, block: bytes) -> Path:
    """`sideways` with a block of EXIF: JPEG, PNG (``.text.png``: in its text), WebP or TIFF, as the ending says."""
    if path.suffix == ".jpg":
        return jpeg_with(path, (0xE1, b"Exif\0\0" + block))
    if path.name.endswith(".text.png"):
        return png_with(path, (b"zTXt", raw_profile("exif", b"Exif\0\0" + block)))
    if path.suffix == ".png":
        return png_with(path, (b"eXIf", block))
    if path.suffix == ".webp":
        sideways().save(path, quality=95, exif=block)
        return path
    path.write_bytes(_tiff(block))
    return path


def _tiff(block: bytes) -> bytes:
    """A TIFF whose directory has the tags of a block of EXIF too."""
    order = "<" if block[:2] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", block, 8)
    entries = [block[10 + 12 * index : 22 + 12 * index] for index in range(count)]
    pixels = sideways().tobytes()
    start = len(block) + len(block) % 2
    numbers = {256: 48, 257: 32, 258: start, 259: 1, 262: 2, 273: start + 6, 277: 3, 278: 32, 279: len(pixels)}
    entries += [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in numbers.items() if tag != 258]
    entries.append(struct.pack(f"{order}HHII", 258, 3, 3, start))
    entries.sort(key=lambda entry: int(struct.unpack_from(f"{order}H", entry)[0]))
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    content = block[:4] + struct.pack(f"{order}I", start + 6 + len(pixels)) + block[8:].ljust(start - 8, b"\0")
    return content + struct.pack(f"{order}3H", 8, 8, 8) + pixels + directory


def photo_16(path: Path, **info: object) -> Path:
    """16-bit colours with metadata, PNG or TIFF."""
    save_image(DeepImage(np.asarray(sideways()).astype(np.uint16) * 257, dict(info)), path)
    return path


def tiff_tags(path: Path, page: int = 0) -> dict[int, object]:
    """The tags of a TIFF's page, by their numbers, as tifffile reads them."""
    with tifffile.TiffFile(path) as tiff:
        return {tag.code: tag.value for tag in tiff.pages[page].tags}  # type: ignore[union-attr]
