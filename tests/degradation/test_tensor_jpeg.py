from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from udsd.degradation import Blur
from udsd.degradation.jpeg import through_jpeg
from udsd.degradation.tensor_jpeg import compress_some, through_tensor_jpeg

LEAST_PSNR = 47.0
"""Of the tensors' result against Pillow's; that of the image against its compressed version is 20 to 40."""


def picture(height: int, width: int) -> Tensor:
    """Waves of several frequencies and colours, an edge and noise, (3, H, W)."""
    y, x = np.mgrid[:height, :width] / 16
    waves = np.stack([np.sin(x + 2 * y + channel) + np.cos(1.3 * y + 0.6 * channel * x) for channel in range(3)])
    waves[:, height // 4 : height // 2, width // 5 : width // 2] = np.array([1, -2, 0.5])[:, None, None]
    noise = np.random.default_rng(0).normal(0, 0.03, waves.shape)
    return torch.from_numpy((0.4 * waves + noise).clip(-1, 1)).float()


def psnr(first: Tensor, second: Tensor) -> float:
    return 10 * float(torch.log10(4 / (first - second).square().mean()))


@pytest.mark.parametrize("quality", [1, 25, 40, 49, 50, 60, 75, 85, 92, 98, 100])
def test_tensors_do_what_pillow_does(quality: int) -> None:
    pixels = picture(96, 160)
    expected = through_jpeg(pixels, quality)
    (result,) = through_tensor_jpeg(pixels[None], [quality])
    assert result.dtype == torch.float32
    assert psnr(result, expected) > LEAST_PSNR
    assert psnr(result, expected) > psnr(expected, pixels) + 5
    levels = (result + 1) * 127.5
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(100, 84), (33, 47), (8, 8), (3, 5), (1, 1)])
def test_borders_are_coded_as_pillow_codes_them(height: int, width: int) -> None:
    pixels = picture(height, width)
    expected = through_jpeg(pixels, 60)
    (result,) = through_tensor_jpeg(pixels[None], [60])
    assert psnr(result, expected) > LEAST_PSNR
    for border in (slice(-4, None), slice(0, 4)):
        assert psnr(result[:, border], expected[:, border]) > LEAST_PSNR - 3
        assert psnr(result[..., border], expected[..., border]) > LEAST_PSNR - 3


def test_each_image_has_a_quality_of_its_own() -> None:
    pixels = picture(48, 64)
    together = through_tensor_jpeg(torch.stack([pixels, pixels, pixels.flip(-1)]), [30, 90, 30])
    alone = [through_tensor_jpeg(image[None], [quality])[0] for image, quality in ((pixels, 30), (pixels, 90))]
    torch.testing.assert_close(together[:2], torch.stack(alone), atol=1e-6, rtol=0)
    assert not torch.equal(together[0], together[1])


def test_only_the_chosen_images_are_compressed() -> None:
    images = picture(32, 32).repeat(3, 1, 1, 1)
    before = images.clone()
    result = compress_some(images, {2: 40, 0: 90})
    assert torch.equal(result[1], before[1])
    for index, quality in ((0, 90), (2, 40)):
        torch.testing.assert_close(result[index], through_tensor_jpeg(before[index][None], [quality])[0])
    assert torch.equal(compress_some(before.clone(), {}), before)


def test_autocast_around_changes_nothing() -> None:
    pixels = picture(32, 48)[None]
    expected = through_tensor_jpeg(pixels, [80])
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(through_tensor_jpeg(pixels, [80]), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_images_are_compressed_there() -> None:
    image = picture(64, 64)[None]
    still = torch.zeros(1, 3, 3)
    still[:, 1, 1] = 1
    blur = Blur(still, torch.zeros(1, 3, 62, 62), {0: 60})
    on_gpu = blur.apply(image.cuda())
    assert on_gpu.device.type == "cuda"
    assert psnr(on_gpu.cpu(), blur.apply(image)) > LEAST_PSNR
