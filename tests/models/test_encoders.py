from __future__ import annotations

import torch
from torch import nn

from udsd.models import BlurEncoder, ContentEncoder, ModelConfig


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
