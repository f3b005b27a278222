from __future__ import annotations

import resource
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor

from udsd.inference.strips import Store, slabs
from udsd.inference.strips.store import StoredStrip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("room", [None, 0])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_strip_comes_back_channels_last(
    room: int | None, dtype: torch.dtype, memory_format: torch.memory_format
) -> None:
    values = torch.randn(1, 3, 4, 5).to(dtype, memory_format=memory_format)
    with Store(room) as store:
        strip = store.put(values[:, :, 1:]).tensor()  # no contiguous memory
        assert torch.equal(strip, values[:, :, 1:])
        assert strip.dtype == dtype
        assert strip.is_contiguous(memory_format=torch.channels_last)
        assert store.spilled == (0 if room is None else 3 * 3 * 5 * dtype.itemsize)


def test_a_strip_is_a_copy_that_can_be_written_over() -> None:
    values = torch.rand(1, 2, 3, 4)
    for room in (None, 0):
        with Store(room) as store:
            stored = store.put(values.clone())
            values.mul_(1)
            stored.write(2 * values)
            assert torch.equal(stored.tensor(), 2 * values)


@pytest.mark.parametrize("room", [0, 2**11, None])
def test_strips_do_not_touch_each_other(room: int | None) -> None:
    random = Random(0)
    kept: list[tuple[StoredStrip, Tensor]] = []
    with Store(room) as store:
        for _ in range(400):
            if kept and random.random() < 0.45:
                kept.pop(random.randrange(len(kept)))[0].forget()
            else:
                values = torch.rand(1, random.randint(1, 5), random.randint(1, 4), random.randint(1, 9))
                kept.append((store.put(values), values))
            assert all(torch.equal(stored.tensor(), values) for stored, values in kept)
        assert room is None or store._size() <= room


@pytest.mark.parametrize("room", [None, 0])
def test_the_place_of_a_forgotten_strip_is_taken_again(room: int | None) -> None:
    with Store(room) as store:
        kept = [store.put(torch.full((1, 1, 4, 16), float(value))) for value in range(3)]
        kept[1].forget()
        again = store.put(torch.full((1, 1, 4, 16), 5.0))
        assert again.offset == kept[1].offset  # type: ignore[attr-defined]
        assert [float(stored.tensor().mean()) for stored in (kept[0], again, kept[2])] == [0, 5, 2]


def test_empty_slabs_go_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slabs, "_SLAB_OF_PAGES", slabs._SLAB)
    with Store(2**27) as store:
        first, second = (store.put(torch.full((1, 1, 2**10, 9 * 2**10), value)) for value in (1.0, 2.0))
        assert store._size() == 72 * 2**20
        first.forget()
        store.trim()
        assert store._size() == 36 * 2**20
        assert (second.tensor() == 2).all()
        third = store.put(torch.full((1, 1, 2**10, 16 * 2**10), 3.0))  # 64 MiB, of the 128 less 36 that are left
        assert store.spilled == 0
        second.forget()
        third.forget()
        store.trim()
        assert store._size() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere single pages do not go back")
def test_so_do_the_empty_pages_of_slabs_in_use() -> None:
    with Store() as store:
        first, second, third = (store.put(torch.full((1, 1, 2**10, 2**11), value)) for value in (1.0, 2.0, 3.0))
        before = resident()
        second.forget()
        store.trim()
        assert before - resident() > 7.5 * 2**20
        assert (first.tensor() == 1).all()
        assert (third.tensor() == 3).all()
        again = store.put(torch.full((1, 1, 2**10, 2**11), 4.0))
        assert (again.tensor() == 4).all()
        assert store._size() == 2**27


def resident() -> int:
    """Bytes that the process takes of memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_trimming_gives_back_the_room_that_slabs_took_and_no_more() -> None:
    strip = torch.zeros(1, 1, 16, 64)  # 4 KB
    with Store(3 * strip.nbytes) as store:
        for _ in range(3):
            kept = [store.put(strip) for _ in range(5)]
            assert store._size() <= 3 * strip.nbytes
            assert store.spilled % (2 * strip.nbytes) == 0  # in each round two strips do not fit
            for stored in kept:
                stored.forget()
            store.trim()
            assert store._size() == 0
        assert store.spilled == 3 * 2 * strip.nbytes


def test_only_the_room_of_empty_slabs_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    strip = torch.zeros(1, 1, 16, 64)
    for name in ("_SLAB", "_SLAB_OF_PAGES"):
        monkeypatch.setattr(slabs, name, strip.nbytes)
    with Store(3 * strip.nbytes) as store:
        kept, forgotten = store.put(strip), store.put(strip)
        forgotten.forget()
        store.trim()
        others = [store.put(strip) for _ in range(3)]
        assert store.spilled == strip.nbytes  # beside the one that is kept two have room
        assert torch.equal(kept.tensor(), others[-1].tensor())
