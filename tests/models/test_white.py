from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.measures import decibels
from udsd import Deblurrer
from udsd.export import export_openvino
from udsd.inference import TorchBackend
from udsd.models import DeblurModel, ModelConfig, white
from udsd.models.white import NoWhiteBalance, WhiteBalance, white_balance

CPU = torch.device("cpu")
PAPER = torch.tensor([0.9, 0.8, 0.6])[None, :, None, None]
"""Parts of white in red, green and blue."""


def page(levels: int = 255) -> Tensor:
    """A white page (1, 3, 64, 48) with grey marks on a fifth of it."""
    marks = torch.rand(1, 1, 64, 48, generator=torch.Generator().manual_seed(0))
    marks = torch.where(marks < 0.2, 4 * marks, 1.0).expand(1, 3, 64, 48)
    return (marks * levels).round() / levels * 2 - 1


def on_paper(image: Tensor, paper: Tensor = PAPER) -> Tensor:
    return (image + 1) * paper - 1


def balancing_model() -> DeblurModel:
    torch.manual_seed(0)
    config = ModelConfig(base_width=8, residual_blocks=1, residual_output=True, balance_white=True)
    model = DeblurModel(config).eval().requires_grad_(False)
    torch.nn.init.normal_(model.generator.to_image.weight, std=0.1)
    return model


@pytest.mark.parametrize("levels", [255, 65535])
def test_a_white_page_stays_as_it_is(levels: int) -> None:
    image = page(levels)
    balance = WhiteBalance.of(image)
    assert (balance.gain == 1).all()
    assert torch.equal(balance.apply(image.clone()), image)


def test_paper_of_any_colour_becomes_white_and_its_own_colour_again() -> None:
    image = on_paper(page())
    balance = WhiteBalance.of(image)
    torch.testing.assert_close(balance.gain, 1 / PAPER, rtol=1e-3, atol=0)
    balanced = balance.apply(image.clone())
    torch.testing.assert_close(balanced, page(), atol=2e-3, rtol=0)
    torch.testing.assert_close(balance.undo(balanced), image)


def test_what_is_brighter_than_the_paper_stays_so() -> None:
    image = on_paper(page(), torch.tensor(0.5))
    image[..., :2, :] = 1
    balance = WhiteBalance.of(image)
    balanced = balance.apply(image.clone())
    assert balanced.max() > 2
    torch.testing.assert_close(balance.undo(balanced), image)


def test_overshoot_is_cut_off_where_the_paper_is() -> None:
    image = on_paper(page())
    balance = WhiteBalance.of(image)
    overshot = balance.undo(balance.apply(image.clone()) + 0.1)
    assert torch.equal(overshot.amax(dim=(2, 3)), image.amax(dim=(2, 3)))
    assert balance.undo(balance.apply(image.clone()) - 0.5).min() == -1


@pytest.mark.parametrize("image", [torch.full((1, 3, 64, 48), -0.9), page().neg().clamp(-1, -0.6)])
def test_an_image_without_a_light_ground_is_left_alone(image: Tensor) -> None:
    assert (WhiteBalance.of(image).gain == 1).all()


def test_a_channel_that_is_nearly_missing_is_bounded() -> None:
    yellow = torch.tensor([1.0, 0.9, 0.02])[None, :, None, None]
    assert WhiteBalance.of(on_paper(page(), yellow)).gain.flatten().tolist() == pytest.approx([1, 1 / 0.9, 4], rel=1e-3)


def test_pixels_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    image = torch.rand(2, 3, 70, 33, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = WhiteBalance.of(image).gain
    monkeypatch.setattr(white, "_COUNTED", 100)
    assert torch.equal(WhiteBalance.of(image).gain, expected)
    assert torch.equal(WhiteBalance.of(image[1:]).gain, expected[1:])
    quantiles = ((image + 1) / 2).flatten(2).quantile(0.9, dim=2)
    torch.testing.assert_close(expected[..., 0, 0], 1 / quantiles, rtol=2e-3, atol=0)


def test_a_model_restores_on_any_paper_what_it_restores_on_white() -> None:
    engine = TorchBackend(balancing_model(), CPU, torch.float32)
    images = torch.cat([page(), on_paper(page())])
    given = images.clone()
    white_page, tinted = engine.restore(images).split(1)  # type: ignore[no-untyped-call]
    assert torch.equal(images, given)
    plain = ModelConfig(base_width=8, residual_blocks=1, residual_output=True)
    model = balancing_model()
    model.config = plain
    assert torch.equal(white_page, TorchBackend(model, CPU, torch.float32).restore(page()))
    assert decibels(tinted, on_paper(white_page)) > 45
    assert decibels(tinted, on_paper(page())) < 40  # it did restore something
    assert torch.equal(engine.restore(images, overwrite=True)[1:], tinted)
    codes = engine.encode_blur(given)[0]
    torch.testing.assert_close(codes[0], codes[1], atol=1e-2, rtol=1e-2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_an_exported_model_balances_as_well(tmp_path: Path) -> None:
    export_openvino(balancing_model(), tmp_path / "exported")
    exported = Deblurrer.from_pretrained(tmp_path / "exported", dtype="float32")
    image = (on_paper(page()) + 1) / 2
    image[..., :2, :] = 1
    expected = Deblurrer(balancing_model(), "cpu", "float32").deblur(image)
    assert decibels(exported.deblur(image), expected) > 80
    for ours, theirs in zip(
        exported.encode_blur(image), Deblurrer(balancing_model(), "cpu", "float32").encode_blur(image), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_images_are_balanced_in_a_copy_unless_they_may_be_overwritten() -> None:
    image = torch.rand(1, 3, 20, 20) - 1
    before, balance = image.clone(), white_balance(image, wanted=True)
    assert isinstance(balance, WhiteBalance)
    balanced = balance.apply(image)
    assert torch.equal(image, before)
    assert balance.apply(image, overwrite=True) is image
    assert torch.equal(image, balanced)


def test_a_model_without_white_balance_takes_images_as_they_are() -> None:
    image = torch.rand(1, 3, 20, 20) - 1
    balance = white_balance(image, wanted=False)
    assert isinstance(balance, NoWhiteBalance)
    assert balance.apply(image) is image
    assert balance.undo(torch.tensor([-3.0, 0.5, 2.0])).tolist() == [-1, 0.5, 1]
