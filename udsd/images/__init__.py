"""Images in and out: reading, writing and converting."""

from udsd.atomic import remove_unfinished
from udsd.images.comparing import compare
from udsd.images.decode import ImageLike, decode_image, pages_as_pillow
from udsd.images.decoded import DecodedImage
from udsd.images.deep import DeepImage, Page
from udsd.images.folders import find_images
from udsd.images.limits import set_page_limit, set_pixel_limit
from udsd.images.montage import side_by_side
from udsd.images.pages import ImagePages, read_size
from udsd.images.saving import check_quality, save_image, save_pages

__all__ = [
    "DecodedImage",
    "DeepImage",
    "ImageLike",
    "ImagePages",
    "Page",
    "check_quality",
    "compare",
    "decode_image",
    "find_images",
    "pages_as_pillow",
    "read_size",
    "remove_unfinished",
    "save_image",
    "save_pages",
    "set_page_limit",
    "set_pixel_limit",
    "side_by_side",
]
