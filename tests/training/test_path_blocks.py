from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from udsd.training import path_blocks
from udsd.training.path_blocks import PathBlocks

RANGE = (10.0, 30.0)


def test_paths_depend_on_seed_purpose_and_step_alone() -> None:
    first, second, other = (PathBlocks(RANGE, 3, (seed, 0)) for seed in (7, 7, 8))
    expected = [first.draw(1, step).positions for step in (0, 1, 40)]
    for step, positions in zip((40, 1, 0), reversed(expected), strict=True):  # in another order
        np.testing.assert_array_equal(second.draw(1, step).positions, positions)
    assert not np.array_equal(expected[0], expected[1])
    assert not np.array_equal(first.draw(2, 0).positions, expected[0])
    assert not np.array_equal(other.draw(1, 0).positions, expected[0])


def test_paths_are_as_long_as_they_say() -> None:
    paths = PathBlocks(RANGE, 5, (0, 0)).draw(0, 3)
    lengths = np.abs(np.diff(paths.positions, axis=0)).sum(axis=0)
    np.testing.assert_allclose(lengths, paths.lengths)
    assert ((paths.lengths >= 10) & (paths.lengths <= 30)).all()


@pytest.mark.parametrize(("count", "blocks"), [(4, 2), (600, 64)])
def test_a_block_is_drawn_once(count: int, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that need the same wait for it; of large batches a block holds one."""
    drawn = []

    def counted(lengths: np.ndarray, random: np.random.Generator) -> np.ndarray:
        drawn.append(len(lengths))
        return np.zeros((1, len(lengths)), np.complex128)

    monkeypatch.setattr(path_blocks, "sample_camera_paths", counted)
    source = PathBlocks(RANGE, count, (0, 0))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda step: source.draw(0, step), range(64)))
    assert drawn == [128] * blocks if count == 4 else drawn == [600] * blocks


def test_what_is_done_to_the_paths_of_a_step_leaves_the_block_as_it_is() -> None:
    source = PathBlocks(RANGE, 2, (0, 0))
    before = source.draw(0, 5)
    kept = before.positions.copy()
    before.positions[:] = 0
    np.testing.assert_array_equal(source.draw(0, 5).positions, kept)
