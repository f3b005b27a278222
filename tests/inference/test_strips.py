"""The strips against the plain network: the same pixels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.measures import decibels
from udsd.inference.planes import Store
from udsd.inference.strips import Statistics, StripModel
from udsd.models import DeblurModel, ModelConfig
from udsd.models.deblur_model import pad_image


def make_model(*, residual: bool = True) -> DeblurModel:
    torch.manual_seed(0)
    model = DeblurModel(ModelConfig(base_width=8, residual_blocks=2, residual_output=residual)).eval()
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.1)
    return model


PLAIN = make_model()
STRIPS = StripModel(PLAIN, torch.float32)


def image_of(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height * 1000 + width)) * 2 - 1


@torch.inference_mode()
def in_strips(model: StripModel, image: Tensor, strip_height: int, room: int | None = None) -> Tensor:
    height, width = image.shape[-2:]
    padded = pad_image(image)
    with Store(room) as store:
        code, _ = model.encode_blur(padded, strip_height, store)
        restored = model.restore(padded, code, strip_height, store)
        assert store._size() == 0  # every map was given back
    return restored[..., :height, :width]


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 300),
    width=st.integers(1, 300),
    quarters=st.integers(1, 80),
    room=st.sampled_from([None, 0, 50_000]),
)
def test_any_size_in_any_strips_is_as_the_plain_network(
    height: int, width: int, quarters: int, room: int | None
) -> None:
    image = image_of(height, width)
    with torch.inference_mode():
        expected = PLAIN(image)
    restored = in_strips(STRIPS, image, 4 * quarters, room)
    assert restored.shape == image.shape
    assert decibels(restored, expected) > 100
    # An image of a few pixels is reflected to 16 x 16, of which some maps are all but constant: normalising divides
    # their rounding by next to nothing. Such an image is never cut but in tests.
    assert decibels(restored, in_strips(STRIPS, image, 10_000)) > (120 if min(height, width) >= 16 else 105)


@pytest.mark.parametrize(("height", "width"), [(16, 4000), (4000, 16), (1, 20_000), (2, 3), (257, 251)])
def test_extreme_shapes(height: int, width: int) -> None:
    image = image_of(height, width)
    with torch.inference_mode():
        expected = PLAIN(image)
    for strip_height in (4, 36, 10_000):
        assert decibels(in_strips(STRIPS, image, strip_height), expected) > 100


@pytest.mark.parametrize("period", [1, 2, 4])
def test_a_blank_or_periodic_image_is_as_the_plain_network(period: int) -> None:
    """Where all features are of one value, normalisation would magnify rounding without end."""
    assert STRIPS._blocks is not STRIPS._plain_blocks  # Winograd's convolutions take part
    tile = image_of(period, period)
    image = tile.repeat(1, 1, 96 // period, 64 // period)
    with torch.inference_mode():
        expected = PLAIN(image)
    assert decibels(in_strips(STRIPS, image, 20), expected) > 90


def test_an_output_limited_by_tanh_is_the_same_too() -> None:
    model = make_model(residual=False)
    image = image_of(101, 67)
    with torch.inference_mode():
        expected = model(image)
    assert decibels(in_strips(StripModel(model, torch.float32), image, 12), expected) > 110


def test_bfloat16_is_near_and_alike_in_any_strips() -> None:
    model = StripModel(PLAIN, torch.bfloat16)
    image = image_of(160, 120)
    with torch.inference_mode():
        expected = PLAIN(image)
    whole = in_strips(model, image, 10_000)
    assert decibels(whole, expected) > 50
    for room in (None, 0):
        assert decibels(in_strips(model, image, 16, room), expected) > 50


def test_float64_is_exact() -> None:
    model = make_model().double()
    image = image_of(90, 70).double()
    with torch.inference_mode():
        assert decibels(in_strips(StripModel(model, torch.float64), image, 12), model(image)) > 150


def test_the_model_is_left_as_it_is() -> None:
    before = {name: tensor.clone() for name, tensor in PLAIN.state_dict().items()}
    in_strips(StripModel(PLAIN, torch.bfloat16), image_of(40, 40), 8)
    for name, tensor in PLAIN.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.dtype is before[name].dtype


def test_a_code_of_ones_own_is_taken() -> None:
    image = image_of(64, 64)
    code = torch.linspace(-1, 1, PLAIN.config.blur_code_size)[None]
    with torch.inference_mode(), Store() as store:
        expected = PLAIN(image, code)
        restored = STRIPS.restore(image, code, 12, store)
        assert decibels(restored, expected) > 110
        assert decibels(restored, PLAIN(image)) < 90


def test_statistics_of_bfloat16_are_not_rounded_to_it() -> None:
    values = (torch.randn(1, 5, 50, 70, generator=torch.Generator().manual_seed(1)) + 3).bfloat16()
    statistics = Statistics()
    statistics.add(values.contiguous(memory_format=torch.channels_last))
    mean, variance = statistics.by_channel()
    exact = values.double()
    torch.testing.assert_close(mean.double(), exact.mean(dim=(0, 2, 3)), rtol=1e-5, atol=0)
    torch.testing.assert_close(variance.double(), exact.var(dim=(0, 2, 3), correction=0), rtol=1e-4, atol=0)


@pytest.mark.parametrize("split", [1, 3, 50])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_statistics_of_strips_are_those_of_the_whole(split: int, offset: float) -> None:
    values = torch.randn(1, 5, 50, 70, generator=torch.Generator().manual_seed(1)) + offset
    values = values.contiguous(memory_format=torch.channels_last)
    statistics = Statistics()
    for strip in values.split(split, dim=2):
        statistics.add(strip)
    mean, variance = statistics.by_channel()
    exact = values.double()
    torch.testing.assert_close(mean.double(), exact.mean(dim=(0, 2, 3)), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(variance.double(), exact.var(dim=(0, 2, 3), correction=0), rtol=1e-5, atol=1e-5)
    mean, variance = statistics.over_channels()
    assert mean.shape == variance.shape == (5,)
    torch.testing.assert_close(mean.double(), exact.mean().expand(5), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(variance.double(), exact.var(correction=0).expand(5), rtol=1e-5, atol=1e-5)
