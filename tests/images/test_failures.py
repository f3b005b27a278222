from __future__ import annotations

import struct

import pytest
from PIL import Image, UnidentifiedImageError

from udsd.errors import ConfigError, ImageError
from udsd.images.failures import named_errors


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UnidentifiedImageError("cannot identify"), r"not an image that can be read here; readable are PNG, JPEG"),
        (Image.DecompressionBombError(), r"more than the [\d,]+ pixels .*--max-pixels"),
        (Image.DecompressionBombWarning(), r"more than the [\d,]+ pixels .*--max-pixels"),
        (PermissionError(13, "Permission denied"), r"cannot be read \(Permission denied\); check"),
        (OSError("image file is\ntruncated"), r"damaged or cut off \(image file is truncated\); get"),
        (struct.error(), r"damaged or cut off \(error\); get the file again"),
        (ImageError("is a folder"), r"is a folder"),
        (ConfigError("OpenCV is needed for this"), r"OpenCV is needed for this"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_raised_names_the_image_and_says_what_to_do(error: Exception, message: str) -> None:
    with pytest.raises(ImageError, match=rf"^a\.png: {message}") as caught, named_errors("a.png"):
        raise error
    assert caught.value.__cause__ is error


def test_what_the_user_does_is_no_failure() -> None:
    with pytest.raises(KeyboardInterrupt), named_errors("a.png"):
        raise KeyboardInterrupt
