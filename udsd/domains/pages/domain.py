"""Pages of print: brought to the size and the polarity of letters that a model expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from udsd.domains.consistent import ConsistentModel, at_scale
from udsd.domains.copies import SHIFTED
from udsd.domains.domain import AsExpected, Domain, Region, Restoration, Restore
from udsd.domains.holding import Cuts, Held
from udsd.domains.look import Look
from udsd.domains.looking import kind_of
from udsd.domains.options import Box, DeblurOptions
from udsd.domains.pages.frame import Frame
from udsd.domains.pages.parts import Part, blurred_beside_sharp, find_parts
from udsd.domains.pages.polarity import light_print
from udsd.domains.pages.scale import choose_scale
from udsd.domains.pages.survey import Survey
from udsd.domains.resampling import restore_scaled
from udsd.inference.backend import OnProgress
from udsd.models.config import DomainConfig

_BORDER = 3
"""Pixels to both sides of the border of an inverted region."""

NO_PRINT = "no print was found; the picture was restored as it is"
A_FACE = "this shows a face, and the model is for pages of print; a model for faces restores it better"


@dataclass(frozen=True, slots=True, eq=False)
class PageFindings:
    """What is done to a page.

    Attributes:
        regions: See `udsd.domains.domain.Findings`.
        notes: See there.
        shape: Height and width of the page in pixels.
        scale: Size before the networks, as a part of the page's own.
        light: Where letters are lighter than their ground, bool (H, W), or None if nowhere.
        parts: Those that are restored at a scale of their own.
        is_sharp: See `udsd.domains.domain.Findings`.
        frame: What surrounds the page, and comes back as it is. The networks would take its edge for what all of the
            page is: not blurred.
    """

    regions: tuple[Region, ...]
    notes: tuple[str, ...]
    shape: Sequence[int]
    scale: float
    light: Tensor | None
    parts: Sequence[Part]
    is_sharp: bool
    frame: Frame | None = None

    @property
    def pixel_count(self) -> int:
        """About how many pixels the model will restore."""
        parts = sum(part.weight.numel() * part.scale**2 for part in self.parts)
        return round(math.prod(self.shape) * self.scale**2 + parts)

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        """Restore the page; see `udsd.domains.domain.Findings`."""
        if self.frame is None:
            return self._restore_page(image, restore)
        restoration = self._restore_page(self.frame.removed(image), restore)
        return replace(restoration, pixels=self.frame.put_back(restoration.pixels, image))

    def _restore_page(self, image: Tensor, restore: Restore) -> Restoration:
        if self.light is not None:
            return self._restore_inverted(image, self.light, restore)
        return Restoration(self._restore_parts(image, restore), self.regions, self.notes)

    def _restore_inverted(self, image: Tensor, light: Tensor, restore: Restore) -> Restoration:
        sign = 1 - 2 * light.to(image)
        if light.all():
            return Restoration(self._restore_parts(image.mul_(sign), restore).mul_(sign), self.regions, self.notes)
        # Where a region ends there is an edge that is not in the picture. What the networks make of it is left out, and
        # no kernel explains it: what is made to explain the picture is the page as it is.
        networks, border = restore.restore if isinstance(restore, ConsistentModel) else restore, _border(light)

        def turned(images: Tensor, *, overwrite: bool = False, on_progress: OnProgress | None = None) -> Tensor:
            restored = self._restore_parts(images * sign, networks).mul_(sign)
            return torch.lerp(restored, images, border, out=restored)

        model = replace(restore, restore=turned) if isinstance(restore, ConsistentModel) else turned
        return Restoration(at_scale(model, self.scale)(image), self.regions, self.notes)

    def _restore_parts(self, image: Tensor, restore: Restore) -> Tensor:
        pieces = [image[..., part.rows, part.columns].clone() for part in self.parts]
        restored = restore_scaled(image, self.scale, restore)
        for part, piece in zip(self.parts, pieces, strict=True):
            place = restored[..., part.rows, part.columns]
            torch.lerp(place, restore_scaled(piece, part.scale, restore), part.weight, out=place)
        return restored


class PageDomain:
    """Pages of print.

    Args:
        config: Which size of letters the model expects, and whether only dark ones on light ground.
    """

    copies = SHIFTED

    def __init__(self, config: DomainConfig) -> None:
        self._config = config

    def examine(self, look: Look, options: DeblurOptions) -> PageFindings | AsExpected:
        """Look at a page; see `udsd.domains.domain.Domain`."""
        if options.scale == "off":
            return AsExpected()
        grey, survey, frame = look.page, look.survey, look.frame
        light = light_print(survey, grey) if self._config.polarity == "dark-on-light" else None
        parts: list[Part] = []
        if options.scale == "auto":
            scale = choose_scale(survey, self._config)
            parts = find_parts(survey, grey.shape, scale, self._config)
        else:
            scale = options.scale
        notes = _notes(look)
        is_sharp = survey.is_sharp and not blurred_beside_sharp(survey).any()
        if scale == 1 and light is None and not parts and frame is None:
            return AsExpected(notes=notes, is_sharp=is_sharp)
        height, width = grey.shape
        whole = (0, 0, width, height) if frame is None else frame.box
        regions = (*_regions(whole, survey, scale, light), *map(_region_of, parts))
        return PageFindings(regions, notes, grey.shape, scale, light, parts, is_sharp, frame)

    def for_clip(self, looks: Sequence[Look]) -> Domain:
        """The same for the frames of a clip; see `udsd.domains.domain.Domain`."""
        return PageClipDomain(self, self._config, looks)


class PageClipDomain:
    """Frames of a clip that show pages: the scale is the median of those that frames ask for, and held.

    Parts of pages have no scale of their own: it would come and go.

    Args:
        domain: For single pages.
        config: What the model expects.
        looks: At some frames from all over the clip, whose median counts until a cut.
    """

    copies = SHIFTED

    def __init__(self, domain: PageDomain, config: DomainConfig, looks: Sequence[Look]) -> None:
        self._domain = domain
        self._config = config
        self._held = Held(choose_scale(look.survey, config) for look in looks if look.survey.letters is not None)
        self._cuts = Cuts()

    def examine(self, look: Look, options: DeblurOptions) -> PageFindings | AsExpected:
        """Look at the next frame; see `udsd.domains.domain.Domain`."""
        if options.scale != "auto":
            return self._domain.examine(look, options)
        if self._cuts.is_cut(look.image):
            self._held.forget()
        if look.survey.letters is not None:
            self._held.add(choose_scale(look.survey, self._config))
        return self._domain.examine(look, replace(options, scale=self._held.value))

    def for_clip(self, looks: Sequence[Look]) -> Domain:
        """The same for another clip."""
        return self._domain.for_clip(looks)


def _border(light: Tensor) -> Tensor:
    """1 on the border of regions, bool (H, W), and 0 a few pixels away; float32 (1, 1, H, W)."""
    inside = light.float()[None, None]
    grown, shrunk = (F.max_pool2d(sign * inside, 2 * _BORDER + 1, 1, _BORDER) for sign in (1, -1))
    return F.avg_pool2d(grown + shrunk, 2 * _BORDER + 1, 1, _BORDER, count_include_pad=False)


def _notes(look: Look) -> tuple[str, ...]:
    """What speaks against this being a page."""
    if look.survey.letters is None:
        return (NO_PRINT,)
    return (A_FACE,) if kind_of(look) == "face" else ()


def _region_of(part: Part) -> Region:
    width, height = part.columns.stop - part.columns.start, part.rows.stop - part.rows.start
    return Region((part.columns.start, part.rows.start, width, height), scale=part.scale, size=part.letters)


def _regions(box: Box, survey: Survey, scale: float, light: Tensor | None) -> tuple[Region, ...]:
    whole = Region(box, scale=scale, inverted=light is not None and bool(light.all()), size=survey.letters)
    if light is None or whole.inverted:
        return (whole,)
    rows, columns = light.any(dim=1).nonzero(), light.any(dim=0).nonzero()
    left, top = float(columns[0]), float(rows[0])
    box = (left, top, float(columns[-1]) + 1 - left, float(rows[-1]) + 1 - top)
    return whole, Region(box, scale=scale, inverted=True, size=survey.letters)
