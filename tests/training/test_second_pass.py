"""Crops that are shown as the networks have restored them, made to explain what they were."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.runs import CPU, MakeConfig
from udsd.errors import ConfigError
from udsd.training import learner as learner_module
from udsd.training.learner import Learner
from udsd.training.processes import Processes


def learner(make_config: MakeConfig, share: float) -> Learner:
    config = make_config(warm_start={"steps": 2, "second_pass": share})
    return Learner(config, Processes(CPU))


def test_the_first_crops_are_shown_as_they_were_restored(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Tensor, Tensor]] = []

    def brighter(restored: Tensor, blurred: Tensor, **_: Any) -> Tensor:
        given.append((restored.clone(), blurred.clone()))
        return restored.fill_(0.25)

    monkeypatch.setattr(learner_module, "made_consistent", brighter)
    teaching = learner(make_config, 0.5)
    blurred = torch.rand(4, 3, 32, 32) * 2 - 1
    before = blurred.clone()
    shown = teaching._restored_once(blurred)
    with torch.no_grad():
        restored = teaching.networks.deblur_model(blurred[:2]).clamp(-1, 1)
    assert torch.equal(torch.stack([pair[0] for pair in given]), restored)
    assert torch.equal(torch.stack([pair[1] for pair in given]), blurred[:2])
    assert torch.equal(shown[:2], torch.full_like(shown[:2], 0.25))
    assert torch.equal(shown[2:], blurred[2:])
    assert torch.equal(blurred, before)
    assert not shown.requires_grad


@pytest.mark.parametrize(
    ("size", "share", "counts"), [(4, 0.4, {1, 2}), (2, 0.1, {0, 1}), (1, 0.5, {0, 1}), (4, 1.0, {4})]
)
def test_small_batches_have_the_share_on_average(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, size: int, share: float, counts: set[int]
) -> None:
    monkeypatch.setattr(learner_module, "made_consistent", lambda restored, *_, **__: restored.fill_(0.25))
    teaching, blurred = learner(make_config, share), torch.rand(size, 3, 16, 16)
    torch.manual_seed(0)
    shown = [int((teaching._restored_once(blurred) == 0.25).all(dim=(1, 2, 3)).sum()) for _ in range(300)]
    assert set(shown) == counts
    assert sum(shown) / (300 * size) == pytest.approx(share, abs=0.05)


def test_without_a_share_blurred_crops_are_shown_as_they_are(make_config: MakeConfig) -> None:
    blurred = torch.rand(4, 3, 32, 32)
    assert learner(make_config, 0.0)._restored_once(blurred) is blurred


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_other_shares_are_refused(make_config: MakeConfig, share: float) -> None:
    with pytest.raises(ConfigError, match=r"second_pass is .*; give a number from 0 to 1"):
        make_config(warm_start={"second_pass": share})
