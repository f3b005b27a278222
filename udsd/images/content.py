"""Image files that are no file on this machine: their bytes, or an open file object."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeGuard, runtime_checkable

from udsd.errors import ImageError
from udsd.images.limits import most_read_whole

Bytes: TypeAlias = bytes | bytearray | memoryview

_CHUNK = 1 << 20


@runtime_checkable
class ReadableFile(Protocol):
    """An object that is read as a file is, opened for bytes: an open file, a pipe, the body of a response."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


FileLike: TypeAlias = str | os.PathLike[str] | Bytes | ReadableFile
"""An image file: its path, its bytes, or an object that reads them."""


def is_path(image: Any) -> TypeGuard[str | os.PathLike[str]]:
    """Whether it is a path."""
    return isinstance(image, str | os.PathLike)


def is_content(image: Any) -> TypeGuard[Bytes | ReadableFile]:
    """Whether it is the content of an image file, or reads it."""
    return isinstance(image, bytes | bytearray | memoryview | ReadableFile)


def name_of(content: Bytes | ReadableFile) -> Path:
    """What messages call it: the name that a file object says it has, else ``image``."""
    name = getattr(content, "name", None)
    return Path(name) if isinstance(name, str) and name else Path("image")


def opened(content: Bytes | ReadableFile) -> io.BytesIO:
    """The whole content in memory. What can go back is read from its beginning, all else from where it stands.

    Raises:
        ImageError: It is empty, larger than any image may be, cannot be read, or is opened as text.
    """
    whole = _read_whole(content) if isinstance(content, ReadableFile) else io.BytesIO(content)
    if not whole.getbuffer().nbytes:
        raise ImageError("is empty; give the bytes of an image file")
    return whole


def _read_whole(file: ReadableFile) -> io.BytesIO:
    rewind(file)
    whole = io.BytesIO()
    copy_limited(file, whole)
    whole.seek(0)
    return whole


def rewind(file: ReadableFile) -> None:
    """Go to the beginning, if the file can."""
    with suppress(AttributeError, OSError, ValueError):  # a pipe, or what knows of no place
        file.seek(0)  # type: ignore[attr-defined]


def copy_limited(source: ReadableFile, target: Any) -> int:
    """Copy what can be read, and give its length.

    Args:
        source: Where it stands.
        target: What is written to as a file is.

    Raises:
        ImageError: It is more than an image file may have (`udsd.images.limits`), cannot be read, or is opened as text.
        OSError: The target cannot be written.
    """
    limit, length = most_read_whole(), 0
    while chunk := _read(source):
        length += len(chunk)
        if limit is not None and length > limit:
            raise ImageError(
                f"does not end within {limit} bytes, the most that is read of what is no file; save it as a file, or "
                "raise the limit with --max-pixels (udsd.images.set_pixel_limit)"
            )
        target.write(chunk)
    return length


def _read(source: ReadableFile) -> bytes:
    try:
        chunk: Any = source.read(_CHUNK)
    except (OSError, ValueError) as error:  # a ValueError where it is closed
        raise ImageError(f"cannot be read ({getattr(error, 'strerror', None) or error}); open it again") from error
    if isinstance(chunk, str):
        raise ImageError("is opened as text; open it for bytes, with mode 'rb'")
    return bytes(chunk or b"")  # None where there is nothing yet, in a pipe that does not wait
