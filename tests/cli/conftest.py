"""Fixtures of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def scan(photo: Image.Image, tmp_path: Path) -> Path:
    """A file to restore."""
    path = tmp_path / "scan.png"
    photo.save(path)
    return path
