from __future__ import annotations

import pytest
import torch
from torch import Tensor

from udsd.inference.strips import Store
from udsd.inference.strips.feature_map import FeatureMap
from udsd.inference.strips.layers import StripLayer
from udsd.inference.strips.rows import Whole
from udsd.inference.strips.runner import Runner
from udsd.inference.strips.store import StoredStrip
from udsd.models.blocks import DoublingConv2d, InstanceNorm, Layer, LayerNorm, ReflectedConv2d, ResidualBlock, relu

MAP = torch.randn(1, 4, 24, 20, generator=torch.Generator().manual_seed(0))


class Watched(Store):
    """Remembers the widths of all strips that were put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.widths: list[int] = []

    def put(self, strip: Tensor) -> StoredStrip:
        self.widths.append(strip.shape[3])
        return super().put(strip)


def in_strips(store: Store, values: Tensor, strip_height: int) -> FeatureMap:
    features = FeatureMap(store)
    for strip in values.split(strip_height, dim=2):  # type: ignore[no-untyped-call]
        features.append(strip)
    return features


LAYERS = {
    "no normalisation": Layer(ReflectedConv2d(4, 6, kernel_size=3), None, relu),
    "instance normalisation": Layer(ReflectedConv2d(4, 6, kernel_size=3), InstanceNorm(), relu),
    "doubling": Layer(DoublingConv2d(4, 6), LayerNorm(6), relu),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
@pytest.mark.parametrize("strip_height", [3, 8, 24])
@pytest.mark.parametrize("is_as_high_as_the_image", [False, True])
@torch.inference_mode()
def test_a_layer_gives_what_it_gives_in_the_network(
    layer: Layer, strip_height: int, is_as_high_as_the_image: bool
) -> None:
    expected = layer.apply(MAP)
    height = expected.shape[2]
    with Watched() as store:
        rows = in_strips(store, MAP, strip_height)
        store.widths.clear()
        runner = Runner(store, height if is_as_high_as_the_image else 4 * height)
        output = runner.run(StripLayer.of(layer, torch.float32), rows, strip_height)
        assert bool(store.widths) != is_as_high_as_the_image  # such maps are not kept
        for _ in range(2):
            result = torch.cat([output.window(start, stop) for start, stop in output.cuts], dim=2)
            torch.testing.assert_close(result, expected, atol=2e-5, rtol=0)
        output.release(height)
        store.trim()
        assert store._size() == 0


@torch.inference_mode()
def test_rows_that_are_needed_again_are_kept() -> None:
    layer = StripLayer.of(LAYERS["instance normalisation"], torch.float32)
    with Store() as store:
        rows = in_strips(store, MAP, 8)
        Runner(store, 96).run(layer, rows, 8, keep_rows=True)
        assert torch.equal(rows.window(0, 24), MAP)
        Runner(store, 96).run(layer, rows, 8)
        with pytest.raises(KeyError):
            rows.window(0, 24)


@torch.inference_mode()
def test_settled_output_is_normalised_once() -> None:
    layer = LAYERS["instance normalisation"]
    with Store() as store:
        output = Runner(store, 96).run(StripLayer.of(layer, torch.float32), Whole(MAP, torch.float32), 5)
        torch.testing.assert_close(output.settled().window(0, 24), layer.apply(MAP), atol=2e-5, rtol=0)


@pytest.mark.parametrize("use_winograd", [False, True])
@torch.inference_mode()
def test_a_residual_block_adds_to_the_features(use_winograd: bool) -> None:
    block = ResidualBlock(4)
    layers = [StripLayer.of(layer, torch.float32, use_winograd=use_winograd) for layer in block.layers()]
    with Store() as store:
        features = in_strips(store, MAP, 8)
        Runner(store, 96).add_block(features, layers, 8)
        torch.testing.assert_close(features.window(0, 24), block(MAP), atol=1e-4, rtol=0)
        features.release(24)
        store.trim()
        assert store._size() == 0


def test_a_copy_has_strips_of_its_own() -> None:
    with Store() as store:
        rows = in_strips(store, MAP, 9)
        copy = Runner(store, 96).copy(rows)
        assert copy.cuts == rows.cuts
        assert torch.equal(copy.window(0, 24), MAP)
        with pytest.raises(KeyError):
            rows.pieces(20, 24)


@pytest.mark.parametrize("contrast", [0.0, 1.0])
def test_an_output_says_whether_it_is_flat(contrast: float) -> None:
    layer = StripLayer.of(LAYERS["instance normalisation"], torch.float32)
    with Store() as store, torch.inference_mode():
        output = Runner(store, 96).run(layer, Whole(contrast * MAP + 0.5, torch.float32), 8)
        assert output.is_flat == (contrast == 0)
        plain = StripLayer.of(LAYERS["no normalisation"], torch.float32)
        assert not Runner(store, 96).run(plain, Whole(0 * MAP, torch.float32), 8).is_flat
