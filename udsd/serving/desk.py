"""Where requests are worked on, one at a time, whatever they come by."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from udsd.domains import detect_faces
from udsd.domains.options import Box
from udsd.errors import ImageError
from udsd.files import FileResult, Restorer
from udsd.serving.limits import Limits
from udsd.serving.models import Models
from udsd.serving.previews import preview, preview_with_boxes
from udsd.serving.requests import OnShare, Watch, Wishes, restore_upload
from udsd.serving.storage import Storage

OnFile = Callable[[float, str], None]
"""Takes the share of a request that is done, and the name of the file that is worked on."""

_BY_OTHERS = frozenset({".pdf"})
"""Endings of what the command restores and the page cannot show."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a request has given.

    Attributes:
        results: What became of each file, in the order in which they were given.
        previews: Of each file that was restored its name, and previews before and after; empty if none are wanted.
    """

    results: list[FileResult]
    previews: list[tuple[str, Path, Path]]

    @property
    def files(self) -> list[Path]:
        """The restored files."""
        return [result.target for result in self.results if result.status == "restored"]


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """Faces of a picture.

    Attributes:
        boxes: Where they are, in pixels of the picture.
        picture: A preview on which they are drawn.
        scale: The preview's size as a part of the picture's.
    """

    boxes: list[Box]
    picture: Path
    scale: float


class Desk:
    """Works on requests, one at a time.

    Args:
        models: What restores pictures.
        limits: How much work a request may make.
        storage: Where files lie.
    """

    def __init__(self, models: Models, limits: Limits, storage: Storage) -> None:
        self.models = models
        self.limits = limits
        self.storage = storage
        self.turn = threading.Lock()
        """Held by who works."""

    def restore(
        self,
        files: Sequence[Path],
        model: str,
        wishes: Wishes,
        session: str,
        *,
        previews: bool,
        tell: OnFile = lambda share, name: None,
    ) -> Restored:
        """Restore files.

        Args:
            files: Where they lie in the storage.
            model: One of the names of the models.
            wishes: What is wanted.
            session: Whose files they are; if it is closed the work ends.
            previews: Whether previews are wanted too.
            tell: Called now and then.

        Raises:
            ImageError: There are no files, or too many.
            ConfigError: A wish is out of range.
            ClientGoneError: The session was closed.
        """
        self._check(files)
        with self.turn, self.storage.folder_for(session, files) as folder:
            watch = Watch(self.limits.seconds, lambda: self.storage.is_closed(session))
            watch.look()
            restorer = self.models.get(model, of_faces=not isinstance(wishes.options.faces, str))
            restored = Restored([], [])
            for number, path in enumerate(files):
                place = folder / str(number)
                place.mkdir()
                result = self._restore_file(restorer, path, place, wishes, watch, _of_file(tell, number, files))
                restored.results.append(result)
                if previews and result.status == "restored":
                    before, after = (
                        preview(file, place, name) for file, name in ((path, "_before"), (result.target, "_after"))
                    )
                    restored.previews.append((path.name, before, after))
        return restored

    def find_faces(self, path: Path, session: str) -> FoundFaces:
        """Find the faces of a picture, and draw their boxes; errors are those of `udsd.detect_faces`."""
        with self.turn:
            boxes = [face.box for face in detect_faces(path)]
        return self.draw_boxes(path, boxes, session)

    def draw_boxes(self, path: Path, boxes: Sequence[Box], session: str) -> FoundFaces:
        """Draw boxes on a preview of a picture.

        Raises:
            ImageError: The picture cannot be read.
        """
        with self.storage.folder_for(session, [path]) as folder:
            picture, scale = preview_with_boxes(path, boxes, folder, "faces")
        return FoundFaces(list(boxes), picture, scale)

    def _check(self, files: Sequence[Path]) -> None:
        if not files:
            raise ImageError("there are no pictures; bring at least one")
        if len(files) > self.limits.files:
            raise ImageError(f"{len(files)} files came, and a request may have {self.limits.files}; bring fewer")

    def _restore_file(
        self, restorer: Restorer, path: Path, place: Path, wishes: Wishes, watch: Watch, tell: OnShare
    ) -> FileResult:
        if path.suffix.lower() in _BY_OTHERS:
            reason = f"{path.name}: is no picture; udsd deblur restores it on the command line"
            return FileResult(Path(path.name), place / path.name, "failed", reason=reason)
        return restore_upload(restorer, path, place, wishes, watch, tell)


def _of_file(tell: OnFile, number: int, files: Sequence[Path]) -> OnShare:
    """What takes the share of a page, for file ``number`` of several."""
    name = files[number].name

    def tell_page(page: int, share: float) -> None:
        tell((number + share) / len(files), f"{name}, page {page + 1}" if page else name)

    return tell_page
