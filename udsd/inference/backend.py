"""What runs a model: the one interface behind `udsd.Deblurrer`.

A new back-end is a module with a class that has what `Backend` asks for, and a line in `udsd.inference.registry`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self, TypeAlias

import torch
from torch import Tensor

from udsd.inference.memory import MemoryLimit
from udsd.models import DeblurModel, ModelConfig

OnProgress: TypeAlias = Callable[[float], None]
"""Takes the share of the work that is done, from 0 to 1; it never falls."""


def as_part(tell: OnProgress, number: int, count: int) -> OnProgress:
    """What takes the share of part ``number``, from 0, of ``count`` equal parts of the work."""
    return lambda share: tell((number + share) / count)


class LoadableFolder(Protocol):
    """A model folder, as `udsd.pretrained.resolve` finds it; the weights may be there in another form only."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    def read_config(self) -> ModelConfig:
        """The architecture, from `config.json`."""

    def load_model(self) -> DeblurModel:
        """The networks in float32 on the CPU, from `model.safetensors`."""


class Backend(Protocol):
    """A model, ready to run on one device in one number format. Threads may share one."""

    @classmethod
    def reads(cls, folder: Path) -> bool:
        """Whether a folder was exported for this back-end, so that ``"auto"`` chooses it."""

    @classmethod
    def resolve_device(cls, device: str | torch.device | None) -> torch.device:
        """Turn a device name into a device that the back-end runs on; for ``"auto"``, as for None, it chooses one.

        Raises:
            DeviceError: There is no such device, or the back-end does not run on it.
        """

    @classmethod
    def from_model(
        cls, model: DeblurModel, device: torch.device, dtype: torch.dtype, memory_limit: MemoryLimit = None
    ) -> Self:
        """Take over networks.

        Args:
            model: The networks.
            device: What `resolve_device` gave.
            dtype: Format of the arithmetic.
            memory_limit: What restoring may take beside the model, the images and their results.

        Raises:
            ConfigError: The memory limit is no size, or a package that the back-end needs is not installed.
            DeviceError: The back-end does not compute in that format.
        """

    @classmethod
    def from_folder(
        cls, folder: LoadableFolder, device: torch.device, dtype: torch.dtype, memory_limit: MemoryLimit = None
    ) -> Self:
        """Load a model folder; arguments and errors as of `from_model`.

        Raises:
            WeightsError: The folder's files are damaged or do not fit this library.
        """

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
        self,
        images: Tensor,
        code: Tensor | None = None,
        memory_limit: MemoryLimit = None,
        *,
        overwrite: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Tensor:
        """Restore images.

        The back-end pads them to sides that the networks take (`udsd.models.deblur_model.pad_image`), applies the
        model's `udsd.models.white_balance`, and undoes both.

        Args:
            images: (B, 3, H, W), float32 in [-1, 1], of any size.
            code: Blur codes (B, Z), or None for the mean of each image's own.
            memory_limit: Instead of the back-end's.
            overwrite: The result may take the images' place, which saves memory.
            on_progress: Called now and then with the share of the work that is done, the last time with 1.

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
