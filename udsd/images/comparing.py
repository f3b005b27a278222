"""Before and after as one picture, of images of any kind."""

from __future__ import annotations

from PIL import Image

from udsd.errors import ImageError
from udsd.images.decode import ImageLike, decode_image
from udsd.images.levels import to_pillow
from udsd.images.montage import side_by_side


def compare(before: ImageLike, after: ImageLike, *, captions: tuple[str, str] = ("blurred", "restored")) -> Image.Image:
    """Put an image and what became of it into one picture, which a notebook shows as it is.

    Args:
        before: What `udsd.Deblurrer.deblur` takes; of a batch of tensors the first. The two may differ in kind and
            size.
        after: Likewise.
        captions: What stands above them, in Latin letters.

    Returns:
        An RGB image of 8 bits, in which they are beside each other, or below each other if both are at least twice as
        wide as high. Nothing is scaled. Transparent parts of Pillow images and files are white; of arrays and tensors
        the colours are shown alone.

    Raises:
        ImageError: An image cannot be read, or is of a kind that is not supported, or there are not two captions.

    Example:
        >>> udsd.compare("scan.png", deblurrer("scan.png"))  # doctest: +SKIP
    """
    if isinstance(captions, str) or len(captions) != 2:
        raise ImageError(f"captions is {captions!r}; give two, one for each image")
    return side_by_side([_as_picture(before), _as_picture(after)], captions)


def _as_picture(image: ImageLike) -> Image.Image:
    decoded = decode_image(image)
    same = decoded.encode(decoded.pixels)
    return same if isinstance(same, Image.Image) else to_pillow(decoded.pixels[0].cpu())
