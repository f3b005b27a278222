"""A trained model that a smaller one learns from: distillation in the warm start."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from udsd.errors import ConfigError
from udsd.models import DeblurModel
from udsd.pretrained import load_model_folder, resolve
from udsd.pretrained.folder import WEIGHTS_FILE, file_sha256
from udsd.training.config import TrainingConfig


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """A model whose restorations are a part of what another is to give (Hinton et al., 2015, of images).

    What a large model cannot undo, a small one will not learn to: the restoration is a nearer target than the sharp
    image, and shows what of that can be had.

    Attributes:
        model: The model, whose weights stay as they are.
        share: Part that its restorations have in the target, from 0 to 1.
        sha256: Of the file of its weights, in hexadecimal digits.
    """

    model: DeblurModel
    share: float
    sha256: str

    def on(self, device: torch.device) -> Teacher:
        """The same on another device, as the networks of a run lie there."""
        model = self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return replace(self, model=model)

    @torch.no_grad()
    def target(self, sharp: Tensor, blurred: Tensor) -> Tensor:
        """What a restoration of blurred images should be: float32 (B, 3, H, W), without a gradient.

        Args:
            sharp: The sharp images (B, 3, H, W) in [-1, 1].
            blurred: The same with blur, scaled to white if the model was trained on such images.
        """
        return torch.lerp(sharp, self.model(blurred).float(), self.share)


def load_teacher(config: TrainingConfig) -> Teacher | None:
    """The teacher that the settings name; None if they name none.

    Raises:
        ConfigError: It was trained with another white balance than the run has.
        UdsdError: It cannot be had, or its files do not fit this library.
    """
    name = config.warm_start.teacher
    if not name:
        return None
    folder = resolve(name).path
    # By its hash, so that a file which is replaced in between is not taken for the one that was hashed.
    sha256 = file_sha256(folder / WEIGHTS_FILE)
    model = load_model_folder(folder, sha256=sha256)
    if model.config.balance_white != config.model.balance_white:
        does, does_not = ("the teacher", "the run") if model.config.balance_white else ("the run", "the teacher")
        raise ConfigError(
            f"{does} scales paper to white and {does_not} does not, and both are shown the same images (the teacher is "
            f"{name}); set model.balance_white={str(model.config.balance_white).lower()}, or choose another teacher"
        )
    return Teacher(model, config.warm_start.teacher_share, sha256)
