"""What needs a CUDA device: ``pytest -m gpu`` on a machine that has one; skipped elsewhere."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.measures import decibels
from tests.typesetting import typeset_page
from udsd import Deblurrer
from udsd.degradation import BlurConfig, BlurSampler
from udsd.inference import TorchBackend
from udsd.training.config import TrainingConfig
from udsd.training.crops import Crops
from udsd.training.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

CUDA = torch.device("cuda")
CPU = torch.device("cpu")


@pytest.fixture
def image() -> Tensor:
    return torch.rand(1, 3, 260, 340, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("dtype", "least"), [(torch.float32, 55), (torch.bfloat16, 45), (torch.float16, 50)])
@pytest.mark.parametrize("whole", [True, False])
def test_a_gpu_gives_what_a_cpu_gives(image: Tensor, dtype: torch.dtype, least: float, whole: bool) -> None:
    expected = TorchBackend(Deblurrer.from_pretrained("text").backend.model, CPU, torch.float32).restore(image)
    engine = TorchBackend(Deblurrer.from_pretrained("text").backend.model, CUDA, dtype)
    engine._whole_first = whole
    restored = engine.restore(image)
    assert restored.device == CPU
    assert decibels(restored, expected) > least


def test_a_batch_on_a_gpu_is_its_images_one_by_one() -> None:
    deblurrer = Deblurrer.from_pretrained("text", device="cuda", dtype="float32")
    images = [np.random.default_rng(seed).integers(0, 256, (96, 80, 3), dtype=np.uint8) for seed in range(5)]
    for together, image in zip(deblurrer.deblur_batch(images, batch_size=5), images, strict=True):
        assert isinstance(together, np.ndarray)
        difference = together.astype(int) - deblurrer.deblur(image).astype(int)
        assert np.abs(difference).max() <= 1


def test_an_image_that_does_not_fit_the_gpu_runs_in_strips(caplog: pytest.LogCaptureFixture) -> None:
    deblurrer = Deblurrer.from_pretrained("text", device="cuda", dtype="float32")
    total = torch.cuda.mem_get_info()[1]
    image = torch.rand(3, 2048, 2048, generator=torch.Generator().manual_seed(0))
    with caplog.at_level(logging.WARNING):
        expected = deblurrer.deblur(image, scale="off")  # noise: there is no print to be looked for
        assert not caplog.messages
        # Of this process's own memory: others may have some of the GPU.
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 1.0e9) / total))
        try:
            restored = deblurrer.deblur(image, scale="off")
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
    assert any("going on in smaller strips" in message for message in caplog.messages)
    assert decibels(2 * restored - 1, 2 * expected - 1) > 55


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_on_a_gpu_goes_on_after_a_resume(tmp_path: Path, precision: str) -> None:
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 256, (90, 90, 3), dtype=np.uint8)
        (tmp_path / "sharp").mkdir(exist_ok=True)
        Image.fromarray(noise).save(tmp_path / "sharp" / f"{number}.png")
    settings = {
        "model": {"base_width": 8},
        "data": {"sharp": [str(tmp_path / "sharp")], "crop_size": 32, "batch_size": 4},
        "blur": {"path_length": [2.0, 8.0]},
        "loss": {"perceptual": 0.0},
        "warm_start": {"steps": 4},
        "unpaired": {"steps": 4},
        "run": {"precision": precision, "checkpoint_every": 6, "log_every": 1},
    }
    config = TrainingConfig.from_dict(settings)
    Trainer(config, tmp_path / "run", CUDA).fit()
    trainer = Trainer(
        TrainingConfig.from_dict(settings | {"unpaired": {"steps": 6}}),
        tmp_path / "run",
        CUDA,
        resume=True,
        change_settings=True,
    )
    assert trainer.step == 8
    trainer.fit()
    assert trainer.step == 10
    assert all(parameter.isfinite().all() for parameter in trainer.networks.parameters())


def test_crops_that_are_stored_small_are_enlarged_on_a_gpu_as_on_a_cpu() -> None:
    config = BlurConfig(
        path_length=(4.0, 12.0),
        gamma_probability=0.5,
        sharpened_probability=0.5,
        jpeg_probability=0.5,
        enlarged_probability=0.5,
    )
    pixels = torch.nn.functional.interpolate(torch.rand(8, 3, 25, 25) * 255, 100, mode="bilinear").byte()
    blur = BlurSampler(config, np.random.default_rng(3)).draw(8, 84, 84)
    assert blur.factors
    assert blur.jpeg_qualities
    crops = Crops(pixels, blur, gains=torch.full((8, 3, 1, 1), 1.2))
    for ours, theirs in zip(crops.to_device(CPU), crops.to_device(CUDA), strict=True):
        assert theirs.device.type == "cuda"
        assert decibels(theirs.cpu(), ours) > 45


def test_a_page_on_the_gpu_is_looked_at_and_comes_back_there() -> None:
    page = torch.from_numpy(255 - typeset_page(14, (400, 300))).expand(1, 3, -1, -1).contiguous()
    deblurrer = Deblurrer.from_pretrained("text-small", device="cuda", dtype="float32")
    assert deblurrer.examine(page.cuda()) == deblurrer.examine(page) != ()
    restored = deblurrer.deblur(page.cuda(), strength=0.5)
    assert restored.device.type == "cuda"
    assert (restored.cpu().int() - deblurrer.deblur(page, strength=0.5).int()).abs().max() <= 1
