"""The faces of a picture before and after, aligned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from udsd.domains.domain import Region
from udsd.domains.faces.alignment import Placement, Window, cut


def face_crops(
    before: Tensor, after: Tensor, regions: Iterable[Region], size: int = 160
) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut the faces of a picture out of it, as it came and as it was restored.

    Args:
        before: The picture as it came, (1, 3, H, W), float32 in [-1, 1].
        after: What became of it.
        regions: Its faces, as a restoration tells them.
        size: Side of the crops in pixels.

    Yields:
        Of each face the crop before and after, (1, 3, size, size) each.
    """
    height, width = before.shape[-2:]
    for region in regions:
        placement = Placement.of_box(region.box, region.angle)
        if Window.about(placement, height, width) is not None:
            yield cut(before, placement, size), cut(after, placement, size)
