from __future__ import annotations

import torch

from udsd.training.replay import ReplayPool


def numbered(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers).float()[:, None, None, None].expand(-1, 3, 4, 4)


def numbers_of(images: torch.Tensor) -> list[int]:
    assert images.shape[1:] == (3, 4, 4)
    return [int(image[0, 0, 0]) for image in images]


def test_the_first_batch_fills_the_pool() -> None:
    pool = ReplayPool(5, (3, 4, 4))
    assert set(numbers_of(pool.exchange(numbered(1, 2)))) <= {1, 2}
    assert set(numbers_of(pool.images)) <= {1, 2}
    assert bool(pool.filled)


def test_half_of_a_batch_is_exchanged_for_earlier_images_and_nothing_is_lost() -> None:
    torch.manual_seed(0)
    pool = ReplayPool(50, (3, 4, 4))
    pool.exchange(numbered(*range(50)))
    earlier = numbers_of(pool.images)
    newest = list(range(100, 140))
    out = numbers_of(pool.exchange(numbered(*newest)))
    kept = numbers_of(pool.images)
    assert sorted([*out, *kept]) == sorted([*earlier, *newest])
    assert 10 < sum(number < 100 for number in out) < 30
    stayed = [(mine, given) for mine, given in zip(out, newest, strict=True) if mine >= 100]
    assert all(mine == given for mine, given in stayed)


def test_a_batch_larger_than_the_pool_passes_through() -> None:
    pool = ReplayPool(2, (3, 4, 4))
    assert len(pool.exchange(numbered(1, 2, 3, 4))) == 4
    out = numbers_of(pool.exchange(numbered(5, 6, 7, 8)))
    assert out[2:] == [7, 8]


def test_no_gradient_goes_through_the_pool() -> None:
    images = numbered(1, 2).clone().requires_grad_()
    assert not ReplayPool(2, (3, 4, 4)).exchange(images).requires_grad


def test_the_pool_is_part_of_a_state() -> None:
    first, second = ReplayPool(3, (3, 4, 4)), ReplayPool(3, (3, 4, 4))
    first.exchange(numbered(1, 2, 3))
    second.load_state_dict(first.state_dict())
    for pool in (first, second):
        torch.manual_seed(5)
        pool.exchange(numbered(4, 5))
    assert torch.equal(first.images, second.images)
