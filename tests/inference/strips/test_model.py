"""The strips against the plain network: the same pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.measures import decibels
from udsd.inference.strips import Store, StripModel, winograd
from udsd.models import BlurEncoder, ContentEncoder, DeblurModel, Generator, ModelConfig
from udsd.models.blocks import InstanceNorm, Layer, ReflectedConv2d, ResidualBlock, leaky_relu, relu
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
def in_strips(model: StripModel, image: Tensor, band_height: int, room: int | None = None) -> Tensor:
    height, width = image.shape[-2:]
    padded = pad_image(image)
    with Store(room) as store:
        code, _ = model.encode_blur(padded, band_height, store)
        restored = model.restore(padded, code, band_height, store)
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
    for band_height in (4, 36, 10_000):
        assert decibels(in_strips(STRIPS, image, band_height), expected) > 100


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


@pytest.mark.parametrize("band_height", [16, 32, 64])
def test_a_strip_stands_for_no_more_rows_than_the_band(band_height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the plan of memory would not hold; the pixels would not show it."""
    heights: dict[int, int] = {}
    put = Store.put

    def watched(store: Store, strip: Tensor) -> Any:
        heights[strip.shape[3]] = max(heights.get(strip.shape[3], 0), strip.shape[2])
        return put(store, strip)

    monkeypatch.setattr(Store, "put", watched)
    in_strips(STRIPS, image_of(256, 64), band_height)
    at_quarter, at_half = heights[64 // 4], heights[64 // 2]
    assert at_quarter == band_height // 4
    assert band_height // 4 <= at_half <= band_height // 2


@pytest.mark.parametrize(("dtype", "pay"), [(torch.float32, True), (torch.bfloat16, False)])
def test_residual_blocks_run_as_winograds_convolutions_where_these_pay(
    dtype: torch.dtype, pay: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    convolve = winograd.convolve

    def counted(window: Tensor, weights: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return convolve(window, weights)

    monkeypatch.setattr(winograd, "convolve", counted)
    in_strips(StripModel(DeblurModel(ModelConfig(base_width=8, residual_blocks=1)), dtype), image_of(16, 16), 16)
    assert calls == (4 if pay else 0)  # two convolutions in one block of each network


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


def test_strips_follow_the_layers_that_the_networks_list(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model()
    encoder = model.content_encoder
    encoder.extra = ReflectedConv2d(32, 32, kernel_size=5)
    stem, down1, down2 = encoder.layers()
    layers = stem, down1._replace(activation=leaky_relu), down2, Layer(encoder.extra, InstanceNorm(), relu)
    monkeypatch.setattr(ContentEncoder, "layers", lambda _: layers)
    fewer = model.blur_encoder.layers()[:-1]
    model.blur_encoder.statistics = nn.Linear(fewer[-1].convolution.out_channels, 16)  # type: ignore[arg-type]
    del model.blur_encoder.stages[-1]
    image = image_of(90, 70)
    with torch.inference_mode():
        expected, before = model(image), PLAIN(image)
    assert decibels(expected, before) < 60
    assert decibels(in_strips(StripModel(model, torch.float32), image, 20), expected) > 100


class OtherBlock(ResidualBlock):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) / 2


class OtherGenerator(Generator):
    def forward(self, content: Tensor, code: Tensor) -> Tensor:
        return super().forward(content, code) / 2


class OtherBlurEncoder(BlurEncoder):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = super().forward(image)
        return 2 * mean, log_variance


def with_other_block(model: DeblurModel) -> None:
    model.generator.blocks[1] = OtherBlock(40)


def with_unlisted_module(model: DeblurModel) -> None:
    model.content_encoder.blocks.append(nn.Dropout())


def with_unlisted_layer(model: DeblurModel) -> None:
    model.generator.attention = nn.Conv2d(40, 40, 1)


def with_other_norm(model: DeblurModel) -> None:
    model.generator.norm1 = nn.BatchNorm2d(16)


def with_other_generator(model: DeblurModel) -> None:
    model.generator = OtherGenerator(model.config)


def with_other_blur_encoder(model: DeblurModel) -> None:
    model.blur_encoder = OtherBlurEncoder(model.config)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (with_other_block, "OtherBlock"),
        (with_unlisted_module, "Dropout"),
        (with_unlisted_layer, "Conv2d"),
        (with_other_norm, "BatchNorm2d"),
        (with_other_generator, "OtherGenerator"),
        (with_other_blur_encoder, "OtherBlurEncoder"),
    ],
)
def test_an_unknown_architecture_is_refused(change: Callable[[DeblurModel], None], name: str) -> None:
    model = make_model()
    change(model)
    with pytest.raises(TypeError, match=f"^{name} cannot be run in strips"):
        StripModel(model, torch.float32)


def test_content_features_of_another_size_are_refused() -> None:
    model = make_model()
    model.content_encoder.down1 = ReflectedConv2d(8, 16, kernel_size=3, bias=False)
    with pytest.raises(TypeError, match="of 64 rows the content encoder makes 32, and the generator 128 of these"):
        StripModel(model, torch.float32)
