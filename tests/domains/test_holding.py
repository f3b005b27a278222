from __future__ import annotations

import torch

from udsd.domains.holding import Cuts, Held


def test_a_number_holds_until_most_frames_ask_for_another() -> None:
    held = Held()
    assert held.value == 1
    values = []
    for asked in [0.5] * 4 + [1.0] + [0.5] * 3 + [0.53] * 20 + [1.0] * 20:
        held.add(asked)
        values.append(held.value)
    assert values[:28] == [0.5] * 28  # neither one frame alone nor a little more changes it
    assert values[-1] == 1
    assert len({*values}) == 2


def test_what_was_seen_before_counts_until_a_cut() -> None:
    held = Held([0.5, 0.5, 0.9, 0.5, 0.5])
    held.add(0.9)
    assert held.value == 0.5
    held.forget()
    assert held.value == 1
    held.add(0.9)
    assert held.value == 0.9


def test_cuts_are_told_from_motion() -> None:
    torch.manual_seed(0)
    spots = torch.rand(1, 1, 4, 12).mul(4).sub(2).expand(-1, 3, -1, -1)
    wide = torch.nn.functional.interpolate(spots, (120, 400), mode="bicubic").clamp(-1, 1)
    cuts = Cuts()
    assert [cuts.is_cut(wide[..., 4 * step : 4 * step + 160]) for step in range(5)] == [False] * 5
    assert cuts.is_cut(-wide[..., 200:360])
    assert not cuts.is_cut(-wide[..., 202:362])
