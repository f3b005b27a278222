from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run
from udsd.errors import ConfigError
from udsd.serving.models import Models
from udsd.serving.requests import ClientGoneError, OutOfTimeError, Watch, Wishes, restore_upload
from udsd.serving.uploads import Upload


def test_time_runs_out() -> None:
    with pytest.raises(OutOfTimeError, match="--max-time"):
        Watch(seconds=-1).look()


def test_work_for_nobody_ends() -> None:
    with pytest.raises(ClientGoneError):
        Watch(is_gone=lambda: True).look()


def test_a_file_is_restored_as_by_the_command(
    models: Models, model_folder: Path, uploads: list[Path], tmp_path: Path
) -> None:
    (path, _), folder = uploads, tmp_path / "page"
    shares: list[tuple[int, float]] = []
    result = restore_upload(
        models.get(models.names[0]),
        Upload(path),
        folder,
        Wishes(),
        Watch(),
        lambda page, share: shares.append((page, share)),
    )
    assert result.status == "restored"
    assert result.source == Path("0.png")
    assert result.target == folder / "0_restored.png"
    assert run("deblur", path, "-o", tmp_path / "command", "--model", model_folder, "--device", "cpu") == 0
    assert result.target.read_bytes() == (tmp_path / "command" / "0.png").read_bytes()
    assert shares[0] == (0, 0.0)
    assert shares[-1] == (0, 1.0)


def test_what_takes_too_long_is_told(models: Models, uploads: list[Path], tmp_path: Path) -> None:
    result = restore_upload(
        models.get(models.names[0]), Upload(uploads[0]), tmp_path / "out", Wishes(), Watch(seconds=-1)
    )
    assert result.status == "failed"
    assert result.reason.startswith("0.png: a request may take -1 seconds")
    assert not (tmp_path / "out").exists()


def test_reasons_do_not_tell_where_files_lie(models: Models, uploads: list[Path], tmp_path: Path) -> None:
    uploads[0].write_bytes(b"no picture")
    result = restore_upload(models.get(models.names[0]), Upload(uploads[0]), tmp_path / "out", Wishes(), Watch())
    assert result.status == "failed"
    assert result.reason.startswith("0.png: ")
    assert str(tmp_path) not in result.reason


def test_a_wrong_wish_is_an_error(models: Models, uploads: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="quality"):
        restore_upload(models.get(models.names[0]), Upload(uploads[0]), tmp_path / "out", Wishes(quality=101), Watch())
