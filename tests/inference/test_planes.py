from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from udsd.inference import planes
from udsd.inference.planes import Mapped, Plane, Store, Stored, Whole, assembled, reflected_window

ROOMS = [None, 0, 150]
"""All in memory, all on disk, some of each."""


def filled(store: Store, values: Tensor, *heights: int) -> Plane:
    plane = Plane(store)
    for strip in values.split(list(heights), dim=2):  # type: ignore[no-untyped-call]
        plane.append(strip.contiguous(memory_format=torch.channels_last))
    return plane


def room_taken(store: Store) -> tuple[int, int]:
    """Bytes of memory and of the file."""
    return store._size(), 0 if store._file is None else os.fstat(store._file.fileno()).st_size


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("room", ROOMS)
def test_rows_are_found_across_strips(room: int | None, dtype: torch.dtype) -> None:
    values = torch.arange(7 * 5 * 3.0).reshape(1, 3, 7, 5).to(dtype)
    with Store(room) as store:
        plane = filled(store, values, 2, 1, 4)
        assert plane.height == 7
        assert plane.bounds == [(0, 2), (2, 3), (3, 7)]
        for start in range(7):
            for stop in range(start + 1, 8):
                assert torch.equal(assembled(plane.pieces(start, stop)), values[:, :, start:stop])
        assert torch.equal(plane.strip(2), values[:, :, 3:])
        assert (store.spilled > 0) == (room is not None)


@pytest.mark.parametrize("room", ROOMS)
def test_released_rows_give_their_room_back(room: int | None) -> None:
    values = torch.rand(1, 4, 8, 5)
    with Store(room) as store:
        first = filled(store, values, 2, 2, 4)
        first.release(3)
        assert torch.equal(assembled(first.pieces(2, 8)), values[:, :, 2:])
        with pytest.raises(KeyError):
            first.pieces(1, 3)
        first.release(8)
        before = room_taken(store)
        second = filled(store, values, 4, 2, 2)
        assert torch.equal(assembled(second.pieces(0, 8)), values)
        assert room_taken(store) == before


@pytest.mark.parametrize("room", ROOMS)
def test_a_strip_can_be_replaced(room: int | None) -> None:
    values = torch.rand(1, 4, 6, 5)
    with Store(room) as store:
        plane = filled(store, values, 2, 4)
        plane.change(1, lambda strip: strip * 2)
        assert torch.equal(assembled(plane.pieces(0, 6)), torch.cat([values[:, :, :2], values[:, :, 2:] * 2], dim=2))
        again = plane.strip(1).clone()
        plane.change(1, lambda strip: strip.add_(1))  # in place
        assert torch.equal(plane.strip(1), again + 1)


@pytest.mark.parametrize("room", [0, 2**11, None])
def test_strips_do_not_touch_each_other(room: int | None) -> None:
    random = Random(0)
    kept: list[tuple[Stored, Tensor]] = []
    with Store(room) as store:
        for _ in range(400):
            if kept and random.random() < 0.45:
                kept.pop(random.randrange(len(kept)))[0].forget()
            else:
                values = torch.rand(1, random.randint(1, 5), random.randint(1, 4), random.randint(1, 9))
                kept.append((store.put(values), values))
            assert all(torch.equal(stored.tensor(), values) for stored, values in kept)
        assert room is None or store._size() <= room


def test_empty_memory_goes_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planes, "_SLAB_OF_PAGES", planes._SLAB)
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
def test_so_do_the_empty_parts_of_memory_in_use() -> None:
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


@pytest.mark.parametrize("margin", [0, 1, 3])
def test_what_lies_beyond_the_border_is_mirrored(margin: int) -> None:
    values = torch.rand(1, 2, 6, 5)
    padded = F.pad(values, [margin, margin, 3, 3], mode="reflect")
    source = Mapped(Whole(values), lambda rows: rows * 2)
    for start in range(-3, 6):
        for stop in range(max(start, 0) + 1, 10):
            window = reflected_window(source, start, stop, margin)
            assert torch.equal(window, 2 * padded[:, :, start + 3 : stop + 3])
            assert window.is_contiguous(memory_format=torch.channels_last) or margin == 0


def test_planes_of_one_value_are_further_channels() -> None:
    pieces = [torch.rand(1, 2, 3, 4), torch.rand(1, 2, 1, 4)]
    planes = torch.tensor([5.0, 6.0, 7.0])[None, :, None, None]
    expected = torch.cat([torch.cat(pieces, dim=2), planes.expand(-1, -1, 4, 4)], dim=1)
    assert torch.equal(assembled(pieces, planes=planes), expected)


def test_the_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Store(0) as store:
        filled(store, torch.rand(1, 2, 4, 4), 4)
        assert store.spilled == 2 * 4 * 4 * 4
        assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, signal, torch
from udsd.errors import MemoryLimitError
from udsd.inference.planes import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
with Store(0) as store:
    try:
        for _ in range(3):
            store.put(torch.rand(1, 2, 10, 20).contiguous(memory_format=torch.channels_last))
    except MemoryLimitError as error:
        print(error)
"""


def test_a_full_disk_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, check=True)
    assert "has no room for the rest" in done.stdout
    assert "raise memory_limit, or point TMPDIR at a larger disk" in done.stdout
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
