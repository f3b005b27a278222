"""Decoded images, through a domain and a back-end, to their restorations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from udsd.arguments import whole_number
from udsd.domains import (
    Consistency,
    DeblurOptions,
    Domain,
    Look,
    Restoration,
    Restore,
    examine_images,
    in_windows,
    joined,
    restore_images,
)
from udsd.images import DecodedImage
from udsd.images.levels import GREY_LEVEL
from udsd.inference import Backend, MemoryLimit, OnProgress
from udsd.models import reparameterize

_SMALLEST_SEED, _LARGEST_SEED = -(2**63), 2**64 - 1


def restore_with_mean(
    decoded: Sequence[DecodedImage[Any]],
    backend: Backend,
    domain: Domain,
    options: DeblurOptions,
    *,
    memory_limit: MemoryLimit = None,
    on_progress: OnProgress | None = None,
    looks: Sequence[Look] | None = None,
) -> list[Restoration]:
    """Restore images of one size, with the mean of each one's blur code.

    What is of one colour all over, as an empty page is, has no blur, and comes back as it is.

    Args:
        decoded: The images. The pixels of a single one may be overwritten.
        backend: What runs the model.
        domain: What brings images to the model.
        options: How.
        memory_limit: Instead of the back-end's.
        on_progress: Called now and then with the share of the work that is done, the last time with 1.
        looks: At each picture of the images, if they were looked at already.

    Raises:
        MemoryLimitError: The limit is too small for even one strip, or the disk too full for the rest.
    """
    # A tensor keeps its device as pixels; what looks at them runs on the CPU, where results are too.
    singles = [single for image in decoded for single in torch.split(image.pixels.cpu(), 1)]
    found = None if looks is None else examine_images(looks, domain, options)
    model = _prepared(partial(backend.restore, memory_limit=memory_limit), backend)
    restored = iter(
        restore_images(singles, model, domain, options, on_progress, found=found, consistency=_consistency(backend))
    )
    return [joined([*islice(restored, len(image.pixels))]) for image in decoded]


def _consistency(backend: Backend) -> Consistency | None:
    """How restorations are made to explain their pictures, if the model wants it."""
    if not backend.config.consistent:
        return None
    return Consistency(backend.device, backend.config.passes)


def _prepared(model: Restore, backend: Backend) -> Restore:
    """A model that leaves blank images as they are, and sees others in windows, if it wants that."""
    model, window = _leaving_blank(model), backend.config.window
    return model if window is None else in_windows(model, window)


def _leaving_blank(model: Restore) -> Restore:
    """The model, but that blank images come back as they are."""

    def restore(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        blank = [number for number, image in enumerate(torch.split(images, 1)) if is_blank(image)]
        if len(blank) == len(images):
            return images if overwrite else images.clone()
        kept = images[blank]  # a copy: the images may be overwritten
        restored = model(images, overwrite=overwrite, on_progress=on_progress)
        restored[blank] = kept
        return restored

    return restore


def is_blank(image: Tensor) -> bool:
    """Whether an image (1, 3, H, W) in [-1, 1] is of one colour all over, to a grey level."""
    # Without a copy of the image, which aminmax would need: it takes one dimension, and parts of images are not flat.
    spread = image.amax(dim=(2, 3)) - image.amin(dim=(2, 3))
    return bool(spread.amax() <= 1.01 * GREY_LEVEL)


def seeded(seed: int | None) -> torch.Generator:
    """Random numbers for `restore_with_draws`: always the same for a seed, other ones each time for None.

    Raises:
        ConfigError: The seed is no number that PyTorch takes.
    """
    generator = torch.Generator("cpu")
    if seed is None:
        generator.seed()
        return generator
    return generator.manual_seed(whole_number("seed", seed, _SMALLEST_SEED, _LARGEST_SEED))


def restore_with_draws(
    pixels: Tensor, backend: Backend, domain: Domain, options: DeblurOptions, n: int, generator: torch.Generator
) -> Iterator[Restoration]:
    """Restore an image, or a batch, ``n`` times with draws of the blur code, each when it is asked for.

    Each picture has one draw of eps per sample, whatever its domain makes of it: z = mean + eps * sigma with the mean
    and the sigma of each part (a page at another size, a face) that is brought to the model.

    Args:
        pixels: (B, 3, H, W), float32 in [-1, 1]; not changed.
        backend: What runs the model.
        domain: What brings images to the model.
        options: How.
        n: How many samples.
        generator: Gives eps; on the CPU.

    Raises:
        ConfigError: The back-end takes no blur codes.
        MemoryLimitError: It needs more memory than it may take.
    """
    singles = torch.split(pixels.cpu(), 1)
    found = examine_images([Look(single) for single in singles], domain, options)
    for _ in range(n):
        noise = torch.randn(
            len(singles), backend.config.blur_code_size, generator=generator, dtype=torch.float32, device="cpu"
        )
        parts = []
        for single, findings, eps in zip(singles, found, torch.split(noise, 1), strict=True):
            parts += restore_images(
                [single.clone()],
                _drawn(backend, eps),
                domain,
                options,
                found=[findings],
                consistency=_consistency(backend),
            )
        yield joined(parts)


def _drawn(backend: Backend, noise: Tensor) -> Restore:
    """The model with blur codes of one draw, eps (1, Z)."""

    def restore(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        mean, log_variance = backend.encode_blur(images)
        code = reparameterize(mean, log_variance, noise=noise)
        return backend.restore(images, code, overwrite=overwrite, on_progress=on_progress)

    return _prepared(restore, backend)
