"""Models of random weights whose results differ from their input."""

from __future__ import annotations

import torch

from udsd.models import DeblurModel, ModelConfig


def random_model(*, residual_output: bool) -> DeblurModel:
    """Small networks, always the same."""
    torch.manual_seed(0)
    model = DeblurModel(ModelConfig(base_width=4, residual_blocks=1, residual_output=residual_output)).eval()
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.2)
    return model.requires_grad_(False)
