"""What runs a model: the one interface behind `udsd.Deblurrer`."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from udsd.inference.memory import MemoryLimit
from udsd.models import DeblurModel, ModelConfig


class Backend(Protocol):
    """A model, ready to run on one device in one number format. Threads may share one."""

    @property
    def config(self) -> ModelConfig:
        """The architecture."""

    @property
    def device(self) -> torch.device:
        """Where the model runs."""

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the arithmetic."""

    @property
    def model(self) -> DeblurModel:
        """The networks.

        Raises:
            ConfigError: The back-end holds none.
        """

    def restore(
        self, images: Tensor, code: Tensor | None = None, memory_limit: MemoryLimit = None, *, overwrite: bool = False
    ) -> Tensor:
        """Restore images.

        Args:
            images: (B, 3, H, W), float32 in [-1, 1].
            code: Blur codes (B, Z), or None for the mean of each image's own.
            memory_limit: Instead of the back-end's.
            overwrite: The result may take the images' place, which saves memory.

        Returns:
            (B, 3, H, W), float32 on the CPU, in [-1, 1].

        Raises:
            ConfigError: The memory limit is no size, or the back-end takes no codes.
            MemoryLimitError: The limit is too small for such an image, or the disk too full for the rest.
        """

    def encode_blur(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, Z) of the blur codes, float32 on the CPU, of images as `restore` takes."""

    def moved(self, device: torch.device, dtype: torch.dtype) -> Backend:
        """The same model on another device or in another format.

        Raises:
            DeviceError: The back-end cannot do that.
        """
