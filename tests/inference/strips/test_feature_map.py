from __future__ import annotations

import os

import pytest
import torch
from torch import Tensor

from udsd.inference.strips import Store
from udsd.inference.strips.feature_map import FeatureMap

ROOMS = [None, 0, 150]
"""All in memory, all on disk, some of each."""


def filled(store: Store, values: Tensor, *heights: int) -> FeatureMap:
    features = FeatureMap(store)
    for strip in values.split(list(heights), dim=2):  # type: ignore[no-untyped-call]
        features.append(strip.contiguous(memory_format=torch.channels_last))
    return features


def room_taken(store: Store) -> tuple[int, int]:
    """Bytes of memory and of the file."""
    file = store._file._file
    return store._size(), 0 if file is None else os.fstat(file.fileno()).st_size


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("room", ROOMS)
def test_rows_are_found_across_strips(room: int | None, dtype: torch.dtype) -> None:
    values = torch.arange(7 * 5 * 3.0).reshape(1, 3, 7, 5).to(dtype)
    with Store(room) as store:
        features = filled(store, values, 2, 1, 4)
        assert features.height == 7
        assert features.cuts == [(0, 2), (2, 3), (3, 7)]
        for start in range(7):
            for stop in range(start + 1, 8):
                assert torch.equal(features.window(start, stop), values[:, :, start:stop])
        assert [piece.shape[2] for piece in features.pieces(1, 5)] == [1, 1, 2]
        assert (store.spilled > 0) == (room is not None)


@pytest.mark.parametrize("room", ROOMS)
def test_released_rows_give_their_room_back(room: int | None) -> None:
    values = torch.rand(1, 4, 8, 5)
    with Store(room) as store:
        first = filled(store, values, 2, 2, 4)
        first.release(3)
        assert torch.equal(first.window(2, 8), values[:, :, 2:])
        with pytest.raises(KeyError):
            first.pieces(1, 3)
        first.release(8)
        before = room_taken(store)
        second = filled(store, values, 4, 2, 2)
        assert torch.equal(second.window(0, 8), values)
        assert room_taken(store) == before


@pytest.mark.parametrize("room", ROOMS)
def test_a_strip_can_be_replaced(room: int | None) -> None:
    values = torch.rand(1, 4, 6, 5)
    with Store(room) as store:
        features = filled(store, values, 2, 4)
        features.change(1, lambda strip: strip * 2)
        assert torch.equal(features.window(0, 6), torch.cat([values[:, :, :2], values[:, :, 2:] * 2], dim=2))
        again = features.window(2, 6).clone()
        features.change(1, lambda strip: strip.add_(1))  # in place
        assert torch.equal(features.window(2, 6), again + 1)
