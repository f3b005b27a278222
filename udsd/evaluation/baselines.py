"""Baselines: sharpening that knows nothing of blur kernels or domains."""

from __future__ import annotations

import numpy as np

from udsd.evaluation.metrics import Image
from udsd.extras import require


def unsharp_mask(image: Image, sigma: float = 2.0, amount: float = 2.0) -> Image:
    """Add the difference to a Gaussian-blurred copy: image + amount * (image - blurred), clipped to 0 to 255.

    Args:
        image: uint8 (H, W, C) or (H, W).
        sigma: Standard deviation of the Gaussian in pixels.
        amount: Weight of the difference.

    Raises:
        ConfigError: OpenCV cannot be imported.
    """
    values = image.astype(np.float32)
    smooth = require("cv2", "OpenCV").GaussianBlur(values, (0, 0), sigma)
    sharpened: Image = np.clip(np.rint(values + amount * (values - smooth)), 0, 255).astype(np.uint8)
    return sharpened
