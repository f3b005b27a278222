from __future__ import annotations

import math
from typing import Any

import pytest

from udsd.errors import ConfigError
from udsd.serving import Limits


@pytest.mark.parametrize(
    "wrong",
    [
        {"files": 0},
        {"frames": 0},
        {"file_bytes": -1},
        {"pixels": 1.5},
        {"seconds": 0},
        {"seconds": math.nan},
        {"keep_seconds": "1h"},
    ],
)
def test_what_is_no_limit_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ConfigError, match=name):
        Limits(**wrong)


def test_an_upload_may_have_all_files_of_a_request() -> None:
    assert Limits(files=2, file_bytes=1000).request_bytes > 2 * 1000
