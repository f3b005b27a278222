"""Images in and out: reading, writing and converting. The only room that imports Pillow."""

from udsd.images.decode import ImageLike, decode_image, read_size
from udsd.images.decoded import DecodedImage
from udsd.images.folders import find_images
from udsd.images.montage import side_by_side
from udsd.images.saving import save_image

__all__ = ["DecodedImage", "ImageLike", "decode_image", "find_images", "read_size", "save_image", "side_by_side"]
