"""What restores the pages of a source: the door between files and a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch

from udsd.domains import DeblurOptions, Outcome, Restoration
from udsd.domains.restoring import SHARP
from udsd.errors import ImageError, MemoryLimitError
from udsd.files.sources import Clip, Document, Source
from udsd.images import DecodedImage, Page
from udsd.inference.backend import OnProgress, as_part
from udsd.out_of_memory import memory_errors


@runtime_checkable
class Restorer(Protocol):
    """What restores images. `udsd.Deblurrer` does."""

    @property
    def device(self) -> torch.device:
        """Where it runs, by which images of one size run together or not."""
        ...

    def restore_decoded(
        self,
        images: Sequence[DecodedImage[Any]],
        options: DeblurOptions | None = None,
        on_progress: OnProgress | None = None,
    ) -> Sequence[Restoration]:
        """Restore images of one size.

        Args:
            images: At least one. Their pixels may be overwritten.
            options: How they are brought to the model.
            on_progress: Called now and then with the share of the work that is done.

        Returns:
            Of each image its restoration, whose ``pixels`` its `DecodedImage.encode` takes.

        Raises:
            ImageError: The images cannot be restored.
            MemoryLimitError: They need more memory than they may take.
            UdsdError: Any other one of them ends the run. What is none is the failure of these images alone.
        """
        ...


@runtime_checkable
class ClipRestorer(Restorer, Protocol):
    """What restores the frames of a clip in another way than single pictures. `udsd.Deblurrer` does."""

    def for_clip(self, frames: Sequence[DecodedImage[Any]], *, steady: bool = True) -> Restorer | None:
        """What restores the frames of a clip, one by one in their order.

        Args:
            frames: Some from all over the clip.
            steady: Whether what is found in one frame holds on in the next.

        Returns:
            None if no model is for the clip.
        """
        ...


def loaded(deblurrer: Restorer | Callable[[], Restorer]) -> Restorer:
    """What restores, or what the function loads that was given in place of it."""
    # One that restores may be callable too.
    return deblurrer if isinstance(deblurrer, Restorer) else deblurrer()


class NotRestoredError(ImageError):
    """A file is not written, because its only page was not restored.

    Args:
        message: Why.
        outcome: What became of the page.
    """

    def __init__(self, message: str, outcome: Outcome) -> None:
        super().__init__(message)
        self.outcome = outcome


def restored_pages(
    restorer: Restorer,
    source: Source,
    options: DeblurOptions,
    tell: Callable[[Restoration, int], None] = lambda restoration, number: None,
    on_progress: OnProgress = lambda share: None,
) -> Iterator[Page]:
    """Restore the pages of a source one by one, each when it is asked for.

    Args:
        restorer: What restores them.
        source: Where they come from.
        options: How they are brought to the model.
        tell: Called with the restoration of each page and its number, from 1.
        on_progress: Called now and then with the share of the pages that is done.

    Raises:
        ImageError: A page cannot be read or restored; as below, the message names the file. Of a document with several
            images those are left out, and the document is told.
        NotRestoredError: The only page was not restored, so that there is nothing to write.
        MemoryLimitError: It needs more memory than it may take.
    """
    document = source if isinstance(source, Document) else None
    if isinstance(source, Clip):
        restorer, tell = _for_clip(restorer, source), _told_once(tell)
    for given, image in enumerate(source):
        position, number = (given, given + 1) if document is None else (document.position, document.page)
        try:
            with _named(source):
                (restoration,) = restorer.restore_decoded(
                    [image], options, as_part(on_progress, position, source.count)
                )
            page = encoded(image, restoration, source)
        except (ImageError, MemoryLimitError) as error:
            if document is None or source.count == 1:
                raise
            document.refuse(str(error).removeprefix(f"{source.path}: "))
            continue
        tell(restoration, number)
        if document is not None and restoration.outcome != "restored":
            document.keep(restoration.outcome)
        yield page


def _for_clip(restorer: Restorer, clip: Clip) -> Restorer:
    if not isinstance(restorer, ClipRestorer):
        return restorer
    chosen = restorer.for_clip(clip.samples(), steady=clip.is_steady)
    if chosen is None:
        raise NotRestoredError(
            f"{clip.path}: neither a page nor a face was found in it, so it was not restored; choose a model "
            "to restore it all the same",
            "unsuitable",
        )
    return chosen


def _told_once(tell: Callable[[Restoration, int], None]) -> Callable[[Restoration, int], None]:
    """Tell of a frame what has not been told of one before it: thousands would say the same.

    That some are sharp is no news: frames of a moving camera are.
    """
    told: set[str] = {SHARP}

    def tell_news(restoration: Restoration, number: int) -> None:
        notes = tuple(note for note in restoration.notes if note not in told)
        regions = () if "regions" in told else restoration.regions
        told.update(notes, ["regions"] * bool(regions))
        tell(replace(restoration, notes=notes, regions=regions), number)

    return tell_news


def encoded(image: DecodedImage[Page], restoration: Restoration, source: Source) -> Page:
    """A restored page in the form that it came in.

    Raises:
        NotRestoredError: It is the only one of its source, and was not restored.
        ImageError: The model gave what is no image; the message names the file.
        MemoryLimitError: It needs more memory than there is.
    """
    if restoration.outcome != "restored" and source.count == 1:
        raise NotRestoredError(f"{source.path}: {'; '.join(restoration.notes)}", restoration.outcome)
    with _named(source):
        return image.encode(restoration.pixels)


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Have errors say of which file they are."""
    try:
        with memory_errors("the image"):
            yield
    except (ImageError, MemoryLimitError) as error:
        raise type(error)(f"{source.path}: {error}") from error
