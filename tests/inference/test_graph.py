from __future__ import annotations

import pytest
import torch

from tests.measures import decibels
from udsd.inference.graph import InferenceGraph, trace_graph
from udsd.models import DeblurModel, ModelConfig

# The tracer speaks of its own past and future.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.mark.parametrize("size", [(1, 16, 16), (3, 32, 20), (1, 100, 64)])
def test_the_graph_gives_the_models_pixels_and_code(model: DeblurModel, size: tuple[int, int, int]) -> None:
    batch, height, width = size
    image = torch.rand(batch, 3, height, width) * 2 - 1
    with torch.inference_mode():
        restored, mean, log_variance = InferenceGraph(model)(image)
        assert decibels(restored, model(image).clamp(-1, 1)) > 100
        for found, expected in zip((mean, log_variance), model.encode_blur(image), strict=True):
            torch.testing.assert_close(found, expected)


def test_one_trace_serves_all_sizes(model: DeblurModel) -> None:
    traced = trace_graph(model).module()
    for batch, height, width in ((1, 32, 32), (3, 64, 36)):
        image = torch.rand(batch, 3, height, width) * 2 - 1
        with torch.inference_mode():
            assert decibels(traced(image)[0], model(image).clamp(-1, 1)) > 100


def test_only_without_white_balance_is_the_result_limited() -> None:
    for balance_white in (False, True):
        config = ModelConfig(base_width=4, residual_blocks=1, residual_output=True, balance_white=balance_white)
        model = DeblurModel(config)
        torch.nn.init.constant_(model.generator.to_image.bias, 9.0)  # type: ignore[arg-type]
        with torch.inference_mode():
            brightest = float(InferenceGraph(model)(torch.zeros(1, 3, 16, 16))[0].max())
        assert (brightest > 1) == balance_white


def test_the_model_itself_is_left_as_it_is(model: DeblurModel) -> None:
    image = torch.rand(1, 3, 16, 16)
    with torch.inference_mode():
        before = model(image)
        InferenceGraph(model)(image)
        assert torch.equal(model(image), before)
