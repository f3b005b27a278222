from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.measures import decibels
from udsd.errors import MemoryLimitError
from udsd.inference import TorchBackend, torch_backend
from udsd.inference.strips import StripPlan
from udsd.inference.strips.layers import ToImage
from udsd.models import DeblurModel

CPU = torch.device("cpu")


@pytest.fixture
def engine(model: DeblurModel) -> TorchBackend:
    return TorchBackend(model, CPU, torch.float32)


@pytest.fixture
def image() -> Tensor:
    return torch.rand(1, 3, 90, 70, generator=torch.Generator().manual_seed(0)) * 2 - 1


def out_of_memory(*_: object) -> Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory")


def out_of_main_memory(*_: object) -> Tensor:
    return torch.empty(2**56)


def test_a_batch_is_its_images_one_by_one(engine: TorchBackend) -> None:
    images = torch.rand(3, 3, 50, 41, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together = engine.restore(images)
    for image, restored in zip(images.split(1), together.split(1), strict=True):  # type: ignore[no-untyped-call]
        assert torch.equal(engine.restore(image), restored)


@pytest.mark.parametrize("whole", [True, False])
def test_statistics_do_not_overflow_in_float16(model: DeblurModel, image: Tensor, whole: bool) -> None:
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.1)
    expected = TorchBackend(model, CPU, torch.float32).restore(image)
    # Normalisation takes the factor out again; squares of what it normalises are beyond float16 meanwhile.
    for network in (model.content_encoder, model.generator):
        for layer in (each for block in network.blocks.children() for each in (block.conv1, block.conv2)):
            layer.weight.data.mul_(400)
    engine = TorchBackend(model, CPU, torch.float16)
    engine._whole_first = whole  # as on a GPU, or else in strips
    assert decibels(engine.restore(image), expected) > 50


def test_a_limit_changes_no_pixel(engine: TorchBackend, model: DeblurModel, image: Tensor) -> None:
    expected = engine.restore(image)
    small = engine.restore(image, memory_limit=60_000)
    torch.testing.assert_close(small, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        TorchBackend(model, CPU, torch.float32, "60kB").restore(image), expected, atol=1e-5, rtol=0
    )
    with pytest.raises(MemoryLimitError, match="72 pixels wide"):
        engine.restore(image, memory_limit=100)


def test_an_image_too_large_for_one_piece_goes_on_in_strips(
    engine: TorchBackend, image: Tensor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = engine.restore(image)
    engine._whole_first = True  # as on a GPU
    torch.testing.assert_close(engine.restore(image), expected, atol=1e-5, rtol=0)
    assert not caplog.messages
    monkeypatch.setattr(engine.model, "forward", out_of_memory)
    assert torch.equal(engine.restore(image), expected)
    assert caplog.messages == ["out of memory on an image of 70 x 90 pixels; going on in smaller strips"]


@pytest.mark.parametrize("out_of_memory", [out_of_memory, out_of_main_memory])
def test_strips_are_halved_until_they_fit(
    engine: TorchBackend,
    image: Tensor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    out_of_memory: Callable[..., Tensor],
) -> None:
    expected = engine.restore(image)
    tried: list[int] = []
    restore = engine._strips.restore

    def fits_in_sixteen_rows(padded: Tensor, code: Tensor, strip_height: int, *more: Any) -> Tensor:
        tried.append(strip_height)
        return restore(padded, code, strip_height, *more) if strip_height <= 16 else out_of_memory()

    monkeypatch.setattr(engine._strips, "restore", fits_in_sixteen_rows)
    torch.testing.assert_close(engine.restore(image), expected, atol=1e-5, rtol=0)
    assert tried[-1] <= 16 < tried[-2]
    assert len(caplog.messages) == len(tried) - 1
    monkeypatch.setattr(engine._strips, "restore", out_of_memory)
    with pytest.raises(MemoryLimitError, match="even in strips of four rows"):
        engine.restore(image)


def test_the_plan_reaches_the_strips(engine: TorchBackend, image: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    restore = engine._strips.restore

    def watched(padded: Tensor, code: Tensor, strip_height: int, *more: Any) -> Tensor:
        seen.append(strip_height)
        return restore(padded, code, strip_height, *more)

    monkeypatch.setattr(engine._strips, "restore", watched)
    monkeypatch.setattr(torch_backend, "plan_strips", lambda *_: StripPlan(band_height=8, room=0))
    engine.restore(image)
    assert seen == [8]


@pytest.mark.parametrize("size", [(64, 48), (63, 50)])
def test_the_images_are_left_alone_unless_they_may_be_overwritten(engine: TorchBackend, size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before = image.clone()
    expected = engine.restore(image)
    assert torch.equal(image, before)
    assert torch.equal(engine.restore(image, overwrite=True), expected)


def test_threads_share_an_engine(engine: TorchBackend) -> None:
    def images() -> Iterator[Tensor]:
        for side in range(20, 60, 5):
            yield torch.rand(1, 3, side, 64, generator=torch.Generator().manual_seed(side)) * 2 - 1

    expected = [engine.restore(image) for image in images()]
    with ThreadPoolExecutor(4) as pool:
        for restored, alone in zip(pool.map(engine.restore, images()), expected, strict=True):
            assert torch.equal(restored, alone)


def test_codes_of_a_batch_go_to_their_images(engine: TorchBackend) -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    codes = torch.tensor([[1.0], [-1.0]]).expand(-1, engine.model.config.blur_code_size)
    together = engine.restore(images, codes)
    for index in range(2):
        assert torch.equal(engine.restore(images[index : index + 1], codes[index : index + 1])[0], together[index])


@pytest.mark.parametrize("fails_at", [0, 1])
def test_an_image_is_not_begun_anew_from_what_has_replaced_it(
    engine: TorchBackend, image: Tensor, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """The result may take the image's place, strip by strip, in the middle of which memory can run out."""
    expected = engine.restore(image, memory_limit=60_000)
    compute, calls = ToImage.compute, []

    def failing(self: ToImage, *arguments: Any) -> Tensor:
        calls.append(arguments)
        return out_of_main_memory() if len(calls) == fails_at + 1 else compute(self, *arguments)

    monkeypatch.setattr(ToImage, "compute", failing)
    if fails_at == 0:
        restored = engine.restore(image.clone(), memory_limit=60_000, overwrite=True)
        torch.testing.assert_close(restored, expected, atol=1e-5, rtol=0)
    else:
        with pytest.raises(MemoryLimitError, match="more memory than there is"):
            engine.restore(image.clone(), memory_limit=60_000, overwrite=True)
