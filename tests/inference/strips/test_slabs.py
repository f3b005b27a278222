from __future__ import annotations

import math
import mmap
import sys
from random import Random

import pytest
import torch

from udsd.inference.strips.slabs import FreeSpace, Slab
from udsd.inference.strips.store import Store


def test_the_first_part_that_is_large_enough_is_taken() -> None:
    space = FreeSpace(10)
    assert [space.take(size) for size in (3, 2, 4)] == [0, 3, 5]
    assert space.take(2) is None
    space.give_back(0, 3)
    space.give_back(5, 9)
    assert space.parts == [(0, 3), (5, 10)]
    assert space.take(4) == 5
    assert space.take(3) == 0


def test_parts_that_touch_become_one() -> None:
    space = FreeSpace(10)
    for _ in range(5):
        space.take(2)
    for start in (2, 6, 4):
        space.give_back(start, start + 2)
    assert space.parts == [(2, 8)]
    assert not space.is_whole()
    space.give_back(0, 2)
    space.give_back(8, 10)
    assert space.is_whole()


def test_no_byte_is_given_twice_or_lost() -> None:
    random, size = Random(0), 200
    space = FreeSpace(size)
    taken: list[range] = []
    for _ in range(2000):
        if taken and random.random() < 0.5:
            part = taken.pop(random.randrange(len(taken)))
            space.give_back(part.start, part.stop)
        else:
            wanted = random.randint(1, 30)
            start = space.take(wanted)
            if start is not None:
                taken.append(range(start, start + wanted))
        free = [range(*part) for part in space.parts]
        assert sorted(byte for part in [*taken, *free] for byte in part) == list(range(size))
    for part in taken:
        space.give_back(part.start, part.stop)
    assert space.is_whole()


def test_values_in_use_outlive_the_pages_that_go_back() -> None:
    slab = Slab.of(2**20, torch.device("cpu"))
    assert slab.values.dtype == torch.uint8
    assert slab.space.take(10_001) == 0
    slab.values.fill_(7)
    slab.give_free_pages_back()
    assert (slab.values[:10_001] == 7).all()
    slab.values[10_001:].fill_(8)
    assert (slab.values[10_001:] == 8).all()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not promise to take pages back")
def test_pages_on_which_nothing_lies_go_back_to_the_system() -> None:
    slab = Slab.of(2**20, torch.device("cpu"))
    slab.space.take(10_001)
    slab.values.fill_(7)
    slab.give_free_pages_back()
    first_page = math.ceil(10_001 / mmap.PAGESIZE) * mmap.PAGESIZE
    assert (slab.values[first_page:] == 0).all()  # the system gives new pages, and clears them


def test_a_slab_holds_many_strips() -> None:
    """Else what is left over at the ends of slabs would add up."""
    store = Store()
    strips = [store.put(torch.zeros(1, 64, 4, 1024)) for _ in range(20)]
    assert len(store._slabs) == 1
    assert len(strips) == 20
