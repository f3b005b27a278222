"""At which size a page is restored: by its letters and by its blur."""

from __future__ import annotations

from udsd.domains.pages.survey import Survey
from udsd.models.config import LARGEST_SCALE, DomainConfig

SMALLEST = 0.8
"""Part of the smallest letters of a model's range, to which others are brought even where the blur is then too large
for the model: below it letters are lost, whatever the blur."""

_SMALLEST_DEFOCUSED = 0.65
"""The same where the blur is too large across: out of focus, a page gains more by less blur than it loses by smaller
letters."""

TELLABLE = 0.45
"""Blur as a part of the size of letters, from which on that size can hardly be told: what seems small may not be."""

_LEAST_LETTERS, _UNSURE = 6, 1.1
"""Large letters that the print of a page has room for at least, if it is print; and times the smallest letters of a
model's range, what others are brought to: patterns of small pictures, and of noise."""

_NEGLIGIBLE = 1.18
"""Factor up to which another scale gains less than resampling loses."""


def choose_scale(survey: Survey, config: DomainConfig) -> float:
    """By how much a page is made larger or smaller before the networks.

    Letters smaller than the model expects are brought into its range, as far as the blur then stays within what the
    model undoes; larger ones are made smaller only where the blur is too large for it. Measured in November 2026 with
    three editions of the model `text`: on pages in Latin letters, Cyrillic and Chinese of 11 to 30 pixels, letters of
    23 to 30 pixels are restored best while the blur is small; since the second also where it is large, up to limits
    that the third, which learnt from enlarged crops, has moved.

    Args:
        survey: Of the page.
        config: What the model expects.
    """
    if survey.letters is None:
        return 1
    low, high = config.size
    scale, smallest = 1.0, survey.letters
    if survey.letters < low:
        scale = _goal(survey.letters, low, high) / survey.letters
        smallest = SMALLEST * low if survey.blur < TELLABLE * survey.letters else survey.letters
    elif survey.letters > high:
        # They stay as large as they are: what is added to a page is a change at the size of the networks, and of one
        # made smaller the finest part is missing. Where there is hardly room for them they are not to be relied on, and
        # the smaller change does less harm.
        smallest = SMALLEST * low
        if survey.print_area < _LEAST_LETTERS * survey.letters**2:
            scale = _UNSURE * low / survey.letters
    if config.blur is not None:
        # Motion makes no letters smaller that the model expects: scripts of many strokes would lose them.
        limits = zip(config.blur, (survey.blur, survey.across), (smallest, _SMALLEST_DEFOCUSED * low), strict=True)
        for largest, blur, letters in limits:
            if scale * blur > largest:
                scale = min(scale, max(largest / blur, letters / survey.letters))
    if is_negligible(scale):
        return 1
    return min(max(scale, 1 / LARGEST_SCALE), LARGEST_SCALE)


def is_negligible(scale: float) -> bool:
    """Whether another scale gains less than resampling loses."""
    return 1 / _NEGLIGIBLE < scale < _NEGLIGIBLE


def _goal(letters: float, low: float, high: float) -> float:
    """What small letters are brought to: the low end of the range if they have half its size, and more the larger.

    Small print wants no more than to be in the range. What is nearly in it may be of a script of many strokes, which
    gains by larger letters, while those of other scripts lose nothing.
    """
    nearness = max(2 * letters / low - 1, 0)
    return low + nearness * (high - low)
