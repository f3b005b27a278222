"""``-`` for standard input and standard output."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from udsd.cli.output import call_path
from udsd.errors import ConfigError, ImageError
from udsd.files.naming import Naming, names_a_file
from udsd.files.report import FileResult
from udsd.files.whole import ending_for, spooled, temporary_folder
from udsd.paths import is_file, names_folder

STREAM = Path("-")
"""What stands for either."""

_INPUT, _OUTPUT = "standard input", "standard output"


class Pipes:
    """The temporary files that stand for standard input and standard output.

    Args:
        source: That of standard input, if it is read.
        target: That of standard output, if it is written.
    """

    def __init__(self, source: Path | None, target: Path | None) -> None:
        self._source = source
        self._target = target

    @property
    def has_output(self) -> bool:
        """Whether standard output is for the result, so that all else goes to standard error."""
        return self._target is not None

    def result(self, found: FileResult) -> FileResult:
        """A result whose paths are those that were given."""
        names = {self._source: STREAM, self._target: STREAM}
        reason = found.reason
        for path, called in ((self._source, _INPUT), (self._target, _OUTPUT)):
            reason = reason if path is None else reason.replace(str(path), called)
        return replace(
            found,
            source=names.get(found.source, found.source),
            target=names.get(found.target, found.target),
            reason=reason,
        )

    def write(self) -> None:
        """Write to standard output what there is for it.

        Raises:
            BrokenPipeError: Nobody reads it any more.
            ImageError: It cannot be written.
        """
        if self._target is None or not is_file(self._target):
            return
        try:
            with self._target.open("rb") as file:
                stream = _binary(sys.stdout)
                shutil.copyfileobj(file, stream)
                stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ImageError(
                f"standard output cannot be written ({error.strerror}); make room, or name a file with -o"
            ) from error


@contextmanager
def piped(options: Namespace) -> Iterator[Pipes]:
    """Put temporary files in place of ``-`` among ``inputs`` and as ``output``; they are gone after the block.

    Raises:
        ConfigError: Standard input is not alone, or without a name for its result; or standard output is a terminal, or
            is to take several results or lines of JSON too.
        ImageError: Standard input is empty, does not end, or holds no image.
    """
    reads, writes = STREAM in options.inputs, options.output == str(STREAM)
    if writes:
        _check_output(options)
    if not reads and not writes:
        yield Pipes(None, None)
        return
    with ExitStack() as held:
        source = target = None
        if reads:
            _check_input(options)
            source = held.enter_context(spooled(_input(), _INPUT))
            call_path(source, _INPUT)
            options.inputs = [source]
        if writes:
            naming = Naming(options.suffix, options.format)
            target = held.enter_context(temporary_folder()) / f"result{ending_for(options.inputs[0], naming)}"
            call_path(target, _OUTPUT)
            options.output = str(target)
        yield Pipes(source, target)


def _check_input(options: Namespace) -> None:
    if len(options.inputs) > 1:
        raise ConfigError("- (standard input) is one file, and goes alone; name the others in a run of their own")
    if options.output != str(STREAM) and (names_folder(options.output) or not names_a_file(Path(options.output))):
        raise ConfigError(
            f"standard input has no name, by which its result could be called in {options.output}; name a file with "
            "-o, or - for standard output"
        )


def _check_output(options: Namespace) -> None:
    if options.json:
        raise ConfigError("--json and -o - would both print on standard output; write a --report instead")
    if len(options.inputs) != 1 or (options.inputs[0] != STREAM and not is_file(options.inputs[0])):
        raise ConfigError("-o - (standard output) takes one file; name one input, or a folder with -o")
    if _binary(sys.stdout).isatty():
        raise ConfigError("standard output is a terminal; send it to a file or a program, or name a file with -o")


def _input() -> BinaryIO:
    return cast(BinaryIO, _binary(sys.stdin))


def _binary(stream: Any) -> Any:
    """The bytes of a standard stream.

    Raises:
        ConfigError: It is closed.
    """
    if not hasattr(stream, "buffer"):
        raise ConfigError("- stands for a standard stream that is closed; name a file")
    return stream.buffer
