from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from udsd.domains import Restoration
from udsd.errors import ConfigError, ImageError, MemoryLimitError, WeightsError
from udsd.files.plan import Job
from udsd.files.restorer import NotRestoredError
from udsd.files.work import Work


def a_work() -> Work:
    return Work(Job(Path("a.png"), Path("out/a.png")))


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ImageError("a.png: no image"), "failed", "a.png: no image"),
        (MemoryLimitError("a.png: too large"), "failed", "a.png: too large"),
        (
            OSError(36, "File name too long"),
            "failed",
            "a.png: File name too long; check the paths of it and its result",
        ),
        (ValueError("a null byte"), "failed", "a.png: a null byte; check the paths of it and its result"),
        (ConfigError("no codec of it"), "failed", "a.png: no codec of it"),
        (NotRestoredError("a.png: sharp", "sharp"), "sharp", "a.png: sharp"),
    ],
)
def test_what_goes_wrong_is_the_result_of_the_file(error: Exception, status: str, reason: str) -> None:
    def failing() -> None:
        raise error

    work = a_work()
    assert work.attempt(failing) is None
    assert (work.done().status, work.done().reason) == (status, reason)


def test_what_nobody_expected_is_the_result_of_the_file_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> None:
        raise ZeroDivisionError("of two\nlines")

    caplog.set_level(logging.INFO)
    work = a_work()
    assert work.attempt(failing) is None
    assert work.done().status == "failed"
    assert work.done().reason.startswith("a.png: an error within udsd (ZeroDivisionError: of two lines); please report")
    assert "Traceback" in caplog.text
    assert "in failing" in caplog.text


@pytest.mark.parametrize("error", [WeightsError("no weights"), KeyboardInterrupt()])
def test_what_concerns_all_files_goes_on(error: BaseException) -> None:
    def failing() -> None:
        raise error

    with pytest.raises(type(error)):
        a_work().attempt(failing)


def test_what_is_restored_tells_of_the_pages_that_have_something_to_tell() -> None:
    work = a_work()
    assert work.attempt(lambda: 7) == 7
    pixels = torch.zeros(1, 3, 2, 2)
    work.tell(Restoration(pixels, model="text v1"))
    work.tell(Restoration(pixels, notes=("seen",)), 2)
    result = work.done()
    assert (result.status, result.model) == ("restored", "text v1")
    assert [(page.number, page.notes) for page in result.pages] == [(2, ("seen",))]
