from __future__ import annotations

import errno
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from udsd.inference.strips.spill_file import SpillFile


def test_bytes_come_back_from_where_they_were_written() -> None:
    file = SpillFile()
    first, second = file.take(3), file.take(2)
    file.write(second, memoryview(b"de"))
    file.write(first, memoryview(b"abc"))
    assert bytes(file.read(first, 3).tolist()) == b"abc"
    assert bytes(file.read(second, 2).tolist()) == b"de"
    assert file.read(first, 3).dtype == torch.uint8
    assert file.written == 5
    file.give_back(first, first + 3)
    assert file.take(3) == first
    file.close()


def test_the_file_has_no_name_and_is_made_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    file = SpillFile()
    offset = file.take(4)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file.write(offset, memoryview(b"abcd"))
    assert list(tmp_path.iterdir()) == []
    file.close()


def test_what_was_never_written_cannot_be_read() -> None:
    file = SpillFile()
    file.write(file.take(2), memoryview(b"ab"))
    with pytest.raises(OSError, match="Input/output error") as caught:
        file.read(file.take(2), 2)
    assert caught.value.errno == errno.EIO
    file.close()


FULL_DISK = """
import resource, signal, torch
from udsd.errors import MemoryLimitError
from udsd.inference.strips import Store
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
