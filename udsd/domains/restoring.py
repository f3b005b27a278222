"""Images, through their domain and the model, to their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from udsd.domains.averaging import averaged
from udsd.domains.consistent import Consistency, ConsistentModel
from udsd.domains.domain import AsExpected, Domain, Findings, Restoration, Restore
from udsd.domains.look import Look
from udsd.domains.options import DeblurOptions
from udsd.domains.progress import followed
from udsd.inference.backend import OnProgress
from udsd.surroundings import own_settings

SHARP = "the picture is sharp already"


@own_settings()
@torch.inference_mode()
def examine_images(looks: Sequence[Look], domain: Domain, options: DeblurOptions) -> list[Findings | AsExpected]:
    """Find out what has to be done to bring images to the model.

    Args:
        looks: At the images.
        domain: What brings images to the model.
        options: How; without any change (``strength=0``) nothing has to be found out.
    """
    if options.strength == 0:
        return [AsExpected()] * len(looks)
    return [domain.examine(look, options) for look in looks]


@own_settings()
@torch.inference_mode()
def restore_images(
    images: Sequence[Tensor],
    restore: Restore,
    domain: Domain,
    options: DeblurOptions,
    on_progress: OnProgress | None = None,
    *,
    found: Sequence[Findings | AsExpected] | None = None,
    consistency: Consistency | None = None,
) -> list[Restoration]:
    """Restore images of one size.

    Those that are as the model expects them go through it together.

    Args:
        images: (1, 3, H, W) each, float32 in [-1, 1], on the CPU. A single one may be overwritten.
        restore: The model.
        domain: What brings images to the model.
        options: How.
        on_progress: Called now and then with the share of the work that is done, the last time with 1.
        found: What `examine_images` has found, if that is known already.
        consistency: How restorations are made to explain their pictures; None leaves them as the model made them.
    """
    if options.strength == 0:
        if on_progress is not None:
            on_progress(1)
        return [Restoration(image) for image in images]
    if found is None:
        found = examine_images([Look(image) for image in images], domain, options)
    results = {
        number: Restoration(images[number], notes=findings.notes, outcome="sharp")
        for number, findings in enumerate(found)
        if findings.is_sharp and options.skip_sharp
    }
    is_best = options.quality == "best"
    refinements = consistency.passes if is_best and consistency is not None else 1
    due = [number for number in range(len(images)) if number not in results]
    if on_progress is not None:
        passes = len(domain.copies) if is_best and refinements == 1 else refinements
        count = sum(_pixel_count(images[number], found[number]) for number in due)
        restore = followed(restore, max(passes * count, 1), on_progress)
    if is_best and refinements == 1:
        restore = averaged(restore, domain.copies)
    if consistency is not None and options.quality != "fast":
        restore = ConsistentModel(restore, consistency.device, refinements)
    # Where one of several fails, the others are restored once more, from what they are.
    working = {number: images[number] if len(images) == 1 else images[number].clone() for number in due}
    originals = {number: images[number].clone() for number in due if options.strength < 1}
    results |= _together({n: image for n, image in working.items() if isinstance(found[n], AsExpected)}, restore)
    for number, image in working.items():
        findings = found[number]
        if not isinstance(findings, AsExpected):
            results[number] = findings.restore(image, restore)
    for number, original in originals.items():
        pixels = results[number].pixels
        torch.lerp(original, pixels, options.strength, out=pixels)
    if on_progress is not None:
        on_progress(1)
    return [_with_findings(results[number], found[number]) for number in range(len(images))]


def _pixel_count(image: Tensor, findings: Findings | AsExpected) -> int:
    return image.shape[2] * image.shape[3] if isinstance(findings, AsExpected) else findings.pixel_count


def _together(images: Mapping[int, Tensor], restore: Restore) -> dict[int, Restoration]:
    """Images by number, restored in one call."""
    if not images:
        return {}
    parts = [*images.values()]
    restored = restore(parts[0] if len(parts) == 1 else torch.cat(parts), overwrite=True)
    return {number: Restoration(pixels) for number, pixels in zip(images, torch.split(restored, 1), strict=True)}


def _with_findings(result: Restoration, findings: Findings | AsExpected) -> Restoration:
    notes = (*(result.notes or findings.notes), *((SHARP,) if findings.is_sharp else ()))
    regions = findings.regions if isinstance(findings, AsExpected) and result.outcome == "restored" else result.regions
    return replace(result, regions=regions, notes=notes)


def joined(parts: Sequence[Restoration]) -> Restoration:
    """The restorations of the images of a batch as one."""
    if len(parts) == 1:
        return parts[0]
    regions = (region for part in parts for region in part.regions)
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Restoration(torch.cat([part.pixels for part in parts]), tuple(regions), tuple(notes))
