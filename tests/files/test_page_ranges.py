from __future__ import annotations

import pytest

from udsd import ConfigError
from udsd.files.page_ranges import PageRange, page_range


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("3", [3]),
        ("3-7", [3, 4, 5, 6, 7]),
        ("-2", [1, 2]),
        ("8-", [8, 9]),
        ("1, 4-5,9", [1, 4, 5, 9]),
    ],
)
def test_numbers_and_ranges(text: str, numbers: list[int]) -> None:
    pages = PageRange.parse(text)
    assert [number for number in range(1, 10) if number in pages] == numbers
    assert PageRange.parse(str(pages)) == pages


@pytest.mark.parametrize("text", ["", "0", "7-3", "a", "1-2-3", "-", "1,,2", "0-3", "1.5", "²"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="give numbers from 1"):
        PageRange.parse(text)


def test_as_users_give_them() -> None:
    assert page_range(None) is None
    assert page_range("2") == PageRange(((2, 2),))
    assert page_range(PageRange(((2, 2),))) == PageRange(((2, 2),))
