"""The three steps of restoring faces, for programs that take them one by one."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.arguments import real_number, whole_number
from udsd.domains.faces.alignment import Placement, Window, cut
from udsd.domains.faces.blazeface import face_detector
from udsd.domains.faces.face import Face
from udsd.domains.faces.paste import FacePaster
from udsd.domains.faces.search import search
from udsd.errors import ImageError
from udsd.images import DecodedImage, ImageLike, decode_image
from udsd.images.levels import to_pillow
from udsd.surroundings import own_settings

_LARGEST_CROP = 4096


@own_settings()
def detect_faces(image: ImageLike, *, min_face: float = 0) -> list[Face]:
    """Find the faces of a picture, blurred ones too: those of some 25 px (brows to chin) up to the whole picture.

    Args:
        image: What `Deblurrer.deblur` takes.
        min_face: Faces whose box is smaller, in pixels, are left out.

    Returns:
        The faces, those first that are the surest.

    Raises:
        ImageError: The image cannot be read, or is of a kind that is not supported.
        ConfigError: ``min_face`` is no size, or OpenCV is missing or too old for the detector.

    Example:
        >>> for face in detect_faces("group.jpg"):  # doctest: +SKIP
        ...     crop = align_face("group.jpg", face)
    """
    min_face = real_number("min_face", min_face, 0, allowed="a number of pixels")
    return search(_pixels(decode_image(image)), face_detector(), min_face).faces


@overload
def align_face(image: NDArray[Any], face: Face, size: int = 160) -> NDArray[Any]: ...
@overload
def align_face(image: Tensor, face: Face, size: int = 160) -> Tensor: ...
@overload
def align_face(image: ImageLike, face: Face, size: int = 160) -> Any: ...
@own_settings()
def align_face(image: ImageLike, face: Face, size: int = 160) -> Any:
    """Cut a face out of its picture, upright, with eyes and mouth where models of faces expect them.

    Args:
        image: The picture.
        face: As `detect_faces` found it there.
        size: Side of the result in pixels; the bundled model is best at 160 to 224.

    Returns:
        The crop in colours, as a Pillow image (size, size) for a path or a Pillow image, an array (size, size, 3) for
        an array, a tensor (3, size, size) for a tensor, of the same dtype. Beyond the picture's border its mirror image
        is seen.

    Raises:
        ImageError: The image cannot be read, or the face lies outside of it.
        ConfigError: The size is not from 1 to 4096.
    """
    size = whole_number("size", size, 1, _LARGEST_CROP)
    pixels = _pixels(decode_image(image))
    return _blank(image, size).encode(cut(pixels, _placement(pixels, face), size))


@overload
def paste_face(image: NDArray[Any], face: Face, restored: ImageLike) -> NDArray[Any]: ...
@overload
def paste_face(image: Tensor, face: Face, restored: ImageLike) -> Tensor: ...
@overload
def paste_face(image: ImageLike, face: Face, restored: ImageLike) -> Any: ...
@own_settings()
def paste_face(image: ImageLike, face: Face, restored: ImageLike) -> Any:
    """Put a restored face back into its picture, with a soft edge.

    What is added is the change: the restored crop minus the crop as `align_face` gives it.

    Args:
        image: The picture.
        face: As `detect_faces` found it there.
        restored: What became of the aligned crop; square, of any size.

    Returns:
        The picture, of the kind, size and dtype that came.

    Raises:
        ImageError: An image cannot be read, the crop is not square, or the face lies outside of the picture.
    """
    decoded = decode_image(image)
    pixels = _pixels(decoded)
    after = _pixels(decode_image(restored))
    height, width = after.shape[-2:]
    if height != width:
        raise ImageError(f"the restored face is {width} x {height} pixels; give a square one, as align_face does")
    placement = _placement(pixels, face)
    result = pixels.clone()
    FacePaster(result, pixels, [placement]).paste(0, cut(pixels, placement, width), after)
    return decoded.encode(result)


def _pixels(decoded: DecodedImage[Any]) -> Tensor:
    if len(decoded.pixels) != 1:
        raise ImageError(f"{len(decoded.pixels)} images came as one tensor; give one")
    return decoded.pixels.cpu()


def _placement(pixels: Tensor, face: Face) -> Placement:
    placement = Placement.of_face(face)
    height, width = pixels.shape[-2:]
    if Window.about(placement, height, width) is None:
        raise ImageError(f"the face at {face.box} lies outside of the picture, which has {width} x {height} pixels")
    return placement


def _blank(image: ImageLike, size: int) -> DecodedImage[Any]:
    """A picture of the kind of another, in colours, whose `encode` makes crops of that kind."""
    if isinstance(image, Tensor):
        return decode_image(image.new_zeros((3, size, size)))
    if isinstance(image, np.ndarray):
        return decode_image(np.zeros((size, size, 3), image.dtype))
    return decode_image(to_pillow(torch.zeros(3, size, size)))
