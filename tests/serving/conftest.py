from __future__ import annotations

from pathlib import Path

import pytest

from udsd import Deblurrer
from udsd.pretrained import load_manifest
from udsd.serving.desk import Desk
from udsd.serving.limits import Limits
from udsd.serving.models import Models
from udsd.serving.storage import Storage


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    root = tmp_path / "storage"
    root.mkdir()
    return Storage(root, keep_seconds=100)


@pytest.fixture
def models(model_folder: Path) -> Models:
    return Models(load_manifest(), Deblurrer.from_pretrained, "cpu", only=str(model_folder))


@pytest.fixture
def desk(models: Models, storage: Storage) -> Desk:
    return Desk(models, Limits(files=3), storage)


@pytest.fixture
def document(storage: Storage) -> Path:
    """A PDF of two scanned pages where Gradio puts what was uploaded."""
    pytest.importorskip("pikepdf")
    pytest.importorskip("pypdfium2")
    from tests.files.pdf.making import jpeg, make, picture

    return make(storage.root / "of-scan" / "scan.pdf", [jpeg(picture(3, seed)) for seed in (0, 4)], text="Page")


@pytest.fixture
def clip(storage: Storage) -> Path:
    """A clip of six frames with sound there."""
    pytest.importorskip("av")
    from tests.files.video.making import make

    path = storage.root / "of-clip" / "clip.mp4"
    path.parent.mkdir()
    return make(path, 6, sound=True)


@pytest.fixture
def uploads(storage: Storage, pages: Path) -> list[Path]:
    """Two pictures where Gradio puts what was uploaded."""
    paths = []
    for name in ("0.png", "1.png"):
        path = storage.root / f"of-{name}" / name
        path.parent.mkdir()
        path.write_bytes((pages / name).read_bytes())
        paths.append(path)
    return paths
