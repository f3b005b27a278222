from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from udsd.inference.strips import Store
from udsd.inference.strips.feature_map import FeatureMap
from udsd.inference.strips.rows import Whole, WithCode, joined


@pytest.mark.parametrize("margin", [0, 1, 3])
@pytest.mark.parametrize("strip_height", [1, 2, 6])
def test_what_lies_beyond_the_border_is_mirrored(margin: int, strip_height: int) -> None:
    values = torch.rand(1, 2, 6, 5)
    padded = F.pad(values, [margin, margin, 3, 3], mode="reflect")
    with Store() as store:
        rows = FeatureMap(store)
        for strip in values.split(strip_height, dim=2):  # type: ignore[no-untyped-call]
            rows.append(strip)
        for start in range(-3, 6):
            for stop in range(max(start, 0) + 1, 10):
                window = rows.window(start, stop, margin)
                assert torch.equal(window, padded[:, :, start + 3 : stop + 3])
                assert window.permute(0, 2, 3, 1).is_contiguous() or margin == 0


def test_a_whole_map_gives_rows_in_the_asked_number_format() -> None:
    values = torch.rand(1, 3, 6, 5)
    rows = Whole(values, torch.bfloat16)
    assert rows.cuts == [(0, 6)]
    assert rows.height == 6
    rows.release(6)  # which changes nothing
    window = rows.window(1, 4)
    assert torch.equal(window, values[:, :, 1:4].bfloat16())
    assert window.permute(0, 2, 3, 1).is_contiguous()


def test_the_code_stands_behind_the_channels_of_all_positions() -> None:
    values, code = torch.rand(1, 2, 4, 5), torch.tensor([[5.0, 6.0, 7.0]])
    with Store() as store:
        features = FeatureMap(store)
        for strip in values.split([3, 1], dim=2):  # type: ignore[no-untyped-call]
            features.append(strip)
        coded = WithCode(features, code)
        assert coded.cuts == [(0, 3), (3, 4)]
        expected = torch.cat([values, code[:, :, None, None].expand(-1, -1, 4, 5)], dim=1)
        assert torch.equal(coded.window(1, 4), expected[:, :, 1:])
        assert torch.equal(coded.window(-1, 5, 1), F.pad(expected, [1, 1, 1, 1], mode="reflect"))
        coded.release(3)
        with pytest.raises(KeyError):
            features.pieces(2, 3)


def test_a_single_piece_is_not_copied_and_several_are_once() -> None:
    pieces = [torch.rand(1, 2, 3, 4), torch.rand(1, 2, 1, 4)]
    assert joined(pieces[:1]) is pieces[0]
    both = joined(pieces)
    assert torch.equal(both, torch.cat(pieces, dim=2))
    both.zero_()
    assert all(piece.any() for piece in pieces)
