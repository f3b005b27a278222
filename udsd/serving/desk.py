"""Where requests are worked on, one at a time, whatever they come by."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from udsd.domains import detect_faces
from udsd.domains.options import Box
from udsd.errors import ImageError, MemoryLimitError
from udsd.files import FileResult
from udsd.serving.limits import Limits
from udsd.serving.models import Models
from udsd.serving.previews import preview_with_boxes, previews
from udsd.serving.requests import OnShare, Watch, Wishes, restore_upload
from udsd.serving.storage import Storage
from udsd.serving.uploads import Upload, is_picture, look_at

OnFile = Callable[[float, str], None]
"""Takes the share of a request that is done, and the name of the file that is worked on."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a request has given.

    Attributes:
        results: What became of each file, in the order in which they were given.
        previews: Of each file that was restored its name, and previews before and after; empty if none are wanted. A
            result that cannot be shown has none.
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
        with_previews: bool,
        tell: OnFile = lambda share, name: None,
    ) -> Restored:
        """Restore files.

        Args:
            files: Where they lie in the storage.
            model: One of the names of the models.
            wishes: What is wanted.
            session: Whose files they are; if it is closed the work ends.
            with_previews: Whether previews are wanted too.
            tell: Called now and then.

        Raises:
            ImageError: There are no files, too many, or boxes of faces in what is no picture.
            ConfigError: A wish is out of range.
            ClientGoneError: The session was closed.
        """
        self._check(files, wishes)
        with self.turn, self.storage.folder_for(session, files) as folder:
            watch = Watch(self.limits.seconds, lambda: self.storage.is_closed(session))
            watch.look()
            restorer = self.models.get(model, of_faces=not isinstance(wishes.options.faces, str))
            restored = Restored([], [])
            for number, path in enumerate(files):
                place = folder / str(number)
                place.mkdir()
                upload = look_at(path, self.limits)
                tell_file = _of_file(tell, number, len(files), upload)
                result = restore_upload(restorer, upload, place, wishes, watch, tell_file)
                restored.results.append(result)
                if with_previews and result.status == "restored":
                    with suppress(ImageError, MemoryLimitError):  # it is there to be downloaded
                        restored.previews.append((path.name, *previews(path, result.target, place)))
        return restored

    def find_faces(self, path: Path, session: str) -> FoundFaces:
        """Find the faces of a picture, and draw their boxes.

        Raises:
            ImageError: It is no picture, or cannot be read.
        """
        _check_picture(path)
        with self.turn:
            boxes = [face.box for face in detect_faces(path)]
        return self.draw_boxes(path, boxes, session)

    def draw_boxes(self, path: Path, boxes: Sequence[Box], session: str) -> FoundFaces:
        """Draw boxes on a preview of a picture.

        Raises:
            ImageError: It is no picture, or cannot be read.
        """
        _check_picture(path)
        with self.storage.folder_for(session, [path]) as folder:
            picture, scale = preview_with_boxes(path, boxes, folder, "faces")
        return FoundFaces(list(boxes), picture, scale)

    def _check(self, files: Sequence[Path], wishes: Wishes) -> None:
        if not files:
            raise ImageError("there are no files; bring at least one")
        if len(files) > self.limits.files:
            raise ImageError(f"{len(files)} files came, and a request may have {self.limits.files}; bring fewer")
        if not isinstance(wishes.options.faces, str):
            for path in files:
                _check_picture(path)


def _check_picture(path: Path) -> None:
    if not is_picture(path):
        raise ImageError(
            f"{path.name}: boxes are drawn on pictures alone; bring one, or have faces found by themselves"
        )


def _of_file(tell: OnFile, number: int, count: int, upload: Upload) -> OnShare:
    """What takes the share of a page, for file ``number`` of several."""

    def tell_page(page: int, share: float) -> None:
        done = min((page + share) / upload.count, 1.0)
        place = upload.place(page)
        tell((number + done) / count, f"{upload.path.name}, {place}" if place else upload.path.name)

    return tell_page
