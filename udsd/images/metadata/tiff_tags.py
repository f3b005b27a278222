"""Which tags of a TIFF's directory describe an image, and which say how it is stored."""

from __future__ import annotations

from PIL import ExifTags

from udsd.images.metadata import exif
from udsd.images.metadata.directories import ASCII, DIRECTORIES, ORIENTATION, Tag

XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG, PROFILE_TAG = 700, 33723, 34377, 34675

_STORAGE = {
    *range(254, 269),  # kind of image, size, bits, compression, photometric, thresholds, fill order
    *(273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 300, 301, 317, 320, 321),
    *range(322, 337),  # tiles, other directories, inks
    *range(338, 348),  # further samples, their format and range, clipping, JPEG tables
    *(351, 400, 401, 402, 403, 404, 405, 433, 434, 435, 440, *range(512, 522), *range(529, 533), 559),
    *(32781, 32995, 32996, 32997, 32998, 34232, 37724, 40001, 65000, *range(50706, 51200)),
}
"""How pixels are stored, places in the file, layers, raw images, our mark: nothing of it is true of another file."""
UNREAD = _STORAGE - {ORIENTATION}
_BESIDE = {XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG, PROFILE_TAG}
"""Carried with a name of their own, to other formats too."""
_DESCRIPTIVE = {
    *(269, 270, 271, 272, 285, 286, 287, 297, 305, 306, 315, 316, 318, 319, 337),
    *(282, 283, 296),
    *(18246, 18249, 32932, 33432, *range(40091, 40096), 42016, 50341),
    *(33434, 33437, *range(34850, 34868), *range(36864, 37523), *range(41483, 42241)),  # EXIF outside of its directory
}
RESOLUTION = {exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT}
_GEOGRAPHIC = {33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113}
"""Where on Earth the pixels lie; no longer true of an image that was turned."""
_SHAPE = b'{"shape"'
"""How tifffile's descriptions of the stored array begin."""


def describes(number: int, tag: Tag) -> bool:
    """Whether a tag of a TIFF's directory describes an image. Private tags do if they are text."""
    if number in _STORAGE or number in _BESIDE or number in DIRECTORIES:
        return False
    if number == ExifTags.Base.ImageDescription and tag.content.startswith(_SHAPE):
        return False
    return number in _DESCRIPTIVE or number in _GEOGRAPHIC or tag.kind == ASCII
