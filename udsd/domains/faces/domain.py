"""Faces: each is found, aligned, brought to the model, and its change put back into the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from udsd.domains.copies import MIRRORED
from udsd.domains.domain import AsExpected, Findings, Region, Restoration, Restore
from udsd.domains.faces.aligned import hints_at_a_face, is_aligned
from udsd.domains.faces.alignment import Placement
from udsd.domains.faces.blazeface import face_detector
from udsd.domains.faces.boxes import face_in_box
from udsd.domains.faces.face import Face
from udsd.domains.faces.restore import PlacedFace, best_size, is_sharp, path_length, placed, restore_faces
from udsd.domains.faces.search import AGAIN, Search, look_again, search
from udsd.domains.look import Look
from udsd.domains.options import DeblurOptions
from udsd.domains.resampling import restore_scaled
from udsd.models.config import DomainConfig

NO_FACE = "no face was found; the whole picture was restored as it is"
NO_FACE_KEPT = "no face was found; the picture is as it came"


@dataclass(frozen=True, slots=True, eq=False)
class AlignedFindings:
    """An aligned crop of another size than the model's.

    Attributes:
        regions: See `udsd.domains.domain.Findings`.
        notes: See there.
        scale: Size before the networks, as a part of the crop's own.
        pixel_count: See there.
        is_sharp: See there.
    """

    regions: tuple[Region, ...]
    notes: tuple[str, ...]
    scale: float
    pixel_count: int
    is_sharp: bool = False

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        """Restore the crop; see `udsd.domains.domain.Findings`."""
        return Restoration(restore_scaled(image, self.scale, restore), self.regions, self.notes)


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFindings:
    """What is done to a photo.

    Attributes:
        regions: See `udsd.domains.domain.Findings`.
        notes: See there.
        faces: Those that are restored.
        found: All that the search found, and what it left in doubt.
        options: As the user gave them.
        trained_size: Side in pixels of the aligned crops that the model learnt from.
        pixel_count: See there.
        is_sharp: See there.
    """

    regions: tuple[Region, ...]
    notes: tuple[str, ...]
    faces: Sequence[PlacedFace]
    found: Search
    options: DeblurOptions
    trained_size: float
    pixel_count: int
    is_sharp: bool = False

    def restore(self, image: Tensor, restore: Restore) -> Restoration:
        """Restore the photo; see `udsd.domains.domain.Findings`.

        What was restored is searched once more, for blur hides faces. Those that are found then are restored from the
        picture as it came.
        """
        keeps = self.options.background == "keep"
        faces = list(self.faces)
        if keeps and faces:
            result = image.clone()
        else:
            background = restore(image)
            faces += self._found_after(image, background)
            result = image.clone() if keeps else background
        if not faces and keeps:
            return Restoration(result, (), (NO_FACE_KEPT,))
        if not faces:
            return Restoration(result, (), () if hints_at_a_face(result, face_detector()) else (NO_FACE,))
        restore_faces(result, image, faces, restore)
        return Restoration(result, tuple(face.region() for face in faces))

    def _found_after(self, image: Tensor, restored: Tensor) -> list[PlacedFace]:
        """Faces that are seen only in the restored picture."""
        options, detector = self.options, face_detector()
        if options.faces not in ("auto", "center"):
            return []
        if self.found.faces:
            new = look_again(restored, self.found, detector, options.min_face) if options.faces == "auto" else []
        else:
            new = search(restored, detector, options.min_face, AGAIN).faces
            if is_aligned(image, new):  # one whose blur hid the face: it has gone through the model as it is
                return []
            new = new if options.faces == "auto" else central(image, new)
        return placed(image, new, self.trained_size)


class FaceDomain:
    """Pictures with faces, for a model that learnt from aligned ones.

    An aligned crop is recognised: within the model's range it goes through as it is, else it is scaled by its blur. In
    other pictures faces are searched, restored one by one, and put back.

    Args:
        config: Which sides of aligned crops the model restores as they are.
    """

    copies = MIRRORED

    def __init__(self, config: DomainConfig) -> None:
        self._range = config.size
        self._trained_size = math.sqrt(config.size[0] * config.size[1])

    def examine(self, look: Look, options: DeblurOptions) -> Findings | AsExpected:
        """Look at a picture; see `udsd.domains.domain.Domain`.

        Raises:
            ImageError: A box lies outside of the picture.
            ConfigError: OpenCV is missing or too old for the detector.
        """
        if options.faces == "off":
            return AsExpected()
        image = look.image
        if not isinstance(options.faces, str):
            detector = face_detector()
            found = Search([face_in_box(image, box, detector) for box in options.faces], [])
            return self._photo(image, found, options)
        found = look.faces(options.min_face)
        if is_aligned(image, found.faces):
            return self._aligned(image, found.faces[0])
        if options.faces == "center":
            found = Search(central(image, found.faces), [])
        return self._photo(image, found, options)

    def _aligned(self, image: Tensor, face: Face) -> Findings | AsExpected:
        height, width = image.shape[-2:]
        side = min(height, width)
        square = Placement.of_face(face)
        path = path_length(image, square)
        sharp = is_sharp(square.side, path)
        if self._range[0] <= side <= self._range[1]:
            return AsExpected(is_sharp=sharp)
        scale = best_size(side, path, self._trained_size) / side
        region = Region((0, 0, width, height), scale=scale, size=side, score=face.score)
        return AlignedFindings((region,), (), scale, round(height * width * scale**2), sharp)

    def _photo(self, image: Tensor, found: Search, options: DeblurOptions) -> Findings:
        faces = placed(image, found.faces, self._trained_size)
        height, width = image.shape[-2:]
        background = 0 if options.background == "keep" and faces else height * width
        pixel_count = background + sum(face.size**2 for face in faces)
        regions = tuple(face.region() for face in faces)
        sharp = bool(faces) and all(face.is_sharp for face in faces)
        return PhotoFindings(regions, (), faces, found, options, self._trained_size, pixel_count, sharp)


def central(image: Tensor, faces: Sequence[Face]) -> list[Face]:
    """The face that a picture is about: large, and near the centre. Empty if there is none.

    Half a diagonal from the centre counts as much as a size of nothing.
    """
    height, width = image.shape[-2:]
    middle, half_diagonal = (width / 2, height / 2), math.hypot(width, height) / 2

    def weight(face: Face) -> float:
        return face.size * (1 - math.dist(face.center, middle) / half_diagonal)

    return [max(faces, key=weight)] if faces else []
