"""Faces: each is found, aligned, brought to the model, and its change put back into the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from udsd.domains.copies import MIRRORED
from udsd.domains.domain import AsExpected, Domain, Findings, Region, Restoration, Restore
from udsd.domains.faces.aligned import hints_at_a_face, is_aligned
from udsd.domains.faces.alignment import Placement
from udsd.domains.faces.blazeface import face_detector
from udsd.domains.faces.boxes import face_in_box
from udsd.domains.faces.face import Face
from udsd.domains.faces.restore import PlacedFace, best_size, is_sharp, path_length, placed, restore_faces
from udsd.domains.faces.search import FINEST_AGAIN, Search, look_again, search
from udsd.domains.faces.tracks import Tracks
from udsd.domains.holding import Cuts, Held
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
        pixel_count: See there.
        is_sharp: See there.
        place: Aligns faces that are found after the first restoration.
    """

    regions: tuple[Region, ...]
    notes: tuple[str, ...]
    faces: Sequence[PlacedFace]
    found: Search
    options: DeblurOptions
    pixel_count: int
    is_sharp: bool
    place: Callable[[Tensor, Sequence[Face]], list[PlacedFace]]

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
            new = search(restored, detector, options.min_face, FINEST_AGAIN).faces
            if goes_through_whole(image, new, options):  # one whose blur hid the face: it has been restored as it is
                return []
            new = new if options.faces == "auto" else central(image, new)
        return self.place(image, new)


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
        if goes_through_whole(image, found.faces, options):
            return self.aligned(image, found.faces[0])
        if options.faces == "center":
            found = Search(central(image, found.faces), [])
        return self._photo(image, found, options)

    def for_clip(self, looks: Sequence[Look]) -> Domain:
        """The same for the frames of a clip; see `udsd.domains.domain.Domain`."""
        return FaceClipDomain(self, self._trained_size)

    def aligned(self, image: Tensor, face: Face) -> AlignedFindings | AsExpected:
        """What is done to a picture that is one aligned face."""
        height, width = image.shape[-2:]
        side = min(height, width)
        square = Placement.of_face(face)
        path = path_length(image, square)
        sharp = is_sharp(square.side, path)
        region = Region(face.box, size=side, score=face.score)
        if self._range[0] <= side <= self._range[1]:
            return AsExpected((region,), is_sharp=sharp)
        scale = best_size(side, path, self._trained_size) / side
        region = replace(region, scale=scale)
        return AlignedFindings((region,), (), scale, round(height * width * scale**2), sharp)

    def _photo(self, image: Tensor, found: Search, options: DeblurOptions) -> Findings:
        place = partial(placed, trained_size=self._trained_size)
        return _photo(image, place(image, found.faces), found, options, place)


class FaceClipDomain:
    """Frames of a clip that show faces: each face is followed (`udsd.domains.faces.tracks`).

    Whether the clip is one aligned face is told in the first frame that shows any, and holds until a cut.

    Args:
        domain: For single pictures.
        trained_size: Side of the aligned crops that the model learnt from.
    """

    copies = MIRRORED

    def __init__(self, domain: FaceDomain, trained_size: float) -> None:
        self._domain = domain
        self._tracks = Tracks(trained_size)
        self._cuts = Cuts()
        self._is_aligned: bool | None = None
        self._scale = Held()

    def examine(self, look: Look, options: DeblurOptions) -> Findings | AsExpected:
        """Look at the next frame; see `udsd.domains.domain.Domain`. Errors are those of `FaceDomain.examine`."""
        if options.faces not in ("auto", "center"):
            return self._domain.examine(look, options)
        image = look.image
        if self._cuts.is_cut(image):
            self._tracks.forget()
            self._scale.forget()
            self._is_aligned = None
        found = look.faces(options.min_face)
        if self._is_aligned is None and found.faces:
            self._is_aligned = goes_through_whole(image, found.faces, options)
        if self._is_aligned:
            return self._aligned(image, found.faces)
        faces = self._tracks.follow(image, found.faces, face_detector())
        if options.faces == "center":
            chosen = central(image, [face.face for face in faces])
            faces = [face for face in faces if face.face in chosen]
        known = Search([face.face for face in faces], found.doubtful)
        return _photo(image, faces, known, options, self._tracks.begin)

    def for_clip(self, looks: Sequence[Look]) -> Domain:
        """The same for another clip."""
        return self._domain.for_clip(looks)

    def _aligned(self, image: Tensor, faces: Sequence[Face]) -> AlignedFindings | AsExpected:
        if not faces:
            height, width = image.shape[-2:]
            scale = self._scale.value
            return AsExpected() if scale == 1 else AlignedFindings((), (), scale, round(height * width * scale**2))
        findings = self._domain.aligned(image, faces[0])
        if isinstance(findings, AsExpected):
            return findings
        self._scale.add(findings.scale)
        regions = tuple(replace(region, scale=self._scale.value) for region in findings.regions)
        return replace(findings, scale=self._scale.value, regions=regions)


def _photo(
    image: Tensor,
    faces: Sequence[PlacedFace],
    found: Search,
    options: DeblurOptions,
    place: Callable[[Tensor, Sequence[Face]], list[PlacedFace]],
) -> PhotoFindings:
    height, width = image.shape[-2:]
    background = 0 if options.background == "keep" and faces else height * width
    pixel_count = background + sum(face.size**2 for face in faces)
    regions = tuple(face.region() for face in faces)
    sharp = bool(faces) and all(face.is_sharp for face in faces)
    return PhotoFindings(regions, (), faces, found, options, pixel_count, sharp, place)


def goes_through_whole(image: Tensor, faces: Sequence[Face], options: DeblurOptions) -> bool:
    """Whether a picture is one aligned face, of which nothing is to be kept."""
    return options.background == "restore" and is_aligned(image, faces)


def central(image: Tensor, faces: Sequence[Face]) -> list[Face]:
    """The face that a picture is about: large, and near the centre. Empty if there is none.

    Half a diagonal from the centre counts as much as a size of nothing.
    """
    height, width = image.shape[-2:]
    middle, half_diagonal = (width / 2, height / 2), math.hypot(width, height) / 2

    def weight(face: Face) -> float:
        return face.size * (1 - math.dist(face.center, middle) / half_diagonal)

    return [max(faces, key=weight)] if faces else []
