"""What a model tells of the blur of an image, and that blur laid on another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from torch import Tensor

from udsd.arguments import truth, whole_number
from udsd.batches import RestoredT, decode_named
from udsd.errors import ImageError
from udsd.estimation import SMALLEST_SIDE, BlurEstimate, estimate_at_any_scale, luminance
from udsd.images import ImageLike
from udsd.images.content import FileLike
from udsd.loaded_model import LoadedModel
from udsd.out_of_memory import memory_errors
from udsd.restoring import is_blank
from udsd.surroundings import own_settings

if TYPE_CHECKING:
    from PIL import Image


class BlurReading(LoadedModel):
    """A loaded model that tells blur; part of `udsd.Deblurrer`."""

    def encode_blur(self, image: ImageLike) -> tuple[Tensor, Tensor]:
        """Describe the blur of one image.

        Returns:
            Mean and log-variance of its blur code, float32 on the CPU, (Z,) each; (B, Z) for a tensor (B, C, H, W).

        Raises:
            ImageError: The image cannot be read, or is of a kind that is not supported.
            MemoryLimitError: It needs more memory than it may take.
        """
        pixels = decode_named(image).pixels
        with memory_errors("the image"):
            mean, log_variance = self._backend.encode_blur(pixels)
        if isinstance(image, Tensor) and image.ndim == 4:
            return mean, log_variance
        return mean[0], log_variance[0]

    @own_settings()
    def estimate_blur(self, image: ImageLike) -> BlurEstimate:
        """Estimate the blur of one image: its kernel, noise and JPEG quality.

        It is learnt from images of the model's domain where its folder holds a ``blur.safetensors``
        (``udsd-train export`` writes it for runs that have learnt a blur), else from print, plates and photographs. The
        networks of the model have no part in it; what they see of a blur is `encode_blur`.

        Args:
            image: What `deblur` takes; of a batch of tensors the first. At least 16 pixels a side.

        Raises:
            ImageError: The image cannot be read, is of a kind that is not supported, is too small, or of one colour.
            WeightsError: ``blur.safetensors`` of the model is broken.

        Example:
            >>> print(deblurrer.estimate_blur("plate.jpg"))  # doctest: +SKIP
            straight motion of 12.1 px at 8 degrees, noise of 4.8 grey levels, JPEG quality 41
        """
        pixels = decode_named(image).pixels[0].cpu()
        if min(pixels.shape[1:]) < SMALLEST_SIDE:
            height, width = pixels.shape[1:]
            raise ImageError(f"{width} x {height} pixels are too few to tell a blur by; give {SMALLEST_SIDE} a side")
        if is_blank(pixels[None]):
            raise ImageError("the image is of one colour all over: there is no blur to be told; give another one")
        with memory_errors("the image"):
            return BlurEstimate.of(estimate_at_any_scale(self.blur_estimator, luminance(pixels)))

    @overload
    def reblur(
        self,
        sharp: FileLike,
        like: ImageLike | BlurEstimate,
        *,
        noise: bool = True,
        jpeg: bool = False,
        seed: int = 0,
    ) -> Image.Image: ...
    @overload
    def reblur(
        self,
        sharp: RestoredT,
        like: ImageLike | BlurEstimate,
        *,
        noise: bool = True,
        jpeg: bool = False,
        seed: int = 0,
    ) -> RestoredT: ...
    @own_settings()
    def reblur(
        self, sharp: ImageLike, like: ImageLike | BlurEstimate, *, noise: bool = True, jpeg: bool = False, seed: int = 0
    ) -> Any:
        """Lay the blur of one image on another.

        Args:
            sharp: What is blurred; what `deblur` takes, and of that kind the result.
            like: The image whose blur it gets, or what `estimate_blur` said of it.
            noise: Add noise as that of the blurred image.
            jpeg: Compress as the blurred image was, if it was.
            seed: Of the noise.

        Raises:
            ImageError: An image cannot be read, is of a kind that is not supported, or is too small.
            ConfigError: The seed is no number of 64 bits.
            WeightsError: ``blur.safetensors`` of the model is broken.
        """
        noise, jpeg, seed = truth("noise", noise), truth("jpeg", jpeg), whole_number("seed", seed, 0, 2**63 - 1)
        blur = like if isinstance(like, BlurEstimate) else self.estimate_blur(like)
        decoded = decode_named(sharp)
        with memory_errors("the image"):
            return decoded.encode(blur.apply(decoded.pixels.cpu(), noise=noise, jpeg=jpeg, seed=seed))
