"""Reports that the commands write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from udsd.atomic import check_writable, whole_file
from udsd.errors import ConfigError
from udsd.files.kinds import known_suffixes
from udsd.paths import find_original, real_path


def check_report(path: Path, reads: Iterable[Path], output: Path) -> None:
    """Make sure, before the work, that a report can be written and is none of the files that the work reads.

    Args:
        path: The report.
        reads: Files and folders that are read.
        output: Where the results go.

    Raises:
        ConfigError: It cannot be written, or would replace what is read, or bears the name of what is restored or of
            the folder of the results.
    """
    if path.suffix.lower() in known_suffixes():
        raise ConfigError(
            f"the report {path} has the name of an image, a PDF or a clip; choose one such as report.json"
        )
    original = find_original(path, reads)
    if original is not None:
        raise ConfigError(f"the report {path} would replace {original}, which is read; choose another place")
    results = real_path(output)
    if real_path(path) in (results, *results.parents):
        raise ConfigError(f"the report {path} has the name of a folder of the results; choose another")
    with _report_errors(path):
        check_writable(path)


def write_report(text: str, path: Path) -> None:
    """Write a report, whole or not at all.

    Raises:
        ConfigError: It cannot be written.
    """
    with _report_errors(path), whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


@contextmanager
def _report_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"cannot write the report {path} ({error.strerror}); choose another place") from error
