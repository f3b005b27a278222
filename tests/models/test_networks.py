from __future__ import annotations

import pytest
import torch
from torch import nn

from udsd.errors import ConfigError
from udsd.models import BlurEncoder, ContentEncoder, DeblurModel, Generator, ModelConfig, reparameterize
from udsd.models.blocks import InstanceNorm, LayerNorm, pad_to_multiple


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts_at_the_papers_width() -> None:
    config = ModelConfig()
    with torch.device("meta"):
        counts = [count(ContentEncoder(config)), count(BlurEncoder(config)), count(Generator(config))]
    assert counts == [5_096_704, 1_318_544, 5_410_587]
    assert round(sum(counts) / 1e6, 1) == 11.8


def test_content_features_have_a_quarter_of_the_size_and_four_times_the_width() -> None:
    features = ContentEncoder(ModelConfig(base_width=4))(torch.zeros(2, 3, 32, 24))
    assert features.shape == (2, 16, 8, 6)


def test_blur_code_does_not_depend_on_the_size_of_a_repeated_pattern() -> None:
    encoder = BlurEncoder(ModelConfig(base_width=4))
    tile = torch.rand(1, 3, 32, 32)
    symmetric = torch.cat([tile, tile.flip(3)], dim=3)
    mean, log_variance = encoder(symmetric.repeat(1, 1, 4, 4))
    again, _ = encoder(symmetric.repeat(1, 1, 8, 8))
    assert mean.shape == log_variance.shape == (1, 8)
    assert torch.allclose(mean, again, atol=0.01)


def test_log_variance_stays_in_a_range_whose_exponent_is_finite() -> None:
    encoder = BlurEncoder(ModelConfig(base_width=4))
    nn.init.constant_(encoder.statistics.bias, 1e6)
    _, log_variance = encoder(torch.zeros(1, 3, 32, 32))
    assert log_variance.exp().isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (2, 3), (5, 64), (16, 16), (33, 47)])
@pytest.mark.parametrize("residual_output", [False, True])
def test_any_size_comes_back_in_that_size(size: tuple[int, int], residual_output: bool) -> None:
    model = DeblurModel(ModelConfig(base_width=4, residual_blocks=1, residual_output=residual_output))
    with torch.inference_mode():
        restored = model(torch.rand(2, 3, *size) * 2 - 1)
    assert restored.shape == (2, 3, *size)
    assert restored.isfinite().all()


def test_padding_reflects_and_is_cropped_away() -> None:
    image = torch.arange(30.0).reshape(1, 1, 5, 6)
    padded = pad_to_multiple(image, 4, 8)
    assert padded.shape == (1, 1, 8, 8)
    assert torch.equal(padded[..., :5, :6], image)
    assert torch.equal(padded[0, 0, 5:, 0], image[0, 0, [3, 2, 1], 0])
    assert torch.equal(padded[0, 0, 0, 6:], image[0, 0, 0, [4, 3]])


def test_padding_leaves_fitting_images_alone() -> None:
    image = torch.rand(1, 3, 16, 20)
    assert pad_to_multiple(image, 4, 16) is image


def test_batch_gives_what_each_image_gives_alone(model: DeblurModel) -> None:
    images = torch.rand(3, 3, 24, 20) * 2 - 1
    with torch.inference_mode():
        together = model(images)
        alone = torch.cat([model(image[None]) for image in images])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_code_changes_the_result(model: DeblurModel) -> None:
    image = torch.rand(1, 3, 24, 24) * 2 - 1
    with torch.inference_mode():
        results = [model(image, torch.full((1, 8), value)) for value in (-2.0, 2.0)]
    assert not torch.allclose(results[0], results[1], atol=1e-3)


def test_without_a_code_the_mean_of_the_images_own_is_taken(model: DeblurModel) -> None:
    image = torch.rand(1, 3, 24, 24) * 2 - 1
    with torch.inference_mode():
        mean, _ = model.encode_blur(image)
        assert torch.equal(model(image), model(image, mean))


def test_residual_output_starts_as_the_identity() -> None:
    model = DeblurModel(ModelConfig(base_width=4, residual_output=True))
    image = torch.rand(1, 3, 24, 24) * 2 - 1
    assert torch.equal(model(image), image)


def test_tanh_output_stays_in_range(model: DeblurModel) -> None:
    nn.init.constant_(model.generator.to_image.bias, 50.0)  # type: ignore[arg-type]
    assert model(torch.rand(1, 3, 16, 16)).abs().max() <= 1


def test_instance_norm_equals_torchs() -> None:
    features = torch.randn(2, 5, 7, 9) * 3 + 4
    expected = nn.functional.instance_norm(features)
    assert torch.allclose(InstanceNorm()(features), expected, atol=1e-5)
    channels_last = features.to(memory_format=torch.channels_last)
    result = InstanceNorm()(channels_last)
    assert torch.allclose(result, expected, atol=1e-5)
    assert result.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_instance_norm_takes_large_values_in_half_precision(dtype: torch.dtype) -> None:
    features = torch.randn(2, 5, 7, 9) * 3000 + 4000
    result = InstanceNorm()(features.to(dtype))
    assert result.dtype == dtype
    assert torch.allclose(result.float(), nn.functional.instance_norm(features), atol=0.05)


def test_layer_norm_normalises_over_channels_and_positions() -> None:
    norm = LayerNorm(3)
    nn.init.constant_(norm.weight, 2.0)
    nn.init.constant_(norm.bias, 1.0)
    features = norm(torch.randn(2, 3, 8, 8) * 5 - 7)
    assert torch.allclose(features.mean(dim=(1, 2, 3)), torch.ones(2), atol=1e-5)
    assert torch.allclose(features.std(dim=(1, 2, 3), correction=0), torch.full((2,), 2.0), atol=1e-3)


def test_reparameterize_draws_from_the_asked_normal() -> None:
    mean, log_variance = torch.tensor([[3.0, -1.0]]), torch.tensor([[4.0, 0.25]]).log()
    draws = reparameterize(mean.expand(20_000, 2), log_variance.expand(20_000, 2), torch.Generator().manual_seed(0))
    assert torch.allclose(draws.mean(dim=0), mean[0], atol=0.05)
    assert torch.allclose(draws.std(dim=0), torch.tensor([2.0, 0.5]), atol=0.05)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"base_width": 0}, "base_width"),
        ({"base_width": 10**9}, "base_width"),
        ({"base_width": 32.0}, "base_width"),
        ({"blur_code_size": True}, "blur_code_size"),
        ({"residual_output": 1}, "residual_output"),
        ({"balance_white": "yes"}, "balance_white"),
        ({"wdith": 3}, "wdith"),
    ],
)
def test_bad_configurations_are_refused_by_name(values: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        ModelConfig.from_dict(values)


def test_configuration_round_trip() -> None:
    config = ModelConfig(base_width=24, residual_output=True)
    assert ModelConfig.from_dict(config.to_dict()) == config


def test_the_number_of_channels_of_earlier_versions_is_read_and_dropped() -> None:
    config = ModelConfig.from_dict({"image_channels": 3, "base_width": 8})
    assert config == ModelConfig(base_width=8)
    assert "image_channels" not in config.to_dict()
    with pytest.raises(ConfigError, match="image_channels is 4; 3 is the only value"):
        ModelConfig.from_dict({"image_channels": 4})
