"""Where results go, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from udsd.errors import ImageError
from udsd.files.kinds import is_same_format, known_suffixes, sink_for
from udsd.paths import exists, is_folder


@dataclass(frozen=True, slots=True)
class Naming:
    """How results are named.

    Attributes:
        suffix: Added to the names, before their ending.
        file_format: Ending instead of that of the input, with or without its dot.
    """

    suffix: str = ""
    file_format: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.suffix, str) or self.suffix != Path(f"x{self.suffix}").name[1:]:
            raise ImageError(f"the suffix {self.suffix!r} is no part of a file name; give one such as '_sharp'")
        if not isinstance(self.file_format, str | None):
            raise ImageError(f"the format is {self.file_format!r}; give an ending such as 'png'")
        if self.file_format is not None:
            sink_for(Path(f"result{self.ending}"))

    @property
    def keeps_names(self) -> bool:
        """Whether results have the names of their inputs."""
        return not self.suffix and self.file_format is None

    @property
    def ending(self) -> str | None:
        """The ending of all results, with its dot, if they have one of their own."""
        return None if self.file_format is None else f".{self.file_format.removeprefix('.')}"

    def apply(self, target: Path) -> Path:
        """The name of a result."""
        ending = target.suffix if self.ending is None else self.ending
        return target.with_name(target.stem + self.suffix + ending)


def name_beside(source: Path, naming: Naming, suffix: str) -> Path:
    """The name of a result beside its input, with a suffix of its own if the naming has none.

    Raises:
        ImageError: The ending names no format, or one that cannot be written as installed.
    """
    target = Naming(naming.suffix or suffix, naming.file_format).apply(source)
    sink_for(target)
    return target


def names_a_file(output: Path) -> bool:
    """Whether an output is the name of a result: ``results.v2`` is a folder."""
    return output.suffix.lower() in known_suffixes() and not is_folder(output)


def check_file_output(inputs: Sequence[Path], output: Path, naming: Naming) -> None:
    """Make sure that a name can be that of the only result.

    Raises:
        ImageError: There are several inputs, or what may be several; or the name is not as the naming wants it.
    """
    if len(inputs) > 1 or is_folder(inputs[0]) or not exists(inputs[0]):
        raise ImageError(f"{output} names a file, for a single input; name a folder, be it {output}/ with its slash")
    if naming.suffix:
        raise ImageError(f"{output} is the whole name of the result; leave the suffix {naming.suffix!r} out")
    if naming.ending is not None and not is_same_format(output, Path(f"result{naming.ending}")):
        raise ImageError(
            f"{output} is no name of the format {naming.file_format!r}; leave the format out, or call the result "
            f"{output.with_suffix(naming.ending)}"
        )


def check_folder_output(output: Path) -> None:
    """Make sure that results can lie in a folder, as far as can be told before it is made.

    Raises:
        ImageError: It, or a folder around it, is a file.
    """
    for one in (output, *output.parents):
        if is_folder(one):
            return
        if exists(one):
            raise ImageError(f"{one} is no folder; choose another output folder")
