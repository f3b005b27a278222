"""Arrays of NumPy and tensors of PyTorch as images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsd.errors import ImageError
from udsd.images.decoded import DecodedImage, decode_planes

_ARRAY_DTYPES = tuple(np.dtype(name) for name in ("uint8", "uint16", "float16", "float32", "float64"))


def decode_array(array: NDArray[Any]) -> DecodedImage[NDArray[Any]]:
    """Decode an array HW or HWC, with C = 1 (grey), 2 (grey and alpha), 3 (RGB) or 4 (RGBA).

    Args:
        array: uint8 or uint16 over its whole range, or float16, float32 or float64 in [0, 1]; any byte order
            and strides.

    Raises:
        ImageError: Shape, dtype or values are none of these.
    """
    shape, dtype = array.shape, array.dtype
    native = dtype.newbyteorder("=")
    if native not in _ARRAY_DTYPES:
        hint = "; for a mask, array.astype(np.uint8) * 255" if dtype == np.bool_ else ""
        allowed = ", ".join(str(known) for known in _ARRAY_DTYPES)
        raise ImageError(f"arrays of {dtype} are not taken; allowed are {allowed}{hint}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 2, 3, 4)):
        first = array.ndim == 3 and shape[0] in (1, 3, 4)
        hint = "; channels go last: array.transpose(1, 2, 0)" if first else ""
        raise ImageError(f"an array of shape {shape} is no image; give (H, W) or (H, W, C) with C 1, 2, 3 or 4{hint}")
    rows = np.array(array, dtype=native, order="C").reshape(*shape[:2], -1 if array.size else 1)
    planes = torch.from_numpy(rows).movedim(-1, 0)[None]

    def to_array(restored: Tensor) -> NDArray[Any]:
        values: NDArray[Any] = restored[0].movedim(0, -1).contiguous().numpy()
        return values.reshape(shape).astype(dtype, copy=False)

    return decode_planes(planes).then(to_array)


def decode_tensor(tensor: Tensor) -> DecodedImage[Tensor]:
    """Decode a tensor CHW or BCHW, with C = 1 (grey), 3 (RGB) or 4 (RGBA), on any device.

    Args:
        tensor: uint8 or uint16 over its whole range, or a float dtype in [0, 1].

    Raises:
        ImageError: Shape, dtype or values are none of these.
    """
    shape = tensor.shape
    if tensor.ndim not in (3, 4) or shape[-3] not in (1, 3, 4):
        last = tensor.ndim in (3, 4) and shape[-1] in (1, 3, 4)
        hint = "; channels go first: tensor.movedim(-1, -3)" if last else ""
        raise ImageError(
            f"a tensor of shape {tuple(shape)} is no image; give (C, H, W) or (B, C, H, W) with C 1, 3 or 4{hint}"
        )
    if tensor.layout != torch.strided:
        raise ImageError(f"a tensor of layout {tensor.layout} is not taken; give a dense one: tensor.to_dense()")
    if tensor.is_meta:
        raise ImageError("a tensor on the device 'meta' holds no values; give one on a device that does")
    planes = tensor if tensor.ndim == 4 else tensor[None]
    return decode_planes(planes).then(lambda restored: restored.reshape(shape))
