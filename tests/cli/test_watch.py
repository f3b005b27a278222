from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from PIL import Image

from tests.commands import run

pytest.importorskip("watchdog")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")

PLENTY = 90
"""Seconds, where others are at work too."""


Watch: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def watch() -> Iterator[Watch]:
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path, model: Path, *options: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "udsd", "watch", folder, "-o", folder.parent / "out", "--model", model]
        command += ["--device", "cpu", "--settle", "0.2", *options]
        started.append(
            subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait(until: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PLENTY
    while not until() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of each finished file: both change when a file is written once more."""
    found = (path for path in folder.rglob("*.png") if not path.name.startswith("."))
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def save(path: Path, grey: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (120, 90), grey).save(path)
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_has_it_finish_what_is_in_work(number: int, watch: Watch, model_folder: Path, tmp_path: Path) -> None:
    folder, report = tmp_path / "in", tmp_path / "report.json"
    for index in range(200):
        save(folder / f"{index:03}.png", index)
    process = watch(folder, model_folder, "--json", "--report", report)
    wait(lambda: len(identities(tmp_path / "out")) >= 3, process)
    process.send_signal(number)
    said, error = process.communicate(timeout=PLENTY)
    done = identities(tmp_path / "out")
    assert process.returncode == 0
    assert 3 <= len(done) < 200
    assert [json.loads(line)["status"] for line in said.splitlines()] == ["restored"] * len(done)
    assert json.loads(report.read_text())["restored"] == len(done)
    assert error.splitlines() == [
        f"watching {folder}; Ctrl-C ends it",
        "finishing what is in work; once more ends at once",
        f"{len(done)} restored",
    ]
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []


def test_a_watch_killed_again_and_again_restores_every_file_once(
    watch: Watch, model_folder: Path, tmp_path: Path
) -> None:
    """Half of the files are there, half arrive while it runs; UDSD_KILL_TEST=500,20 makes it 500 and 20 kills."""
    count, kills = (int(number) for number in os.environ.get("UDSD_KILL_TEST", "60,2").split(","))
    folder, out = tmp_path / "in", tmp_path / "out"
    random = np.random.default_rng(0)
    names = [f"{index % 5}/{index:03}.png" for index in range(count)]
    for index in range(count // 2):
        save(folder / names[index], index % 200)
    before: dict[str, tuple[int, int]] = {}
    arriving = iter(range(count // 2, count))
    for kill in range(kills):
        process = watch(folder, model_folder)
        aim = count / 2 * (kill + random.random()) / kills
        wait(lambda aim=aim: len(identities(out)) >= aim, process)  # type: ignore[misc]
        for _, index in zip(range(count // 2 // kills), arriving, strict=False):
            save(folder / names[index], index % 200)
        process.kill()
        process.communicate()
        now = identities(out)
        assert {name: now[name] for name in before} == before
        before = now
    process = watch(folder, model_folder)
    wait(lambda: len(identities(out)) > len(before), process)
    for index in arriving:
        save(folder / names[index], index % 200)
    wait(lambda: len(identities(out)) == count, process)
    process.send_signal(signal.SIGTERM)
    said, error = process.communicate(timeout=PLENTY)
    now = identities(out)
    assert sorted(now) == sorted(Path(name).name for name in names)
    assert {name: now[name] for name in before} == before
    assert len(said.splitlines()) == count - len(before)
    assert error.splitlines()[-1] == f"{count - len(before)} restored, {len(before)} kept"
    for path in out.rglob("*"):
        if path.is_file():
            assert not path.name.startswith(".")
            with Image.open(path) as image:
                image.load()


def test_what_cannot_be_restored_is_told_at_once(watch: Watch, model_folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "in" / "good.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"no image")
    process = watch(tmp_path / "in", model_folder, "-q")
    assert process.stderr is not None
    assert process.stderr.readline().startswith(f"udsd: {tmp_path / 'in' / 'bad.png'}: not an image")
    wait(lambda: len(identities(tmp_path / "out")) == 1, process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=PLENTY) == ("", "finishing what is in work; once more ends at once\n")
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing", "-o", "out"], "missing: no such folder"),
        ([".", "-o", "out", "--settle", "-1"], "settle is -1"),
        ([".", "-o", "out", "--compare", "--face-crops", "faces"], "--face-crops takes faces out of results"),
    ],
)
def test_what_cannot_be_watched(
    arguments: list[Any], message: str, model_folder: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("watch", *arguments, "--model", model_folder) == 2
    assert message in capsys.readouterr().err
