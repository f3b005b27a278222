"""At which size a page is restored: by its letters and by its blur."""

from __future__ import annotations

from udsd.domains.pages.survey import Survey


def choose_scale(survey: Survey, size: tuple[float, float]) -> float:
    """By how much a page is made larger or smaller before the networks.

    Args:
        survey: Of the page.
        size: Smallest and largest letters that the model restores as they are, in pixels.
    """
    if survey.letters is None or size[0] <= survey.letters <= size[1]:
        return 1
    return float((size[0] * size[1]) ** 0.5 / survey.letters)
