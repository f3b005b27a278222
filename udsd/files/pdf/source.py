"""A PDF as a source: the images that its pages show, one after another."""

from __future__ import annotations

from collections.abc import Container, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from udsd.domains import Outcome
from udsd.errors import ImageError, MemoryLimitError
from udsd.files.options import ReadOptions
from udsd.files.page_ranges import PageRange
from udsd.files.pdf.finding import Key, Slot, find_slots
from udsd.files.pdf.image import PdfImage
from udsd.files.pdf.opening import one_line, open_pdf
from udsd.files.restorer import NotRestoredError
from udsd.images import DecodedImage, Page
from udsd.images.failures import named_errors
from udsd.images.limits import check_decoded
from udsd.side_threads import side_threads


def _counted(slot: Slot) -> int:
    """Pixels of an image; none of one that is too large, which is refused by itself."""
    most, pixels = Image.MAX_IMAGE_PIXELS, slot.size[0] * slot.size[1]
    return pixels if most is None or pixels <= most else 0


class PdfSource:
    """The images of a PDF that its pages show (`udsd.files.pdf.finding`), each decoded when it is asked for.

    The next one is read while the last is being restored. What cannot be read stays as it is and is told in
    `problems`; where there is one image alone, it is an error.

    Args:
        path: The file.
        options: Which pages, and its password.

    Attributes:
        path: The file.
        password: With which it was opened.
        slots: Where its images lie.
        count: How many there are.
        pixel_count: Pixels of the first.
        position: Of the image given last, from 0.
        page: The number of its page, from 1.
        current: The image given last.
        pages: Those whose images are given, or None for all.
        problems: What a user should know of images: page and sentence.
        outcomes: Why images stay as they are although nothing went wrong.

    Raises:
        ImageError: The file cannot be opened, or asks for too much work.
        NotRestoredError: It has no image that could be restored.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.password = options.password
        self._opened = ExitStack()
        self._pdf = self._opened.enter_context(open_pdf(path, options.password))
        try:
            with named_errors(str(path)):
                self.slots = find_slots(self._pdf, options.pages)
                check_decoded(sum(_counted(slot) for slot in self.slots), "its images")
            if not self.slots:
                raise NotRestoredError(f"{path}: {_no_images(len(self._pdf.pages), options.pages)}", "unsuitable")
        except BaseException:
            self.close()
            raise
        self.count = len(self.slots)
        self.pixel_count = self.slots[0].size[0] * self.slots[0].size[1]
        self.position, self.page = 0, self.slots[0].page
        self.current: PdfImage | None = None
        self.pages = options.pages
        self.problems: list[tuple[int, str]] = []
        self.outcomes: set[Outcome] = set()
        self._kept: set[Key] = set()
        self._finished: Container[Key] = ()

    def leave_out(self, finished: Container[Key]) -> None:
        """Give no images that are finished already. It is said before the first is asked for."""
        self._finished = finished

    def keep(self, outcome: Outcome) -> None:
        """Say that the image given last stays as it is: it is sharp, or no model is for it."""
        self._kept.add(self.slots[self.position].key)
        self.outcomes.add(outcome)

    def refuse(self, reason: str) -> None:
        """Say that the image given last stays as it is, for something went wrong with it."""
        self._kept.add(self.slots[self.position].key)
        self.problems.append((self.page, reason))

    def is_kept(self, key: Key) -> bool:
        """Whether an image that was given stays as it is."""
        return key in self._kept

    def __iter__(self) -> Iterator[DecodedImage[Page]]:
        """The images in the order of the pages.

        Raises:
            ImageError: The only image cannot be read.
        """
        positions = [index for index, slot in enumerate(self.slots) if slot.key not in self._finished]
        with side_threads(1, "udsd-pdf-read") as reader:
            ahead: Future[tuple[PdfImage, DecodedImage[Page]]] | None = None
            for place, index in enumerate(positions):
                reading = ahead or reader.submit(self._read, index)
                ahead = None
                self.position, self.page = index, self.slots[index].page
                try:
                    self.current, decoded = reading.result()
                except (ImageError, MemoryLimitError) as error:
                    if self.count == 1:
                        raise
                    self.refuse(str(error).removeprefix(f"{self.path}: "))
                    continue
                finally:
                    if place + 1 < len(positions) and ahead is None:
                        ahead = reader.submit(self._read, positions[place + 1])
                del reading
                yield decoded

    def _read(self, index: int) -> tuple[PdfImage, DecodedImage[Page]]:
        slot = self.slots[index]
        with named_errors(str(self.path)):
            try:
                image = PdfImage.read(self._pdf.get_object(slot.key), slot)
            # What is no error of ours comes from qpdf or a decoder, and names objects by their numbers alone.
            except (ImageError, MemoryError, Image.DecompressionBombError):
                raise
            except Exception as error:
                raise ImageError(f"damaged ({one_line(error, self.path)})") from error
            return image, image.decoded()

    def close(self) -> None:
        """Close the file; no image can be read any more."""
        self._opened.close()


def _no_images(count: int, wanted: PageRange | None) -> str:
    """Why a document has nothing to restore."""
    if wanted is not None and not any(number in wanted for number in range(1, count + 1)):
        return f"has no images on the pages {wanted}: it has {count} page(s); give numbers from 1 to {count}"
    where = "" if wanted is None else f" on the pages {wanted}"
    return f"has no images{where}; text and drawings of a PDF are as sharp as they can be"
