"""Images, through their domain and the model, to their results."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from udsd.domains.averaging import averaged
from udsd.domains.domain import Domain, Restoration, Restore
from udsd.domains.options import DeblurOptions


def restore_images(
    images: Sequence[Tensor], restore: Restore, domain: Domain | None, options: DeblurOptions
) -> list[Restoration]:
    """Restore images of one size.

    Those that are as the model expects them go through it together.

    Args:
        images: (1, 3, H, W) each, float32 in [-1, 1], on the CPU. A single one may be overwritten.
        restore: The model.
        domain: What brings images to the model, or None if nothing does.
        options: How.
    """
    if options.strength == 0:
        return [Restoration(image) for image in images]
    if options.quality == "best":
        restore = averaged(restore)
    found = [None if domain is None else domain.examine(image, options) for image in images]
    originals = [image.clone() for image in images] if options.strength < 1 else []
    as_they_are = [number for number, findings in enumerate(found) if findings is None]
    restored = dict(zip(as_they_are, _together([images[number] for number in as_they_are], restore), strict=True))
    for number, findings in enumerate(found):
        if findings is not None:
            image = images[number] if len(images) == 1 else images[number].clone()
            restored[number] = findings.restore(image, restore)
    results = [restored[number] for number in range(len(images))]
    for original, result in zip(originals, results, strict=False):
        torch.lerp(original, result.pixels, options.strength, out=result.pixels)
    return results


def _together(images: Sequence[Tensor], restore: Restore) -> list[Restoration]:
    if not images:
        return []
    together = images[0] if len(images) == 1 else torch.cat([*images])
    return [Restoration(pixels) for pixels in torch.split(restore(together, overwrite=True), 1)]


def joined(parts: Sequence[Restoration]) -> Restoration:
    """The restorations of the images of a batch as one."""
    if len(parts) == 1:
        return parts[0]
    regions = (region for part in parts for region in part.regions)
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Restoration(torch.cat([part.pixels for part in parts]), tuple(regions), tuple(notes))
