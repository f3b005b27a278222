"""Files that are no files on this machine: read from a stream, restored, and given back as bytes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from udsd.domains import DeblurOptions
from udsd.errors import ImageError
from udsd.files.kinds import ending_of, sink_for
from udsd.files.naming import Naming
from udsd.files.page_ranges import PageRange
from udsd.files.report import FileResult
from udsd.files.restore import restore_files
from udsd.files.restorer import Restorer
from udsd.images.content import Bytes, ReadableFile, copy_limited, name_of, opened, rewind


@dataclass(frozen=True, slots=True)
class RestoredFile:
    """A restored file in memory.

    Attributes:
        content: Its bytes; None where nothing was to be restored, as ``result.status`` says.
        result: What became of it. Its paths are names alone.
    """

    content: bytes | None
    result: FileResult


@contextmanager
def spooled(stream: ReadableFile, name: str) -> Iterator[Path]:
    """Give a temporary file with all that a stream holds, under the ending that its content has.

    Args:
        stream: Read to its end, and not closed.
        name: What messages of this function call it.

    Raises:
        ImageError: It is empty, larger than an image may be, cannot be read or kept, or no image.
    """
    with temporary_folder() as folder:
        path = folder / "content"
        try:
            with path.open("wb") as file:
                length = copy_limited(stream, file)
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from error
        except OSError as error:
            raise ImageError(
                f"{name}: cannot be kept in {folder.parent} ({error.strerror}); set TMPDIR to a folder with room"
            ) from error
        if not length:
            raise ImageError(f"{name}: is empty; give the bytes of an image file")
        try:
            named = path.with_suffix(ending_of(path))
        except ImageError as error:
            raise ImageError(str(error).replace(str(path), name)) from error
        yield path.rename(named)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder of this user alone, which is gone after the block.

    Raises:
        ImageError: It cannot be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="udsd-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ImageError(
            f"no temporary folder can be made ({error.strerror}); set TMPDIR to a folder that may be written"
        ) from error
    with folder as name:
        # Not by another name of it: messages are looked through for its path.
        yield Path(name)


def ending_for(source: Path, naming: Naming) -> str:
    """The ending of a result of which there is no name: that which the naming wants, else that of the file.

    Raises:
        ImageError: The file is of no kind, or results of its kind cannot be written as installed.
    """
    ending = naming.ending or ending_of(source)
    sink_for(Path(f"result{ending}"))
    return ending


def restore_bytes(
    deblurrer: Restorer | Callable[[], Restorer],
    content: Bytes | ReadableFile,
    *,
    name: str | os.PathLike[str] | None = None,
    file_format: str | None = None,
    quality: int | None = None,
    max_growth: float | None = None,
    pages: str | PageRange | None = None,
    password: str | None = None,
    options: DeblurOptions | None = None,
) -> RestoredFile:
    """Restore an image file or a PDF that is in memory: the bytes are those that `restore_files` writes.

    All pages of a TIFF, all frames of an animation and all images of a PDF are restored; 16 bits stay 16, and what lies
    beside the pixels is carried over. On its way the file lies in a temporary folder.

    Args:
        deblurrer: As of `restore_files`.
        content: The bytes of the file, or a file object: it is read from its beginning, if it can go back, to its end,
            and not closed.
        name: What messages and the result call it; by default as the file object is called.
        file_format: Ending of the result, such as ``"png"``, instead of that which the content has.
        quality: As of `restore_files`, as are all others.
        max_growth: Of the JPEGs in PDFs.
        pages: Of PDFs.
        password: Of PDFs.
        options: How images are brought to the model.

    Returns:
        The restored file, and what became of it.

    Raises:
        ConfigError: An argument is out of range.
        ImageError: It cannot be read or restored; where memory runs out, too.

    Example:
        >>> restored = restore_bytes(deblurrer, Path("scan.tif").read_bytes())  # doctest: +SKIP
        >>> Path("restored.tif").write_bytes(restored.content)  # doctest: +SKIP
    """
    called = str(name_of(content) if name is None else name)
    naming = Naming(file_format=file_format)
    try:
        stream = content if isinstance(content, ReadableFile) else opened(content)
    except ImageError as error:
        raise ImageError(f"{called}: {error}") from error
    rewind(stream)
    with spooled(stream, called) as source, temporary_folder() as folder:
        target = folder / f"result{ending_for(source, naming)}"
        report = restore_files(
            deblurrer,
            [source],
            target,
            quality=quality,
            max_growth=max_growth,
            pages=pages,
            password=password,
            options=options,
        )
        (found,) = report.results
        result = replace(
            found, source=Path(called), target=Path(called), reason=found.reason.replace(str(source), called)
        )
        if result.status == "failed":
            raise ImageError(result.reason)
        return RestoredFile(target.read_bytes() if result.status == "restored" else None, result)
