"""Image files of which fields were changed, not bytes: what their structures say is at odds with what is there."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.fuzzing import sound_images
from tests.pictures import colourful, deep_pixels, deep_png
from tests.tiff_files import COMPRESSIONS, Layout, tiff_file

_EXTREMES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 64, 127, 128, 255, 256, 257, 1000)
_EXTREMES += (32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
_TIFF_TAGS = (254, 256, 257, 258, 259, 262, 266, 269, 270, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 318, 320)
_TIFF_TAGS += (322, 323, 324, 325, 330, 332, 338, 339, 347, 512, 513, 529, 530, 532, 700, 33723, 34377, 34665, 34675)
_TIFF_VALUES = (*COMPRESSIONS.values(), *((number, "") for number in (2, 3, 4, 6, 7, 34676, 34712, 50001, 50002)))
_JPEG_MARKERS = (0xC0, 0xC1, 0xC2, 0xC4, 0xC9, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE)
_PNG_KINDS = (
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"gAMA",
    b"cHRM",
    b"iCCP",
    b"sBIT",
    b"sRGB",
    b"tEXt",
    b"zTXt",
)
_PNG_KINDS += (b"iTXt", b"bKGD", b"pHYs", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"tIME", b"hIST", b"cICP")


def sound_files() -> dict[str, bytes]:
    """Small PNG, JPEG, TIFF and GIF files of many kinds, by name."""
    files = {
        name: content
        for name, content in sound_images().items()
        if name.rpartition(".")[2] in ("png", "jpg", "tif", "gif")
    }
    frames = [colourful((23, 19)).convert("RGBA").rotate(90 * turn, fillcolor=(0, 0, 0, 0)) for turn in range(3)]
    moving = {"save_all": True, "append_images": frames[1:], "duration": [10, 20, 30]}
    for name, options in {
        "cleared.gif": {"disposal": 2},
        "restored.gif": {"disposal": 3},
        "over.png": {"blend": 1, "disposal": 2},
        "default.png": {"default_image": True, "append_images": frames},
    }.items():
        files[name] = _saved(frames[0], name, **{**moving, **options})
    files["progressive.jpg"] = _saved(colourful((40, 33)), "a.jpg", progressive=True, quality=60, subsampling=2)
    files["interlaced.gif"] = _saved(colourful((23, 19)).quantize(16), "a.gif", interlace=1)
    files["grey-alpha.png"] = deep_png(deep_pixels(2, (19, 23)))
    rng = np.random.default_rng(3)
    for number in range(40):
        channels = int(rng.choice([1, 3, 4]))
        layout = Layout(
            bits=int(rng.choice([1, 2, 4, 8, 12, 16])),
            photometric=1 if channels == 1 else int(rng.choice([2, 5])) if channels == 4 else 2,
            planar=channels > 1 and rng.random() < 0.4,
            tiled=rng.random() < 0.4,
            compression=str(rng.choice([*COMPRESSIONS])),
            order=str(rng.choice(["<", ">"])),
        )
        files[f"layout-{number}.tif"] = tiff_file(rng.integers(0, 2**layout.bits, (19, 23, channels)), layout)
    return files


def _saved(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.init()
    image.save(buffer, Image.EXTENSION[f".{name.rpartition('.')[2]}"], **options)
    return buffer.getvalue()


def with_other_fields(name: str, content: bytes, random: np.random.Generator) -> bytes:
    """The file with one or two of its fields changed."""
    change = _CHANGES[name.rpartition(".")[2]]
    for _ in range(int(random.integers(1, 3))):
        content = change(content, random)
    return content


def _extreme(random: np.random.Generator, most: int) -> int:
    """A number that is at a limit of something, or any."""
    if random.random() < 0.2:
        return int(random.integers(most + 1))
    return min(int(_EXTREMES[int(random.integers(len(_EXTREMES)))]), most)


def _pick(random: np.random.Generator, count: int) -> int:
    return int(random.integers(count)) if count else 0


def _put(data: bytearray, at: int, layout: str, random: np.random.Generator) -> None:
    """Another number in a field, if it lies in the file."""
    size = struct.calcsize(layout)
    if at + size <= len(data):
        struct.pack_into(layout, data, at, _extreme(random, 256**size - 1))


def _change_tiff(content: bytes, random: np.random.Generator) -> bytes:
    data = bytearray(content)
    order = "<" if data[:2] == b"II" else ">"
    (place,) = struct.unpack_from(f"{order}I", data, 4)
    if place + 2 > len(data):
        return content
    (count,) = struct.unpack_from(f"{order}H", data, place)
    entry = place + 2 + 12 * _pick(random, min(count, 40))
    match _pick(random, 10):
        case 0:
            tag = _TIFF_TAGS[_pick(random, len(_TIFF_TAGS))]
            if entry + 2 <= len(data):
                struct.pack_into(f"{order}H", data, entry, tag)
        case 1:
            _put(data, entry + 2, f"{order}H", random)  # type
        case 2:
            _put(data, entry + 4, f"{order}I", random)  # count
        case 3:
            number = _TIFF_VALUES[_pick(random, len(_TIFF_VALUES))][0]
            if entry + 10 <= len(data):
                struct.pack_into(f"{order}H", data, entry + 8, number)
        case 4:
            _put(data, place + 2 + 12 * count, f"{order}I", random)  # the next directory
            if random.random() < 0.5 and place + 6 + 12 * count <= len(data):
                struct.pack_into(f"{order}I", data, place + 2 + 12 * count, place)
        case 5:
            _put(data, place, f"{order}H", random)
        case 6:
            other = place + 2 + 12 * _pick(random, min(count, 40))
            data[entry : entry + 12] = data[other : other + 12]
        case 7 if entry + 12 <= len(data):
            (value,) = struct.unpack_from(f"{order}I", data, entry + 8)
            _put(data, value, f"{order}{'HI'[_pick(random, 2)]}", random)  # behind an offset
        case _:
            _put(data, entry + 8, f"{order}{'HI'[_pick(random, 2)]}", random)  # the value
    return bytes(data)


def _change_png(content: bytes, random: np.random.Generator) -> bytes:
    chunks = _png_chunks(content)
    if not chunks:
        return content
    at = _pick(random, len(chunks))
    kind, data = chunks[at]
    match _pick(random, 9):
        case 0 | 1:
            header = bytearray(chunks[0][1].ljust(13, b"\0"))
            place = _pick(random, 7)
            if place < 2:
                struct.pack_into(">I", header, 4 * place, _extreme(random, 2**31 - 1))
            else:
                header[6 + place] = _extreme(random, 255) if random.random() < 0.5 else _pick(random, 17)
            chunks[0] = (b"IHDR", bytes(header))
        case 2:
            del chunks[at]
        case 3:
            chunks.insert(_pick(random, len(chunks)), (kind, data))
        case 4:
            new = _PNG_KINDS[_pick(random, len(_PNG_KINDS))]
            chunks.insert(_pick(random, len(chunks)), (new, random.bytes(_pick(random, 40))))
        case 5:
            chunks[at] = (_PNG_KINDS[_pick(random, len(_PNG_KINDS))], data)
        case 6 if data:
            changed = bytearray(data)
            _put(changed, _pick(random, min(len(changed), 40)), (">I", ">H", "B")[_pick(random, 3)], random)
            chunks[at] = (kind, bytes(changed))
        case 7:
            chunks[at] = (kind, data[: _pick(random, len(data) + 1)])
        case _:
            _change_rows(chunks, random)
    return content[:8] + b"".join(_png_chunk(*chunk) for chunk in chunks)


def _change_rows(chunks: list[tuple[bytes, bytes]], random: np.random.Generator) -> None:
    """Other filters or bytes of pixels, fewer or more, soundly compressed."""
    for at, (kind, data) in enumerate(chunks):
        if kind == b"IDAT":
            try:
                rows = bytearray(zlib.decompress(data))
            except zlib.error:
                return
            for _ in range(5):
                if rows:
                    rows[_pick(random, len(rows))] = _extreme(random, 255)
            if random.random() < 0.4:
                rows = rows[: _pick(random, len(rows) + 1)]
            elif random.random() < 0.2:
                rows += bytes(10**6)
            chunks[at] = (kind, zlib.compress(bytes(rows)))
            return


def _png_chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _change_jpeg(content: bytes, random: np.random.Generator) -> bytes:
    segments, scan = _jpeg_segments(content)
    if not segments:
        return content
    at = _pick(random, len(segments))
    marker, data = segments[at]
    match _pick(random, 7):
        case 0:
            del segments[at]
        case 1:
            segments.insert(_pick(random, len(segments)), (marker, data))
        case 2:
            segments[at] = (_JPEG_MARKERS[_pick(random, len(_JPEG_MARKERS))], data)
        case 3:
            new = _JPEG_MARKERS[_pick(random, len(_JPEG_MARKERS))]
            segments.insert(at, (new, random.bytes(_pick(random, 80))))
        case 4:
            segments[at] = (marker, data[: _pick(random, len(data) + 1)])
        case _:
            changed = bytearray(data)
            _put(changed, _pick(random, min(len(changed), 24)), (">H", "B", "B")[_pick(random, 3)], random)
            segments[at] = (marker, bytes(changed))
    joined = b"".join(struct.pack(">BBH", 0xFF, kind, len(part) + 2) + part for kind, part in segments)
    return content[:2] + joined + scan


def _jpeg_segments(content: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments up to the first scan's header, and all behind them."""
    segments, at = [], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        length = int.from_bytes(content[at + 2 : at + 4])
        segments.append((content[at + 1], content[at + 4 : at + 2 + length]))
        at += 2 + max(length, 2)
        if segments[-1][0] == 0xDA:
            break
    return segments, content[at:]


def _change_gif(content: bytes, random: np.random.Generator) -> bytes:
    data = bytearray(content)
    controls = [at for at in range(len(data)) if data[at : at + 3] == b"\x21\xf9\x04"]
    images = [at for at in range(13, len(data) - 10) if data[at] == 0x2C and data[at - 1] == 0]
    match _pick(random, 8):
        case 0:
            _put(data, 6 + 2 * _pick(random, 2), "<H", random)  # the screen
        case 1:
            _put(data, 10 + _pick(random, 3), "B", random)  # its palette, background and aspect
        case 2 | 3 if controls:
            _put(data, controls[_pick(random, len(controls))] + 3 + _pick(random, 4), "B", random)
        case 4 | 5 if images:
            _put(data, images[_pick(random, len(images))] + 1 + 2 * _pick(random, 4), "<H", random)
        case 6 if images:
            _put(
                data, images[_pick(random, len(images))] + 9 + _pick(random, 3), "B", random
            )  # flags, code size, block
        case _ if images:
            start = images[_pick(random, len(images))]
            part = data[start:]
            data[start:start] = part[: _pick(random, len(part))]
    return bytes(data)


_CHANGES: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "tif": _change_tiff,
    "png": _change_png,
    "jpg": _change_jpeg,
    "gif": _change_gif,
}
