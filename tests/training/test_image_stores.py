from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from udsd.errors import MemoryLimitError
from udsd.training.image_stores import CachedImage, ImageStore, OwnImages, SharedImages
from udsd.training.prefetch import prefetch
from udsd.training.sharing import make_array

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="forks")
FILES = [Path(name) for name in "abcd"]


def image(level: int, *, channels: int = 3) -> CachedImage:
    """An image of 8 x 10 pixels."""
    return CachedImage(np.full((8, 10, channels), level, np.uint8), np.full(3, level / 2, np.float32))


@pytest.fixture(params=["own", pytest.param("shared", marks=on_linux)])
def store(request: pytest.FixtureRequest) -> ImageStore:
    """A store with room for an image in colours and a grey one."""
    room = 8 * 10 * 4
    return OwnImages(room) if request.param == "own" else SharedImages(room, [*FILES, *FILES[:1]])


def test_images_come_out_as_they_were_put_in(store: ImageStore) -> None:
    assert store.get(FILES[0]) is None
    for path, kept in ((FILES[2], image(7)), (FILES[0], image(9, channels=1))):
        assert store.put(path, kept)
        found = store.get(path)
        assert found is not None
        np.testing.assert_array_equal(found.levels, kept.levels)
        np.testing.assert_array_equal(found.gain, kept.gain)
    assert len(store) == 2
    assert store.get(FILES[1]) is None


def test_what_does_not_fit_is_not_kept_but_a_smaller_one_is(store: ImageStore) -> None:
    assert store.put(FILES[0], image(1))
    assert not store.put(FILES[1], image(2))
    assert store.put(FILES[0], image(1))  # it is there already
    assert store.put(FILES[2], image(3, channels=1))
    assert store.get(FILES[1]) is None
    assert len(store) == 2


def test_what_is_told_once_is_news_once(store: ImageStore) -> None:
    for path in (FILES[0], FILES[3], None):
        assert store.is_news(path)
        assert not store.is_news(path)


@on_linux
def test_what_a_process_puts_in_is_there_for_all() -> None:
    store = SharedImages(1000, FILES)

    def draw(step: int) -> tuple[bool, bool]:
        return store.put(FILES[step], image(step)), store.is_news(None)

    results = list(prefetch(draw, range(4), 2, in_processes=True))
    assert all(kept for kept, _ in results)
    assert sum(is_news for _, is_news in results) == 1
    for step, path in enumerate(FILES):
        found = store.get(path)
        assert found is not None
        np.testing.assert_array_equal(found.levels, image(step).levels)


@pytest.mark.parametrize("shared", [False, pytest.param(True, marks=on_linux)])
def test_more_memory_than_there_is_gives_an_error_of_ours(shared: bool) -> None:
    with pytest.raises(MemoryLimitError, match=r"does not give .* GB of memory.*data\.cache_gigabytes lower"):
        make_array((2**55,), np.uint8, shared=shared)
