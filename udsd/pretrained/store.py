"""Putting files into the cache of huggingface_hub, in its layout, which other libraries share.

A repository is a folder ``models--org--name``: ``blobs`` holds contents by their ETag, ``snapshots`` has a folder for
each commit with links to them, ``refs`` says which commit a branch or tag was last seen at, and ``.no_exist`` has an
empty file for each that a commit was found not to have.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from udsd.atomic import remove_unfinished, whole_file
from udsd.pretrained.transfer import Announced


def stored_file(
    cache: Path,
    repo: str,
    name: str,
    revision: str,
    of: Announced,
    receive: Callable[[BinaryIO], None],
    *,
    replace: bool = False,
) -> Path:
    """The file in the snapshot of its commit, received if it is not there.

    Processes that want the same content wait for the first. What is written has its name only when all of it came.

    Args:
        cache: The cache folder.
        repo: ``org/repo``.
        name: Of the file.
        revision: The branch, tag or commit that was asked for.
        of: What the server said of the file.
        receive: Writes its content.
        replace: Receive it also if it is there.

    Raises:
        OSError: The cache cannot be written.
        Exception: Whatever ``receive`` raises; nothing has changed then.
    """
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    folder = _folder(repo)
    blob, link = cache / folder / "blobs" / of.etag, cache / folder / "snapshots" / of.commit / name
    if replace or not link.exists():
        lock = cache / ".locks" / folder / f"{of.etag}.lock"
        # First of all: what cannot be written is told by the repository's folder.
        blob.parent.mkdir(parents=True, exist_ok=True)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            wanted = replace or not blob.exists()
            if wanted:
                remove_unfinished(blob.parent)
                with whole_file(blob) as unfinished, unfinished.open("wb") as file:
                    receive(file)
            _link(blob, link, may_move=wanted)
        _remember(cache / folder, revision, of.commit)
    else:
        with suppress(OSError):  # a cache that is read-only is good enough
            _remember(cache / folder, revision, of.commit)
    return link


def remember_missing(cache: Path, repo: str, name: str, commit: str) -> None:
    """Note that a commit has no such file, so that it is not asked for again; where that cannot be written it is left.

    Args:
        cache: The cache folder.
        repo: ``org/repo``.
        name: Of the file.
        commit: The commit.
    """
    mark = cache / _folder(repo) / ".no_exist" / commit / name
    with suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _folder(repo: str) -> str:
    return f"models--{repo.replace('/', '--')}"


def _link(blob: Path, link: Path, *, may_move: bool) -> None:
    with whole_file(link) as unfinished:
        try:
            unfinished.symlink_to(Path("..", "..", "blobs", blob.name))
        except OSError:  # Windows without the right to make links
            if may_move:
                blob.replace(unfinished)
            else:
                shutil.copyfile(blob, unfinished)


def _remember(folder: Path, revision: str, commit: str) -> None:
    path = folder / "refs" / revision
    if revision != commit and not (path.exists() and path.read_text() == commit):
        with whole_file(path) as unfinished:
            unfinished.write_text(commit)
