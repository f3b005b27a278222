"""Pages of print: brought to the size and the polarity of letters that a model expects."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from udsd.domains.domain import Region, Restoration, Restore
from udsd.domains.options import DeblurOptions
from udsd.domains.pages.polarity import light_print
from udsd.domains.pages.scale import choose_scale
from udsd.domains.pages.survey import Survey, survey_page
from udsd.domains.resampling import add_change, scaled
from udsd.models.config import DomainConfig

NO_PRINT = "no print was found; the picture was restored as it is"


@dataclass(frozen=True, slots=True, eq=False)
class PageFindings:
    """What is done to a page.

    Attributes:
        regions: See `udsd.domains.domain.Findings`.
        notes: See there.
        scale: Size before the networks, as a part of the page's own.
        light: Where letters are lighter than their ground, bool (H, W), or None if nowhere.
    """

    regions: tuple[Region, ...]
    notes: tuple[str, ...]
    scale: float
    light: Tensor | None

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        """Restore the page; see `udsd.domains.domain.Findings`."""
        sign = None if self.light is None else 1 - 2 * self.light.to(image)
        if sign is not None:
            image.mul_(sign)
        if self.scale == 1:
            restored = restore(image, overwrite=True)
        else:
            before = scaled(image, self.scale)
            restored = add_change(image, before, restore(before))
        return Restoration(restored if sign is None else restored.mul_(sign), self.regions, self.notes)


class PageDomain:
    """Pages of print.

    Args:
        config: Which size of letters the model expects, and whether only dark ones on light ground.
    """

    def __init__(self, config: DomainConfig) -> None:
        self._config = config

    def examine(self, image: Tensor, options: DeblurOptions) -> PageFindings | None:
        """Look at a page; see `udsd.domains.domain.Domain`."""
        if options.scale == "off":
            return None
        grey = image[0].mean(dim=0)
        survey = survey_page(grey)
        light = light_print(survey, grey) if self._config.polarity == "dark-on-light" else None
        scale = options.scale if isinstance(options.scale, int | float) else choose_scale(survey, self._config.size)
        notes = (NO_PRINT,) if survey.letters is None and scale == 1 else ()
        if scale == 1 and light is None:
            return PageFindings((), notes, 1, None) if notes else None
        return PageFindings(_regions(image, survey, scale, light), notes, scale, light)


def _regions(image: Tensor, survey: Survey, scale: float, light: Tensor | None) -> tuple[Region, ...]:
    height, width = image.shape[-2:]
    whole = Region(
        (0, 0, width, height), scale=scale, inverted=light is not None and bool(light.all()), size=survey.letters
    )
    if light is None or whole.inverted:
        return (whole,)
    rows, columns = light.any(dim=1).nonzero(), light.any(dim=0).nonzero()
    left, top = float(columns[0]), float(rows[0])
    box = (left, top, float(columns[-1]) + 1 - left, float(rows[-1]) + 1 - top)
    return whole, Region(box, scale=scale, inverted=True, size=survey.letters)
