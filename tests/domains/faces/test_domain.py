from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.domains.faces.conftest import Model
from udsd.domains import DeblurOptions, Look, Region, Restoration, domain_of
from udsd.domains.domain import AsExpected
from udsd.domains.faces import FaceDomain, align_face, detect_faces
from udsd.domains.faces.alignment import Placement, Window
from udsd.domains.faces.domain import NO_FACE, NO_FACE_KEPT, PhotoFindings
from udsd.domains.faces.paste import mask
from udsd.domains.faces.restore import MARGIN
from udsd.errors import ImageError
from udsd.models.config import DomainConfig, ModelConfig

CONFIG = DomainConfig("face", (150.0, 170.0))
FACE = (171.0, 67.0, 108.0, 108.0)
"""The astronaut's, as the detector finds it."""


@pytest.fixture
def domain() -> FaceDomain:
    return FaceDomain(CONFIG)


@pytest.fixture(scope="module")
def aligned(astronaut: Tensor) -> Tensor:
    """The astronaut's face as the pictures of training are, (1, 3, 160, 160)."""
    picture = (astronaut[0] + 1) / 2
    return align_face(picture, detect_faces(picture)[0])[None] * 2 - 1


def hidden(image: Tensor) -> Tensor:
    """A picture behind so much blur that no face is found in it."""
    return F.avg_pool2d(F.pad(image, (40, 40, 40, 40), mode="reflect"), 81, stride=1)


def restored(domain: FaceDomain, image: Tensor, model: Model, **options: object) -> Restoration:
    findings = domain.examine(Look(image), DeblurOptions(**options))
    assert not isinstance(findings, AsExpected)
    return findings.restore(image.clone(), model)


def outside_of_masks(result: Restoration, image: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    # A little wider than the masks: the places are told by their boxes.
    squares = [Placement.of_box(region.box, region.angle).grown(1.25) for region in result.regions]
    return sum(mask(square, Window(0, 0, width, height)) for square in squares) == 0


def test_it_is_the_domain_of_models_of_faces() -> None:
    assert isinstance(domain_of(ModelConfig(domain=CONFIG)), FaceDomain)


def test_switched_off_a_picture_goes_through_as_it_is(domain: FaceDomain, astronaut: Tensor) -> None:
    assert isinstance(domain.examine(Look(astronaut), DeblurOptions(faces="off")), AsExpected)


@pytest.mark.parametrize("side", [150, 160, 170])
def test_an_aligned_crop_within_the_range_goes_through_as_it_is(domain: FaceDomain, aligned: Tensor, side: int) -> None:
    crop = F.interpolate(aligned, (side, side), mode="bicubic", antialias=True).clamp(-1, 1)
    findings = domain.examine(Look(crop), DeblurOptions())
    assert isinstance(findings, AsExpected)
    assert_is_the_face_of(side, *findings.regions)


def assert_is_the_face_of(side: int, region: Region) -> None:
    """Of an aligned crop: about its middle half, and so the crop itself when it is cut out of it."""
    assert 0.3 * side < region.box[2] < 0.7 * side
    assert region.score is not None
    placement = Placement.of_box(region.box, region.angle)
    assert math.dist(placement.center, (side / 2, side / 2)) < 0.1 * side
    assert placement.side == pytest.approx(side, rel=0.15)


@pytest.mark.parametrize("side", [120, 160])
def test_of_an_aligned_crop_the_background_is_kept_on_request(domain: FaceDomain, aligned: Tensor, side: int) -> None:
    crop = F.interpolate(aligned, (side, side), mode="bicubic", antialias=True).clamp(-1, 1)
    result = restored(domain, crop, Model(), background="keep")
    corners = result.pixels[..., :: side - 1, :: side - 1]
    assert torch.equal(corners, crop[..., :: side - 1, :: side - 1])
    middle = side // 2
    assert (result.pixels - crop)[..., middle, middle].min() > 0.05


def test_a_smaller_aligned_crop_is_enlarged(domain: FaceDomain, aligned: Tensor) -> None:
    crop = F.interpolate(aligned, (120, 120), mode="bicubic", antialias=True).clamp(-1, 1)
    model = Model()
    result = restored(domain, crop, model)
    (shape,) = model.shapes
    assert shape[-1] == shape[-2] > 120
    (region,) = result.regions
    assert_is_the_face_of(120, region)
    assert region.scale == pytest.approx(shape[-1] / 120)
    assert result.pixels.shape == crop.shape
    # The change of the model, without what enlarging alone would change.
    torch.testing.assert_close(result.pixels, (crop + 0.1).clamp(-1, 1), atol=0.06, rtol=0)


def test_a_face_in_a_photo_is_restored_by_itself_and_the_rest_at_its_own_scale(
    domain: FaceDomain, astronaut: Tensor
) -> None:
    model = Model()
    result = restored(domain, astronaut, model)
    assert model.shapes[0] == astronaut.shape
    assert len(model.shapes) == 2
    size = model.shapes[1][-1] / MARGIN
    (region,) = result.regions
    assert region.box == pytest.approx(FACE, abs=3)
    assert region.size == pytest.approx(190, abs=8)
    assert region.scale == pytest.approx(size / region.size, rel=0.01)
    assert region.score is not None
    assert region.score > 0.8
    assert result.notes == ()
    torch.testing.assert_close(result.pixels, (astronaut + 0.1).clamp(-1, 1), atol=0.05, rtol=0)


def test_the_background_can_be_kept_bit_for_bit(domain: FaceDomain, group: Tensor) -> None:
    model = Model()
    result = restored(domain, group, model, background="keep")
    assert len(result.regions) == 3
    assert all(shape[-1] == shape[-2] for shape in model.shapes)  # the whole picture is not restored
    outside = outside_of_masks(result, group)
    assert outside.float().mean() > 0.4
    assert torch.equal(result.pixels[..., outside], group[..., outside])
    for region in result.regions:
        left, top, width, height = region.box
        x, y = int(left + width / 2), int(top + height / 2)
        assert result.pixels[..., y, x].mean() - group[..., y, x].mean() == pytest.approx(0.1, abs=0.03)


def test_only_the_central_face_on_request(domain: FaceDomain, group: Tensor) -> None:
    result = restored(domain, group, Model(), faces="center", background="keep")
    (region,) = result.regions
    assert region.size == pytest.approx(190, abs=8)


def test_small_faces_are_left_out_on_request(domain: FaceDomain, group: Tensor) -> None:
    assert len(restored(domain, group, Model(), min_face=60).regions) == 2


def test_boxes_are_taken_in_place_of_a_search(domain: FaceDomain, group: Tensor) -> None:
    on_ground = (500.0, 300.0, 40.0, 40.0)
    on_a_face = (75.0, 170.0, 130.0, 120.0)
    result = restored(domain, group, Model(), faces=[on_ground, on_a_face], background="keep")
    scores = {region.box == on_ground: region.score for region in result.regions}
    assert scores[True] == 0
    assert scores[False] > 0.5
    assert result.pixels[0, 0, 320, 520] == pytest.approx(-0.1, abs=1e-3)


@pytest.mark.parametrize("box", [(450, 300, 30, 60), (450, 300, 60, 30), (450, 300, 60, 60)])
def test_a_face_that_only_the_user_sees_fills_the_longer_side(domain: FaceDomain, group: Tensor, box: tuple) -> None:
    findings = domain.examine(Look(torch.zeros_like(group)), DeblurOptions(faces=[box]))
    assert isinstance(findings, PhotoFindings)
    (face,) = findings.faces
    assert face.placement.side == pytest.approx(Placement.of_box((450, 300, 60, 60)).side)


@pytest.mark.parametrize("box", [(600, 10, 50, 50), (10, -60, 50, 50), (10, 400, 50, 50), (-80, 10, 80, 50)])
def test_a_box_outside_of_the_picture_is_told(domain: FaceDomain, group: Tensor, box: tuple) -> None:
    with pytest.raises(ImageError, match=r"lies outside of the picture.* 600 x 400"):
        domain.examine(Look(group), DeblurOptions(faces=[box]))


@pytest.mark.parametrize(
    "box", [(590, 390, 50, 50), (-30, -30, 40, 40), (100, 100, 0.5, 0.5), (-500, -500, 2000, 2000)]
)
def test_boxes_that_the_border_cuts_and_tiny_ones(domain: FaceDomain, group: Tensor, box: tuple) -> None:
    result = restored(domain, group, Model(), faces=[box])
    assert result.pixels.shape == group.shape
    assert result.pixels.isfinite().all()


def test_hundreds_of_faces_are_restored_a_few_at_a_time(domain: FaceDomain) -> None:
    noise = torch.rand(1, 3, 300, 400) - 0.5
    boxes = [(x, y, 12, 12) for y in range(10, 280, 14) for x in range(10, 380, 24)]
    model = Model()
    result = restored(domain, noise, model, faces=boxes, background="keep")
    assert len(result.regions) == len(boxes) == 320
    assert sum(shape[0] for shape in model.shapes) == 320
    assert max(shape[0] for shape in model.shapes) == 8


@pytest.mark.parametrize(("background", "note"), [("restore", NO_FACE), ("keep", NO_FACE_KEPT)])
def test_no_face_is_told(domain: FaceDomain, background: str, note: str) -> None:
    noise = torch.rand(1, 3, 90, 130) - 0.5
    result = restored(domain, noise, Model(), background=background)
    assert result.regions == ()
    assert result.notes == (note,)
    assert torch.equal(result.pixels, noise if background == "keep" else noise + 0.1)


@pytest.mark.parametrize("background", ["restore", "keep"])
def test_a_face_that_is_seen_only_in_the_restored_picture_is_restored_from_the_blurred_one(
    domain: FaceDomain, astronaut: Tensor, background: str
) -> None:
    blurred = hidden(astronaut)

    class Sharpening(Model):
        """Restores the photo, and makes faces a little lighter."""

        def __call__(self, images: Tensor, *, overwrite: bool = False) -> Tensor:
            return astronaut.clone() if images.shape == astronaut.shape else super().__call__(images)

    result = restored(domain, blurred, Sharpening(), background=background)
    (region,) = result.regions
    assert region.box == pytest.approx(FACE, abs=4)
    # In the middle of the face stands what came, with the change, not what the background's restoration made of it.
    torch.testing.assert_close(result.pixels[..., 100, 226], blurred[..., 100, 226] + 0.1, atol=0.02, rtol=0)
    outside = outside_of_masks(result, blurred)
    whole = astronaut if background == "restore" else blurred
    assert torch.equal(result.pixels[..., outside], whole[..., outside])


def test_an_aligned_crop_whose_blur_hides_the_face_is_restored_as_it_is(domain: FaceDomain, aligned: Tensor) -> None:
    class Sharpening(Model):
        def __call__(self, images: Tensor, *, overwrite: bool = False) -> Tensor:
            self.shapes.append(tuple(images.shape))
            return aligned.clone()

    model = Sharpening()
    result = restored(domain, hidden(aligned), model)
    assert model.shapes == [(1, 3, 160, 160)]
    assert torch.equal(result.pixels, aligned)


@pytest.mark.parametrize("shape", [(1, 2), (1, 300), (8, 8), (40, 900)])
def test_pictures_of_any_shape(domain: FaceDomain, shape: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *shape) - 0.5
    result = restored(domain, image, Model())
    assert torch.equal(result.pixels, image + 0.1)
