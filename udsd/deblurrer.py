"""Restore images with a trained model: the one class that most users meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from numpy.typing import NDArray
from torch import Tensor

from udsd.arguments import truth, whole_number
from udsd.batches import (
    Restored,
    RestoredT,
    Result,
    check_several,
    decode_named,
    log_restoration,
    restore_all,
    restore_pages,
)
from udsd.blur_reading import BlurReading
from udsd.domains import (
    DeblurKeywords,
    DeblurOptions,
    Look,
    Region,
    Restoration,
    examine_images,
)
from udsd.errors import ConfigError
from udsd.images import DecodedImage, ImageLike, ImagePages
from udsd.images.content import FileLike
from udsd.inference import MemoryLimit, OnProgress, images_together
from udsd.out_of_memory import memory_errors
from udsd.progress import ImageBar
from udsd.restoring import restore_with_draws, seeded

if TYPE_CHECKING:
    from PIL import Image


_BATCH_SIZE = 4


class Deblurrer(BlurReading):
    """Restore blurred images of the domain that a model was trained on.

    Images are image files (paths, their bytes, or file objects opened for bytes), PIL images, arrays (H, W) or
    (H, W, C) of uint8, uint16 or floats in [0, 1], or tensors (C, H, W) or (B, C, H, W) of uint8 or floats in [0, 1].
    What comes back is of the same kind, size and number format (a PIL image for a file). Grey stays grey, and an alpha
    channel is kept as it is.

    Args:
        model: The networks, taken over, not copied; or a `udsd.inference.Backend` that runs them already, which has
            a device, a format and a memory limit of its own.
        device: ``"auto"`` or None (CUDA if there is any, else MPS, else the CPU), ``"cpu"``, ``"cuda"``, ``"cuda:N"``,
            ``"mps"`` (GPUs of Apple; nobody has tried it yet), another device of PyTorch, such as ``"xpu"``, or a torch
            device.
        dtype: Format of the arithmetic: ``"auto"`` or None (bfloat16 where CPU or CUDA have instructions for it, else
            float32), ``"float32"``, ``"bfloat16"``, ``"float16"`` (not on CPUs) or a torch dtype.
        memory_limit: What restoring may take beside the model, the image and the result: bytes, text such as
            ``"2GB"``, or None for half of what is free. What does not fit goes through a temporary file: slower, with
            the same pixels. On a GPU it counts where an image does not fit in one piece.
        backend: What runs the networks: ``"torch"``, also meant by ``"auto"`` and None, or ``"openvino"``, a package of
            its own (CPUs only, each image in one piece).

    Raises:
        ConfigError: The memory limit is no size, or the back-end is unknown or not installed; or a back-end came with
            settings that it has already.
        DeviceError: The device or the format is not available.

    Example:
        >>> from udsd import Deblurrer
        >>> deblurrer = Deblurrer.from_pretrained("text")
        >>> deblurrer.deblur("scan.png").save("restored.png")  # doctest: +SKIP
        >>> deblurrer("scan.png").save("restored.png")  # the same  # doctest: +SKIP
    """

    @overload
    def deblur(
        self,
        image: FileLike,
        *,
        memory_limit: MemoryLimit = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[DeblurKeywords],
    ) -> Image.Image: ...
    @overload
    def deblur(
        self,
        image: RestoredT,
        *,
        memory_limit: MemoryLimit = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[DeblurKeywords],
    ) -> RestoredT: ...
    def deblur(
        self,
        image: ImageLike,
        *,
        memory_limit: MemoryLimit = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[DeblurKeywords],
    ) -> Image.Image | NDArray[Any] | Tensor:
        """Restore one image; the result is deterministic, with the mean of the image's blur code.

        Where the model's config says what it expects, the image is brought to it first, and the change back: letters or
        faces to their size, light print to dark print (`examine` tells what is done). An image that is as the model
        expects goes to it as it is.

        Args:
            image: Of any size; large ones run in strips, which changes no pixel. Pages go to the bundled models in
                windows (`window` in their config), for blur that differs from place to place.
            memory_limit: For this image, instead of that of the class.
            on_progress: Called now and then with the share of the work that is done, the last time with 1.
            options: How it is brought to the model, and how strong the change is: the fields of
                `udsd.DeblurOptions`.

        Raises:
            ImageError: The image cannot be read, or is of a kind that is not supported.
            ConfigError: The memory limit is no size, or an option is out of range.
            MemoryLimitError: The limit, or what the system gives, is too small for even one strip, or the disk too
                full for the rest.

        Example:
            >>> deblurrer.deblur("scan.png", scale=2, strength=0.8).save("restored.png")  # doctest: +SKIP
        """
        chosen = DeblurOptions(**options)
        decoded = decode_named(image)
        (restoration,) = self._restore([decoded], chosen, memory_limit, on_progress)
        log_restoration(image, restoration)
        with memory_errors("the image"):
            return decoded.encode(restoration.pixels)

    __call__ = deblur

    def deblur_pages(
        self,
        file: FileLike,
        *,
        memory_limit: MemoryLimit = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[DeblurKeywords],
    ) -> Iterator[Image.Image]:
        """Restore all pages of a file, be they those of a TIFF or the frames of an animation.

        Each is read and restored when it is asked for, so that many need the memory of one. The file stays open until
        the last.

        Args:
            file: Its path, its bytes, or a file object, which is read whole at once and not closed.
            memory_limit: For each page, instead of that of the class.
            on_progress: Called now and then with the share of all pages that is done.
            options: As for `deblur`.

        Returns:
            The pages in order, as `deblur` gives them, 16-bit colours in 8 bits (`udsd.files.restore_files` keeps 16).

        Raises:
            ImageError: The file cannot be read (raised at once), or a page is damaged (raised at that page).
            ConfigError: The path is none, the memory limit is no size, or an option is out of range.
            MemoryLimitError: A page needs more memory than it may take.

        Example:
            >>> save_pages(deblurrer.deblur_pages("fax.tif"), "restored.tif")  # of udsd.images  # doctest: +SKIP
        """
        chosen = DeblurOptions(**options)

        def restore(decoded: Sequence[DecodedImage[Any]], tell: OnProgress) -> list[Restoration]:
            return self._restore(decoded, chosen, memory_limit, tell)

        return restore_pages(ImagePages(file), restore, on_progress)

    def examine(self, image: ImageLike, **options: Unpack[DeblurKeywords]) -> tuple[Region, ...]:
        """Tell what `deblur` would bring to the model in another form than it comes in, and where its faces are.

        Args:
            image: What `deblur` takes; of a batch of tensors the first.
            options: As for `deblur`.

        Returns:
            The regions, the whole image first where it is restored at another size or polarity, or what its frame
            surrounds. Of an aligned portrait its face; otherwise empty if it goes to the model as it is.

        Raises:
            ImageError: The image cannot be read, or is of a kind that is not supported.
            ConfigError: An option is out of range.
            MemoryLimitError: It needs more memory than there is.
        """
        chosen = DeblurOptions(**options)
        pixels = decode_named(image).pixels[:1].cpu()
        with memory_errors("the image"):
            (findings,) = examine_images([Look(pixels)], self._domain, chosen)
        return findings.regions

    @overload
    def deblur_batch(
        self,
        images: Iterable[ImageLike],
        *,
        batch_size: int | None = _BATCH_SIZE,
        progress: bool = False,
        on_error: Literal["raise"] = "raise",
        **options: Unpack[DeblurKeywords],
    ) -> Iterator[Restored]: ...
    @overload
    def deblur_batch(
        self,
        images: Iterable[ImageLike],
        *,
        batch_size: int | None = _BATCH_SIZE,
        progress: bool = False,
        on_error: Literal["return"],
        **options: Unpack[DeblurKeywords],
    ) -> Iterator[Result]: ...
    def deblur_batch(
        self,
        images: Iterable[ImageLike],
        *,
        batch_size: int | None = _BATCH_SIZE,
        progress: bool = False,
        on_error: Literal["raise", "return"] = "raise",
        **options: Unpack[DeblurKeywords],
    ) -> Iterator[Result]:
        """Restore many images, of any sizes, one after the other and in their order.

        Images are read when they are needed, never all at once. On a GPU images of one size run together, found among
        the next four batches of images; each image's result is what `deblur` gives for it alone.

        Args:
            images: Any mixture of what `deblur` takes.
            batch_size: How many images of one size run together at most on a GPU, 4 for None; more take more memory.
                On a CPU, where it brings nothing, images run one by one.
            progress: Show a progress bar on standard error, if there is one.
            on_error: What becomes of an image that cannot be read or restored. ``"raise"``: its error ends the batch,
                once those before it have been handed out. ``"return"``: its error, an `ImageError` or a
                `MemoryLimitError`, is handed out in its place, so that there is one result for each image.
            options: As for `deblur`.

        Raises:
            ConfigError: ``images`` is a single one, ``batch_size`` less than 1, ``on_error`` neither of the two, or an
                option out of range.
            ImageError: An image cannot be read or restored (``on_error="raise"``).
            MemoryLimitError: An image needs more memory than it may take (``on_error="raise"``).

        Example:
            >>> for path, result in zip(paths, deblurrer.deblur_batch(paths, on_error="return")):  # doctest: +SKIP
            ...     if isinstance(result, UdsdError):
            ...         print(f"{path} is left out: {result}")
        """
        check_several(images)
        batch_size = _BATCH_SIZE if batch_size is None else whole_number("batch_size", batch_size, 1)
        if on_error not in ("raise", "return"):
            raise ConfigError(f"on_error is {on_error!r}; give 'raise' or 'return'")
        chosen = DeblurOptions(**options)
        together = images_together(self.device, batch_size)
        bar = ImageBar(len(images) if isinstance(images, Sized) else None, shown=truth("progress", progress))

        def restore(decoded: Sequence[DecodedImage[Any]], on_progress: OnProgress) -> list[Restoration]:
            return self.restore_decoded(decoded, chosen, on_progress)

        return restore_all(images, restore, batch_size=together, bar=bar, raises=on_error == "raise")

    @overload
    def sample(
        self, image: FileLike, n: int, seed: int | None = 0, **options: Unpack[DeblurKeywords]
    ) -> list[Image.Image]: ...
    @overload
    def sample(
        self, image: RestoredT, n: int, seed: int | None = 0, **options: Unpack[DeblurKeywords]
    ) -> list[RestoredT]: ...
    def sample(self, image: ImageLike, n: int, seed: int | None = 0, **options: Unpack[DeblurKeywords]) -> list[Any]:
        """Restore one image ``n`` times, each with its own draw of the blur code z ~ N(mean, sigma^2).

        The draws show how sure the blur encoder E^b is of the code, not which sharp images could have been there: those
        of the bundled models differ by at most 5 grey levels of 255, too little to be seen. To restore with another
        blur in mind, see `estimate_blur` and ``udsd-train``.

        The image is brought to the model as `deblur` does. What is restored in parts, such as faces, has the same draw
        in all of them.

        Args:
            image: What `deblur` takes.
            n: How many restorations.
            seed: The same seed gives the same draws, whatever the global random state. None: other ones each time.
            options: As for `deblur`.

        Raises:
            ConfigError: ``n`` is less than 1, the seed no number of 64 bits, an option out of range, or the back-end
                takes no blur codes.
            ImageError: The image cannot be read, or is of a kind that is not supported.
            MemoryLimitError: It needs more memory than it may take.
        """
        n = whole_number("n", n, 1)
        generator = seeded(seed)
        chosen = DeblurOptions(**options)
        decoded = decode_named(image)
        samples: list[Any] = []
        with memory_errors("the image"):
            for restoration in restore_with_draws(decoded.pixels, self._backend, self._domain, chosen, n, generator):
                if not samples:
                    log_restoration(image, restoration)
                samples.append(decoded.encode(restoration.pixels))
        return samples
