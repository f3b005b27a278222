"""What a worker does, without a cluster around it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import pages_of_tiff
from udsd.domains import DeblurOptions, Restoration
from udsd.errors import ConfigError, ImageError
from udsd.files import restore_files as restore_local_files
from udsd.files.naming import Naming
from udsd.images import DecodedImage
from udsd.ray import BytesRestorer
from udsd.ray.restoring import _plan, _pool_size
from udsd.ray.storage import Storage
from udsd.ray.workers import FileWorker, Places

pyarrow_fs = pytest.importorskip("pyarrow.fs")


class Brighter:
    device = torch.device("cpu")

    def restore_decoded(
        self, images: Sequence[DecodedImage[Any]], options: DeblurOptions | None = None, on_progress: Any = None
    ) -> list[Restoration]:
        return [Restoration(image.pixels + 0.1) for image in images]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(Storage.at(str(tmp_path / "in")), Storage.at(str(tmp_path / "out")), "run", False)


@pytest.fixture
def worker(places: Places) -> Callable[..., list[dict[str, Any]]]:
    def work(*names: str, **keywords: Any) -> list[dict[str, Any]]:
        columns = FileWorker(Brighter, "cpu", places, keywords)(
            {
                "source": np.array([f"{places.source.root}/{name}" for name in names]),
                "target": np.array([f"{places.target.root}/{name}" for name in names]),
            }
        )
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    return work


def save(path: Path, grey: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (30, 20), grey).save(path)
    return path


def test_a_worker_writes_the_bytes_of_the_command(tmp_path: Path, worker: Any) -> None:
    for index in range(9):
        save(tmp_path / "in" / "a b" / f"{index}.png", index)
    pages_of_tiff(tmp_path / "in")
    names = [*(f"a b/{index}.png" for index in range(9)), "pages.tif"]
    rows = worker(*names)
    assert [row["status"] for row in rows] == ["restored"] * 10
    assert [row["source"] for row in rows] == [str(tmp_path / "in" / name) for name in names]
    restore_local_files(Brighter(), [tmp_path / "in"], tmp_path / "expected")
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "out").rglob(".*")) == []


def test_failures_are_rows(tmp_path: Path, worker: Any) -> None:
    save(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"no image")
    save(tmp_path / "in" / "unwritable.png")
    (tmp_path / "out" / "unwritable.png").mkdir(parents=True)
    rows = worker("missing.png", "bad.png", "good.png", "unwritable.png")
    assert [row["status"] for row in rows] == ["failed", "failed", "restored", "failed"]
    assert rows[0]["reason"].startswith(f"{tmp_path}/in/missing.png: cannot be read (")
    assert "No such file" in rows[0]["reason"]
    assert rows[1]["reason"].startswith(f"{tmp_path}/in/bad.png: not an image")
    assert rows[3]["reason"].startswith(f"{tmp_path}/out/unwritable.png: cannot be written (")


def test_what_an_attempt_that_died_has_written_is_not_written_twice(tmp_path: Path, worker: Any) -> None:
    save(tmp_path / "in" / "a.png")
    written = save(tmp_path / "out" / "a.png", 200).read_bytes()
    assert [row["status"] for row in worker("a.png")] == ["restored"]
    assert (tmp_path / "out" / "a.png").read_bytes() == written


def test_the_plan_tells_what_is_to_be_done(tmp_path: Path, places: Places) -> None:
    for name in ("in/a.png", "in/sub/b.jpg", "in/c.png", "in/c.jpg", "in/.hidden.png", "out/a.png"):
        save(tmp_path / name)
    (tmp_path / "in" / "notes.txt").write_text("")
    todo, decided = _plan(places, Naming(file_format="png"))
    assert [row["target"] for row in todo] == [f"{tmp_path}/out/{name}" for name in ("c.png", "sub/b.png")]
    assert [(Path(row["source"]).name, row["status"]) for row in decided] == [("a.png", "kept"), ("c.png", "failed")]
    assert "is the result of" in decided[1]["reason"]
    same = Places(places.source, places.source, "run", True)
    todo, decided = _plan(same, Naming())
    assert todo == []
    assert {row["status"] for row in decided} == {"failed"}
    (tmp_path / "empty").mkdir()
    for name, message in (("empty", "empty holds no images"), ("missing", "missing: cannot be listed")):
        with pytest.raises(ImageError, match=message):
            _plan(Places(Storage.at(str(tmp_path / name)), places.target, "run", False), Naming())


def test_results_within_the_inputs_are_none_of_them(tmp_path: Path) -> None:
    for name in ("a.png", "out.png", "out/a.png", "sub/out/b.png"):
        save(tmp_path / "in" / name)
    within = Places(Storage.at(str(tmp_path / "in")), Storage.at(str(tmp_path / "in" / "out")), "run", False)
    todo, decided = _plan(within, Naming())
    assert [Path(row["source"]).relative_to(tmp_path / "in").as_posix() for row in todo] == ["out.png", "sub/out/b.png"]
    assert [(row["source"], row["status"]) for row in decided] == [(str(tmp_path / "in" / "a.png"), "kept")]
    # The other way round all are inputs.
    around = Places(Storage.at(str(tmp_path / "in" / "sub")), Storage.at(str(tmp_path / "in")), "run", False)
    assert [Path(row["source"]).name for row in _plan(around, Naming())[0]] == ["b.png"]


def test_unfinished_files_of_dead_workers_go(tmp_path: Path, places: Places) -> None:
    for name in ("x/.udsd-ray-run-1", ".udsd-ray-other-1", ".udsd-ray-old-1"):
        save(tmp_path / "out" / "x.png").rename(tmp_path / "out" / "y.png")
        (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_bytes(b"half")
    os.utime(tmp_path / "out" / ".udsd-ray-old-1", (time.time() - 90_000,) * 2)
    assert places.target.places() == {"y.png"}
    places.target.tidy("run")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.*")) == [".udsd-ray-other-1", "y.png"]


def test_other_storages(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    assert [place for _, place in Storage.at(tmp_path.as_uri()).files()] == ["a.png"]
    system = pyarrow_fs.SubTreeFileSystem(str(tmp_path), pyarrow_fs.LocalFileSystem())
    assert list(Storage.at("a.png", system).files()) == [("a.png", "a.png")]
    for address, message in (("xyz://a", "of no storage"), ("", "the address is ''"), (3, "the address is 3")):
        with pytest.raises(ConfigError, match=message):
            Storage.at(address)  # type: ignore[arg-type]


def test_bytes_in_and_bytes_out(tmp_path: Path) -> None:
    content = save(tmp_path / "a.png").read_bytes()
    batch = {"bytes": [content, b"no image"], "path": ["s3/a.png", "s3/b.png"], "other": [1, 2]}
    found = BytesRestorer(Brighter)(batch)
    restore_local_files(Brighter(), [tmp_path / "a.png"], tmp_path / "b.png")
    assert found["bytes"] == [(tmp_path / "b.png").read_bytes(), None]
    assert (found["status"], found["other"]) == (["restored", "failed"], [1, 2])
    assert found["reason"][1].startswith("s3/b.png: not an image")


def test_numbers_of_workers() -> None:
    assert (_pool_size(2), _pool_size([1, 4])) == ({"size": 2}, {"min_size": 1, "max_size": 4})
    for workers in (0, (2, 1), (1, 2, 3)):
        with pytest.raises(ConfigError, match="workers"):
            _pool_size(workers)
