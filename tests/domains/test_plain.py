from __future__ import annotations

import pytest
import torch

from udsd.domains import DeblurOptions, Look, domain_of
from udsd.domains.plain import NOT_LOOKED
from udsd.domains.restoring import restore_images
from udsd.models import ModelConfig


@pytest.mark.parametrize("scale", ["auto", 2.0])
@pytest.mark.parametrize("skip_sharp", [False, True])
def test_who_wants_sharp_pictures_left_out_is_told_that_nobody_looked(scale: float | str, skip_sharp: bool) -> None:
    picture = torch.rand(1, 3, 20, 30) * 2 - 1
    options = DeblurOptions(scale=scale, skip_sharp=skip_sharp)
    domain = domain_of(ModelConfig())
    (result,) = restore_images([picture], lambda image, **_: image, domain, options)
    assert result.outcome == "restored"
    assert result.notes == ((NOT_LOOKED,) if skip_sharp else ())
    assert domain.examine(Look(picture), options).notes == result.notes
