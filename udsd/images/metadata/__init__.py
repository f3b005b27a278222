"""What a file says beside its pixels: read from the original, written into the restored image's file.

carried.py      what is carried over, whatever the formats, and what of it is still true
exif.py         EXIF, changed where it lies; directories.py: directories of tags, read and built
xmp.py          XMP
photoshop.py    Photoshop's resources, with IPTC
jpeg.py, png.py (with png_text.py), tiff.py, gif.py    one container each
"""

from udsd.images.metadata.carried import (
    CARRIED_INFO,
    add_beside,
    carried,
    found_in,
    orientation_of,
    pillow_turns_tiffs,
    save_arguments,
)
from udsd.images.metadata.jpeg import found_in_jpeg, split_exif
from udsd.images.metadata.png import PNG_SIGNATURE, found_in_chunks, split_chunks
from udsd.images.metadata.tiff import found_in_tiff
from udsd.images.metadata.tiff_writing import TagsOfPages

__all__ = [
    "CARRIED_INFO",
    "PNG_SIGNATURE",
    "TagsOfPages",
    "add_beside",
    "carried",
    "found_in",
    "found_in_chunks",
    "found_in_jpeg",
    "found_in_tiff",
    "orientation_of",
    "pillow_turns_tiffs",
    "save_arguments",
    "split_chunks",
    "split_exif",
]
