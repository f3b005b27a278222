from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from udsd.errors import ConfigError
from udsd.models import DeblurModel, ModelConfig
from udsd.training.optimizers import MuonAndAdam, make_optimizer

BETAS = (0.9, 0.99)


def small_model(memory_format: torch.memory_format = torch.contiguous_format) -> DeblurModel:
    torch.manual_seed(0)
    model = DeblurModel(ModelConfig(base_width=8, residual_blocks=1, blur_code_size=2))
    return model.to(memory_format=memory_format)  # type: ignore[call-overload, no-any-return]


def train(model: DeblurModel, optimizer: torch.optim.Optimizer, steps: int = 3) -> list[float]:
    random = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(steps):
        image = torch.rand(2, 3, 32, 32, generator=random) * 2 - 1
        loss = F.mse_loss(model(image), image.roll(1, dims=-1))
        optimizer.zero_grad(set_to_none=True)
        optimizer.param_groups[0]["lr"] = 1e-3
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_step_of_a_kernel_is_that_of_pytorchs_muon_on_a_matrix() -> None:
    kernel = nn.Parameter(torch.randn(16, 12, 3, 3))
    matrix = nn.Parameter(kernel.detach().flatten(1).clone())
    ours = MuonAndAdam([kernel, nn.Parameter(torch.zeros(3))], BETAS)
    theirs = torch.optim.Muon([matrix], lr=0.01, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    ours.param_groups[0]["lr"] = 0.01
    for _ in range(2):
        kernel.grad = torch.randn(kernel.shape)
        matrix.grad = kernel.grad.flatten(1)
        ours.step()
        theirs.step()
    torch.testing.assert_close(kernel.detach().flatten(1), matrix.detach())


def test_all_else_is_left_to_adam() -> None:
    start = [torch.randn(5), torch.randn(4, 6), torch.randn(16, 3, 7, 7), torch.randn(3, 16, 1, 1)]
    first, second = ([nn.Parameter(value.clone()) for value in start] for _ in range(2))
    kernel = nn.Parameter(torch.randn(8, 8, 3, 3))
    kernel.grad = torch.randn(8, 8, 3, 3)
    ours, adam = MuonAndAdam([*first, kernel], BETAS), torch.optim.Adam(second, lr=0.01, betas=BETAS)
    ours.param_groups[0]["lr"] = 0.01
    for mine, theirs in zip(first, second, strict=True):
        mine.grad = torch.randn(mine.shape)
        theirs.grad = mine.grad.clone()
    ours.step()
    adam.step()
    for mine, theirs in zip(first, second, strict=True):
        torch.testing.assert_close(mine.detach(), theirs.detach())


def test_the_memory_format_makes_no_difference() -> None:
    plain, channels_last = small_model(), small_model(torch.channels_last)
    for model in (plain, channels_last):
        train(model, make_optimizer("muon", model.parameters(), BETAS), steps=1)
    for name, expected in plain.state_dict().items():
        # Muon's own arithmetic is bfloat16.
        torch.testing.assert_close(channels_last.state_dict()[name], expected, atol=1e-4, rtol=0, msg=name)


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_both_learn_and_all_weights_change(name: str) -> None:
    model = small_model(torch.channels_last)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    losses = train(model, make_optimizer(name, model.parameters(), BETAS), steps=20)  # type: ignore[arg-type]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])
    assert not any(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_saved_state_goes_on_as_if_nothing_had_been() -> None:
    model = small_model()
    optimizer = make_optimizer("muon", model.parameters(), BETAS)
    train(model, optimizer)
    again = small_model()
    again.load_state_dict(model.state_dict())
    resumed = make_optimizer("muon", again.parameters(), BETAS)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(model, optimizer)
    train(again, resumed)
    for name, expected in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], expected), name


def test_an_older_pytorch_is_told_what_muon_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(ConfigError, match=r"2\.9"):
        make_optimizer("muon", small_model().parameters(), BETAS)
