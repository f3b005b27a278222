"""A request of a visitor: files in, restored files out, each with what became of it."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from udsd.domains import DeblurOptions, Restoration
from udsd.errors import ImageError, MemoryLimitError, UdsdError
from udsd.files import FileResult, Restorer, restore_files
from udsd.files.restorer import ClipRestorer
from udsd.images import DecodedImage
from udsd.inference import OnProgress
from udsd.serving.uploads import Upload, format_for

OnShare = Callable[[int, float], None]
"""Takes the number of the page that is worked on, from 0, and the share of it that is done."""

SUFFIX = "_restored"
"""What results have behind their names, so that nothing is replaced where they are saved: as ``udsd deblur`` has."""


class ClientGoneError(UdsdError):
    """Nobody waits for the result any more."""


class OutOfTimeError(UdsdError):
    """The files of a request take longer than they may.

    It is no `ImageError`, which would stop work on one page of a document and leave the others.
    """


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a visitor wants.

    Attributes:
        options: How pictures are brought to the model.
        file_format: Ending of the results of files of its kind, or None for that of each input.
        quality: Of formats that lose something, or None for that of the source.
    """

    options: DeblurOptions = field(default_factory=DeblurOptions)
    file_format: str | None = None
    quality: int | None = None


class Watch:
    """Ends work that takes too long, or that nobody waits for.

    Args:
        seconds: How long it may take from now on.
        is_gone: Whether nobody waits for it.
    """

    def __init__(self, seconds: float = math.inf, is_gone: Callable[[], bool] = lambda: False) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._is_gone = is_gone

    def look(self) -> None:
        """Go on if there is time and somebody waits.

        Raises:
            ClientGoneError: Nobody waits.
            OutOfTimeError: The time is over.
        """
        if self._is_gone():
            raise ClientGoneError
        if time.monotonic() > self._end:
            raise OutOfTimeError(
                f"a request may take {self._seconds:g} seconds, which are over; give less at a time, or "
                "have the limit raised (--max-time)"
            )


class WatchedRestorer:
    """Another restorer, which looks at a watch and tells how far it is.

    Args:
        restorer: The other one.
        watch: Ends the work.
        tell: Called now and then.
    """

    def __init__(self, restorer: Restorer, watch: Watch, tell: OnShare = lambda page, share: None) -> None:
        self._restorer = restorer
        self._watch = watch
        self._tell = tell
        self._page = 0

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self._restorer.device

    @property
    def title(self) -> str:
        """The models' names and hashes, if they have some."""
        return str(getattr(self._restorer, "title", ""))

    def for_clip(self, frames: Sequence[DecodedImage[Any]], *, steady: bool = True) -> WatchedRestorer | None:
        """What restores a clip, as of the other one, with the same watch."""
        chosen: Restorer | None = self._restorer
        if isinstance(chosen, ClipRestorer):
            chosen = chosen.for_clip(frames, steady=steady)
        return None if chosen is None else WatchedRestorer(chosen, self._watch, self._tell)

    def restore_decoded(
        self,
        images: Sequence[DecodedImage[Any]],
        options: DeblurOptions | None = None,
        on_progress: OnProgress | None = None,
    ) -> Sequence[Restoration]:
        """Restore images as the other one does; errors are those of `Watch.look` too."""

        def look(share: float) -> None:
            self._watch.look()
            self._tell(self._page, share)
            if on_progress is not None:
                on_progress(share)

        look(0.0)
        restored = self._restorer.restore_decoded(images, options, look)
        self._page += 1
        return restored


def restore_upload(
    restorer: Restorer,
    upload: Upload,
    folder: Path,
    wishes: Wishes,
    watch: Watch,
    tell: OnShare = lambda page, share: None,
) -> FileResult:
    """Restore one file as ``udsd deblur`` does, with the same bytes.

    Args:
        restorer: The model.
        upload: The file.
        folder: Where the result goes, under the file's name with `SUFFIX`; if there is none, the folder is removed.
        wishes: What is wanted.
        watch: Ends the work.
        tell: Called now and then.

    Returns:
        What became of it. The reason and the source name the file without its folder.

    Raises:
        ClientGoneError: Nobody waits for it.
        ConfigError: A wish is out of range.
    """
    path = upload.path
    failed = FileResult(path, folder / path.name, "failed")
    if upload.refusal:
        result = replace(failed, reason=f"{path}: {upload.refusal}")
    else:
        try:
            report = restore_files(
                WatchedRestorer(restorer, watch, tell),
                [path],
                f"{folder}/",
                suffix=SUFFIX,
                file_format=format_for(path, wishes.file_format),
                quality=wishes.quality,
                options=wishes.options,
            )
        except OutOfTimeError as error:
            result = replace(failed, reason=f"{path}: {error}")
        except (ImageError, MemoryLimitError) as error:
            result = replace(failed, reason=str(error))
        else:
            (result,) = report.results
    if result.status != "restored":
        shutil.rmtree(folder, ignore_errors=True)  # with parts of a result that will not be finished
    return replace(result, source=Path(path.name), reason=result.reason.replace(f"{path}", path.name))
