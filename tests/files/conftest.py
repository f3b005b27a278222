from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from udsd.domains import DeblurOptions, Restoration
from udsd.images import DecodedImage


class Brighter:
    """In place of a model: adds a little, and notes what came together."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.before: Callable[[], object] = lambda: None

    def restore_decoded(
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        self.batches.append(len(images))
        self.before()
        return [Restoration(image.pixels + 0.1) for image in images]


@pytest.fixture
def brighter() -> Any:
    return Brighter()
