from __future__ import annotations

import re
import sys

import numpy as np
import pytest
import torch

from udsd import Deblurrer
from udsd.domains.domain import OnProgress
from udsd.domains.progress import followed
from udsd.models import DeblurModel
from udsd.progress import ImageBar


def test_a_bar_moves_within_images_and_never_back(capsys: pytest.CaptureFixture[str]) -> None:
    with ImageBar(2, shown=True) as bar:
        for place in (0.25, 0.5, 0.123, 1.0):
            bar.within(place)
        bar.finish()
        bar.within(0.6667)
        bar.finish()
    shown = capsys.readouterr().err
    assert re.findall(r"(\S+)/2 ", shown)[-1] == "2"


def test_numbers_stay_round_and_within_the_total(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum of these steps is a little more than 2, of which tqdm warns."""
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    with ImageBar(2, shown=True) as bar:
        for _ in range(2):
            for place in range(100):
                bar.within(place / 100)
            bar.finish()
    shown = re.findall(r"(\S+)/2 ", capsys.readouterr().err)
    assert shown[-1] == "2"
    assert max(map(len, shown)) <= len("1.71")


@pytest.mark.parametrize("shown", [True, False])
def test_without_standard_error_there_is_no_bar(monkeypatch: pytest.MonkeyPatch, shown: bool) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with ImageBar(3, shown=shown) as bar:
        bar.within(0.5)
        bar.expect(4)
        bar.finish(3)


@pytest.mark.parametrize("memory_limit", ["64MB", "2GB"])
def test_strips_tell_the_share_that_is_done(model: DeblurModel, memory_limit: str) -> None:
    told: list[float] = []
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    deblurrer = Deblurrer(model, device="cpu", dtype="float32", memory_limit=memory_limit)
    restored = deblurrer.deblur(image, on_progress=told.append)
    assert np.array_equal(restored, deblurrer.deblur(image))
    assert told == sorted(told)
    assert len(set(told)) > 10
    assert 0 < told[0] < 0.2
    assert told[-1] == 1


def test_of_a_batch_each_image_is_a_part(model: DeblurModel) -> None:
    told: list[float] = []
    Deblurrer(model, device="cpu").deblur(torch.rand(2, 3, 32, 32), on_progress=told.append)
    assert told == sorted(told)
    assert {round(share, 6) for share in told} >= {0.5, 1}


def test_several_calls_of_the_model_are_one_work_and_a_new_beginning_does_not_show() -> None:
    def restore(
        images: torch.Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None
    ) -> torch.Tensor:
        assert on_progress is not None
        for share in (0.5, 0.25, 1.0):
            on_progress(share)
        return images

    told: list[float] = []
    model = followed(restore, 200, told.append)
    model(torch.zeros(1, 3, 10, 10))
    model(torch.zeros(1, 3, 10, 10))
    assert told == [0.25, 0.25, 0.5, 0.75, 0.75, 1.0]
