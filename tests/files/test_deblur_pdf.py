from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pikepdf")
pytest.importorskip("pypdfium2")

from tests.files.pdf.making import jpeg, make, picture
from udsd import ConfigError, Deblurrer, ImageError
from udsd.domains import Restoration
from udsd.files import deblur_pdf


def test_one_file_is_restored_with_progress(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture(seed=seed)) for seed in range(3)])
    result = deblur_pdf(lambda: brighter, str(path), tmp_path / "out", pages="2-3")
    assert (result.status, result.source, result.target) == ("restored", path, tmp_path / "out")
    assert result.seconds > 0
    assert brighter.batches == [1, 1]
    (tmp_path / "folder").mkdir()
    assert deblur_pdf(brighter, path, tmp_path / "folder").target == tmp_path / "folder" / "scan.pdf"
    kept = deblur_pdf(brighter, path, tmp_path / "folder", overwrite=False)
    assert (kept.status, kept.seconds) == ("kept", 0)


def test_with_a_real_model(model_folder: Path, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture(3)), jpeg(picture())])
    shares: list[float] = []
    deblurrer = Deblurrer.from_pretrained(model_folder, device="cpu")
    result = deblur_pdf(deblurrer, path, tmp_path / "b.pdf", on_progress=shares.append)
    assert result.status == "restored"
    assert result.model == deblurrer.title
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_errors_are_raised(brighter: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "scan.pdf", [jpeg(picture())])
    with pytest.raises(ImageError, match="no such file"):
        deblur_pdf(brighter, tmp_path / "none.pdf", tmp_path / "b.pdf")
    with pytest.raises(ImageError, match="would be replaced by its own result"):
        deblur_pdf(brighter, path, path)
    with pytest.raises(ImageError, match="would be replaced by its own result"):
        deblur_pdf(brighter, path, tmp_path)
    with pytest.raises(ConfigError, match="pages"):
        deblur_pdf(brighter, path, tmp_path / "b.pdf", pages="x")
    with pytest.raises(ConfigError, match="max_growth"):
        deblur_pdf(brighter, path, tmp_path / "b.pdf", max_growth=0)
    with pytest.raises(ConfigError, match="password"):
        deblur_pdf(brighter, path, tmp_path / "b.pdf", password=7)  # type: ignore[arg-type]
    (tmp_path / "a").write_text("")
    with pytest.raises(ImageError, match="cannot be written"):
        deblur_pdf(brighter, path, tmp_path / "a" / "b.pdf")


def test_what_is_sharp_is_said(tmp_path: Path, brighter: Any) -> None:
    brighter.restore_decoded = lambda images, options, tell: [
        Restoration(image.pixels, notes=("sharp",), outcome="sharp") for image in images
    ]
    path = make(tmp_path / "scan.pdf", [jpeg(picture())])
    result = deblur_pdf(brighter, path, tmp_path / "b.pdf")
    assert (result.status, result.reason) == ("sharp", f"{path}: sharp")
    assert not result.target.exists()
