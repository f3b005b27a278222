"""The PyTorch back-end: on CPUs in strips, on GPUs in one piece while it fits."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from udsd.device import resolve_device
from udsd.errors import ConfigError, MemoryLimitError
from udsd.inference.backend import LoadableFolder, OnProgress, as_part
from udsd.inference.memory import MemoryLimit, parse_memory
from udsd.inference.strips import Store, StripModel, StripPlan, plan_strips
from udsd.models import DeblurModel, white_balance
from udsd.models.deblur_model import pad_image
from udsd.out_of_memory import is_out_of_memory
from udsd.surroundings import own_settings

logger = logging.getLogger(__name__)


class TorchBackend:
    """Run a model on one device in one number format. Threads may share one.

    On a CPU, images run one by one in strips: the same pixels as in one piece, in less memory and less time. On a GPU
    a batch runs in one piece while it fits, and in strips when it does not.

    Images stay float32; the convolutions run in the chosen format. So the image to which a model with residual output
    adds its correction keeps all of its precision.

    Args:
        model: The networks; moved to the device and to float32, and not to be changed afterwards.
        device: Where to run.
        dtype: float32, bfloat16 or float16, the format of the arithmetic.
        memory_limit: What feature maps may take, beside images and results; beyond it they go to a temporary file.

    Raises:
        ConfigError: The memory limit is no size, or the networks hold no weights.
    """

    @own_settings()
    def __init__(
        self, model: DeblurModel, device: torch.device, dtype: torch.dtype, memory_limit: MemoryLimit = None
    ) -> None:
        if any(weight.is_meta for weight in model.parameters()):
            raise ConfigError("the networks are on the device 'meta' and hold no weights; build them on the CPU")
        self.device = device
        self.dtype = dtype
        self.config = model.config
        self.memory_limit = None if memory_limit is None else parse_memory(memory_limit)
        self.model = model.to(device, torch.float32, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._strips = StripModel(self.model, dtype)
        # On a CPU strips are the faster way as well.
        self._whole_first = device.type != "cpu"

    @classmethod
    def reads(cls, folder: Path) -> bool:
        """False: every model folder is for PyTorch, and nothing is exported for it."""
        return False

    @classmethod
    def resolve_device(cls, device: str | torch.device | None) -> torch.device:
        """The device of that name, where ``"auto"``, like None, is CUDA if there is any, else MPS, else the CPU."""
        return resolve_device(device)

    @classmethod
    def from_model(
        cls, model: DeblurModel, device: torch.device, dtype: torch.dtype, memory_limit: MemoryLimit = None
    ) -> Self:
        """The same as the class itself."""
        return cls(model, device, dtype, memory_limit)

    @classmethod
    def from_folder(
        cls, folder: LoadableFolder, device: torch.device, dtype: torch.dtype, memory_limit: MemoryLimit = None
    ) -> Self:
        """Load the networks of a model folder."""
        return cls(folder.load_model(), device, dtype, memory_limit)

    @own_settings()
    def restore(
        self,
        images: Tensor,
        code: Tensor | None = None,
        memory_limit: MemoryLimit = None,
        *,
        overwrite: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Tensor:
        """Restore images, as `Backend` says."""
        limit = self.memory_limit if memory_limit is None else memory_limit
        with torch.inference_mode():
            # On the device, for a GPU is faster at white balance too.
            on_device = images.to(self.device, torch.float32)
            balance = white_balance(on_device, wanted=self.config.balance_white)
            balanced = balance.apply(on_device, overwrite=overwrite or on_device is not images)
            is_ours = overwrite or balanced is not images
            restored = self._restore(balanced, code, limit, overwrite=is_ours, tell=on_progress or _tell_nobody)
            restored = balance.undo(restored)
            if overwrite and images.device.type == "cpu" and restored.device.type != "cpu":
                # New memory is slow to write to for the first time, and this has been written to.
                return images.copy_(restored)
            return restored.cpu()

    @own_settings()
    def encode_blur(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (B, Z) of the blur codes, float32 on the CPU, of images as `restore` takes."""
        with torch.inference_mode():
            codes = []
            balanced = white_balance(images, wanted=self.config.balance_white).apply(images)
            for image in torch.split(balanced, 1):
                padded = pad_image(image.to(self.device, torch.float32))
                codes.append(self._encode(padded, self._plan(padded, self.memory_limit)))
        means, log_variances = zip(*codes, strict=True)
        return torch.cat(means).cpu(), torch.cat(log_variances).cpu()

    def moved(self, device: torch.device, dtype: torch.dtype) -> TorchBackend:
        """The same model on another device or in another format; this back-end is not to be used any more."""
        return TorchBackend(self.model, device, dtype, self.memory_limit)

    def _restore(
        self, images: Tensor, code: Tensor | None, limit: MemoryLimit, *, overwrite: bool, tell: OnProgress
    ) -> Tensor:
        """Restored images on the device, not yet limited to their range."""
        if self._whole_first:
            try:
                restored = self._restore_whole(images, code)
                tell(1)
                return restored
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._make_room_after_failure(images)
        codes = [None] * len(images) if code is None else torch.split(code, 1)
        pairs = zip(torch.split(images, 1), codes, strict=True)
        parts = []
        for number, (image, one) in enumerate(pairs):
            told = as_part(tell, number, len(images))
            parts.append(self._restore_in_strips(image, one, limit, overwrite=overwrite, tell=told))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _restore_whole(self, images: Tensor, code: Tensor | None) -> Tensor:
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            on_device = images.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last)
            restored = self.model(on_device, None if code is None else code.to(self.device))
        return restored.float()  # type: ignore[no-any-return]

    def _restore_in_strips(
        self, image: Tensor, code: Tensor | None, limit: MemoryLimit, *, overwrite: bool, tell: OnProgress
    ) -> Tensor:
        height, width = image.shape[-2:]
        plan = None
        while True:
            padded = pad_image(image.to(self.device, torch.float32))
            plan = plan.halved() if plan else self._plan(padded, limit)
            # An image on a GPU stays whole: it may have to be restored once more, in smaller strips.
            is_ours = (overwrite and self.device.type == "cpu") or padded.data_ptr() != image.data_ptr()
            try:
                restored = self._run_strips(padded, code, plan, padded if is_ours else None, tell)
                return restored[..., :height, :width]
            except MemoryLimitError:
                raise
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._make_room_after_failure(image)

    def _run_strips(
        self, padded: Tensor, code: Tensor | None, plan: StripPlan, out: Tensor | None, tell: OnProgress
    ) -> Tensor:
        if code is None:
            code, _ = self._encode(padded, plan)
        with Store(plan.room) as store:
            restored = self._strips.restore(padded, code.to(self.device), plan.band_height, store, out, tell)
            if store.spilled:
                logger.info("%.1f GB of feature maps went through a temporary file", store.spilled / 1e9)
        return restored

    def _encode(self, padded: Tensor, plan: StripPlan) -> tuple[Tensor, Tensor]:
        with Store(plan.room) as store:
            return self._strips.encode_blur(padded, plan.band_height, store)

    def _plan(self, padded: Tensor, limit: MemoryLimit) -> StripPlan:
        height, width = padded.shape[-2:]
        return plan_strips(height, width, self.model.config, self.dtype.itemsize, self.device, limit)

    def _make_room_after_failure(self, images: Tensor) -> None:
        if self.device.type != "cpu":
            empty_cache = getattr(torch.get_device_module(self.device), "empty_cache", None)
            if empty_cache is not None:
                empty_cache()
        height, width = images.shape[-2:]
        logger.warning("out of memory on an image of %d x %d pixels; going on in smaller strips", width, height)


def _tell_nobody(share: float) -> None:
    pass
