"""Pictures of the faces that a run has restored, each before and after."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

from torch import Tensor

from udsd.domains import face_crops
from udsd.files.kinds import open_source
from udsd.files.report import FileResult
from udsd.images import save_pages
from udsd.images.levels import to_pillow

_FIRST_PAGE = 1


def write_face_crops(
    result: FileResult, folder: str | os.PathLike[str], output: str | os.PathLike[str] | None = None
) -> list[Path]:
    """Write the faces of a restored file, aligned: ``NAME-face1-before.png``, ``NAME-face1-after.png`` and so on.

    Args:
        result: What became of the file; of several pages the faces of the first are written. ``NAME`` is the whole name
            of the result, such as ``a.jpg``.
        folder: Where to; it is made when missing.
        output: The output folder of the run, below which the result lies: its crops get the same place below
            ``folder``, so that those of two files of one name stay apart. Without it they lie in ``folder`` itself.

    Returns:
        The pictures; none where no face was restored, or nothing was written.

    Raises:
        ImageError: One of the two files cannot be read any more, or a picture cannot be written.
    """
    faces = [
        region
        for page in result.pages
        if page.number == _FIRST_PAGE and result.status == "restored"
        for region in page.regions
        if region.score is not None
    ]
    if not faces:
        return []
    place = Path(folder, _place(result.target, output))
    before, after = (_first_page(path) for path in (result.source, result.target))
    written = []
    for number, pair in enumerate(face_crops(before, after, faces), start=1):
        for crop, when in zip(pair, ("before", "after"), strict=True):
            target = place / f"{result.target.name}-face{number}-{when}.png"
            # Marked as results are, so that a later run over the folder leaves them out.
            save_pages([to_pillow(crop[0])], target, mark=True)
            written.append(target)
    return written


def _place(target: Path, output: str | os.PathLike[str] | None) -> Path:
    """The folder of a result below the output folder."""
    if output is None or not target.is_relative_to(output):
        return Path()
    return target.relative_to(output).parent


def _first_page(path: Path) -> Tensor:
    with closing(open_source(path)) as source:
        return next(iter(source)).pixels
