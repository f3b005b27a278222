"""Peers of the models: deconvolution by scikit-image, and any network that spandrel loads.

Deconvolution that is told the true kernel is a bound for the classics: nobody knows it of a picture of their own. That
with an estimated kernel is what can be had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import udsd.estimation
from udsd.errors import ConfigError
from udsd.estimation import BlurEstimate, estimate_at_any_scale, general_estimator, luminance
from udsd.evaluation.metrics import Image
from udsd.extras import require
from udsd.images.levels import from_array
from udsd.pretrained.manifest import PictureKind

Kernel = npt.NDArray[np.float32]
Method = Callable[[Kernel | None, Image], Image]
"""Deblurs a uint8 RGB image (H, W, 3) to one of the same shape; the true kernel (K, K) is for those who may know it."""

ESTIMATOR = Path(udsd.estimation.__file__).with_name("blur_of_anything.safetensors")

BALANCE: Mapping[PictureKind, float] = {"page": 0.002, "face": 0.05, "plate": 5.0}
"""As `skimage.restoration.wiener` takes it: of six values from 0.002 to 0.1 those with the best PSNR, or nearly so;
for plates, whose noise and JPEG are stronger, of ten up to 100."""

BLIND_BALANCE: Mapping[PictureKind, float] = {"page": 0.02, "face": 0.1, "plate": 20.0}
"""With an estimated kernel, whose errors are noise as well."""

RICHARDSON_LUCY_STEPS: Mapping[PictureKind, int] = {"page": 60, "face": 60, "plate": 10}
"""Of 10, 30 and 60 the best on each kind; strong noise, as that of plates, grows with the steps."""


def wiener(kernel: Kernel | None, image: Image, *, balance: float) -> Image:
    """Wiener's filter with the true kernel."""
    restoration = require("skimage.restoration", "scikit-image", "evaluate")
    return _by_channel(
        lambda channel, psf: restoration.wiener(channel, psf, balance, clip=False), _known(kernel), image
    )


def richardson_lucy(kernel: Kernel | None, image: Image, *, steps: int) -> Image:
    """Richardson's and Lucy's iteration with the true kernel."""
    restoration = require("skimage.restoration", "scikit-image", "evaluate")
    return _by_channel(
        # Its ratio to the blurred estimate is undefined where that is zero.
        lambda channel, psf: restoration.richardson_lucy(channel, psf, steps, filter_epsilon=1e-3),
        _known(kernel),
        image,
    )


def blind_wiener(_: Kernel | None, image: Image, *, balance: float) -> Image:
    """Wiener's filter with the kernel that `Deblurrer.estimate_blur` tells of the image."""
    blurs = estimate_at_any_scale(general_estimator(), luminance(from_array(image)[0]))
    return wiener(BlurEstimate.of(blurs).kernel, image, balance=balance)


@cache
def spandrel_network(path: Path) -> Method:
    """A restoration network in a file that spandrel knows.

    Raises:
        ConfigError: spandrel is not installed, does not know the file, or the network changes the size of images.
    """
    spandrel = require("spandrel", "spandrel")
    try:
        network = spandrel.ModelLoader().load_from_file(str(path)).eval()
    # It has an error of its own for what it does not know, and lets those of PyTorch and safetensors through.
    except Exception as error:
        raise ConfigError(f"spandrel cannot load {path} ({error}); name a file of a network that it knows") from error
    if not isinstance(network, spandrel.ImageModelDescriptor) or network.scale != 1:
        raise ConfigError(f"{path} does not give images of the size that it takes; name a network that restores images")

    def restore(_: Kernel | None, image: Image) -> Image:
        with torch.inference_mode():
            pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
            restored = network(pixels)[0].permute(1, 2, 0).clamp(0, 1)
        levels: Image = (restored * 255).round().byte().numpy()
        return levels

    return restore


def _known(kernel: Kernel | None) -> Kernel:
    if kernel is None:
        raise ConfigError("the kernel of these images is not known; measure on images that were blurred here")
    return kernel


def _by_channel(
    restore: Callable[[npt.NDArray[np.float64], Kernel], npt.NDArray[np.float64]], kernel: Kernel, image: Image
) -> Image:
    """Deconvolve the channels of an image, continued by its border pixels beyond the reach of the kernel."""
    margin = kernel.shape[0]
    levels = np.pad(image / 255.0, [(margin, margin), (margin, margin), (0, 0)], mode="edge")
    channels = [restore(levels[..., channel], kernel) for channel in range(levels.shape[-1])]
    restored = np.stack(channels, axis=-1)[margin:-margin, margin:-margin]
    return np.clip(np.rint(restored * 255), 0, 255).astype(np.uint8)
