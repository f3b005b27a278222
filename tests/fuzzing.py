"""Damaged image files and model folders, made of sound ones by a seed."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from udsd.images.formats import readable_formats

_TOKENS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\1", b"IHDR", b"IDAT", b"\xff\xd8")
_SAVED = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "PPM": ("1", "L", "RGB", "I;16"),
    "GIF": ("L", "P", "RGB"),
    "JPEG2000": ("L", "LA", "RGB", "RGBA"),
    "AVIF": ("RGB", "RGBA"),
    "HEIF": ("RGB",),
}
"""Formats and the modes that they can be written in."""


def sound_images() -> dict[str, bytes]:
    """Small files of every format and mode, by a name with the format's ending."""
    readable_formats()  # HEIF is known from here on
    endings = {"JPEG": "jpg", "TIFF": "tif", "JPEG2000": "jp2", "HEIF": "heic"}
    colours = np.random.default_rng(0).integers(0, 256, (19, 23, 4), dtype=np.uint8)
    full = Image.fromarray(cv2.GaussianBlur(colours, (0, 0), 2))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Box"
    files = {}
    for format_name, modes in _SAVED.items():
        for mode in modes:
            plain = Image.fromarray(np.asarray(full.convert("L")).astype(np.uint16) * 257)
            image = plain if mode == "I;16" else full.convert(mode)
            buffer = io.BytesIO()
            image.save(buffer, format_name, exif=exif.tobytes(), dpi=(72, 72))
            files[f"{mode.replace(';', '')}.{endings.get(format_name, format_name.lower())}"] = buffer.getvalue()
    deep = cv2.GaussianBlur(colours, (0, 0), 2).astype(np.uint16) * 257
    files["deep.png"] = cv2.imencode(".png", deep)[1].tobytes()
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as writer:
        for _ in range(3):
            writer.write(deep[..., :3], photometric="rgb", metadata=None)
    files["deep-pages.tif"] = pages.getvalue()
    for format_name in ("GIF", "PNG", "WEBP", "TIFF"):
        buffer = io.BytesIO()
        frames = [full.convert("RGB").rotate(90 * turn) for turn in range(3)]
        frames[0].save(buffer, format_name, save_all=True, append_images=frames[1:])
        files[f"frames.{endings.get(format_name, format_name.lower())}"] = buffer.getvalue()
    return files


def damaged(content: bytes, random: np.random.Generator) -> bytes:
    """The content with one to four changes: bits, bytes, cuts, repetitions, numbers at their limits."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        if not data:
            break
        # Half of the changes hit the header, where most of the decisions are made.
        reach = min(len(data), 200) if random.random() < 0.5 else len(data)
        at = int(random.integers(reach))
        match int(random.integers(6)):
            case 0:
                data[at] ^= 1 << int(random.integers(8))
            case 1:
                data[at] = int(random.integers(256))
            case 2:
                token = _TOKENS[int(random.integers(len(_TOKENS)))]
                data[at : at + len(token)] = token
            case 3:
                del data[at : at + int(random.integers(1, 40))]
            case 4:
                data[at:at] = data[at : at + int(random.integers(1, 40))]
            case _:
                del data[int(random.integers(len(data))) :]
    return bytes(data)


def damaged_folders(folder: Path, random: np.random.Generator) -> Iterator[None]:
    """Damage the model folder again and again, each time from its sound state."""
    config = (folder / "config.json").read_bytes()
    weights = (folder / "model.safetensors").read_bytes()
    while True:
        new_config, new_weights = config, weights
        match int(random.integers(4)):
            case 0:
                new_config = damaged(config, random)
            case 1:
                new_config = _other_values(config, random)
            case 2:
                new_weights = damaged(weights, random)
            case _:
                new_weights = _other_header(weights, random)
        (folder / "config.json").write_bytes(new_config)
        (folder / "model.safetensors").write_bytes(new_weights)
        yield


_VALUES = (0, -1, 1, 3, 2**31, 2**63, 10**30, 1.5, float("nan"), True, None, "", "4", [], {}, [4], {"a": 1})


def _other_values(config: bytes, random: np.random.Generator) -> bytes:
    values = json.loads(config)
    table = values if random.random() < 0.3 else values["model"]
    key = [*table, "unknown"][int(random.integers(len(table) + 1))]
    if random.random() < 0.2:
        table.pop(key, None)
    else:
        table[key] = _VALUES[int(random.integers(len(_VALUES)))]
    return json.dumps(values).encode()


def _other_header(weights: bytes, random: np.random.Generator) -> bytes:
    """A header of safetensors that is sound JSON and says something wrong."""
    length = struct.unpack("<Q", weights[:8])[0]
    header = json.loads(weights[8 : 8 + length])
    name = [*header][int(random.integers(len(header)))]
    match int(random.integers(5)):
        case 0:
            header.pop(name)
        case 1:
            header["another.tensor"] = header[name]
        case 2 if name != "__metadata__":
            header[name]["shape"] = [int(value) for value in random.integers(0, 2**31, 4)]
        case 3 if name != "__metadata__":
            header[name]["dtype"] = ("F64", "I8", "BF16", "X")[int(random.integers(4))]
        case _:
            if name != "__metadata__":
                header[name]["data_offsets"] = sorted(int(value) for value in random.integers(0, 2**40, 2))
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + weights[8 + length :]
