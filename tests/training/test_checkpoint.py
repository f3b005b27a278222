from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from udsd.errors import ConfigError, WeightsError
from udsd.training.checkpoint import (
    find_checkpoints,
    load_newest_checkpoint,
    save_checkpoint,
    take_newest_checkpoint,
)
from udsd.training.clearing import clear_run


class Trap:
    """Unpickling it makes a file, as a hostile checkpoint could run anything."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def state(step: int) -> dict[str, Any]:
    return {"step": step, "weights": torch.arange(1000.0) + step, "settings": {"pair": (1, 2.5), "text": "a"}}


def steps(folder: Path) -> list[int]:
    return [int(path.stem.removeprefix("checkpoint-")) for path in find_checkpoints(folder)]


def newest_step(folder: Path) -> int:
    loaded = load_newest_checkpoint(folder)
    assert loaded is not None
    return int(loaded["step"])


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "run", 7, state(7), keep=2)
    assert path == tmp_path / "run" / "checkpoint-00000007.pt"
    loaded = load_newest_checkpoint(tmp_path / "run")
    assert loaded is not None
    assert torch.equal(loaded.pop("weights"), torch.arange(1000.0) + 7)
    assert loaded == {"step": 7, "settings": {"pair": (1, 2.5), "text": "a"}}


def test_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 100, 95_000):
        save_checkpoint(tmp_path, step, state(step), keep=2)
    assert steps(tmp_path) == [100, 95_000]
    assert newest_step(tmp_path) == 95_000


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / "checkpoint-best.pt", tmp_path / "losses.csv"]
    for path in others:
        path.write_text("mine")
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, state(step), keep=1)
    assert all(path.read_text() == "mine" for path in others)
    assert steps(tmp_path) == [3]


def test_a_save_that_fails_leaves_the_former_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, 1, state(1), keep=1)

    def run_out_of_disk(saved: Any, file: Any) -> None:
        file.write(b"half a checkpoint")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", run_out_of_disk)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(tmp_path, 2, state(2), keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000001.pt"]
    assert newest_step(tmp_path) == 1


@pytest.mark.parametrize("damage", ["cut short", "empty", "zeros", "noise", "text"])
def test_a_broken_newest_checkpoint_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    save_checkpoint(tmp_path, 1, state(1), keep=5)
    newest = save_checkpoint(tmp_path, 2, state(2), keep=5)
    whole = newest.read_bytes()
    newest.write_bytes(
        {
            "cut short": whole[: len(whole) // 2],
            "empty": b"",
            "zeros": bytes(len(whole)),
            "noise": b"\x80\x02h\x01.",  # a pickle that asks for what it never stored: KeyError
            "text": b"step = 2\n",
        }[damage]
    )
    assert newest_step(tmp_path) == 1
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert str(newest) in warning.getMessage()


def test_a_broken_later_checkpoint_does_not_push_out_the_sound_ones(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-00000020.pt").write_bytes(b"broken")
    for step in (10, 15):
        save_checkpoint(tmp_path, step, state(step), keep=1)
    assert steps(tmp_path) == [15, 20]
    assert newest_step(tmp_path) == 15


def test_only_broken_checkpoints_are_an_error(tmp_path: Path) -> None:
    for step in (1, 2):
        (tmp_path / f"checkpoint-0000000{step}.pt").write_bytes(b"broken")
    with pytest.raises(WeightsError, match=r"none of the 2 checkpoints in .* can be read"):
        load_newest_checkpoint(tmp_path)


def test_a_run_without_checkpoints_gives_none(tmp_path: Path) -> None:
    assert load_newest_checkpoint(tmp_path) is None
    assert load_newest_checkpoint(tmp_path / "missing") is None


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    torch.save({"step": 1, "trap": Trap(touched)}, tmp_path / "checkpoint-00000001.pt")
    with pytest.raises(WeightsError):
        load_newest_checkpoint(tmp_path)
    assert not touched.exists()


def test_clearing_a_run_leaves_other_files_alone(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 3, {"step": 3}, keep=2)
    (tmp_path / "losses.csv").touch()
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "00000003.png").touch()
    (tmp_path / "samples" / "mine.png").touch()
    (tmp_path / "notes.txt").touch()
    clear_run(tmp_path)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {"mine.png", "notes.txt"}


@pytest.mark.parametrize("position", [0.2, 0.5, 0.8])
def test_a_flipped_bit_is_noticed(tmp_path: Path, position: float) -> None:
    """torch itself reads such a file without a word."""
    save_checkpoint(tmp_path, 1, state(1), keep=5)
    newest = save_checkpoint(tmp_path, 2, state(2), keep=5)
    data = bytearray(newest.read_bytes())
    data[int(len(data) * position)] ^= 4
    newest.write_bytes(data)
    assert newest_step(tmp_path) == 1


def test_a_pipe_in_the_place_of_a_checkpoint_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_checkpoint(tmp_path, 1, state(1), keep=5)
    os.mkfifo(tmp_path / "checkpoint-00000002.pt")
    assert newest_step(tmp_path) == 1
    assert "it is a named pipe, not a file" in caplog.text


def test_a_checkpoint_that_cannot_be_used_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_checkpoint(tmp_path, 1, state(1), keep=5)
    save_checkpoint(tmp_path, 2, {"step": 2}, keep=5)
    assert take_newest_checkpoint(tmp_path, lambda saved: saved["weights"][0].item()) == 1
    assert "checkpoint-00000002.pt cannot be read ('weights'); trying the one before" in caplog.text
    with pytest.raises(WeightsError, match="none of the 2"):
        take_newest_checkpoint(tmp_path, lambda saved: saved["other"])


def test_errors_of_settings_are_not_those_of_a_file(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, state(1), keep=5)

    def refuse(saved: dict[str, Any]) -> None:
        raise ConfigError("the run has other networks")

    with pytest.raises(ConfigError, match="other networks"):
        take_newest_checkpoint(tmp_path, refuse)
