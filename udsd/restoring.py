"""Decoded images, through a domain and a back-end, to their restorations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
    joined,
    restore_images,
)
from udsd.images import DecodedImage
from udsd.images.levels import GREY_LEVEL
from udsd.inference import Backend, MemoryLimit, OnProgress
from udsd.inference.backend import as_part
from udsd.models import reparameterize
from udsd.models.deblur_model import pad_image

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
    found = examine_images([Look(single) for single in singles] if looks is None else looks, domain, options)
    model = partial(backend.restore, memory_limit=memory_limit)
    restored: dict[int, Restoration] = {}
    shares = [_light_share(image, backend, options) for image in decoded for _ in image.pixels]
    different = sorted(set(shares))
    for part, share in enumerate(different):
        numbers = [number for number, one in enumerate(shares) if one == share]
        images = [singles[number] for number in numbers]
        restorations = restore_images(
            [image.clone() for image in images] if len(images) == 1 < len(singles) else images,
            _leaving_blank(_shown_light(model, share)),
            domain,
            options,
            None if on_progress is None else as_part(on_progress, part, len(different)),
            found=[found[number] for number in numbers],
            consistency=_consistency(backend),
        )
        restored |= zip(numbers, (_told(one, share) for one in restorations), strict=True)
    results = (restored[number] for number in range(len(singles)))
    return [joined([*islice(results, len(image.pixels))]) for image in decoded]


def _light_share(image: DecodedImage[Any], backend: Backend, options: DeblurOptions) -> float:
    """How much of what the networks are shown of an image is its light."""
    in_light = image.from_camera if options.light == "auto" else options.light == "linear"
    return backend.config.light_share if in_light and options.strength > 0 else 0


def _consistency(backend: Backend) -> Consistency | None:
    """How restorations are made to explain their pictures, if the model wants it."""
    if not backend.config.consistent:
        return None
    return Consistency(backend.device, backend.config.passes)


def _told(restoration: Restoration, share: float) -> Restoration:
    """A restoration that says whether light was shown to the networks."""
    return replace(restoration, in_light=share > 0 and restoration.outcome == "restored")


def _shown_light(model: Restore, share: float) -> Restore:
    """The model, which is shown so much of the light of pictures and the rest of their levels.

    Light is taken to be the square of levels x in [0, 1], so that y = share x^2 + (1 - share) x is shown. Its inverse
    is no steeper than 1 / (1 - share): the root of light alone would make a pattern of the networks' noise in the dark.
    """
    if share == 0:
        return model
    # Pixels are stored as v = 2 x - 1 and w = 2 y - 1, so that w = ((v + offset)^2 - offset^2 - 1) / (2 offset).
    offset = 1 / share

    def restore(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        height, width = images.shape[-2:]
        shown = pad_image(images)  # the back-end would, in memory of its own
        if shown is images and not overwrite:
            shown = images.clone()
        shown.add_(offset).square_().sub_(offset**2 + 1).div_(2 * offset)
        restored = model(shown, overwrite=True, on_progress=on_progress)[..., :height, :width]
        return restored.mul_(2 * offset).add_(offset**2 + 1).sqrt_().sub_(offset)

    return restore


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
    decoded: DecodedImage[Any],
    backend: Backend,
    domain: Domain,
    options: DeblurOptions,
    n: int,
    generator: torch.Generator,
) -> Iterator[Restoration]:
    """Restore an image, or a batch, ``n`` times with draws of the blur code, each when it is asked for.

    Each picture has one draw of eps per sample, whatever its domain makes of it: z = mean + eps * sigma with the mean
    and the sigma of each part (a page at another size, a face) that is brought to the model.

    Args:
        decoded: The image or batch; not changed.
        backend: What runs the model.
        domain: What brings images to the model.
        options: How.
        n: How many samples.
        generator: Gives eps; on the CPU.

    Raises:
        ConfigError: The back-end takes no blur codes.
        MemoryLimitError: It needs more memory than it may take.
    """
    singles = torch.split(decoded.pixels.cpu(), 1)
    found = examine_images([Look(single) for single in singles], domain, options)
    share = _light_share(decoded, backend, options)
    for _ in range(n):
        noise = torch.randn(
            len(singles), backend.config.blur_code_size, generator=generator, dtype=torch.float32, device="cpu"
        )
        parts = []
        for single, findings, eps in zip(singles, found, torch.split(noise, 1), strict=True):
            parts += restore_images(
                [single.clone()],
                _leaving_blank(_shown_light(_drawn(backend, eps), share)),
                domain,
                options,
                found=[findings],
                consistency=_consistency(backend),
            )
        yield joined([_told(part, share) for part in parts])


def _drawn(backend: Backend, noise: Tensor) -> Restore:
    """The model with blur codes of one draw, eps (1, Z)."""

    def restore(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
        mean, log_variance = backend.encode_blur(images)
        code = reparameterize(mean, log_variance, noise=noise)
        return backend.restore(images, code, overwrite=overwrite, on_progress=on_progress)

    return restore
