from __future__ import annotations

import io

import pytest

from udsd.images.insertion import insert


@pytest.mark.parametrize("length", [0, 1, 2**20 - 1, 2**20, 2**21 + 5])
@pytest.mark.parametrize("offset", [0, 1, 2**20])
@pytest.mark.parametrize("content", [b"", b"a mark", b"x" * (2**20 + 7)])
def test_bytes_are_put_in_and_the_others_move(length: int, offset: int, content: bytes) -> None:
    before = bytes(range(251)) * (length // 251 + 1)
    before = before[:length]
    offset = min(offset, length)
    file = io.BytesIO(before)
    insert(file, offset, content)
    assert file.getvalue() == before[:offset] + content + before[offset:]
