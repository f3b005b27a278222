"""What goes to the Hub beside the model and its card: the licence, the card's pictures, and exported sub-folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from udsd.errors import PublishError, UdsdError
from udsd.pretrained.folder import CONFIG_FILE, read_config
from udsd.regular import regular_size

EXPORTS = (("model.onnx",), ("openvino_model.xml", "openvino_model.bin"))
"""The files that `udsd export` writes beside `config.json`, by format."""

LICENCE_FILE = "LICENSE"
LICENCE_FILES = (LICENCE_FILE, "LICENSE.md", "LICENSE.txt")

_PICTURES = (".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp")
_FENCED = re.compile(r"^(```+|~~~+).*?^\1", re.DOTALL | re.MULTILINE)
_PICTURE_LINK = re.compile(r"!\[[^\]]*\]\(\s*<?([^)>\s]+)|<img\b[^>]*?\bsrc\s*=\s*[\"']([^\"']+)", re.IGNORECASE)
"""A picture of Markdown, or of the HTML that cards may hold; its target."""


def card_files(folder: Path, card: str, licence_link: str | None) -> dict[str, Path]:
    """The licence of a model and the pictures that its card shows, by their paths in the repository.

    A picture is not taken for lying there alone, so that a folder may hold what is nobody else's concern.

    Args:
        folder: Where the card lies.
        card: Its text.
        licence_link: What it names as the licence: a file of the folder, an address or nothing.

    Raises:
        PublishError: The card shows a picture, or names a licence, that is not in the folder.
    """
    files = {name: folder / name for name in LICENCE_FILES if (folder / name).is_file()}
    if licence_link and not _is_elsewhere(licence_link):
        name = _inside(licence_link, "names the licence")
        files[name] = _present(folder / name, f"the card names {name} as the licence")
    for link in _shown_pictures(card):
        name = _inside(link, "shows")
        if PurePosixPath(name).suffix.lower() not in _PICTURES:
            raise PublishError(f"the card shows {link}, which is no picture; give one of {', '.join(_PICTURES)}")
        files[name] = _present(folder / name, f"the card shows {name}")
    return files


def exported_files(folder: Path) -> dict[str, Path]:
    """What ``udsd export`` has written into sub-folders of a model folder, by its paths in the repository.

    Raises:
        PublishError: It was exported from another model, or a file of it is missing.
    """
    files = {}
    for inner in sorted(path for path in folder.iterdir() if (path / CONFIG_FILE).is_file()):
        names = [name for of_format in EXPORTS if (inner / of_format[0]).is_file() for name in of_format]
        if names:
            _check_same_model(folder, inner)
            for name in (CONFIG_FILE, *names):
                files[f"{inner.name}/{name}"] = _present(inner / name, f"{inner} holds an exported model")
    return files


def _shown_pictures(card: str) -> Iterator[str]:
    for markdown, html in _PICTURE_LINK.findall(_FENCED.sub("", card)):
        link = markdown or html
        if not _is_elsewhere(link):
            yield link


def _is_elsewhere(link: str) -> bool:
    parts = urlsplit(link)
    return bool(parts.scheme or parts.netloc)


def _inside(link: str, verb: str) -> str:
    """The path of a relative link inside the repository."""
    name = unquote(urlsplit(link).path)
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name:
        raise PublishError(f"the card {verb} {link}, which is outside of the model folder; put it in, and link to that")
    return str(path)


def _present(path: Path, why: str) -> Path:
    try:
        regular_size(path)
    except OSError as error:
        raise PublishError(
            f"{why}, but {path} cannot be read ({error.strerror or error}); put it there, or correct the card"
        ) from error
    return path


def _check_same_model(folder: Path, inner: Path) -> None:
    """Weights cannot be compared across formats; the configuration tells other networks and another domain."""
    try:
        same = read_config(inner) == read_config(folder)
    except UdsdError as error:
        raise PublishError(f"{inner} cannot be published: {error}") from error
    if not same:
        raise PublishError(f"{inner} was exported from another model than that of {folder}; export it again")
