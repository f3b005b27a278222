from __future__ import annotations

import pytest

from udsd.errors import ConfigError
from udsd.extras import require


def test_a_missing_package_is_named_with_what_to_run() -> None:
    with pytest.raises(ConfigError, match=r"some-package.*pip install 'udsd\[evaluate\]'"):
        require("no_such_module_of_udsd", "some-package", "evaluate")


def test_an_installed_module_is_given() -> None:
    assert require("math", "Python", "evaluate").sqrt(4) == 2
