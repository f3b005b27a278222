"""A look at a picture, which sees nothing twice."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from udsd.domains.faces.blazeface import face_detector
from udsd.domains.faces.search import Search, Sightings, finest_scale, sight_faces
from udsd.domains.pages.frame import Frame
from udsd.domains.pages.survey import Survey, survey_page


class Look:
    """A picture, and what was seen in it: each is looked for when it is first asked for, and remembered.

    Args:
        image: (1, 3, H, W), float32 in [-1, 1], on the CPU. As long as something may be asked it must not change.
    """

    def __init__(self, image: Tensor) -> None:
        self.image = image
        self._sightings: dict[float, Sightings] = {}

    @cached_property
    def frame(self) -> Frame | None:
        """What surrounds the page, if the picture is one."""
        return Frame.find(self.image)

    @property
    def page(self) -> Tensor:
        """The picture in grey, (H, W), without the frame; made anew each time, for it is large."""
        return (self.image if self.frame is None else self.frame.removed(self.image))[0].mean(dim=0)

    @cached_property
    def survey(self) -> Survey:
        """Of the picture as a page."""
        return survey_page(self.page)

    def faces(self, smallest: float = 0) -> Search:
        """Of its faces, those whose box has at least so many pixels a side.

        Raises:
            ConfigError: OpenCV is missing or too old for the detector.
        """
        scale = finest_scale(smallest)
        if scale not in self._sightings:
            self._sightings[scale] = sight_faces(self.image, face_detector(), smallest)
        return self._sightings[scale].of_size(smallest)
