"""Boxes of faces in a JSON file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from udsd.domains.options import Box, DeblurOptions
from udsd.errors import ConfigError
from udsd.regular import read_limited

_LARGEST = 16 << 20
"""Bytes of a file of boxes."""


@dataclass(frozen=True, slots=True)
class FaceBoxes:
    """Where faces lie in pictures.

    Attributes:
        everywhere: Boxes of every picture that has none of its own.
        by_name: Boxes of single pictures, by the names of their files.
    """

    everywhere: tuple[Box, ...] | None = None
    by_name: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)

    def of(self, path: str | os.PathLike[str]) -> tuple[Box, ...] | None:
        """The boxes of a picture, or None where the file says nothing of it."""
        return self.by_name.get(Path(path).name, self.everywhere)


def read_boxes(path: str | os.PathLike[str]) -> FaceBoxes:
    """Read a file of boxes.

    It holds a list of boxes ``[left, top, width, height]`` in pixels, for all pictures, or an object with such a list
    for each picture: ``{"group.jpg": [[310, 120, 80, 80], [450, 140, 76, 76]]}``.

    Raises:
        ConfigError: The file cannot be read, is no JSON, or holds something else.
    """
    name = os.fspath(path)
    try:
        values = json.loads(read_limited(Path(path), _LARGEST))
    except OSError as error:
        raise ConfigError(f"{name}: the boxes of faces cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: the boxes of faces are no JSON: {error}") from error
    if isinstance(values, Mapping):
        return FaceBoxes(by_name={key: _boxes(boxes, f"{name}: {key}") for key, boxes in values.items()})
    return FaceBoxes(_boxes(values, name))


def _boxes(values: Any, where: str) -> tuple[Box, ...]:
    if not isinstance(values, list):
        raise ConfigError(f"{where}: {values!r} is no list of boxes; give [[left, top, width, height], ...] in pixels")
    try:
        checked = DeblurOptions(faces=values).faces
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    return tuple(box for box in checked if not isinstance(box, str))
