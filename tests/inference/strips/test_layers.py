"""Each layer in strips against the layer of the network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from udsd.inference.strips import Store
from udsd.inference.strips.feature_map import FeatureMap
from udsd.inference.strips.layers import StripLayer, ToImage, WinogradConvolution
from udsd.inference.strips.rows import Rows, Whole
from udsd.inference.strips.statistics import Statistics
from udsd.models.blocks import (
    DoublingConv2d,
    InstanceNorm,
    Layer,
    LayerNorm,
    PointwiseConv2d,
    ReflectedConv2d,
    leaky_relu,
    relu,
)


def conv(size: int, stride: int = 1, *, bias: bool = True) -> ReflectedConv2d:
    return ReflectedConv2d(5, 7, kernel_size=size, stride=stride, bias=bias)


CONVOLUTIONS = {
    "7x7": (conv(7), False),
    "3x3 of stride 2": (conv(3, 2), False),
    "4x4 of stride 2": (conv(4, 2), False),
    "3x3": (conv(3, bias=False), False),
    "Winograd's": (conv(3, bias=False), True),
    "doubling": (DoublingConv2d(5, 7), False),
}
any_convolution = pytest.mark.parametrize(
    ("convolution", "use_winograd"), CONVOLUTIONS.values(), ids=CONVOLUTIONS.keys()
)
MAP = torch.randn(1, 5, 22, 14, generator=torch.Generator().manual_seed(0))


def in_rows(store: Store, values: Tensor) -> FeatureMap:
    """A map in strips of one row each."""
    features = FeatureMap(store)
    for row in values.split(1, dim=2):  # type: ignore[no-untyped-call]
        features.append(row)
    return features


@any_convolution
@pytest.mark.parametrize("strip_height", [1, 2, 3, 4, 9, 100])
@torch.inference_mode()
def test_strips_make_up_what_the_network_computes(
    convolution: nn.Module, use_winograd: bool, strip_height: int
) -> None:
    layer = Layer(convolution, activation=leaky_relu)
    in_strips = StripLayer.of(layer, torch.float32, use_winograd=use_winograd)
    assert isinstance(in_strips.convolution, WinogradConvolution) == use_winograd
    expected = layer.apply(MAP)
    cuts = in_strips.convolution.cuts(22, strip_height)
    assert in_strips.convolution.height_out(22) == cuts[-1][1] == expected.shape[2]
    with Store() as store:
        rows = in_rows(store, MAP)
        computed = []
        for start, stop in cuts:
            computed.append(in_strips.compute(rows, start, stop))
            rows.release(in_strips.convolution.first_row(stop))  # which no later strip misses
    assert [strip.shape[2] for strip in computed] == [stop - start for start, stop in cuts]
    torch.testing.assert_close(torch.cat(computed, dim=2), expected, atol=2e-5, rtol=0)


@any_convolution
@torch.inference_mode()
def test_no_row_is_held_longer_than_it_is_needed(convolution: nn.Module, use_winograd: bool) -> None:
    in_strips = StripLayer.of(Layer(convolution), torch.float32, use_winograd=use_winograd)
    with Store() as store:
        rows = in_rows(store, MAP)
        rows.release(in_strips.convolution.first_row(12) + 1)
        with pytest.raises(KeyError):
            in_strips.compute(rows, 12, 14)


@pytest.mark.parametrize("norm", [InstanceNorm(), LayerNorm(7)])
@pytest.mark.parametrize("activation", [None, relu, leaky_relu])
@torch.inference_mode()
def test_normalisation_follows_once_all_strips_are_known(norm: nn.Module, activation: object) -> None:
    if isinstance(norm, LayerNorm):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    layer = Layer(conv(3), norm, activation)  # type: ignore[arg-type]
    in_strips = StripLayer.of(layer, torch.float32)
    strips = [in_strips.compute(Whole(MAP, torch.float32), start, start + 2) for start in range(0, 22, 2)]
    before = [strip.clone() for strip in strips]
    statistics = Statistics()
    for strip in strips:
        statistics.add(strip)
    normalise = in_strips.normalisation(statistics)
    assert normalise is not None
    result = torch.cat([normalise(strip) for strip in strips], dim=2)
    torch.testing.assert_close(result, layer.apply(MAP), atol=2e-5, rtol=0)
    assert all(map(torch.equal, strips, before))  # a strip in the store is read more than once


def test_a_layer_without_normalisation_leaves_nothing_to_do() -> None:
    assert StripLayer.of(Layer(conv(3), None, relu), torch.float32).normalisation(Statistics()) is None


@torch.inference_mode()
def test_the_code_of_the_last_layer_is_part_of_its_bias() -> None:
    convolution = PointwiseConv2d(5 + 3, 3)
    code = torch.randn(1, 3)
    rows: Rows = Whole(MAP, torch.float32)
    computed = ToImage.of(Layer(convolution), 3, torch.float32).with_code(code).compute(rows, 4, 9)
    expected = convolution(torch.cat([MAP, code[:, :, None, None].expand(-1, -1, 22, 14)], dim=1))
    torch.testing.assert_close(computed, expected[:, :, 4:9], atol=1e-5, rtol=0)


class Dilated(ReflectedConv2d):
    def forward(self, features: Tensor) -> Tensor:
        padded = F.pad(features, [2, 2, 2, 2], mode="reflect")
        return F.conv2d(padded, self.weight, self.bias, dilation=2)


class Shifted(InstanceNorm):
    def forward(self, features: Tensor) -> Tensor:
        return super().forward(features) + 1


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (Layer(nn.Conv2d(5, 7, 3, padding=1)), "Conv2d"),
        (Layer(Dilated(5, 7, kernel_size=3)), "Dilated"),
        (Layer(nn.ConvTranspose2d(5, 7, 2, stride=2)), "ConvTranspose2d"),
        (Layer(PointwiseConv2d(5, 7)), "PointwiseConv2d"),
        (Layer(conv(3), nn.BatchNorm2d(7)), "BatchNorm2d"),
        (Layer(conv(3), Shifted()), "Shifted"),
    ],
)
def test_a_layer_of_an_unknown_type_is_refused(layer: Layer, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} cannot be run in strips; .*layers.py"):
        StripLayer.of(layer, torch.float32)


@pytest.mark.parametrize(
    "layer", [Layer(PointwiseConv2d(5, 3), InstanceNorm()), Layer(PointwiseConv2d(5, 3), None, relu)]
)
def test_nothing_may_follow_the_last_layer(layer: Layer) -> None:
    with pytest.raises(TypeError, match="PointwiseConv2d cannot be run in strips"):
        ToImage.of(layer, 2, torch.float32)
