from __future__ import annotations

import pytest
import torch
from torch import Tensor

from udsd.domains.windowed import in_windows
from udsd.inference.backend import OnProgress


class Brightener:
    """In place of a model: adds what depends on the mean of an image, and notes what comes."""

    def __init__(self, gain: float = 1) -> None:
        self.gain = gain
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        self.shapes.append((*images.shape,))
        restored = images if overwrite else images.clone()
        restored += self.gain * images.mean(dim=(1, 2, 3), keepdim=True)
        if on_progress is not None:
            on_progress(0.5)
            on_progress(1)
        return restored


def random_images(*shape: int) -> Tensor:
    return torch.rand(shape) * 2 - 1


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("shape", [(1, 3, 600, 700), (2, 3, 300, 1500), (3, 3, 2001, 40)])
def test_windows_join_to_the_picture(shape: tuple[int, ...], overwrite: bool) -> None:
    images = random_images(*shape)
    kept = images.clone()
    restored = in_windows(Brightener(0), 256)(images, overwrite=overwrite)
    assert torch.allclose(restored, kept, atol=1e-5)
    assert (restored is images) == overwrite
    assert torch.equal(images, kept) or overwrite


@pytest.mark.parametrize("overwrite", [False, True])
def test_each_window_has_statistics_of_its_own(overwrite: bool) -> None:
    images = torch.zeros(1, 3, 500, 500)
    images[..., 250:] = 0.5
    restored = in_windows(Brightener(), 256)(images.clone(), overwrite=overwrite)
    assert restored[..., :140].abs().max() < 0.05
    assert torch.allclose(restored[..., 360:], torch.tensor(1.0), atol=0.05)
    # The one leads into the other without a step.
    assert (restored - images).diff(dim=-1).abs().max() < 0.05


@pytest.mark.parametrize("shape", [(2, 3, 256, 256), (1, 3, 20, 256 * 256 // 20), (1, 3, 1, 1)])
def test_what_is_no_larger_than_a_window_goes_to_the_model_as_it_is(shape: tuple[int, ...]) -> None:
    images, model = random_images(*shape), Brightener()
    restored = in_windows(model, 256)(images)
    assert model.shapes == [shape]
    assert torch.equal(restored, Brightener()(images))


def test_a_line_of_print_has_windows_of_as_many_pixels() -> None:
    model = Brightener()
    in_windows(model, 256)(random_images(1, 3, 64, 3000))
    assert all(64 * shape[-1] <= 256 * 256 for shape in model.shapes)
    assert sum(shape[0] for shape in model.shapes) == 4


def test_windows_go_to_the_model_in_batches() -> None:
    model = Brightener()
    in_windows(model, 192)(random_images(2, 3, 150, 2600))
    assert len({shape[1:] for shape in model.shapes}) == 1
    assert max(shape[0] for shape in model.shapes) == 8
    assert all(shape[0] % 2 == 0 for shape in model.shapes)


def test_progress_rises_to_1() -> None:
    told: list[float] = []
    in_windows(Brightener(), 192)(random_images(1, 3, 700, 2600), on_progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 10
