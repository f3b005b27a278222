from __future__ import annotations

from pathlib import Path

import pytest

from udsd.errors import ImageError
from udsd.evaluation.contact_sheet import write_sheet


def test_a_sheet_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="without images"):
        write_sheet([], tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())
