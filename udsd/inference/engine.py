"""Running a model: device, number format, memory layout."""

from __future__ import annotations

import torch
from torch import Tensor

from udsd.models import DeblurModel


class Engine:
    """Run a model on one device in one number format.

    Weights and images stay float32; the convolutions run in the chosen format. So the image to which a model
    with residual output adds its correction keeps all of its precision.

    Args:
        model: The networks; moved to the device, and not to be used elsewhere at the same time.
        device: Where to run.
        dtype: float32, bfloat16 or float16, the format of the arithmetic.
    """

    def __init__(self, model: DeblurModel, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self.model = model.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

    def restore(self, images: Tensor, code: Tensor | None = None) -> Tensor:
        """Restore images.

        Args:
            images: (B, 3, H, W), float32 in [-1, 1].
            code: Blur codes (B, Z), or None for the mean of each image's own.

        Returns:
            (B, 3, H, W), float32 on the CPU, in [-1, 1].
        """
        with torch.inference_mode(), self._autocast():
            restored = self.model(self._to_device(images), None if code is None else code.to(self.device))
        return restored.float().clamp(-1, 1).cpu()  # type: ignore[no-any-return]

    def encode_blur(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, Z) of the blur codes, float32 on the CPU, of images as `restore` takes."""
        with torch.inference_mode(), self._autocast():
            mean, log_variance = self.model.encode_blur(self._to_device(images))
        return mean.float().cpu(), log_variance.float().cpu()

    def _to_device(self, images: Tensor) -> Tensor:
        return images.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32)
