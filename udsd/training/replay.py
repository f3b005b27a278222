"""A pool of generated images of earlier steps, for the discriminators."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ReplayPool(nn.Module):
    """Mix generated images of earlier steps into a discriminator's batches, which damps oscillation.

    Each image of a batch is exchanged with a random one of the pool with a probability of one half (Shrivastava et al.,
    CVPR 2017, as in CycleGAN). Not in the paper. The pool is part of the state of a run.

    Args:
        size: Number of images in the pool.
        shape: (C, H, W) of an image.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, size: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("filled", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def exchange(self, newest: Tensor) -> Tensor:
        """Exchange images of a batch (B, C, H, W) with the pool, and return as many; the first batch fills the pool."""
        newest = newest.detach().to(self.images.dtype)
        count, size = len(newest), len(self.images)
        # `where`, not `if`, which would read a value back from the device and wait for it.
        repeated = newest[torch.arange(size, device=newest.device) % count]
        self.images.copy_(torch.where(self.filled, self.images, repeated))
        self.filled.fill_(True)
        places = torch.randperm(size, device=newest.device)[:count]
        swapped = torch.rand(len(places), device=newest.device)[:, None, None, None] < 0.5
        newest, rest = newest[: len(places)], newest[len(places) :]
        kept = self.images[places]
        self.images[places] = torch.where(swapped, newest, kept)
        return torch.cat([torch.where(swapped, kept, newest), rest])
