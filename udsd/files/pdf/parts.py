"""Finished images of a PDF that is not finished yet."""

from __future__ import annotations

import json
import zlib

import numpy as np

from udsd.files.parts import Packing
from udsd.files.pdf.encoding import Encoded


def _packed(encoded: Encoded | None) -> bytes:
    """A line of JSON, and the data behind it."""
    if encoded is None:
        return json.dumps({"kept": True}).encode() + b"\n"
    palette = encoded.palette
    head = {
        "filter": encoded.filter,
        "parameters": encoded.parameters,
        "bits": encoded.bits,
        "palette": None if palette is None else palette.tolist(),
        "length": len(encoded.data),
        "check": zlib.crc32(encoded.data),
    }
    return json.dumps(head).encode() + b"\n" + encoded.data


def _unpacked(content: bytes) -> Encoded | None:
    line, _, data = content.partition(b"\n")
    head = json.loads(line)
    if head.get("kept"):
        return None
    if (head["length"], head["check"]) != (len(data), zlib.crc32(data)):
        raise ValueError("cut off")
    palette = None if head["palette"] is None else np.asarray(head["palette"], np.uint8)
    return Encoded(data, head["filter"], head["parameters"], head["bits"], palette)


IMAGES: Packing[Encoded | None] = Packing(_packed, _unpacked)
"""Images as parts of a PDF; None for one that stays as it is."""
