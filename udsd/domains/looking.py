"""What a picture shows, told by looking at it."""

from __future__ import annotations

from udsd.domains.look import Look
from udsd.models.config import DomainKind
from udsd.surroundings import own_settings

_LEAST_PRINT = 0.04
"""Share of a picture that is print, from which on it can be a page."""

_ALL_PRINT = 0.25
"""Share from which on it is one, whatever faces are in it, unless the letters are larger than the faces."""

_LARGEST_LETTERS = 64
"""Height of letters in pixels up to which they are not compared with faces, which takes looking for them. The gauge
takes portraits that stand in rows, or in a frame, for lines of letters as tall as two faces and more: of 86 pixels and
more where the faces found had 34."""

_LEAST_FACES = 0.08
"""Share of a picture that is faces, from which on it shows faces, whatever print is in it: of a face that blur has
spread the gauge takes brows and mouth for lines."""

_SURE = 0.6
"""Score of a face that counts. Of faces of LFW, blurred by paths up to 40 pixels, none had less than 0.7; what was
seen in photographs without faces had less than 0.5."""


@own_settings()
def kind_of(look: Look) -> DomainKind | None:
    """Tell what a picture shows: print, faces, or neither.

    Raises:
        ConfigError: OpenCV is missing or too old for the detector of faces.
    """
    survey = look.survey
    letters, printed = (0.0, 0.0) if survey.letters is None else (survey.letters, survey.printed)
    is_all_print = printed >= _ALL_PRINT
    if is_all_print and letters <= _LARGEST_LETTERS:
        return "page"
    height, width = look.image.shape[-2:]
    faces = [face for face in look.faces().faces if face.score >= _SURE]
    if is_all_print:
        faces = [face for face in faces if face.box[3] < letters]
    if sum(face.box[2] * face.box[3] for face in faces) >= _LEAST_FACES * height * width:
        return "face"
    if printed >= _LEAST_PRINT:
        return "page"
    return "face" if faces else None
