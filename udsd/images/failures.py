"""What is said of a file that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from udsd.errors import ImageError, MemoryLimitError, UdsdError
from udsd.images.formats import readable_formats
from udsd.out_of_memory import memory_errors
from udsd.regular import NotRegularError


@contextmanager
def named_errors(name: str) -> Iterator[None]:
    """Turn whatever is raised while a file is read into an error that names the image.

    It is an `ImageError`, or a `MemoryLimitError` where memory ran out.
    """
    try:
        with memory_errors("decoding"):
            yield
    except MemoryLimitError as error:
        raise MemoryLimitError(f"{name}: {error}") from error
    except UdsdError as error:
        raise ImageError(f"{name}: {error}") from error
    # Pillow's decoders raise nearly anything on a broken file: OSError, SyntaxError, struct.error, IndexError...
    except Exception as error:
        raise ImageError(f"{name}: {_read_failure(error)}") from error


def _read_failure(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"not an image that can be read here; readable are {', '.join(readable_formats())}"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return (
            f"more than the {Image.MAX_IMAGE_PIXELS:,} pixels that are allowed; make it smaller, or raise the limit if "
            "you trust the file (--max-pixels, in Python PIL.Image.MAX_IMAGE_PIXELS)"
        )
    if isinstance(error, FileNotFoundError):
        return "no such file; check the path"
    if isinstance(error, NotRegularError):
        return f"{error.strerror}; give an image file"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror}); check its name and permissions"
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"damaged or cut off ({reason}); get the file again"
